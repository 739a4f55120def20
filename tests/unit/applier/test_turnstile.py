"""Limits over plans and appliers, as plans that really run meet them."""

import dataclasses
import datetime
import time
from collections import Counter

import pytest

from watcher.applier.hosts import Hosts
from watcher.applier.limits import Caps, NoFacts
from watcher.applier.turnstile import Turnstile
from watcher.db import actions, execution_rules, leases, pauses, slots

MANY = Caps(from_node=None, to_node=None)
NOON = datetime.datetime(2026, 11, 27, 12, 0)


class Clock:
    """Time of day as the test says"""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gate(bench, clock, conf):
    """The turnstile of a process; each one made is that of a further process"""
    conf.set_override("max_workers", 20, "watcher_workflow_engines.taskflow")

    def make(caps=None, facts=None):
        bench.admission = Turnstile(lambda: caps or Caps(), facts, now=clock)
        return bench.admission

    yield make
    # Moves that are still under way use the database until they have heard of the end.
    for runner in bench.runners:
        runner.leave()
        pool = getattr(runner, "_pool", None)
        if pool is not None:
            pool.shutdown(wait=True)


def moves(bench, count, source="a", dest="b", name="s"):
    found = []
    for n in range(count):
        server = bench.cloud.add_server(f"{name}{source}{dest}{n}", source, "m1.tiny")
        given = {"resource_id": server, "migration_type": "live"}
        given |= {"source_node": source, "destination_node": dest}
        found.append(("migrate", given))
    return found


def roomy(bench, *names):
    for name in names:
        bench.cloud.change_host(name, vcpus=500, memory_mb=10**7, disk_gb=10**5)


def most_at_once(cloud):
    """Return how many moves there were at most at one time, by way and host"""
    edges = []
    for move in cloud._state.moves:
        for key in (("out", move.source), ("in", move.dest)):
            edges += [(move.created, 1, key), (move.updated, -1, key)]
    now, most = Counter(), Counter()
    for _at, change, key in sorted(edges, key=lambda edge: (edge[0], edge[1])):
        now[key] += change
        most[key] = max(most[key], now[key])
    return dict(most)


def say(bench, plan, **document):
    bench.db.write(execution_rules.put, "action_plan", plan, document)


def left_over(bench):
    return bench.db.read(lambda tx: slots._read(tx, slots._table.c.id > 0))


def test_h8_two_plans_of_two_appliers_keep_to_two_in_and_two_out(bench, gate):
    """actions.md H8: limits are per plan, so several plans can overload one host"""
    roomy(bench, "a", "b", "c")
    plans = [
        bench.plan(*moves(bench, 7, "a", "b", "x"), *moves(bench, 5, "c", "b", "x")),
        bench.plan(*moves(bench, 7, "a", "b", "y"), *moves(bench, 5, "b", "c", "y")),
    ]
    runners = []
    for plan in plans:
        gate()
        runners.append(bench.process().take(plan))
    for runner in runners:
        runner.join(60)
    assert [bench.state(plan).state for plan in plans] == ["SUCCEEDED"] * 2
    most = most_at_once(bench.cloud)
    assert max(most.values()) == 2
    assert most["out", "a"] == most["in", "b"] == 2
    assert left_over(bench) == []


def test_without_limits_they_would_all_go_at_once(bench, gate):
    roomy(bench, "a", "b")
    gate(MANY)
    assert bench.run(bench.plan(*moves(bench, 9))).state == "SUCCEEDED"
    assert most_at_once(bench.cloud)["in", "b"] > 2


