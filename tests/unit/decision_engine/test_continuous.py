"""CONTINUOUS audits: when they are due, and that each run is one run."""

import contextlib
import datetime

import pytest

from tests.unit.decision_engine.test_audit import Crash, World
from watcher.db import action_plans, actions, audits, continuous, history
from watcher.domain import states

HOUR = datetime.timedelta(hours=1)


@pytest.fixture(scope="module")
def content():
    """A database with tables and plugins, made once"""
    return World(None).content


@pytest.fixture
def world(cloud, content):
    cloud.node("h1").node("h2").server("a", "h1")
    return World(cloud, content)


def due(world):
    return world.db.read(continuous.due, world.moment)


def hourly(world, strategy="dummy", interval="3600", **values):
    goal = "unclassified" if strategy == "odd" else "dummy"
    return world.audit(
        goal, strategy, audit_type=states.CONTINUOUS, interval=interval, **values
    )


def tick(world, engine):
    """What an engine does each second; return how many runs there were"""
    before = len(world.told)
    for uuid in due(world):
        engine.run(uuid)
    return sum(event == "audit.strategy.start" for event, *_ in world.told[before:])


def test_it_runs_at_once_then_waits_for_its_interval(world):
    uuid, engine = hourly(world), world.engine()
    assert tick(world, engine) == 1
    audit = world.get(uuid)
    assert (audit.state, audit.owner, audit.hostname) == ("ONGOING", None, "one")
    assert audit.next_run_time == world.moment + datetime.timedelta(hours=1)
    world.later(3599)
    assert tick(world, engine) == 0
    world.later(1)
    assert tick(world, engine) == 1


def test_only_the_latest_plan_stays_recommended(world):
    hourly(world)
    engine = world.engine()
    for _run in range(3):
        assert tick(world, engine) == 1
        world.later(3600)
    assert [plan.state for plan in world.plans] == [
        states.CANCELLED,
        states.CANCELLED,
        states.RECOMMENDED,
    ]
    # Nothing of a cancelled plan looks as if it still waited for somebody.
    for plan in world.plans[:2]:
        found = world.db.read(actions.of_plan, plan.uuid)
        assert {action.state for action in found} == {states.CANCELLED}


def test_missed_runs_are_made_up_for_by_one(world):
    hourly(world)
    engine = world.engine()
    tick(world, engine)
    world.later(5 * 3600 + 60)
    assert tick(world, engine) == 1
    assert due(world) == []


def test_cron_runs_at_its_match_and_not_before(world):
    uuid, engine = hourly(world, interval="30 * * * *"), world.engine()
    assert tick(world, engine) == 0
    half_past = world.moment + datetime.timedelta(minutes=30)
    assert world.get(uuid).next_run_time == half_past
    assert world.get(uuid).state == states.PENDING
    world.later(1800)
    assert tick(world, engine) == 1
    assert world.get(uuid).next_run_time == half_past + datetime.timedelta(hours=1)


def test_two_engines_make_one_run(world):
    uuid = hourly(world)
    one, two = world.engine("one"), world.engine("two")
    found = due(world)
    one.run(uuid)
    for again in found:  # seen by the other engine before the first one claimed it
        two.run(again)
    assert world.get(uuid).hostname == "one"
    assert len(world.plans) == 1


def test_a_run_cut_short_by_a_death_is_made_by_another_engine(world):
    uuid = hourly(world)
    one, two = world.engine("one"), world.engine("two")
    world.crash_at = "audit.planner.start"
    with pytest.raises(Crash):
        one.run(uuid)
    world.crash_at = None
    assert due(world) == []  # the dead are believed alive until their lease ends
    one.lease.die()
    assert due(world) == [uuid]
    two.run(uuid)
    assert world.get(uuid).hostname == "two"
    assert len(world.plans) == 1


