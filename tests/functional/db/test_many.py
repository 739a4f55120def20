"""Steps and intents of many actions of one plan in one transaction."""

import dataclasses

import pytest

from tests import worlds
from watcher import exception
from watcher.db import action_plans, actions, history, leases, many, operations
from watcher.domain.records import Claim


@pytest.fixture
def heard():
    """Changes that the observer was told, in order"""
    return []


@pytest.fixture
def world(database_url, heard):
    made = worlds.World(database_url, observer=lambda tx, change: heard.append(change))
    yield made
    made.close()


@pytest.fixture
def plan(world):
    return world.plan(actions=4, state="PENDING")


@pytest.fixture
def claim(world, plan):
    claim = world.lease()
    assert world.db.write(action_plans.claim, plan.uuid, claim, "h")
    return claim


def step(world, plan, claim, *wanted):
    def write(tx):
        many.held(tx, plan.uuid, claim)
        steps = [
            many.Step(action=row, new=new, message=message)
            for row, new, message in wanted
        ]
        return many.step(tx, claim, steps)

    return world.db.write(write)


def rows(world, plan):
    return world.db.read(actions.of_plan, plan.uuid)


def test_each_action_is_stepped_or_told_why_not(world, plan, claim, heard):
    first, second, third, fourth = rows(world, plan)
    world.db.write(actions.step, third.uuid, "PENDING", "SKIPPED", message="by user")
    world.db.write(actions.soft_delete, fourth.uuid)
    del heard[:]
    done = step(
        world, plan, claim, (first, "ONGOING", many.KEEP), (second, "FAILED", "b" * 300),
        (third, "ONGOING", many.KEEP), (fourth, "ONGOING", many.KEEP),
    )  # fmt: skip
    assert [d.after.state if d.after else None for d in done] == [
        "ONGOING", "FAILED", None, None,
    ]  # fmt: skip
    assert isinstance(done[2].error, exception.StateChanged)
    assert isinstance(done[3].error, exception.ActionNotFound)
    stored = rows(world, plan)
    assert [row.state for row in stored] == ["ONGOING", "FAILED", "SKIPPED"]
    assert len(stored[1].status_message) == 255
    # What is returned is what is stored, though nothing was read again.
    for result, row in zip(done, stored, strict=False):
        if result.after is not None:
            assert dataclasses.replace(result.after, updated_at=row.updated_at) == row
    steps = world.db.read(history.of, "action", first.uuid)
    assert (steps[-1].old, steps[-1].new) == ("PENDING", "ONGOING")
    told = [(c.verb, c.old.state, c.new.state) for c in heard]
    assert told == [("update", "PENDING", "ONGOING"), ("update", "PENDING", "FAILED")]


def test_a_step_that_is_not_allowed_is_refused_by_itself(world, plan, claim):
    first, second, *_rest = rows(world, plan)
    done = step(
        world, plan, claim, (first, "SUCCEEDED", many.KEEP),
        (second, "ONGOING", many.KEEP),
    )  # fmt: skip
    assert isinstance(done[0].error, exception.TransitionRefused)
    assert [row.state for row in rows(world, plan)[:2]] == ["PENDING", "ONGOING"]


def test_who_lost_the_plan_writes_nothing(world, plan, claim):
    action = rows(world, plan)[0]
    intent = many.Intent(
        action_uuid=action.uuid, kind="migrate", request_id="req-1", detail={}
    )
    world.db.write(leases.release, claim)
    with pytest.raises(exception.LeaseLost):
        step(world, plan, claim, (action, "ONGOING", many.KEEP))
    with pytest.raises(exception.LeaseLost):
        world.db.write(many.begin, plan.uuid, claim, [intent])
    with pytest.raises(exception.LeaseLost):
        # Even when nobody looked at the plan before.
        world.db.write(
            many.step, claim, [many.Step(action=action, new="ONGOING")]
        )  # fmt: skip
    assert rows(world, plan)[0].state == "PENDING"
    assert world.db.read(operations.of_plan, plan.uuid) == []


def test_intents_get_the_rows_that_are_theirs(world, plan, claim):
    some = rows(world, plan)
    intents = [
        many.Intent(
            action_uuid=row.uuid, kind="migrate", request_id=f"req-{n}",
            detail={"server": row.uuid},
        )
        for n, row in enumerate(some)
    ]  # fmt: skip
    begun = world.db.write(many.begin, plan.uuid, claim, intents)
    again = world.db.write(many.begin, plan.uuid, claim, intents[:1])
    assert [op.action_uuid for op in begun] == [row.uuid for row in some]
    for op in [*begun, *again]:
        stored = world.db.read(operations.get, op.id)
        assert (stored.action_uuid, stored.request_id, stored.detail) == (
            op.action_uuid, op.request_id, op.detail,
        )  # fmt: skip
        assert stored.owner == claim.owner
    assert again[0].id > begun[-1].id


def test_notes_keep_the_first_end(world, plan, claim):
    action = rows(world, plan)[0]
    intent = many.Intent(
        action_uuid=action.uuid, kind="migrate", request_id="r", detail={"a": 1}
    )
    [op] = world.db.write(many.begin, plan.uuid, claim, [intent])
    sent = dataclasses.replace(
        op, remote_id="r-9", sent_at=op.created_at, detail={"a": 1, "b": 2}
    )
    world.db.write(many.note, [sent])
    world.db.write(
        many.note, [dataclasses.replace(op, outcome="succeeded", detail={"c": 3})]
    )
    world.db.write(
        many.note, [dataclasses.replace(op, outcome="failed", detail={"c": 4})]
    )
    stored = world.db.read(operations.get, op.id)
    assert (stored.outcome, stored.remote_id, stored.detail) == (
        "succeeded", "r-9", {"c": 4},
    )  # fmt: skip
    assert stored.sent_at == op.created_at
    assert stored.ended_at is not None
    world.db.write(many.note, [])


def test_a_claim_of_somebody_else_is_no_claim(world, plan, claim):
    other = Claim("somebody", claim.epoch + 7)
    with pytest.raises(exception.LeaseLost):
        world.db.write(many.held, plan.uuid, other)


def test_statements_do_not_grow_with_the_actions(world, claim, plan):
    large = world.plan(actions=40, state="PENDING")
    assert world.db.write(action_plans.claim, large.uuid, claim, "h")
    counts = []
    for of in (plan, large):
        with world.statements() as seen:
            moves = [(row, "ONGOING", many.KEEP) for row in rows(world, of)]
            step(world, of, claim, *moves)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_two_steps_of_one_action_at_once_are_one(world, plan, claim):
    first, *_rest = rows(world, plan)
    done = step(
        world, plan, claim, (first, "ONGOING", many.KEEP), (first, "FAILED", "no"),
    )  # fmt: skip
    assert done[0].after is not None
    assert done[1].error is not None
    assert rows(world, plan)[0].state == "ONGOING"