def test_a_move_that_waits_keeps_no_other_waiting(bench, gate):
    roomy(bench, "a", "b", "c")
    gate(Caps(from_node=None, to_node=1))
    bench.cloud.migration_mb_s = 2.0  # slow: none ends during the test
    plan = bench.plan(*moves(bench, 3, "a", "b"), *moves(bench, 1, "a", "c"))
    runner = bench.process().take(plan)
    running = ["ONGOING", "PENDING", "PENDING", "ONGOING"]
    bench.until(lambda: bench.states(plan) == running)
    first, second = (row.uuid for row in bench.actions(plan)[1:3])
    bench.until(lambda: first in runner.waiting)
    assert runner.waiting[first] == "1 servers are coming to b"
    assert set(runner.waiting) == {first, second}


def test_h9_a_server_is_moved_by_one_plan_at_a_time(bench, gate):
    """actions.md H9: any two plans can act on the same server or host simultaneously"""
    roomy(bench, "a", "b")
    bench.cloud.migration_mb_s = 2.0
    (move,) = moves(bench, 1)
    one, two = bench.plan(move), bench.plan(move)
    gate()
    bench.process().take(one)
    bench.until(lambda: bench.states(one) == ["ONGOING"])
    gate()
    runner = bench.process().take(two)
    bench.until(lambda: runner.waiting)
    assert set(runner.waiting.values()) == {
        f"another action works on {move[1]['resource_id']}"
    }
    assert bench.states(two) == ["PENDING"]
    bench.cloud.migration_mb_s = 1000.0


def closing(host):
    given = {"resource_id": f"id-{host}", "resource_name": host, "state": "disabled"}
    return ("change_nova_service_state", given)


def test_h9_a_host_that_a_plan_closes_is_its_own_until_it_ends(bench, gate):
    """actions.md H9: any two plans can act on the same server or host simultaneously"""
    roomy(bench, "a", "b", "c")
    empty = bench.plan(closing("a"), ("sleep", {"duration": 60}, [0]))
    gate()
    holder = bench.process().take(empty)
    bench.until(lambda: bench.states(empty) == ["SUCCEEDED", "ONGOING"])
    fill = bench.plan(*moves(bench, 1, "b", "a"), *moves(bench, 1, "b", "c"))
    gate()
    runner = bench.process().take(fill)
    bench.until(lambda: bench.states(fill) == ["PENDING", "SUCCEEDED"])
    assert list(runner.waiting.values()) == [f"plan {empty} has host a for itself"]
    # It goes on when the other has ended.
    bench.cancel(empty)
    holder.join(20)
    bench.cloud.change_host("a", enabled=True)
    runner.join(20)
    assert bench.states(fill) == ["SUCCEEDED", "SUCCEEDED"]


def test_h9_of_two_plans_that_empty_hosts_towards_each_other_one_waits(bench, gate):
    """Each might wait for the other's host for ever; so the second waits as a whole"""
    roomy(bench, "a", "b", "c")
    bench.cloud.migration_mb_s = 20.0
    one = bench.plan(closing("a"), *moves(bench, 2, "a", "b", "x"))
    two = bench.plan(closing("b"), *moves(bench, 2, "b", "c", "y"))
    gate()
    first = bench.process().take(one)
    bench.until(lambda: bench.states(one) == ["SUCCEEDED", "ONGOING", "ONGOING"])
    gate()
    second = bench.process().take(two)
    bench.until(lambda: second.waiting)
    assert set(second.waiting.values()) == {f"plan {one} needs host b until it ends"}
    assert bench.states(two) == ["PENDING"] * 3
    first.join(60)
    assert bench.state(one).state == "SUCCEEDED"
    second.join(60)
    assert bench.state(two).state == "SUCCEEDED"
    assert left_over(bench) == []


def test_two_plans_that_announce_the_same_hosts_at_once_do_not_both_begin(bench, gate):
    plans = [bench.plan(closing("a"), *moves(bench, 1, "b", "c", n)) for n in "xy"]
    books = [bench.process().take(plan, start=False).book for plan in plans]
    bench.runners.clear()
    doors = [Hosts(book, clock=time.monotonic, lot=lambda: -0.5) for book in books]
    held = [door.held() for door in doors]
    assert held == [None, f"plan {plans[0]} has host a for itself"]
    bench.db.write(slots.free_plan, plans[0])
    assert doors[1].held() is None


