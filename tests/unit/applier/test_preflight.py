"""A plan is looked at before it begins: what holds is done, what does not is left."""

import time
import uuid

import pytest

from tests.unit.applier.test_crew import FakeLease
from watcher.applier.crew import Crew
from watcher.applier.preflight import WAITS
from watcher.cluster.collector.base import Reading
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.compute import ComputeCollector
from watcher.db import action_plans, actions, audits, history, strategies
from watcher.decision_engine.goal.efficacy import achieved
from watcher.domain.records import EfficacyIndicator, NewAction, NewPlan


class Ground:
    """A cloud, plans about it, and appliers that look first"""

    def __init__(self, bench, conf):
        self.bench, self.conf = bench, conf
        self.cloud = bench.cloud
        self.crews = []
        goal = bench.db.read(audits.get, "audit").goal_id
        bench.db.write(strategies.create, name="mover", display_name="M", goal_id=goal)

    def models(self):
        collector = ComputeCollector({}, osc=self.cloud.clients())
        collector.reading = Reading(attempts=1)
        return Models.of({"compute": collector})

    def crew(self):
        process = self.bench.process()
        crew = Crew(
            self.conf, db=process.db, lease=FakeLease(process.tenure),
            plugins=self.bench.plugins, clients=process.clients,
            phase=self.bench.phase, models=self.models(),
        )  # fmt: skip
        crew.process = process
        self.crews.append(crew)
        return crew

    def plan(self, *specs, strategy="mover"):
        """A PENDING plan of (type, parameters, parents by index)"""
        idents = [str(uuid.uuid4()) for _ in specs]
        rows = [
            NewAction(
                uuid=ident, action_type=spec[0], input_parameters=spec[1],
                parents=[idents[n] for n in (spec[2] if len(spec) > 2 else ())],
            )
            for ident, spec in zip(idents, specs, strict=True)
        ]  # fmt: skip
        plan = NewPlan(
            uuid=str(uuid.uuid4()), audit_uuid=self.bench.audit, state="PENDING",
            strategy_name=strategy, actions=rows,
        )  # fmt: skip
        return self.bench.db.write(action_plans.save, plan).uuid

    def ended(self, plan):
        crew = self.crew()
        crew.start()
        final = ("SUCCEEDED", "FAILED", "CANCELLED", "SUPERSEDED")
        self.bench.until(lambda: self.bench.state(plan).state in final, 20)
        return self.bench.state(plan)

    def messages(self, plan):
        return [a.status_message for a in self.bench.actions(plan)]


@pytest.fixture
def ground(bench, conf):
    conf.set_override("work_scan_interval", 1, "watcher_applier")
    made = Ground(bench, conf)
    yield made
    for crew in made.crews:
        crew.stop(time.monotonic() + 3)


def move(server, source, target):
    given = {
        "resource_id": server, "migration_type": "live", "source_node": source,
        "destination_node": target,
    }  # fmt: skip
    return "migrate", given


def service(host, state):
    return (
        "change_nova_service_state",
        {"resource_id": host, "resource_name": host, "state": state},
    )


def where(ground, server):
    return ground.cloud.clients().nova.server(server).host


@pytest.fixture
def servers(ground):
    return [ground.cloud.add_server(f"s{n}", "a") for n in range(4)]


def test_h10_a_plan_is_judged_by_the_cluster_as_it_is_now(ground, bench, servers):
    """actions.md H10: somebody moved one server by hand and deleted another one"""
    plan = ground.plan(*(move(server, "a", "b") for server in servers))
    ground.cloud.change_server(servers[0], host="c")
    ground.cloud.delete_server(servers[1])
    ended = ground.ended(plan)
    assert ended.state == "SUCCEEDED"
    assert ended.status_message == "One or more actions were skipped."
    assert bench.states(plan) == ["SKIPPED", "SKIPPED", "SUCCEEDED", "SUCCEEDED"]
    assert ground.messages(plan)[:2] == [
        f"Action was skipped automatically: {servers[0]} from a to b: it is on c.",
        f"Action was skipped automatically: Instance {servers[1]} not found",
    ]
    assert [where(ground, s) for s in servers[2:]] == ["b", "b"]
    assert len(bench.accepted("live_migrate")) == 2


