"""Plans on every database: several appliers at once, death in the middle."""

import threading

import pytest

import watcher.conf
from tests.unit.applier import conftest as bench_of
from watcher.applier.workflow_engine.taskflow import TaskFlowEngine
from watcher.clients.simulated import SimulatedCloud
from watcher.db import action_plans, audits, goals, strategies
from watcher.db.models import Base
from watcher.db.session import Database
from watcher.plugins import Plugins


@pytest.fixture
def bench(database_url):
    conf = watcher.conf.load(
        "test", overrides={("database", "connection"): database_url}
    )
    db = Database(conf)
    Base.metadata.create_all(db.engine)

    def seed(tx):
        goal = goals.create(tx, name="dummy", display_name="Dummy")
        strategies.create(tx, name="dummy", display_name="Dummy", goal_id=goal.id)
        audits.create(
            tx, name="audit", audit_type="ONESHOT", goal_id=goal.id, state="SUCCEEDED"
        )

    db.write(seed)
    known = {
        "watcher_actions": dict(bench_of.ACTIONS),
        "watcher_workflow_engines": {"taskflow": TaskFlowEngine},
    }
    plugins = Plugins.of(known, conf)
    plugins.classes("watcher_workflow_engines")
    conf.set_override("max_workers", 4, "watcher_workflow_engines.taskflow")
    yield bench_of.Bench(db, SimulatedCloud.empty(), plugins)
    db.dispose()


def test_actions_side_by_side_and_one_taker_of_many(bench):
    wide = bench.plan(
        *(("nop", {"message": "m"}) for _ in range(30)),
        ("nop", {"message": "m"}, list(range(30))),
    )
    crowd = [bench.process() for _ in range(6)]
    got = []

    def grab(process):
        plan = bench.db.write(action_plans.claim, wide, process.claim, "h")
        if plan is not None:
            got.append(process)

    threads = [threading.Thread(target=grab, args=(one,)) for one in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    got[0].expire()
    assert bench.run(wide, 60).state == "SUCCEEDED"
    assert set(bench.states(wide)) == {"SUCCEEDED"}


def test_a_process_dies_at_any_step(bench):
    at = 0
    while True:
        at += 1
        host = f"host{at}"
        bench.cloud.add_host(host)
        given = {"resource_id": host, "state": "disabled"}
        plan = bench.plan(
            ("change_nova_service_state", given), ("nop", {"message": "m"}, [0])
        )
        fate = bench_of.Fate(at, after=bool(at % 2))
        process = bench.process(fate)
        process.take(plan).join(20)
        lived = not fate.dead.is_set()
        process.die()
        if bench.state(plan).state == "ONGOING":
            bench.run(plan)
        assert bench.state(plan).state == "SUCCEEDED"
        assert bench.states(plan) == ["SUCCEEDED", "SUCCEEDED"]
        if lived:
            break
