"""Plans that the cloud has left behind become SUPERSEDED, and say why."""

import dataclasses
import datetime

import pytest

from tests import worlds
from watcher import exception
from watcher.db import action_plans, actions, audits, strategies
from watcher.decision_engine.outdated import Outdated, holds
from watcher.domain.records import Action, NewAction, NewPlan

SOON = datetime.timedelta(minutes=5)


def action(kind="migrate", **given):
    return Action(
        id=1,
        uuid="u1",
        action_plan_id=1,
        action_type=kind,
        input_parameters=given,
        state="PENDING",
        parents=["gone"],
    )


MOVE = {
    "migration_type": "live",
    "resource_id": "a",
    "source_node": "h1",
    "destination_node": "h2",
}


@pytest.fixture
def there(cloud):
    return cloud.node("h1").node("h2").node("h3").server("a", "h1")


def test_a_plan_about_a_cloud_that_stayed_as_it_was_holds(there):
    assert holds(there.model, [action(**MOVE)]) is None
    assert holds(there.model, [action("nop", message="x")]) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.servers_by_name.pop("a"), "a"),
        (lambda c: c.server("a", "h3"), "it is on h3"),
        (
            lambda c: c.hypervisors_by_name.pop("h2"),
            "h2 is outside the scope or unknown",
        ),
        (lambda c: c.node("h2", status="disabled"), "h2 is disabled and up"),
        (lambda c: c.node("h2", state="down"), "h2 is enabled and down"),
        (lambda c: c.node("h2", vcpus=0), "h2"),
        (lambda c: c.server("a", "h1", state="error"), "a is error"),
    ],
)
def test_what_changed_is_named(there, change, said):
    change(there)
    assert said in holds(there.model, [action(**MOVE)])


def test_a_plan_of_which_enough_is_left_stays(there):
    """The applier leaves out what does not hold"""
    there.server("b", "h1").server("a", "h3")
    both = [
        action(**MOVE),
        dataclasses.replace(action(**{**MOVE, "resource_id": "b"}), uuid="u2"),
    ]
    assert holds(there.model, both) is None
    assert holds(there.model, both[:1])


@pytest.mark.parametrize("task", ["migrating", "rebooting"])
def test_a_server_that_is_busy_says_nothing_yet(there, task):
    there.server("a", "h1", task_state=task)
    assert holds(there.model, [action(**MOVE)]) is None


class Models:
    """One model that changes when the test says so"""

    def __init__(self, cloud):
        self.cloud = cloud
        self.version = 0
        self.asked = []
        self.age_s = 0.0
        self.followed = True

    def compute(self, max_age_s):
        self.asked.append(max_age_s)
        model = self.cloud.model
        model.version = self.version
        model.read_at = datetime.datetime(2026, 1, 1)
        return model


class World(worlds.World):
    def __init__(self, cloud):
        super().__init__("sqlite://")
        self.models = Models(cloud)
        self.now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + SOON
        self.seconds = 0.0
        self.check = Outdated(
            self.db, self.models, now=lambda: self.now, clock=lambda: self.seconds
        )
        self.db.write(
            strategies.create, name="mover", display_name="M", goal_id=self.goal.id
        )

    def planned(self, state="RECOMMENDED", strategy="mover", **given):
        found = NewAction(
            uuid=worlds.new_uuid(),
            action_type="migrate",
            input_parameters=given or MOVE,
        )
        plan = NewPlan(
            uuid=worlds.new_uuid(),
            audit_uuid=self.audit().uuid,
            strategy_name=strategy,
            state=state,
            actions=[found],
        )
        return self.db.write(action_plans.save, plan).uuid

    def get(self, uuid):
        return self.db.read(action_plans.get, uuid)

    def changed(self, **server):
        self.models.cloud.server("a", **server)
        self.models.version += 1


@pytest.fixture
def world(there):
    made = World(there)
    yield made
    made.close()


@pytest.mark.parametrize("state", ["RECOMMENDED", "PENDING"])
def test_a_plan_that_does_not_hold_is_superseded_with_the_reason(world, state):
    uuid = world.planned(state)
    world.check.look()
    assert world.get(uuid).state == state
    world.changed(on="h3")
    world.check.look()
    plan = world.get(uuid)
    assert plan.state == "SUPERSEDED"
    assert plan.status_message == (
        "The plan does not hold any more: a from h1 to h2: it is on h3."
    )
    assert {a.state for a in world.db.read(actions.of_plan, uuid)} == {"CANCELLED"}
    assert set(world.models.asked) == {None}, "the cloud is not asked"