def test_h10_a_plan_that_lost_its_purpose_touches_nothing(ground, bench, servers):
    """actions.md H10: a host cannot be emptied any more, so it is not even disabled"""
    plan = ground.plan(
        service("a", "disabled"), *((*move(s, "a", "b"), [0]) for s in servers)
    )
    ground.cloud.change_server(servers[3], locked=True)
    ended = ground.ended(plan)
    assert ended.state == "SUPERSEDED"
    assert f"{servers[3]} is locked" in ended.status_message
    assert set(bench.states(plan)) == {"CANCELLED"}
    assert bench.calls == []
    assert not [e for e in bench.events if e[0] == "action_plan.execution.start"]
    steps = bench.db.read(history.of, "action_plan", plan)
    assert [(s.old, s.new) for s in steps][-1] == ("PENDING", "SUPERSEDED")


@pytest.mark.parametrize(
    ("change", "said"),
    [({"enabled": False}, "b is disabled and up"), ({"up": False}, "b is enabled and")],
)
def test_a_target_that_was_closed_takes_nothing(ground, bench, servers, change, said):
    ground.cloud.change_host("b", **change)
    plan = ground.plan(
        move(servers[0], "a", "b"), *(move(s, "a", "c") for s in servers[1:])
    )
    assert ground.ended(plan).state == "SUCCEEDED"
    assert bench.states(plan) == ["SKIPPED", *["SUCCEEDED"] * 3]
    assert said in ground.messages(plan)[0]


def test_a_target_that_was_filled_takes_what_fits(ground, bench, servers):
    ground.cloud.change_host("b", vcpus=3, cpu_ratio=1.0)
    ground.cloud.add_server("new", "b")
    plan = ground.plan(*(move(s, "a", "b") for s in servers[:3]))
    assert ground.ended(plan).state == "SUCCEEDED"
    assert bench.states(plan) == ["SUCCEEDED", "SUCCEEDED", "SKIPPED"]
    assert "room for 0 vCPUs" in ground.messages(plan)[2]


def test_a_plan_waits_until_the_cloud_can_be_read(ground, bench, servers):
    plan = ground.plan(move(servers[0], "a", "b"))
    ground.cloud.go_away()
    crew = ground.crew()
    crew.start()
    bench.until(lambda: bench.state(plan).status_message)
    found = bench.state(plan)
    assert found.state == "PENDING" and found.status_message.startswith(WAITS)
    assert "connection refused" in found.status_message
    rounds = crew.scanner.rounds
    bench.until(lambda: crew.scanner.rounds > rounds + 1)
    assert bench.state(plan).updated_at == found.updated_at, "it is said once"
    ground.cloud.heal()
    bench.until(lambda: bench.state(plan).state == "SUCCEEDED")
    assert bench.state(plan).status_message is None


def test_a_plan_that_waits_can_be_cancelled(ground, bench, servers):
    plan = ground.plan(move(servers[0], "a", "b"))
    ground.cloud.go_away()
    crew = ground.crew()
    crew.start()
    bench.until(lambda: bench.state(plan).status_message)
    bench.db.write(action_plans.cancel, plan, "PENDING")
    ground.cloud.heal()
    rounds = crew.scanner.rounds
    bench.until(lambda: crew.scanner.rounds > rounds + 1)
    assert bench.state(plan).state == "CANCELLED"
    assert bench.calls == []


def test_patience_ends_where_the_operator_says_so(ground, bench, servers, conf):
    conf.set_override("verify_patience", 1, "watcher_applier")
    plan = ground.plan(("nop", {"message": "m"}), strategy="mover")
    ground.cloud.go_away()
    crew = ground.crew()
    clock = [0.0]
    crew._preflight._clock = lambda: clock[0]
    crew.start()
    bench.until(lambda: bench.state(plan).status_message)
    clock[0] = 2.0
    bench.until(lambda: bench.state(plan).state == "SUCCEEDED")