def test_a_run_given_back_at_a_stop_is_due_at_once(world):
    uuid, one = hourly(world), world.engine("one")
    world.crash_at = "audit.planner.start"
    with pytest.raises(Crash):
        one.run(uuid)

    def give_back(tx):
        continuous.give_back(tx, one.lease.claim)
        audits.release(tx, one.lease.claim)

    world.db.write(give_back)
    world.moment = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    world.later(5)
    assert due(world) == [uuid]


def test_before_its_start_nothing_runs_and_after_its_end_it_has_succeeded(world):
    uuid = hourly(
        world,
        start_time=world.moment + datetime.timedelta(hours=2),
        end_time=world.moment + datetime.timedelta(hours=3),
    )
    engine = world.engine()
    assert tick(world, engine) == 0
    world.later(2 * 3600)
    assert tick(world, engine) == 1
    world.later(3601)
    assert tick(world, engine) == 0
    audit = world.get(uuid)
    assert (audit.state, audit.next_run_time) == (states.SUCCEEDED, None)
    assert due(world) == []


@pytest.mark.parametrize("state", [states.SUSPENDED, states.CANCELLED])
def test_somebody_else_ends_its_runs(world, state):
    uuid, engine = hourly(world), world.engine()
    tick(world, engine)
    world.db.write(audits.step, uuid, states.ONGOING, state)
    world.later(3600)
    assert due(world) == []


def test_a_resumed_audit_goes_on(world):
    uuid, engine = hourly(world), world.engine()
    tick(world, engine)
    world.db.write(audits.step, uuid, states.ONGOING, states.SUSPENDED)
    world.later(7200)
    world.db.write(audits.step, uuid, states.SUSPENDED, states.ONGOING)
    assert tick(world, engine) == 1


def fails(world, text="nothing there"):
    def fail(strategy):
        raise ZeroDivisionError(text)

    world.odd.act = staticmethod(fail)


def works(world):
    world.odd.act = staticmethod(lambda strategy: None)


def test_c1_o8_a_failed_run_says_why_how_often_and_when_it_is_tried_again(world):
    """audits.md C1, O8: one failure does not end the audit; the wait grows"""
    uuid, engine = hourly(world, "odd", interval="60"), world.engine()
    fails(world)
    assert tick(world, engine) == 1
    audit = world.get(uuid)
    assert (audit.state, audit.failures, audit.owner) == (states.ONGOING, 1, None)
    assert "nothing there" in audit.status_message
    assert audit.status_message.endswith(
        "; its run failed; runs again at 2026-01-01 00:01:00 UTC"
    )
    waits = []
    for _failure in range(7):
        before = world.moment
        world.moment = world.get(uuid).next_run_time
        waits.append((world.moment - before).total_seconds())
        assert tick(world, engine) == 1
    assert waits == [60, 120, 240, 480, 960, 1920, 3600]
    audit = world.get(uuid)
    assert audit.failures == 8 and "; 8 runs in a row failed; " in audit.status_message
    assert world.told[-1][0] == "audit.strategy.error"
    works(world)
    world.moment = audit.next_run_time
    assert tick(world, engine) == 1
    audit = world.get(uuid)
    assert (audit.status_message, audit.failures) == (None, 0)
    assert audit.next_run_time == world.moment + datetime.timedelta(seconds=60)


def test_a_long_error_does_not_hide_when_the_audit_runs_again(world):
    uuid, engine = hourly(world, "odd"), world.engine()
    fails(world, "x" * 1000)
    tick(world, engine)
    message = world.get(uuid).status_message
    assert len(message) == 255 and message.endswith(
        "runs again at 2026-01-01 01:00:00 UTC"
    )


def test_listeners_hear_of_a_failed_run_and_of_the_recovery(world):
    """The error with its fault, and an update of the row each time"""
    heard = []
    world.db._info["observer"] = lambda tx, change: heard.append(change)
    uuid, engine = hourly(world, "odd", interval="60"), world.engine()
    fails(world)
    tick(world, engine)
    event, _, fault = world.told[-1]
    assert event == "audit.strategy.error" and isinstance(fault, ZeroDivisionError)
    last = [change for change in heard if change.kind == "audit"][-1]
    assert "nothing there" in last.new.status_message and last.new.uuid == uuid
    works(world)
    world.later(60)
    tick(world, engine)
    last = [change for change in heard if change.kind == "audit"][-1]
    assert last.old.status_message and last.new.status_message is None


