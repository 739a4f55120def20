"""Limits on every database: two crews, two plans, and what Nova's records say of it."""

import threading
import time

import pytest

import watcher.conf
from tests.functional.applier.test_databases import bench  # noqa: F401
from tests.unit.applier.test_crew import FakeLease
from tests.unit.applier.test_turnstile import left_over, most_at_once, moves, roomy
from watcher.applier.crew import Crew
from watcher.db import actions, leases
from watcher.db.query import ListQuery


@pytest.fixture
def crews(bench):  # noqa: F811
    """Starts appliers of their own, each with its lease, books and turnstile"""
    made = []
    conf = watcher.conf.load("test")
    conf.set_override("workers", 4, "watcher_applier")
    conf.set_override("work_scan_interval", 1, "watcher_applier")

    def start():
        process = bench.process()
        bench.db.write(leases.renew, process.claim, 600)
        crew = Crew(
            conf, db=process.db, lease=FakeLease(process.tenure),
            plugins=bench.plugins, clients=process.clients, phase=bench.phase,
        )  # fmt: skip
        crew.process = process
        made.append(crew)
        crew.start()
        return crew

    yield start
    for crew in made:
        crew.stop(time.monotonic() + 5)


def test_h8_two_crews_never_exceed_two_in_and_two_out_though_one_dies(bench, crews):  # noqa: F811
    """actions.md H8: concurrency limits are per plan; several plans overload one host"""
    for name in ("a", "b", "c"):
        bench.cloud.add_host(name)
    roomy(bench, "a", "b", "c")
    plans = [
        bench.plan(*moves(bench, 6, "a", "b", n), *moves(bench, 5, "b", "c", n))
        for n in ("x", "y")
    ]
    first = crews()
    bench.until(lambda: sum(bench.states(p).count("SUCCEEDED") for p in plans) >= 2, 60)
    second = crews()
    bench.until(lambda: sum(bench.states(p).count("SUCCEEDED") for p in plans) >= 8, 60)
    for crew in (first,):
        crew.process.die()
    third = crews()
    ended = ["SUCCEEDED"] * 2
    bench.until(lambda: [bench.state(plan).state for plan in plans] == ended, 120)
    assert max(most_at_once(bench.cloud).values()) == 2
    assert len(bench.cloud._state.moves) == 22
    assert left_over(bench) == []
    assert second.runners() == third.runners() == []


def test_many_plans_that_close_the_same_hosts_all_come_to_their_end(bench, crews):  # noqa: F811
    """actions.md H9: no two of them have a host at the same time, none waits for ever"""
    for name in ("a", "b", "c"):
        bench.cloud.add_host(name)

    def closing(host, state):
        given = {"resource_id": host, "resource_name": host, "state": state}
        return ("change_nova_service_state", given)

    plans = []
    for host, other in (("a", "b"), ("b", "c"), ("c", "a"), ("a", "b")):
        server = bench.cloud.add_server(f"s{len(plans)}", host, "m1.tiny")
        given = {"resource_id": server, "migration_type": "live"}
        given |= {"source_node": host, "destination_node": other}
        steps = [closing(host, "disabled"), ("migrate", given, [0])]
        plans.append(bench.plan(*steps, (*closing(host, "enabled"), [1])))
    overlaps, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            running = bench.db.read(
                actions.list, ListQuery(filters={"state": "ONGOING"})
            )
            if len({action.action_plan_uuid for action in running}) > 1:
                overlaps.append(running)
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(2):
        crews()
    try:
        bench.until(lambda: all(bench.state(p).state == "SUCCEEDED" for p in plans), 90)
    finally:
        stop.set()
        watcher.join()
    # Each of them works on a host that each other one works on.
    assert overlaps == []
    assert left_over(bench) == []
