"""What a plan has achieved is measured after its end, and told beside what was promised."""

import datetime

import pytest

from tests import worlds
from watcher import exception
from watcher.cluster.scope.compute import ComputeScope
from watcher.db import action_plans, actions, audits, goals, history, strategies
from watcher.decision_engine.goal.efficacy import achieved
from watcher.decision_engine.goal.efficacy.specs import ServerConsolidation
from watcher.decision_engine.goal.goals import SHIPPED
from watcher.decision_engine.measuring import Measuring
from watcher.domain.records import (
    Action,
    EfficacyIndicator,
    NewAction,
    NewPlan,
)
from watcher.plugins import GOALS, SCOPE_HANDLERS, Plugins


def action(number, kind, ended, /, **given):
    return Action(
        id=number, uuid=f"u{number}", action_plan_id=1, action_type=kind,
        input_parameters=given, state=ended,
    )  # fmt: skip


def moved(number, server, source, target, state="SUCCEEDED", kind="live"):
    return action(
        number, "migrate", state, resource_id=server, source_node=source,
        destination_node=target, migration_type=kind,
    )  # fmt: skip


def disabled(number, host, state="SUCCEEDED"):
    return action(
        number, "change_nova_service_state", state, resource_id=host,
        resource_name=host, state="disabled",
    )  # fmt: skip


def promise(**values):
    return [EfficacyIndicator(name=n, value=v) for n, v in values.items()]


def values(document):
    return {row["name"]: row["value"] for row in document["indicators"]}


@pytest.fixture
def halved(cloud):
    """Two hosts were to be emptied; one server of the second stayed"""
    for host in ("h1", "h2", "h3"):
        cloud.node(host)
    cloud.node("h1", status="disabled").server("a", "h3").server("b", "h2")
    cloud.server("c", "h3").server("z", "h3")
    return cloud


PLAN = [
    moved(1, "a", "h1", "h3"),
    moved(2, "b", "h2", "h3", "FAILED"),
    moved(3, "c", "h2", "h3", kind="cold"),
    disabled(4, "h1"),
    disabled(5, "h2", "SKIPPED"),
]
CONSOLIDATION = promise(
    compute_nodes_count=3, released_compute_nodes_count=2, instance_migrations_count=3
)


def test_a_failed_move_shows_in_what_was_achieved(halved):
    found = achieved.measure(
        achieved.Facts(PLAN, halved.model), CONSOLIDATION, ServerConsolidation()
    )
    assert values(found) == {
        "compute_nodes_count": 3,
        "released_compute_nodes_count": 1,
        "instance_migrations_count": 2,
        "moves_made": 2,
        "servers_left": 1,
    }
    assert [row["promised"] for row in found["indicators"]] == [3, 2, 3, 3, None]
    assert [(g["name"], round(g["value"])) for g in found["global"]] == [
        ("released_nodes_ratio", 33)
    ]
    assert found["actions"] == {"SUCCEEDED": 3, "FAILED": 1, "SKIPPED": 1}


def test_a_server_that_came_back_was_not_moved_for_good(halved):
    halved.server("a", "h1")
    found = achieved.measure(achieved.Facts(PLAN, halved.model), CONSOLIDATION, None)
    assert values(found)["instance_migrations_count"] == 1
    assert values(found)["released_compute_nodes_count"] == 0


def test_a_moved_server_that_was_deleted_was_moved(halved):
    halved.servers_by_name.pop("a")
    found = achieved.measure(achieved.Facts(PLAN, halved.model), CONSOLIDATION, None)
    assert values(found)["instance_migrations_count"] == 2


def test_what_there_was_before_stays_as_promised(halved):
    given = promise(
        live_migrate_instance_count=2, planned_live_migrate_instance_count=2,
        cold_migrate_instance_count=1, planned_cold_migrate_instance_count=1,
    )  # fmt: skip
    spec = SHIPPED["hardware_maintenance"]().efficacy_specification
    found = achieved.measure(achieved.Facts(PLAN, halved.model), given, spec)
    shown = values(found)
    assert shown["live_migrate_instance_count"] == 2
    assert shown["planned_live_migrate_instance_count"] == 1
    assert shown["planned_cold_migrate_instance_count"] == 1
    ratios = {row["name"]: row["value"] for row in found["global"]}
    assert ratios["live_instance_migrate_ratio"] == 50


def test_what_needs_metrics_is_not_guessed(halved):
    given = promise(
        instance_migrations_count=3, instances_count=4,
        standard_deviation_after_audit=0.1,
    )  # fmt: skip
    spec = SHIPPED["workload_balancing"]().efficacy_specification
    found = achieved.measure(achieved.Facts(PLAN, halved.model), given, spec)
    assert values(found)["instances_count"] == 4
    assert values(found)["standard_deviation_after_audit"] is None
    assert "standard_deviation_after_audit" in found["note"]
    assert found["global"] == []


class Models:
    def __init__(self, cloud):
        self.cloud = cloud
        self.error = None
        self.asked = 0

    def compute(self):
        self.asked += 1
        if self.error:
            raise self.error
        return self.cloud.model


