"""What a process takes on, what it lets go, and what it buries."""

import datetime
import time

import pytest

from watcher.applier.crew import Crew
from watcher.applier.endpoints import ApplierEndpoint
from watcher.db import action_plans, actions, execution_rules, leases, services, slots
from watcher.domain.records import Place


class FakeLease:
    def __init__(self, tenure):
        self._tenure = tenure
        self.on_lost = []

    @property
    def claim(self):
        return self._tenure.claim

    def may_start(self):
        return self._tenure.may_start()


@pytest.fixture
def crew(bench, conf):
    made = []

    def make(**more):
        process = bench.process()
        lease = FakeLease(process.tenure)
        crew = Crew(
            conf, db=process.db, lease=lease, plugins=bench.plugins,
            clients=process.clients, phase=bench.phase, **more,
        )  # fmt: skip
        crew.process, crew.lease = process, lease
        made.append(crew)
        return crew

    yield make
    for one in made:
        one.stop(time.monotonic() + 3)


def nops(bench, count=1):
    return bench.plan(*(("nop", {"message": "m"}) for _ in range(count)))


def sleeps(bench, seconds=30):
    return bench.plan(("sleep", {"duration": seconds}))


def test_a_waiting_plan_is_found_without_a_message(bench, crew):
    plan = nops(bench)
    one = crew()
    one.start()
    bench.until(lambda: bench.state(plan).state == "SUCCEEDED")
    assert ("action_plan.execution.start", plan, "ONGOING") in [
        event[:3] for event in bench.events
    ]


def test_a_message_only_wakes(bench, crew, conf):
    conf.set_override("work_scan_interval", 10, "watcher_applier")
    one = crew()
    one.start()
    bench.until(lambda: one.scanner.rounds)
    plan = nops(bench)
    endpoint = ApplierEndpoint(one.wake)
    assert endpoint.launch_action_plan({}, "whatever") == "whatever"
    bench.until(lambda: bench.state(plan).state == "SUCCEEDED", 3)


def test_no_more_plans_than_workers_but_every_orphan(bench, crew):
    running, waiting, orphan = sleeps(bench), sleeps(bench), sleeps(bench)
    dead = bench.process()
    gone = dead.take(orphan)
    bench.until(lambda: bench.states(orphan) == ["ONGOING"])
    dead.die()
    gone.join(5)
    one = crew()
    for _ in range(3):
        one.scan()
    bench.until(lambda: bench.state(running).state == "ONGOING")
    assert bench.state(waiting).state == "PENDING"
    assert bench.state(orphan).owner == one.process.claim.owner


def test_two_processes_never_run_the_same_plan(bench, crew):
    plans = [nops(bench, 3) for _ in range(5)]
    pair = [crew(), crew()]
    for one in pair:
        one.start()
    bench.until(lambda: all(bench.state(p).state == "SUCCEEDED" for p in plans), 20)
    starts = [e[1] for e in bench.events if e[0] == "action.execution.start"]
    assert len(starts) == len(set(starts)) == 15


def test_a_lost_lease_ends_every_plan_here(bench, crew):
    plan = sleeps(bench)
    one = crew()
    one.scan()
    bench.until(lambda: bench.states(plan) == ["ONGOING"])
    claim = one.process.claim
    one.process.expire()
    one.process.tenure.held = None
    for listener in one.lease.on_lost:
        listener(claim)
    assert one.wait_idle(5)
    assert bench.states(plan) == ["ONGOING"]
    one.scan()
    assert bench.state(plan).owner == claim.owner


def test_a_stop_without_a_limit_waits_for_what_runs(bench, crew):
    plan = nops(bench)
    one = crew()
    one.start()
    bench.until(lambda: bench.states(plan) != ["PENDING"])
    one.stop(float("inf"))
    assert bench.states(plan) == ["SUCCEEDED"]


def test_a_stop_leaves_rows_that_the_next_process_takes(bench, crew):
    from tests.unit.applier.test_migrate import migrate, slow

    vm = slow(bench)
    plan = bench.plan(migrate(vm), ("nop", {"message": "m"}, [0]))
    one = crew()
    one.scan()
    bench.until(lambda: bench.accepted("live_migrate"))
    began = time.monotonic()
    one.stop(time.monotonic() + 2.5)
    assert time.monotonic() - began < 4
    assert bench.states(plan) == ["ONGOING", "PENDING"]
    one.process.expire()  # the lease part stops after us
    two = crew()
    two.scan()
    assert bench.state(plan).owner == two.process.claim.owner
    bench.cancel(plan)
    assert two.wait_idle(10)
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert len(bench.accepted("live_migrate")) == 1


