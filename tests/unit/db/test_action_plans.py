import dataclasses
import datetime

import pytest
import sqlalchemy as sa

from tests import worlds
from watcher import exception
from watcher.db import (
    action_descriptions,
    action_plans,
    actions,
    audits,
    efficacy,
    explanations,
    history,
    models,
    related,
)
from watcher.db.query import ListQuery
from watcher.domain.records import EfficacyIndicator


def test_a_plan_is_stored_as_a_whole(world, heard):
    world.db.write(action_descriptions.sync, {"migrate": "Moves an instance"})
    audit = world.audit()
    wanted = worlds.plan_of(audit, 3, explanation={"moved": 3})
    heard.clear()
    plan = world.db.write(action_plans.save, wanted)
    assert (plan.uuid, plan.audit_uuid, plan.state) == (
        wanted.uuid,
        audit.uuid,
        "RECOMMENDED",
    )
    assert (plan.strategy_name, plan.strategy_uuid) == ("dummy", world.strategy.uuid)
    assert list(plan.global_efficacy) == list(wanted.global_efficacy)
    assert list(plan.efficacy_indicators) == list(wanted.efficacy_indicators)
    stored = world.db.read(actions.of_plan, plan.uuid)
    assert [one.uuid for one in stored] == [one.uuid for one in wanted.actions]
    assert [list(one.parents) for one in stored] == [
        list(one.parents) for one in wanted.actions
    ]
    assert {one.description for one in stored} == {"Moves an instance"}
    assert {one.state for one in stored} == {"PENDING"}
    assert world.db.read(explanations.for_plan, plan.uuid) == {"moved": 3}
    assert world.db.read(explanations.for_audit, audit.uuid) == {"moved": 3}
    assert [(one.kind, one.verb) for one in heard] == [
        ("action", "create"),
        ("action", "create"),
        ("action", "create"),
        ("action_plan", "create"),
    ]


def test_a_plan_without_actions_has_succeeded(world):
    assert world.plan(actions=0).state == "SUCCEEDED"


@pytest.mark.parametrize(
    "value, told", [(12.75, 12.75), (1e12, 1e12), (float("nan"), None), (None, None)]
)
def test_indicators_keep_fractions_and_large_numbers(world, value, told):
    plan = world.plan()
    wanted = [EfficacyIndicator(name="x" * 70, value=value)]

    world.sql(sa.delete(models.EfficacyIndicator))
    world.db.write(efficacy.insert, plan.id, wanted)
    (found,) = world.db.read(action_plans.get, plan.uuid).efficacy_indicators
    assert found.value == told and len(found.name) == 63


def test_an_indicator_of_old_tells_its_deprecated_value(world):
    plan = world.plan()
    world.sql(sa.update(models.EfficacyIndicator).values(data=None, value=7))
    (found,) = world.db.read(action_plans.get, plan.uuid).efficacy_indicators
    assert found.value == 7


def test_an_unknown_audit_or_strategy_stores_nothing(world):
    audit = world.audit()
    world.db.write(audits.update, audit.uuid, name="kept")
    world.sql(sa.update(models.Strategy).values(name="renamed"))
    with pytest.raises(exception.StrategyNotFound):
        world.plan(audit)
    assert world.db.read(action_plans.list, ListQuery()) == []


def test_a_double_action_uuid_undoes_the_whole_plan(world):
    first = worlds.plan_of(world.audit(), 2)
    world.db.write(action_plans.save, first)

    again = dataclasses.replace(first, uuid=worlds.new_uuid())
    with pytest.raises(exception.ActionAlreadyExists):
        world.db.write(action_plans.save, again)
    assert len(world.db.read(action_plans.list, ListQuery())) == 1