def test_s10_a_plan_of_a_deleted_audit_is_startable_only_while_it_holds(world):
    """audits.md S10: listed and startable as published (rest-api.md W23), never outdated"""
    uuid = world.planned()
    audit = world.get(uuid).audit_uuid
    world.db.write(audits.step, audit, "PENDING", "CANCELLED")
    world.db.write(audits.soft_delete, audit)
    world.check.look()
    assert world.get(uuid).state == "RECOMMENDED"
    world.changed(on="h3")
    world.check.look()
    assert world.get(uuid).state == "SUPERSEDED"


@pytest.mark.parametrize("state", ["ONGOING", "SUCCEEDED"])
def test_what_has_begun_is_the_appliers(world, state):
    uuid = world.planned("PENDING")
    world.db.write(action_plans.step, uuid, "PENDING", "ONGOING")
    if state != "ONGOING":
        world.db.write(action_plans.step, uuid, "ONGOING", state)
    world.changed(on="h3")
    world.check.look()
    assert world.get(uuid).state == state


def test_plans_of_trials_are_left_alone(world):
    uuid = world.planned(strategy="dummy", **{**MOVE, "resource_id": "nobody"})
    world.changed(on="h3")
    world.check.look()
    assert world.get(uuid).state == "RECOMMENDED"


def test_a_plan_that_was_started_meanwhile_is_not_touched(world):
    uuid = world.planned()
    seen = world.get(uuid)
    world.db.write(action_plans.step, uuid, "RECOMMENDED", "PENDING")
    assert world.db.write(action_plans.outdate, seen, "why") is False
    assert world.get(uuid).state == "PENDING"


def test_a_plan_newer_than_the_model_is_judged_when_the_model_is_newer(world):
    """Another engine may know of servers that this one has not heard of yet"""
    uuid = world.planned(**{**MOVE, "resource_id": "new"})
    world.now -= SOON
    world.check.look()
    assert world.get(uuid).state == "RECOMMENDED"
    world.models.followed = False
    world.now += SOON
    world.check.look()
    assert world.get(uuid).state == "RECOMMENDED", "it was read long ago"
    world.models.followed = True
    world.check.look()
    assert world.get(uuid).state == "SUPERSEDED"


def test_nothing_is_read_while_the_model_stays_as_it_is(world):
    world.planned()
    world.check.look()
    with world.statements() as seen:
        world.check.look()
    assert seen == []
    world.models.version += 1
    with world.statements() as seen:
        world.check.look()
    assert seen


def test_a_look_that_takes_long_is_continued_by_the_next_one(world, monkeypatch):
    plans = [world.planned() for _ in range(3)]
    world.changed(on="h3")
    ticks = iter(range(100))
    world.check._clock = lambda: float(next(ticks))
    done = []
    for _look in range(4):
        world.check.look()
        done.append(sum(world.get(uuid).state == "SUPERSEDED" for uuid in plans))
    assert done == [1, 2, 3, 3]


def test_a_reason_with_odd_characters_is_stored_by_every_database(world, monkeypatch):
    """A database made as the published guide says takes no characters of four bytes"""
    plan = world.planned()
    said = "server web \U0001f600 is gone"
    monkeypatch.setattr("watcher.decision_engine.outdated.holds", lambda m, f: said)
    world.check.look()
    found = world.get(plan)
    assert found.state == "SUPERSEDED"
    assert "web \ufffd is gone" in found.status_message


def test_rows_that_cannot_be_judged_do_not_stop_the_others(world, monkeypatch):
    odd, plan = world.planned(), world.planned()
    world.changed(on="h3")
    judged = iter([exception.Invalid("odd"), KeyError("x")])
    real = holds

    def judge(model, found):
        if found[0].action_plan_uuid == odd:
            raise next(judged)
        return real(model, found)

    monkeypatch.setattr("watcher.decision_engine.outdated.holds", judge)
    world.check.look()
    assert world.get(odd).state == "RECOMMENDED"
    assert world.get(plan).state == "SUPERSEDED"


def test_a_model_that_was_never_read_judges_nobody(world):
    uuid = world.planned(**{**MOVE, "resource_id": "new"})
    world.models.age_s = None
    world.check.look()
    assert world.models.asked == [] and world.get(uuid).state == "RECOMMENDED"


def test_a_migration_record_means_busy(there):
    model = there.model
    model.migrations["a"] = object()
    there.server("a", "h3")
    assert holds(model, [action(**MOVE)]) is None