def test_who_announces_a_host_waits_for_the_moves_there_and_no_new_ones_come(
    bench, gate
):
    """A move that took its places at the same moment draws back"""
    mover, closer = bench.plan(*moves(bench, 2, "a", "b")), bench.plan(closing("a"))
    books = [bench.process().take(plan, start=False).book for plan in (mover, closer)]
    bench.runners.clear()
    turnstile, rows = gate(), bench.actions(mover)
    assert turnstile.hold(books[0]) is None
    assert turnstile.admit(books[0], rows, 1).admitted == [rows[0].uuid]
    door = Hosts(books[1], clock=time.monotonic, lot=lambda: -0.5)
    assert door.held() == f"servers of plan {mover} are being moved at a"
    late = turnstile.admit(books[0], rows[1:], 1)
    assert late.reasons == {rows[1].uuid: f"plan {closer} has host a for itself"}
    turnstile.release(books[0], rows[:1])
    turnstile._exchange(turnstile._stays[books[0]], {})
    assert door.held() is None


def test_a_move_that_is_sent_elsewhere_has_a_place_there_too_or_does_not_go(
    bench, gate
):
    roomy(bench, "a", "b", "c")
    specs = (*moves(bench, 1, "a", "b"), *moves(bench, 2, "a", "c"))
    plan = bench.plan(*specs)
    book = bench.process().take(plan, start=False).book
    bench.runners.clear()
    turnstile, rows = gate(Caps(from_node=None, to_node=2)), bench.actions(plan)
    assert turnstile.hold(book) is None
    assert len(turnstile.admit(book, rows, 9).admitted) == 3
    given = dict(rows[0].input_parameters)

    def to(host):
        changed = {**given, "destination_node": host}
        return dataclasses.replace(rows[0], input_parameters=changed)

    assert turnstile.redirect(book, to("c")) == "2 servers are coming to c"
    turnstile.release(book, [rows[1]])
    assert turnstile._exchange(turnstile._stays[book], {}) == {}
    assert turnstile.redirect(book, to("c")) is None
    # It is counted at both, until it ends.
    held = {
        (s.kind, s.resource) for s in left_over(bench) if s.action_uuid == rows[0].uuid
    }
    assert held >= {("moves_in", "b"), ("moves_in", "c"), ("moves_out", "a")}
    turnstile.release(book, [rows[0], rows[2]])
    assert not turnstile._counts._mine
    # A host that another plan has for itself is no target.
    closer = bench.plan(closing("b"))
    other = bench.process().take(closer, start=False).book
    bench.runners.clear()
    turnstile._exchange(turnstile._stays[book], {})
    assert Hosts(other, clock=time.monotonic).held() is None
    assert turnstile.redirect(book, to("b")) == f"plan {closer} has host b for itself"


def test_what_is_paused_at_the_last_moment_does_not_begin(bench, gate):
    plan = bench.plan(("nop", {"message": "m"}))
    book = bench.process().take(plan, start=False).book
    bench.runners.clear()
    turnstile, rows = gate(), bench.actions(plan)
    assert turnstile.hold(book) is None
    bench.db.write(pauses.pause, plan, True)
    answer = turnstile.admit(book, rows, 9)
    assert answer.admitted == []
    assert answer.reasons == {rows[0].uuid: "the plan is paused by request"}