def test_a_plugin_that_ends_the_program_only_fails_its_run(world):
    def leave(strategy):
        raise SystemExit(3)

    uuid, engine = hourly(world, "odd"), world.engine()
    world.odd.act = staticmethod(leave)
    assert tick(world, engine) == 1
    assert (world.get(uuid).failures, world.get(uuid).owner) == (1, None)


@pytest.mark.parametrize("interval", ["nonsense", "0 0 31 2 *"])
def test_an_interval_broken_during_a_failing_run_does_not_keep_the_audit(
    world, interval
):
    uuid, engine = hourly(world, "odd"), world.engine()

    def act(strategy):
        world.db.write(audits.update, uuid, interval=interval)
        raise ZeroDivisionError

    world.odd.act = staticmethod(act)
    tick(world, engine)
    assert world.get(uuid).owner is None
    world.later(3600)
    for _look in range(2):
        tick(world, engine)
    assert world.get(uuid).state in states.AUDIT_FINAL


def test_cancelled_in_the_middle_of_a_run_it_leaves_no_plan(world):
    uuid, engine = hourly(world, "odd"), world.engine()
    world.odd.act = staticmethod(
        lambda strategy: world.db.write(
            audits.step, uuid, states.ONGOING, states.CANCELLED
        )
    )
    tick(world, engine)
    assert world.get(uuid).state == states.CANCELLED
    assert world.plans == []


def test_it_waits_while_a_plan_runs_where_it_would_look(world):
    plan = world.running_plan(
        ("change_nova_service_state", {"resource_name": "h1", "state": "disabled"})
    )
    uuid, engine = hourly(world), world.engine()
    assert tick(world, engine) == 0
    audit = world.get(uuid)
    assert audit.state == states.ONGOING
    assert plan in audit.status_message
    first = world.db.read(history.of, "audit", uuid)
    for _look in range(2):
        world.later(9)
        assert due(world) == []
        world.later(1)
        assert due(world) == [uuid]
        assert tick(world, engine) == 0
    # To wait on is no news.
    assert world.get(uuid).updated_at == audit.updated_at
    assert world.db.read(history.of, "audit", uuid) == first
    world.db.write(action_plans.step, plan, states.ONGOING, states.SUCCEEDED)
    world.later(10)
    assert tick(world, engine) == 1
    audit = world.get(uuid)
    assert audit.status_message is None
    # The rhythm is that from before the plan was in the way.
    assert audit.next_run_time == datetime.datetime(2026, 1, 1, 1)


@pytest.mark.parametrize("interval", ["every day", "9" * 36, "", "R x * * *"])
def test_c4_an_interval_that_nobody_can_read_fails_only_its_own_audit(world, interval):
    """audits.md C4: isolated per audit"""
    broken, good = hourly(world, interval=interval), hourly(world)
    engine = world.engine()
    assert tick(world, engine) == 1
    audit = world.get(broken)
    assert audit.state == states.FAILED
    assert f"'{interval}' cannot be used" in audit.status_message
    assert world.get(good).state == states.ONGOING


@pytest.mark.parametrize("interval", ["0", "-3600"])
def test_c5_no_number_stops_the_tick(world, interval):
    """audits.md C5: such rows were written by others; they run once a second at most"""
    uuid, engine = hourly(world, interval=interval), world.engine()
    assert [tick(world, engine) for _ in range(3)] == [1, 0, 0]
    assert world.get(uuid).next_run_time == world.moment + datetime.timedelta(seconds=1)


def test_the_last_match_is_run_and_then_the_audit_has_succeeded(world):
    uuid, engine = hourly(world, interval="30 0 1 1 * 0 2026"), world.engine()
    tick(world, engine)
    assert world.get(uuid).next_run_time == datetime.datetime(2026, 1, 1, 0, 30)
    world.later(1800)
    assert tick(world, engine) == 1
    assert tick(world, engine) == 0
    audit = world.get(uuid)
    assert audit.state == states.SUCCEEDED
    assert "no moment is left that matches" in audit.status_message


