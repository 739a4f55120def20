"""Processes die at every step of a plan; another one ends it, nothing is done twice."""

from dataclasses import replace

import pytest

from watcher.db import action_plans, actions

from .test_migrate import migrate, only, slow, where


def confirmed(bench, vm):
    nova = bench.cloud.clients().nova
    return [m for m in nova.migrations(vm) if m.status not in ("error", "failed")]


def die_and_resume(bench, plan, at, after):
    """Let a process die at its ``at``-th effect, then another one end the plan"""
    fate = bench_fate(at, after)
    process = bench.process(fate)
    runner = process.take(plan)
    runner.join(20)
    assert not runner.alive
    lived = not fate.dead.is_set()
    process.die()
    if not lived:
        assert bench.state(plan).state == "ONGOING" or bench.state(plan).owner is None
        if bench.state(plan).state == "ONGOING":
            bench.run(plan)
    return lived


def bench_fate(at, after):
    from .conftest import Fate

    return Fate(at, after)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("kind", "dest"), [("live", "b"), ("live", None), ("cold", "b"), ("cold", None)]
)
def test_killed_at_every_step_a_server_moves_once(bench, kind, dest, after):
    at = 0
    while True:
        at += 1
        vm = bench.cloud.add_server(f"vm{at}", "a", "m1.tiny")
        plan = bench.plan(migrate(vm, kind, dest), ("nop", {"message": "m"}, [0]))
        del bench.calls[:]
        lived = die_and_resume(bench, plan, at, after)
        assert bench.state(plan).state == "SUCCEEDED", (at, only(bench, plan))
        assert bench.states(plan) == ["SUCCEEDED", "SUCCEEDED"]
        host, status = where(bench, vm)
        assert status == "ACTIVE"
        assert host == dest if dest else host != "a"
        assert len(confirmed(bench, vm)) == 1, f"moved twice after step {at}"
        assert len(bench.accepted(f"{kind}_migrate")) == 1
        tried = {call[1][-1] for call in bench.calls if call[0] == f"{kind}_migrate"}
        assert len(tried) == 1
        if lived:
            break
    # begin, intent, call, end, ... : the walk went through all of them.
    assert at >= 8


def test_killed_at_every_step_a_service_is_disabled_once(bench):
    for after in (False, True):
        at = 0
        while True:
            at += 1
            host = f"h{at}{after}"
            bench.cloud.add_host(host)
            given = {"resource_id": host, "state": "disabled", "disabled_reason": "w"}
            plan = bench.plan(("change_nova_service_state", given))
            lived = die_and_resume(bench, plan, at, after)
            assert bench.states(plan) == ["SUCCEEDED"]
            found = {s.host: s for s in bench.cloud.clients().nova.services()}
            assert (found[host].status, found[host].disabled_reason) == (
                "disabled",
                "w",
            )
            if lived:
                break
        assert at >= 6


def test_a_running_migration_is_adopted_not_repeated(bench):
    bench.cloud.migration_mb_s = 100.0
    vm = bench.cloud.add_server("vm", "a", "m1.large")
    plan = bench.plan(migrate(vm))
    first = bench.process()
    runner = first.take(plan)
    bench.until(lambda: bench.accepted("live_migrate"))
    first.die()
    second = bench.process().take(plan)
    runner.join(5)
    assert second.alive
    assert bench.states(plan) == ["ONGOING"]
    second.join(10)
    assert bench.state(plan).state == "SUCCEEDED"
    assert len(bench.calls) == 1


def test_a_migration_that_failed_while_nobody_looked_is_failed(bench):
    vm = bench.cloud.add_server("vm", "a")
    bench.cloud.fail("rollback")
    plan = bench.plan(migrate(vm))
    first = bench.process()
    runner = first.take(plan)
    bench.until(lambda: bench.accepted("live_migrate"))
    first.die()
    runner.join(5)
    bench.until(lambda: not confirmed(bench, vm))
    assert bench.run(plan).state == "FAILED"
    assert len(bench.calls) == 1


