"""Cancel: at once, whenever it comes, and with the truth about what was left where."""

import dataclasses
import threading

import pytest

from watcher.applier import verdict
from watcher.applier.actions.base import BaseAction
from watcher.applier.admission import NoLimits
from watcher.db import action_plans
from watcher.domain.records import Action, Operation

from .test_migrate import migrate, slow, where
from .test_plan import nop, note, notes, sleep  # noqa: F401 (a fixture)


def cancel(bench, plan, runner=None):
    bench.cancel(plan)
    if runner:
        runner.wake()
        runner.join(10)
        assert not runner.alive


def action(number, state, kind="migrate", **given):
    server = f"{number:08}-0000-0000-0000-000000000000"
    given = {"resource_id": server, "resource_name": f"web-{number}", **given}
    return Action(
        id=number, uuid=f"action-{number}", action_plan_id=1, action_type=kind,
        input_parameters=given, state=state,
    )  # fmt: skip


def operation(row, outcome="succeeded", **detail):
    return Operation(
        id=row.id, action_uuid=row.uuid, kind="migrate", owner="o", owner_epoch=1,
        request_id="req", outcome=outcome, detail=detail,
    )  # fmt: skip


def told(*rows):
    actions, operations = zip(*rows, strict=True)
    found = verdict.ended(
        actions, cancelling=True, operations=[op for op in operations if op]
    )
    assert found.state == "CANCELLED"
    return found.message


def moved(number, host):
    row = action(number, "SUCCEEDED", destination_node=host)
    return row, operation(row, source="a", dest=host, host=host)


def test_it_says_what_was_left_where():
    going = action(3, "FAILED", destination_node="c")
    assert told(
        moved(1, "b"),
        moved(2, "c"),
        (going, operation(going, "timeout", source="a", dest="c")),
        (action(4, "FAILED"), None),
        (action(5, "CANCELLED"), None),
        (action(6, "SKIPPED", "nop"), None),
    ) == (
        "Cancelled on request; actions: 1 perhaps still going on (web-3 to c), 2 done, "
        "1 failed, 1 skipped, 1 not done. Moved: web-1 on b, web-2 on c"
    )


@pytest.mark.parametrize("count", [1, 5, 10, 300])
def test_however_much_it_is_it_fits(count):
    text = told(*(moved(n, f"compute-{n}") for n in range(count)))
    assert len(text) <= 255
    assert f"{count} done" in text and "web-0 on compute-0" in text
    if count == 300:
        assert text.endswith(" more")
        shown = text.count(" on compute-")
        assert f" and {300 - shown} more" in text
    doubts = [action(n, "FAILED", destination_node="x" * 90) for n in range(count)]
    text = told(*((row, operation(row, "timeout")) for row in doubts))
    assert len(text) <= 255 and f"{count} perhaps still going on" in text


def test_a_live_migration_is_aborted_and_a_cold_one_finishes(bench):
    live, cold = slow(bench), bench.cloud.add_server("cold", "a", "m1.tiny")
    late = bench.cloud.add_server("late", "a")
    plan = bench.plan(
        migrate(live, "live", "b"),
        migrate(cold, "cold", "c", resource_name="cold"),
        (*migrate(late), [0]),
    )
    runner = bench.process().take(plan)
    bench.until(
        lambda: bench.accepted("live_migrate") and bench.accepted("cold_migrate")
    )
    cancel(bench, plan, runner)
    assert bench.states(plan) == ["CANCELLED", "SUCCEEDED", "CANCELLED"]
    assert bench.state(plan).status_message == (
        "Cancelled on request; actions: 1 done, 2 not done. Moved: cold on c"
    )
    assert where(bench, live) == where(bench, late) == ("a", "ACTIVE")
    assert where(bench, cold) == ("c", "ACTIVE")


class Slow(BaseAction):
    """Looks for as long as the test wants"""

    looking, go = threading.Event(), threading.Event()
    seen: list = []  # noqa: RUF012
    schema = {"type": "object"}  # noqa: RUF012

    def get_description(self):
        return "looks"

    def pre_condition(self):
        self.looking.set()
        self.go.wait(10)

    def execute(self):
        self.seen.append("execute")
        return True

    def post_condition(self):
        self.seen.append("post_condition")


class Busy(Slow):
    """Acts for as long as the test wants, and cannot be interrupted"""

    acting, end = threading.Event(), threading.Event()

    def pre_condition(self):
        pass

    def execute(self):
        self.acting.set()
        return self.end.wait(10)


@pytest.fixture
def plugins(bench):
    for event in (Slow.looking, Slow.go, Busy.acting, Busy.end):
        event.clear()
    Slow.seen.clear()
    bench.plugins._given["watcher_actions"].update(slow=Slow, busy=Busy)