def test_what_ends_before_it_ran_says_so(world):
    uuid = hourly(world, interval="@daily", end_time=world.moment + HOUR)
    engine = world.engine()
    tick(world, engine)
    world.later(3601)
    tick(world, engine)
    audit = world.get(uuid)
    assert audit.state == states.SUCCEEDED
    assert audit.status_message == (
        "It ended because its end_time has passed, before it ran once."
    )


def test_a_match_at_the_very_start_is_not_missed(world):
    start = world.moment + HOUR
    uuid = hourly(world, interval="@hourly", start_time=start)
    engine = world.engine()
    assert tick(world, engine) == 0
    assert world.get(uuid).next_run_time == start and due(world) == []
    world.later(3600.3)
    assert tick(world, engine) == 1


def test_a_start_moved_back_before_the_first_run_is_honoured(world):
    uuid = hourly(world, interval="60", start_time=world.moment + HOUR)
    engine = world.engine()
    tick(world, engine)
    world.db.write(audits.update, uuid, start_time=world.moment + 2 * HOUR)
    world.later(3600)
    assert tick(world, engine) == 0
    assert due(world) == []
    world.later(3600)
    assert tick(world, engine) == 1


def test_a_suspended_audit_stays_so_past_its_end_and_ends_when_resumed(world):
    uuid = hourly(world, end_time=world.moment + HOUR)
    engine = world.engine()
    tick(world, engine)
    world.db.write(audits.step, uuid, states.ONGOING, states.SUSPENDED)
    world.later(7200)
    assert due(world) == []
    world.db.write(audits.step, uuid, states.SUSPENDED, states.ONGOING)
    assert tick(world, engine) == 0
    assert world.get(uuid).state == states.SUCCEEDED


def test_c3_what_is_changed_counts_at_the_next_run(world):
    """audits.md C3: the row is read at each run"""
    seen = []
    world.odd.act = staticmethod(lambda strategy: seen.append(strategy.audit_scope))
    uuid, engine = hourly(world, "odd"), world.engine()
    tick(world, engine)
    scope = [{"compute": [{"availability_zones": [{"name": "nova"}]}]}]
    world.db.write(audits.update, uuid, scope=scope, auto_trigger=True)
    world.later(3600)
    tick(world, engine)
    assert seen == [[], scope]


# Whose it is -------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [states.PENDING, states.ONGOING])
def test_c6_whatever_state_a_dead_engine_left_it_in_it_goes_on(world, state):
    """audits.md C6, W-M7: also audits assigned to a host before they ever ran"""
    uuid = hourly(world, hostname="dead", state=state)
    assert tick(world, world.engine("two")) == 1
    assert world.get(uuid).hostname == "two"


def test_c6_suspended_during_the_run_of_a_dead_engine_it_can_be_resumed(world):
    """audits.md C6: resumed after the death was seen"""
    uuid, one = hourly(world), world.engine("one")
    world.crash_at = "audit.planner.start"
    with pytest.raises(Crash):
        one.run(uuid)
    world.crash_at = None
    world.db.write(audits.step, uuid, states.ONGOING, states.SUSPENDED)
    one.lease.die()
    assert due(world) == []
    world.db.write(audits.step, uuid, states.SUSPENDED, states.ONGOING)
    world.later(3600)
    assert tick(world, world.engine("two")) == 1


def test_c9_the_same_host_started_again_takes_its_own_work_back(world):
    """audits.md C9: a new process is a new owner, whatever its host is called"""
    uuid, old = hourly(world), world.engine("one")
    world.crash_at = "audit.planner.start"
    with pytest.raises(Crash):
        old.run(uuid)
    world.crash_at = None
    again = world.engine("one")  # its lease ends that of the name
    assert tick(world, again) == 1
    with contextlib.suppress(Exception):
        old.run(uuid)
    assert len(world.plans) == 1