def test_a_stopped_process_that_wakes_up_disturbs_nobody(bench):
    """SIGSTOP, takeover, SIGCONT: the old process goes on where it was"""
    vm = bench.cloud.add_server("vm", "a", "m1.large")
    plan = bench.plan(migrate(vm), ("nop", {"message": "m"}, [0]))
    first = bench.process()
    old = first.take(plan)
    bench.until(lambda: bench.accepted("live_migrate"))
    first.expire()  # its own view of the lease has not noticed yet
    new = bench.process().take(plan)
    new.join(20)
    old.join(20)
    assert not old.alive and not new.alive
    assert bench.states(plan) == ["SUCCEEDED", "SUCCEEDED"]
    assert len(bench.accepted("live_migrate")) == 1
    ends = [e for e in bench.events if e[0] == "action.execution.end"]
    assert len(ends) == 2


def test_nothing_is_begun_when_the_lease_is_stale(bench):
    vm = bench.cloud.add_server("vm", "a")
    plan = bench.plan(migrate(vm))
    process = bench.process()
    process.tenure.fresh = False
    runner = process.take(plan)
    bench.until(lambda: bench.operations(only(bench, plan).uuid))
    runner.join(0.5)
    assert bench.calls == []
    process.tenure.fresh = True
    runner.join(10)
    assert bench.state(plan).state == "SUCCEEDED"


@pytest.mark.parametrize("at", range(1, 12))
def test_a_cancelling_plan_of_a_dead_applier_is_ended(bench, at):
    vm = slow(bench)
    plan = bench.plan(migrate(vm), ("nop", {"message": "m"}, [0]))
    process = bench.process(bench_fate(at, True))
    runner = process.take(plan)
    bench.until(lambda: process.fate.dead.is_set() or bench.accepted("live_migrate"))
    bench.db.write(action_plans.step, plan, "ONGOING", "CANCELLING")
    bench.until(lambda: not runner.alive)
    process.die()
    if bench.state(plan).state == "CANCELLING":
        bench.run(plan)
    assert bench.state(plan).state == "CANCELLED"
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert where(bench, vm) == ("a", "ACTIVE")
    assert bench.db.read(actions.of_plan, plan)[1].state == "CANCELLED"


@pytest.mark.parametrize("kind", ["live", "cold"])
def test_a_request_that_arrives_late_is_waited_for(bench, kind):
    """The loser's call is still on its way while the taker looks for it"""
    bench.timing = replace(bench.timing, settle_s=1.5)
    vm = bench.cloud.add_server("vm", "a")
    plan = bench.plan(migrate(vm, kind, None))
    # Row begun, intent written: the third effect is the call itself.
    process = bench.process(bench_fate(3, False))
    process.take(plan).join(10)
    operation = bench.operations(only(bench, plan).uuid)[0]
    assert operation.sent_at is None
    process.die()
    second = bench.process().take(plan)
    second.join(0.3)
    assert bench.calls == []
    nova = bench.cloud.clients().nova
    getattr(nova, f"{kind}_migrate")(vm, None, operation.request_id)
    second.join(15)
    assert bench.state(plan).state == "SUCCEEDED"
    assert len(confirmed(bench, vm)) == 1
    assert f"{kind}_migrate" not in {call[0] for call in bench.calls}


def test_a_plan_that_is_ours_but_does_not_run_goes_on(bench, conf):
    from .test_crew import Crew, FakeLease

    process = bench.process()
    plan = bench.plan(("nop", {"message": "m"}))
    # The claim was committed, but the answer got lost with the connection.
    assert bench.db.write(action_plans.claim, plan, process.claim, "h")
    crew = Crew(
        conf, db=process.db, lease=FakeLease(process.tenure), plugins=bench.plugins,
        clients=process.clients, phase=bench.phase,
    )  # fmt: skip
    crew.scan()
    assert crew.wait_idle(10)
    assert bench.state(plan).state == "SUCCEEDED"