def test_slots_of_a_dead_applier_count_until_its_plan_was_looked_at(bench, gate):
    roomy(bench, "a", "b")
    bench.cloud.migration_mb_s = 12.0
    doomed = bench.plan(*moves(bench, 4, name="x"))
    gate()
    process = bench.process()
    gone = process.take(doomed)
    bench.until(
        lambda: sorted(bench.states(doomed)) == ["ONGOING"] * 2 + ["PENDING"] * 2
    )
    bench.until(lambda: len(bench.cloud._state.moves) == 2)
    process.die()
    gone.join(10)
    other = bench.plan(*moves(bench, 2, name="y"))
    gate()
    waiting = bench.process().take(other)
    bench.until(lambda: len(waiting.waiting) == 2)
    gate()
    heir = bench.process().take(doomed)
    bench.until(lambda: bench.states(doomed).count("SUCCEEDED") >= 2, 60)
    for runner in (heir, waiting):
        runner.join(60)
    assert bench.states(doomed) == ["SUCCEEDED"] * 4
    assert bench.states(other) == ["SUCCEEDED"] * 2
    assert max(most_at_once(bench.cloud).values()) == 2
    assert left_over(bench) == []


def test_a_plan_that_is_given_up_leaves_its_slots_and_this_process_forgets(bench, gate):
    roomy(bench, "a", "b")
    bench.cloud.migration_mb_s = 2.0
    plan = bench.plan(*moves(bench, 2))
    turnstile = gate()
    runner = bench.process().take(plan)
    bench.until(lambda: bench.states(plan) == ["ONGOING"] * 2)
    runner.leave()
    runner.join(10)
    assert not turnstile._stays
    assert not turnstile._counts._mine
    assert len(left_over(bench)) == 6


def test_paused_a_plan_begins_nothing_new_and_what_runs_goes_on(bench, gate):
    roomy(bench, "a", "b")
    bench.cloud.migration_mb_s = 20.0
    gate(Caps(from_node=1))
    plan = bench.plan(*moves(bench, 3))
    runner = bench.process().take(plan)
    bench.until(lambda: "ONGOING" in bench.states(plan))
    bench.db.write(pauses.pause, plan, True)
    bench.until(lambda: bench.states(plan) == ["SUCCEEDED", "PENDING", "PENDING"])
    text = "the plan is paused by request"
    bench.until(lambda: bench.state(plan).status_message == f"Waiting: {text}")
    bench.until(lambda: set(runner.waiting.values()) == {text})
    # It survives the applier.
    runner.leave()
    runner.join(10)
    bench.db.write(leases.purge, -1000)
    heir = bench.process().take(plan)
    heir.join(2.5)
    assert bench.states(plan) == ["SUCCEEDED", "PENDING", "PENDING"]
    bench.db.write(pauses.pause, plan, False)
    heir.join(20)
    assert bench.state(plan).state == "SUCCEEDED"
    assert (bench.state(plan).status_message, bench.state(plan).paused) == (None, False)


def test_outside_its_window_a_running_plan_begins_nothing_new(bench, gate, clock):
    """actions.md H10: no time limit or maintenance window for a plan"""
    plan = bench.plan(("nop", {"message": "m"}))
    window = {"from": "22:00", "to": "05:00", "timezone": "Europe/Berlin"}
    say(bench, plan, window=window)
    gate()
    runner = bench.process().take(plan)
    opens = "its execution window opens at 2026-11-27 22:00 Europe/Berlin"
    bench.until(lambda: bench.state(plan).status_message == f"Waiting: {opens}")
    assert list(runner.waiting.values()) == [opens]
    clock.now = datetime.datetime(2026, 11, 27, 21, 0, 1)
    runner.join(10)
    assert bench.state(plan).state == "SUCCEEDED"
    assert bench.state(plan).status_message is None


