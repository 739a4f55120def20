"""Progress and history of plans read alike on every engine."""

import pytest

from tests import worlds
from watcher.db import action_plans, actions, history, operations, progress
from watcher.db.query import ListQuery
from watcher.domain.progress import Share


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url)
    yield made
    made.close()


def begun(world, size=3):
    claim = world.lease("applier")
    plan = world.plan(actions=size, state="PENDING")
    plan = world.db.write(action_plans.claim, plan.uuid, claim, "h1")
    return plan, claim, world.db.read(actions.of_plan, plan.uuid)


def told(world, plan, claim, action, **detail):
    return world.db.write(
        operations.begin, action_uuid=action.uuid, plan_uuid=plan.uuid, claim=claim,
        kind="migrate", request_id="req-1", detail=detail,
    )  # fmt: skip


def test_sizes_and_percents_are_read_from_what_operations_tell(world):
    plan, claim, rows = begun(world, 6)
    for row in rows[:5]:
        world.db.write(actions.step, row.uuid, "PENDING", "ONGOING")
    # A first attempt that failed, and a second one.
    first = told(world, plan, claim, rows[0],
                 progress={"percent": 90, "memory_total": 4096})  # fmt: skip
    world.db.write(operations.finish, first.id, "lost")
    told(world, plan, claim, rows[0], source="a {\"percent\": 7}",
         progress={"text": "25 %", "percent": 25.5, "memory_total": 4096})  # fmt: skip
    told(world, plan, claim, rows[1], progress={"percent": 50})
    told(world, plan, claim, rows[2], progress={"bytes_total": 2**40, "percent": 0})
    told(
        world, plan, claim, rows[3], percent=99, progress={"text": "x", "percent": None}
    )
    seen = world.db.read(progress.overview, plan)
    assert seen.holder.alive and seen.holder.host == "h1"
    assert seen.span.started and not seen.span.ended
    ongoing, pending = seen.shares
    assert pending == Share(action_type="migrate", state="PENDING", count=1)
    assert (ongoing.count, ongoing.measured, ongoing.size) == (5, 2, 4096 + 2**40)
    assert ongoing.done == pytest.approx(4096 * 0.255)
    assert ongoing.moved == pytest.approx(0.5)


def test_a_page_has_the_newest_that_is_known(world):
    plan, claim, rows = begun(world)
    world.db.write(actions.step, rows[0].uuid, "PENDING", "ONGOING")
    told(world, plan, claim, rows[0], progress={"percent": 5})
    told(world, plan, claim, rows[0], migration=3)
    page = world.db.read(
        progress.page, plan, ListQuery(limit=2), {"ONGOING", "PENDING"}
    )
    assert [row.uuid for row in page.actions] == [row.uuid for row in rows[:2]]
    assert page.told[rows[0].uuid].detail == {"progress": {"percent": 5}}
    assert page.spans[rows[0].uuid].started and rows[1].uuid not in page.spans
    assert page.open == {row.uuid for row in rows}
    world.expire(claim)
    assert world.db.read(progress.overview, plan).holder.alive is False


def test_history_of_a_plan_and_its_actions_in_order(world):
    plan, claim, rows = begun(world)
    world.plan()
    world.db.write(actions.step, rows[1].uuid, "PENDING", "ONGOING", claim=claim)
    world.db.write(action_plans.step, plan.uuid, "ONGOING", "CANCELLING")
    world.expire(claim)
    taker = world.lease("taker")
    assert world.db.write(action_plans.claim, plan.uuid, taker, "h2")
    found = world.db.read(history.of_plan, plan.id, plan.uuid, limit=None)
    assert [(one.resource, one.old, one.new) for one in found] == [
        ("action_plan", None, "PENDING"),
        ("action_plan", "PENDING", "ONGOING"),
        ("action", "PENDING", "ONGOING"),
        ("action_plan", "ONGOING", "CANCELLING"),
        ("action_plan", "CANCELLING", "CANCELLING"),
    ]
    assert found[2].action_type == "migrate" and found[0].input_parameters == {}
    assert found[2].input_parameters["resource_id"] == rows[1].uuid
    assert found[4].reason == "taken over by taker from applier"
    assert {one.actor for one in found} == {"tester"}
    page = world.db.read(
        history.of_plan, plan.id, plan.uuid, after=found[1].id, limit=2
    )
    assert page == found[2:4]