def test_cancelling_takes_the_actions_that_have_not_begun(world, heard):
    plan = world.plan(actions=3)
    first, *others = world.db.read(actions.of_plan, plan.uuid)
    world.db.write(actions.step, first.uuid, "PENDING", "SKIPPED", message="by user")
    heard.clear()
    world.db.write(action_plans.cancel, plan.uuid, "RECOMMENDED", message="enough")
    states = [one.state for one in world.db.read(actions.of_plan, plan.uuid)]
    assert states == ["SKIPPED", "CANCELLED", "CANCELLED"]
    told = [(one.kind, one.old.state, one.new.state) for one in heard]
    assert told == [
        ("action_plan", "RECOMMENDED", "CANCELLED"),
        ("action", "PENDING", "CANCELLED"),
        ("action", "PENDING", "CANCELLED"),
    ]
    entry = world.db.read(history.of, "action", others[0].uuid)[-1]
    assert (entry.old, entry.new, entry.reason) == ("PENDING", "CANCELLED", "enough")
    with pytest.raises(exception.StateChanged):
        world.db.write(action_plans.cancel, plan.uuid, "RECOMMENDED")


def test_deleting_a_plan_hides_actions_and_indicators(world, heard):
    plan = world.plan(actions=2)
    kept = world.plan(actions=1)
    heard.clear()
    world.db.write(action_plans.soft_delete, plan.uuid)
    assert world.db.read(actions.of_plan, plan.uuid) == []
    assert [(one.kind, one.verb, one.new.state) for one in heard] == [
        ("action", "delete", "DELETED"),
        ("action", "delete", "DELETED"),
        ("action_plan", "delete", "DELETED"),
    ]
    gone = world.db.read(
        lambda tx: tx.scalars(
            sa.select(models.EfficacyIndicator.deleted_at).order_by(
                models.EfficacyIndicator.id
            )
        ).all()
    )
    assert gone[0] is not None and gone[1] is None
    assert len(world.db.read(actions.of_plan, kept.uuid)) == 1


def test_plans_that_nobody_started_are_superseded_with_their_actions(world, heard):
    old, started, young = (world.plan(actions=2) for _ in range(3))
    world.db.write(action_plans.step, started.uuid, "RECOMMENDED", "PENDING")
    skipped = world.db.read(actions.of_plan, old.uuid)[0]
    world.db.write(actions.step, skipped.uuid, "PENDING", "SKIPPED")
    moment = models.utcnow()
    made = moment - datetime.timedelta(hours=25)
    for plan in (old, started):
        table = models.ActionPlan
        world.sql(
            sa.update(table).where(table.uuid == plan.uuid).values(created_at=made)
        )
    heard.clear()
    limit = moment - datetime.timedelta(hours=24)
    assert world.db.write(action_plans.expire, limit) == [old.uuid]
    assert world.db.write(action_plans.expire, limit) == []
    found = [world.db.read(action_plans.get, p.uuid) for p in (old, started, young)]
    assert [p.state for p in found] == ["SUPERSEDED", "PENDING", "RECOMMENDED"]
    assert "in time" in found[0].status_message
    # Nothing of it waits any more, and what was decided stays decided.
    left = [one.state for one in world.db.read(actions.of_plan, old.uuid)]
    assert left == ["SKIPPED", "CANCELLED"]
    assert [(c.kind, c.new.state) for c in heard] == [
        ("action_plan", "SUPERSEDED"),
        ("action", "CANCELLED"),
    ]
    world.db.write(action_plans.soft_delete, old.uuid)


@pytest.mark.parametrize("state", ["PENDING", "ONGOING", "CANCELLING"])
def test_a_plan_that_may_run_is_not_deleted(world, state):
    plan = world.plan(state=state)
    with pytest.raises(exception.DeleteError):
        world.db.write(action_plans.soft_delete, plan.uuid)