def test_c7_a_run_is_claimed_once_and_history_tells_by_whom(world):
    """audits.md C7: compare and set"""
    uuid = hourly(world)
    one, two = world.engine("one"), world.engine("two")
    for engine in (one, two, one):
        engine.run(uuid)
    world.later(3600)
    for engine in (two, one):
        engine.run(uuid)
    reasons = [entry.reason or "" for entry in world.db.read(history.of, "audit", uuid)]
    assert [text for text in reasons if "claimed by" in text] == [
        "claimed by one",
        "run of 2026-01-01 01:00:00 UTC claimed by two",
    ]


def test_c8_who_lost_the_lease_writes_nothing_and_the_run_is_made_by_another(world):
    """audits.md C8: fencing on writes"""
    one, two = world.engine("one"), world.engine("two")
    world.odd.act = staticmethod(lambda strategy: one.lease.die())
    uuid = hourly(world, "odd")
    one.run(uuid)
    assert world.plans == [] and world.get(uuid).owner == "one"
    works(world)
    assert tick(world, two) == 1 and len(world.plans) == 1


def test_a_run_that_is_taken_over_leaves_the_rhythm_as_it_is(world):
    uuid, one = hourly(world), world.engine("one")
    world.crash_at = "audit.planner.start"
    with pytest.raises(Crash):
        one.run(uuid)
    world.crash_at = None
    one.lease.die()
    world.later(25)
    assert tick(world, world.engine("two")) == 1
    assert world.get(uuid).next_run_time == datetime.datetime(2026, 1, 1, 1)


def test_a_start_moved_ahead_of_a_run_whose_engine_died_is_honoured(world):
    uuid, one = hourly(world), world.engine("one")
    world.crash_at = "audit.planner.start"
    with pytest.raises(Crash):
        one.run(uuid)
    world.crash_at = None
    one.lease.die()
    start = world.moment + 5 * HOUR
    world.db.write(audits.update, uuid, start_time=start)
    two = world.engine("two")
    assert tick(world, two) == 0
    audit = world.get(uuid)
    assert (audit.owner, audit.next_run_time) == (None, start) and due(world) == []


def test_who_was_told_of_a_run_that_waits_by_now_does_not_begin_it(world):
    """Another engine found a plan in its way while this one was busy"""
    uuid, engine = hourly(world), world.engine()
    tick(world, engine)
    world.later(3600)
    assert world.db.write(continuous.postpone, uuid, "wait", world.moment) is True
    engine.run(uuid)
    assert len(world.plans) == 1
    world.later(10)
    assert tick(world, engine) == 1


@pytest.mark.parametrize(
    "values", [{"next_run_time": None}, {"end_time": datetime.datetime(2025, 1, 1)}]
)
def test_only_what_is_due_waits(world, values):
    uuid, engine = hourly(world), world.engine()
    tick(world, engine)
    assert world.db.write(continuous.postpone, uuid, "wait", world.moment) is False
    world.later(3600)
    world.db.write(audits.update, uuid, **values)
    assert world.db.write(continuous.postpone, uuid, "wait", world.moment) is False
    assert world.get(uuid).status_message is None


# Everybody's turn --------------------------------------------------------------------------


def test_those_who_wait_for_a_plan_do_not_keep_the_others_from_running(world):
    world.running_plan(
        ("change_nova_service_state", {"resource_name": "h1", "state": "disabled"})
    )
    waiting = [hourly(world) for _ in range(4)]
    free = hourly(world, force=True)

    def look():
        return world.db.read(continuous.due, world.moment, limit=2)

    engine, made = world.engine(), set()
    for _look in range(3):
        for uuid in look():
            made.add(uuid)
            engine.run(uuid)
    assert made == {*waiting, free}
    assert world.get(free).status_message is None


def test_those_in_trouble_can_be_left_out(world):
    broken, good = hourly(world), hourly(world)
    found = world.db.read(continuous.due, world.moment, without=[broken], limit=1)
    assert found == [good]