def test_the_moves_of_a_plan_have_a_budget_and_the_rest_is_skipped(bench, gate):
    """actions.md H10: nothing limits what a plan may do"""
    roomy(bench, "a", "b")
    gate()
    plan = bench.plan(*moves(bench, 4), ("nop", {"message": "m"}))
    say(bench, plan, max_moves=3)
    # A move that turns out to be needless costs nothing.
    bench.cloud.delete_server(bench.actions(plan)[0].input_parameters["resource_id"])
    assert bench.run(plan, 60).state == "SUCCEEDED"
    assert bench.states(plan) == ["SKIPPED"] + ["SUCCEEDED"] * 4
    more = bench.plan(*moves(bench, 4, "b", "a"), ("nop", {"message": "m"}))
    say(bench, more, max_moves=2)
    assert bench.run(more, 60).state == "SUCCEEDED"
    assert Counter(bench.states(more)) == {"SUCCEEDED": 3, "SKIPPED": 2}
    text = next(a.status_message for a in bench.actions(more) if a.state == "SKIPPED")
    assert "the plan may move 2 servers and volumes, and it has" in text


def test_rules_of_the_plan_tighten_the_limits(bench, gate):
    roomy(bench, "a", "b", "c")
    gate()
    plan = bench.plan(*moves(bench, 3, "a", "b"), *moves(bench, 3, "b", "c"))
    say(bench, plan, limits={"moves_to_node": 1, "running": 2})
    assert bench.run(plan, 60).state == "SUCCEEDED"
    most = most_at_once(bench.cloud)
    assert (most["in", "b"], most["in", "c"]) == (1, 1)
    typed = bench.plan(*(("sleep", {"duration": 1}) for _ in range(2)))
    say(bench, typed, limits={"types": {"sleep": 1}})
    runner = bench.process().take(typed)
    most = 0
    while runner.alive:
        most = max(most, bench.states(typed).count("ONGOING"))
    assert most == 1
    assert bench.states(typed) == ["SUCCEEDED"] * 2


def test_a_type_may_be_limited_over_all_plans(bench, gate):
    plans = [
        bench.plan(*(("sleep", {"duration": 0.5}) for _ in range(2))) for _ in range(2)
    ]
    runners = []
    for plan in plans:
        gate(Caps(types={"sleep": 1}))
        runners.append(bench.process().take(plan))
    most = 0
    while any(runner.alive for runner in runners):
        every = bench.db.read(
            lambda tx: [a.state for p in plans for a in actions.of_plan(tx, p)]
        )
        most = max(most, every.count("ONGOING"))
    assert most == 1
    assert [bench.states(plan) for plan in plans] == [["SUCCEEDED"] * 2] * 2


class Projects(NoFacts):
    def project_of(self, server):
        return "p1"


def test_what_is_known_of_servers_counts(bench, gate):
    roomy(bench, "a", "b")
    gate(Caps(from_node=None, to_node=None, project=1), Projects())
    plan = bench.plan(*moves(bench, 3))
    assert bench.run(plan, 60).state == "SUCCEEDED"
    assert most_at_once(bench.cloud)["in", "b"] == 1


def test_many_waiting_actions_cost_no_statements(bench, gate):
    roomy(bench, "a", "b")
    bench.cloud.migration_mb_s = 1.0
    plan = bench.plan(*moves(bench, 300))
    turnstile = gate()
    book = bench.process().take(plan, start=False).book
    bench.runners.clear()
    rows = bench.actions(plan)
    assert turnstile.hold(book) is None
    first = turnstile.admit(book, rows, 300)
    assert (len(first.admitted), len(first.reasons)) == (2, 298)
    seen = []
    book._db = type("Counting", (), {
        "write": lambda self, fn, *a, **k: seen.append(fn) or bench.db.write(fn, *a, **k),
        "read": lambda self, fn, *a, **k: seen.append(fn) or bench.db.read(fn, *a, **k),
    })()  # fmt: skip
    waiting = [row for row in rows if row.uuid not in first.admitted]
    for _ in range(5):
        assert turnstile.admit(book, waiting, 300).admitted == []
    assert seen == []
    turnstile.release(book, [row for row in rows if row.uuid == first.admitted[0]])
    assert len(turnstile.admit(book, waiting, 300).admitted) == 1
    # What ended went along with what began; whose the hosts are was looked up.
    assert len(seen) == 2