def left_behind(bench, state):
    plan = nops(bench, 2)
    first = bench.actions(plan)[0].uuid

    def leave(tx):
        action_plans.step(tx, plan, "PENDING", "ONGOING", hostname="old")
        actions.step(tx, first, "PENDING", "ONGOING")
        if state == "CANCELLING":
            action_plans.step(tx, plan, "ONGOING", "CANCELLING")

    bench.db.write(leave)
    return plan


@pytest.mark.parametrize("state", ["ONGOING", "CANCELLING"])
def test_a_plan_of_the_other_implementation_is_cancelled(bench, crew, state):
    plan = left_behind(bench, state)
    crew().scan()
    ended = bench.state(plan)
    assert ended.state == "CANCELLED"
    assert "because applier old stopped while the action plan was" in (
        ended.status_message
    )
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert "applier old stopped" in bench.actions(plan)[0].status_message


def test_but_not_while_its_applier_lives(bench, crew):
    plan = left_behind(bench, "ONGOING")
    bench.db.write(services.beat, "watcher-applier", "old", runtime="x")

    def theirs(tx):
        from watcher.db.models import Service

        tx.query(Service).update({"runtime": None})

    bench.db.write(theirs)
    crew().scan()
    assert bench.state(plan).state == "ONGOING"


def test_nothing_is_taken_without_a_fresh_lease(bench, crew):
    plan = nops(bench)
    one = crew()
    one.process.tenure.fresh = False
    one.scan()
    assert bench.state(plan).state == "PENDING"
    bench.db.write(leases.release, one.process.claim)
    one.process.tenure.fresh = True
    one.scan()
    assert bench.state(plan).state == "PENDING"


def test_h10_a_plan_waits_for_its_window_and_says_until_when(bench, crew):
    """actions.md H10: there was no maintenance window for a plan"""
    plan, other = nops(bench), nops(bench)
    window = {"days": ["sat"], "from": "01:00", "to": "02:00", "timezone": "Asia/Tokyo"}
    bench.db.write(execution_rules.put, "action_plan", plan, {"window": window})
    now = datetime.datetime(2026, 11, 27, 12, 0)
    one = crew(now=lambda: now)
    one.scan()
    assert bench.state(plan).status_message == (
        "Waiting: its execution window opens at 2026-11-28 01:00 Asia/Tokyo"
    )
    assert bench.state(plan).state == "PENDING"
    bench.until(lambda: bench.state(other).state == "SUCCEEDED")
    # Whoever thinks better of it leaves no such message behind.
    unwanted = nops(bench)
    bench.db.write(execution_rules.put, "action_plan", unwanted, {"window": window})
    one.scan()
    assert bench.state(unwanted).status_message.startswith("Waiting: ")
    bench.db.write(action_plans.cancel, unwanted, "PENDING")
    assert bench.state(unwanted).status_message is None
    # Nothing is written again while nothing changes.
    written = bench.state(plan).updated_at
    one.scan()
    assert bench.state(plan).updated_at == written
    now = datetime.datetime(2026, 11, 27, 16, 0)
    one.scan()
    bench.until(lambda: bench.state(plan).state == "SUCCEEDED")
    assert bench.state(plan).status_message is None


def test_what_is_said_of_the_audit_holds_for_its_plans(bench, crew):
    plan = nops(bench)
    window = {"from": "01:00", "to": "02:00"}
    bench.db.write(execution_rules.put, "audit", bench.audit, {"window": window})
    one = crew(now=lambda: datetime.datetime(2026, 11, 27, 12, 0))
    one.scan()
    assert bench.state(plan).state == "PENDING"
    # The plan itself counts more.
    whole = {"window": {"from": "00:00", "to": "24:00"}}
    bench.db.write(execution_rules.put, "action_plan", plan, whole)
    one.scan()
    bench.until(lambda: bench.state(plan).state == "SUCCEEDED")


def test_slots_that_somebody_forgot_are_swept_up(bench, crew):
    process = bench.process()
    plan = sleeps(bench)
    bench.db.write(action_plans.claim, plan, process.claim, "h")
    action = bench.actions(plan)[0].uuid
    wanted = {action: [Place("object", "s", 1)]}
    bench.db.write(slots.take, plan, process.claim, wanted)
    bench.db.write(actions.step, action, "PENDING", "SKIPPED")
    crew().scan()
    assert bench.db.read(slots.of_plan, plan) == []