@pytest.mark.usefixtures("plugins")
def test_a_cancel_with_the_last_action_running_is_kept(bench):
    """actions.md A3: cancelled while only the last action runs is CANCELLED"""
    plan = bench.plan(nop(), ("busy", {}, [0]))
    runner = bench.process().take(plan)
    assert Busy.acting.wait(10)
    bench.cancel(plan)
    Busy.end.set()
    runner.join(10)
    assert bench.states(plan) == ["SUCCEEDED", "SUCCEEDED"]
    assert bench.state(plan).state == "CANCELLED"
    assert bench.state(plan).status_message == "Cancelled on request; actions: 2 done"


@pytest.mark.usefixtures("plugins")
def test_what_was_cancelled_before_it_began_does_nothing_at_all(bench):
    """actions.md A4: no post-condition of an action that never ran"""
    plan = bench.plan(("slow", {}), nop(0))
    runner = bench.process().take(plan)
    assert Slow.looking.wait(10)
    bench.cancel(plan)
    runner.wake()
    bench.until(lambda: runner.cancelling)
    Slow.go.set()
    runner.join(10)
    assert Slow.seen == []
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert bench.state(plan).state == "CANCELLED"


@pytest.mark.parametrize("cancelled", [False, True])
def test_an_engine_that_breaks_leaves_nothing_open(bench, notes, cancelled):  # noqa: F811
    """actions.md A5: every action of a plan that ended has ended"""
    plan = bench.plan(note("a", s=0.3), note("b", 0), note("c"))
    runner = bench.process().take(plan, start=False)
    original = runner._await

    def broken(*args):
        if bench.states(plan)[0] == "ONGOING":
            if cancelled:
                bench.cancel(plan)
            raise ZeroDivisionError
        return original(*args)

    runner._await = broken
    runner.start()
    runner.join(10)
    assert bench.state(plan).state == "FAILED"
    assert not {"PENDING", "ONGOING", "CANCELLING"} & set(bench.states(plan))
    assert "see the applier's log" in bench.state(plan).status_message


def test_a_cancel_that_comes_while_nobody_has_the_plan(bench):
    """Its applier died; whoever takes it over begins nothing and aborts what runs"""
    vm, late = slow(bench), bench.cloud.add_server("late", "a")
    plan = bench.plan(migrate(vm), (*migrate(late, "live", "c"), [0]))
    first = bench.process()
    old = first.take(plan)
    bench.until(lambda: bench.accepted("live_migrate"))
    first.die()
    old.join(10)
    bench.cancel(plan)
    assert bench.run(plan).state == "CANCELLED"
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert where(bench, vm) == where(bench, late) == ("a", "ACTIVE")
    assert len(bench.accepted("live_migrate")) == 1


def test_a_cancel_that_comes_right_before_the_takeover_looks(bench):
    vm = slow(bench)
    plan = bench.plan(migrate(vm), nop(0))
    first = bench.process()
    old = first.take(plan)
    bench.until(lambda: bench.accepted("live_migrate"))
    first.die()
    old.join(10)
    second = bench.process().take(plan, start=False)
    bench.cancel(plan)
    second.start()
    second.join(10)
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert where(bench, vm) == ("a", "ACTIVE")


class Holding(NoLimits):
    """Lets nothing begin, as for a plan that is paused"""

    def hold(self, book):
        return "paused"


def test_a_plan_that_may_begin_nothing_is_cancelled_all_the_same(bench):
    plan = bench.plan(nop(), nop(0))
    runner = bench.process().take(plan, start=False)
    runner._settings = dataclasses.replace(runner._settings, admission=Holding())
    runner.start()
    bench.until(lambda: bench.state(plan).state == "ONGOING")
    bench.db.write(action_plans.update, plan, paused=True)
    cancel(bench, plan, runner)
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert bench.state(plan).state == "CANCELLED"


# Handing over ---------------------------------------------------------------------------


def test_a_drain_hands_a_running_migration_over(bench):
    vm = slow(bench)
    plan = bench.plan(migrate(vm), nop(0))
    first = bench.process()
    runner = first.take(plan)
    bench.until(lambda: bench.accepted("live_migrate"))
    runner.drain()
    runner.join(5)
    assert not runner.alive
    assert bench.states(plan) == ["ONGOING", "PENDING"]
    first.expire()  # the lease is given back
    bench.cancel(plan)
    assert bench.run(plan).state == "CANCELLED"
    assert len(bench.accepted("live_migrate")) == 1


@pytest.mark.usefixtures("plugins")
def test_a_drain_begins_nothing_that_was_only_looking(bench):
    plan = bench.plan(("slow", {}))
    runner = bench.process().take(plan)
    assert Slow.looking.wait(10)
    runner.drain()
    Slow.go.set()
    runner.join(5)
    assert not runner.alive
    assert bench.states(plan) == ["PENDING"] and Slow.seen == []