class World(worlds.World):
    def __init__(self, cloud):
        super().__init__("sqlite://")
        self.models = Models(cloud)
        self.late = datetime.timedelta(0)
        plugins = Plugins.of(
            {GOALS: SHIPPED, SCOPE_HANDLERS: {"compute": ComputeScope}},
            self.conf,
        )
        self.measuring = Measuring(self.db, self.models, plugins, now=self.now)
        goal = self.db.write(
            goals.create, name="server_consolidation", display_name="C"
        )
        self.goal = goal
        self.db.write(
            strategies.create, name="basic", display_name="B", goal_id=goal.id
        )

    def now(self):
        return datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + self.late

    def ended(self, state="FAILED", scope=(), given=PLAN):
        """A plan that an applier ended so"""
        idents = [worlds.new_uuid() for _ in given]
        plan = NewPlan(
            uuid=worlds.new_uuid(),
            audit_uuid=self.audit(scope=list(scope)).uuid,
            strategy_name="basic",
            state="PENDING",
            actions=[
                NewAction(
                    uuid=ident, action_type=row.action_type,
                    input_parameters=row.input_parameters,
                )
                for ident, row in zip(idents, given, strict=True)
            ],
            efficacy_indicators=CONSOLIDATION,
        )  # fmt: skip
        self.db.write(action_plans.save, plan)
        self.db.write(action_plans.claim, plan.uuid, self.lease(), "host")
        for ident, row in zip(idents, given, strict=True):
            if row.state != "SKIPPED":
                self.db.write(actions.step, ident, "PENDING", "ONGOING")
                self.db.write(actions.step, ident, "ONGOING", row.state)
            else:
                self.db.write(actions.step, ident, "PENDING", "SKIPPED")
        if state == "CANCELLED":
            self.db.write(action_plans.step, plan.uuid, "ONGOING", "CANCELLING")
            self.db.write(action_plans.step, plan.uuid, "CANCELLING", state)
        elif state != "ONGOING":
            self.db.write(action_plans.step, plan.uuid, "ONGOING", state)
        return plan.uuid

    def get(self, uuid):
        return self.db.read(action_plans.get, uuid)


@pytest.fixture
def world(halved):
    made = World(halved)
    yield made
    made.close()


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "CANCELLED"])
def test_what_an_applier_ended_is_measured_once(world, state):
    uuid = world.ended(state)
    before = world.get(uuid)
    world.measuring.look()
    plan = world.get(uuid)
    shown = plan.achieved_efficacy
    assert values(shown)["released_compute_nodes_count"] == 1
    assert shown["measured_at"].endswith("+00:00")
    assert {i.name: i.value for i in plan.efficacy_indicators} == {
        "compute_nodes_count": 3,
        "released_compute_nodes_count": 2,
        "instance_migrations_count": 3,
    }
    assert plan.updated_at == before.updated_at, "clients see no change of the plan"
    assert len(world.db.read(history.of, "action_plan", uuid)) == len(
        [s for s in world.db.read(history.of, "action_plan", uuid) if s.old != s.new]
    )
    world.models.cloud.server("b", "h3")
    world.measuring.look()
    assert world.get(uuid).achieved_efficacy == shown
    assert world.models.asked == 1


@pytest.mark.parametrize("state", ["RECOMMENDED", "PENDING", "SUPERSEDED", "CANCELLED"])
def test_what_no_applier_began_is_not_measured(world, state):
    plan = world.plan(world.audit(), state="RECOMMENDED")
    if state != "RECOMMENDED":
        world.db.write(action_plans.step, plan.uuid, "RECOMMENDED", state)
    running = world.ended("ONGOING")
    world.measuring.look()
    assert not world.get(plan.uuid).achieved_efficacy
    assert not world.get(running).achieved_efficacy
    assert world.models.asked == 0, "the cloud is not asked for nothing"


def test_the_scope_of_a_deleted_audit_still_counts(world):
    scope = [{"compute": [{"exclude": [{"compute_nodes": [{"name": "h3"}]}]}]}]
    uuid = world.ended(scope=scope)
    audit = world.get(uuid).audit_uuid
    world.db.write(audits.step, audit, "PENDING", "CANCELLED")
    world.db.write(audits.soft_delete, audit)
    world.measuring.look()
    assert values(world.get(uuid).achieved_efficacy)["compute_nodes_count"] == 2


def test_a_cloud_that_cannot_be_read_is_asked_again(world):
    uuid = world.ended()
    world.models.error = exception.ClusterDataModelCollectionError("away")
    with pytest.raises(exception.ClusterDataModelCollectionError):
        world.measuring.look()
    assert not world.get(uuid).achieved_efficacy
    world.models.error = None
    world.measuring.look()
    assert world.get(uuid).achieved_efficacy


def test_what_ended_long_ago_is_left(world):
    uuid = world.ended()
    world.late = datetime.timedelta(hours=2)
    world.measuring.look()
    assert not world.get(uuid).achieved_efficacy


def test_what_cannot_be_measured_says_so_and_is_not_tried_for_ever(world, monkeypatch):
    odd, uuid = world.ended(), world.ended()
    real, told = achieved.measure, []

    def measure(facts, promised, specification):
        if not told:
            told.append(facts)
            raise KeyError("odd")
        return real(facts, promised, specification)

    monkeypatch.setattr(achieved, "measure", measure)
    world.measuring.look()
    assert "could not be measured" in world.get(odd).achieved_efficacy["note"]
    assert values(world.get(uuid).achieved_efficacy)["moves_made"] == 2