def test_an_operator_may_do_without(ground, bench, servers, conf):
    conf.set_override("verify_plans", False, "watcher_applier")
    plan = ground.plan(move(servers[0], "a", "b"))
    ground.cloud.change_server(servers[0], host="c")
    assert ground.ended(plan).state == "SUCCEEDED"
    assert "not on the source node a" in ground.messages(plan)[0]


def test_trials_are_not_judged(ground, bench):
    server = ground.cloud.add_server("s", "c")
    plan = ground.plan(move(server, "a", "b"), strategy="dummy")
    assert ground.ended(plan).state == "SUCCEEDED"
    assert bench.states(plan) == ["SKIPPED"]


def test_what_cannot_be_judged_is_left_to_its_actions(ground, bench):
    """actions.md A18: bad parameters end the plan before anything of it begins"""
    plan = ground.plan(("nop", {"message": "m"}), ("migrate", {"source_node": "a"}))
    ended = ground.ended(plan)
    assert ended.state == "FAILED"
    assert bench.states(plan) == ["SKIPPED", "FAILED"]


def test_what_an_administrator_skipped_stays_as_it_is(ground, bench, servers):
    plan = ground.plan(
        service("a", "disabled"), *((*move(s, "a", "b"), [0]) for s in servers)
    )
    last = bench.actions(plan)[-1].uuid
    bench.db.write(actions.step, last, "PENDING", "SKIPPED", message="by me")
    ground.cloud.change_server(servers[-1], locked=True)
    assert ground.ended(plan).state == "SUCCEEDED"
    assert ground.messages(plan)[-1] == "by me"


def test_looking_counts_as_work(ground, bench, servers, conf):
    """No more plans are looked at than may run"""
    plans = [ground.plan(move(server, "a", "b")) for server in servers]
    crew = ground.crew()
    crew._preflight._run = lambda plan: None
    crew.scan()
    assert crew._preflight.busy == 1
    assert {bench.state(plan).state for plan in plans} == {"PENDING"}


def test_two_appliers_that_look_begin_once(ground, bench, servers):
    plans = [ground.plan(move(server, "a", "b")) for server in servers]
    for crew in (ground.crew(), ground.crew()):
        crew.start()
    bench.until(lambda: all(bench.state(p).state == "SUCCEEDED" for p in plans), 20)
    assert len(bench.accepted("live_migrate")) == 4


def test_the_next_plan_does_not_wait_behind_one_that_is_superseded(
    ground, bench, servers
):
    lost = ground.plan(move(servers[0], "a", "b"))
    ground.cloud.change_server(servers[0], host="c")
    crew, woken = ground.crew(), []
    crew._preflight._wake = lambda: woken.append(bench.state(lost).state)
    crew.scan()
    bench.until(lambda: woken)
    assert woken == ["SUPERSEDED"]


def test_achieved_differs_from_promised_when_a_move_failed(
    ground, bench, servers, conf
):
    """Carried out on a cloud, and measured by the model as it is afterwards"""
    conf.set_override("move_retries", 0, "watcher_applier")
    plan = ground.plan(*(move(server, "a", "b") for server in servers))
    ground.cloud.fail("rollback", servers[1])
    assert ground.ended(plan).state == "FAILED"
    models = ground.models()
    facts = achieved.Facts(bench.actions(plan), models.compute())
    promised = [
        EfficacyIndicator(name="released_compute_nodes_count", value=1),
        EfficacyIndicator(name="instance_migrations_count", value=4),
    ]
    found = achieved.measure(facts, promised, None)
    shown = {
        row["name"]: (row["promised"], row["value"]) for row in found["indicators"]
    }
    assert shown == {
        "released_compute_nodes_count": (1, 0),
        "instance_migrations_count": (4, 3),
        "moves_made": (4, 3),
    }