def test_a_plan_is_adopted_in_the_state_it_was_left_in(world):
    for state in ("ONGOING", "CANCELLING"):
        dead, mine = world.lease(), world.lease()
        plan = world.plan(state="PENDING")
        world.db.write(action_plans.claim, plan.uuid, dead, "h1")
        if state == "CANCELLING":
            asked = world.db.write(action_plans.step, plan.uuid, "ONGOING", state)
            assert asked.owner == dead.owner
        world.expire(dead)
        assert world.db.read(action_plans.claimable) == [plan.uuid]
        taken = world.db.write(action_plans.claim, plan.uuid, mine, "h2")
        assert (taken.state, taken.owner) == (state, mine.owner)


def test_only_pending_plans_wait_for_an_applier(world):
    waiting = world.plan(state="PENDING")
    world.plan()
    assert world.db.read(action_plans.claimable) == [waiting.uuid]
    assert world.db.read(action_plans.ongoing) == []
    world.db.write(action_plans.claim, waiting.uuid, world.lease(), "h")
    (running,) = world.db.read(action_plans.ongoing)
    assert running.uuid == waiting.uuid


def test_a_newer_plan_replaces_the_recommended_ones_of_its_audit(world):
    audit = world.audit()
    old, started = world.plan(audit), world.plan(audit, state="PENDING")
    new, other = world.plan(audit), world.plan()
    done = world.db.write(audits.supersede, audit.uuid, keep=new.uuid)
    assert done == [old.uuid]
    states = {
        one.uuid: one.state for one in world.db.read(action_plans.list, ListQuery())
    }
    assert states == {
        old.uuid: "CANCELLED",
        started.uuid: "PENDING",
        new.uuid: "RECOMMENDED",
        other.uuid: "RECOMMENDED",
    }


def test_an_action_is_written_by_whoever_owns_its_plan(world):
    claim, other = world.lease(), world.lease()
    plan = world.plan(state="PENDING")
    action = world.db.read(actions.of_plan, plan.uuid)[0]
    with pytest.raises(exception.LeaseLost):
        world.db.write(actions.step, action.uuid, "PENDING", "ONGOING", claim=claim)
    world.db.write(action_plans.claim, plan.uuid, claim, "h")
    world.db.write(actions.step, action.uuid, "PENDING", "ONGOING", claim=claim)
    with pytest.raises(exception.LeaseLost):
        world.db.write(actions.step, action.uuid, "ONGOING", "FAILED", claim=other)
    with pytest.raises(exception.StateChanged):
        world.db.write(actions.step, action.uuid, "PENDING", "SKIPPED", claim=claim)


def test_an_action_is_skipped_only_while_its_plan_has_not_begun(world):
    plan = world.plan(state="PENDING")
    first, second = world.db.read(actions.of_plan, plan.uuid)
    skip = {"plan_states": ("RECOMMENDED", "PENDING")}
    world.db.write(actions.step, first.uuid, "PENDING", "SKIPPED", **skip)
    world.db.write(action_plans.claim, plan.uuid, world.lease(), "h")
    with pytest.raises(exception.StateChanged):
        world.db.write(actions.step, second.uuid, "PENDING", "SKIPPED", **skip)


def test_actions_of_an_audit_are_found_through_its_plans(world):
    audit = world.audit()
    world.plan(audit, actions=2)
    world.plan(actions=1)
    found = world.db.read(actions.list, ListQuery(filters={"audit_uuid": audit.uuid}))
    assert len(found) == 2


def test_related_rows_are_read_once_and_anew_after_a_change(world):
    plan = world.plan()

    def run(tx):
        before = related.plan(tx, plan.id)
        assert related.plan(tx, plan.id) is before
        assert related.audit(tx, plan.audit_id).uuid == plan.audit_uuid
        assert related.goal(tx, world.goal.id) == world.goal
        assert related.strategy(tx, plan.strategy_id) == world.strategy
        assert related.strategy(tx, None) is None
        assert related.goal(tx, 99) is None
        action_plans.step(tx, plan.uuid, "RECOMMENDED", "PENDING")
        return before.state, related.plan(tx, plan.id).state

    assert world.db.write(run) == ("RECOMMENDED", "PENDING")
