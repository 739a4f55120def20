"""CONTINUOUS audits: when they are due, and that each run is one run."""

import datetime

import pytest

from tests.unit.decision_engine.test_audit import Crash, World
from watcher.db import actions, audits, continuous
from watcher.domain import states


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


def test_a_failed_run_says_why_and_does_not_end_the_audit(world):
    uuid, engine = hourly(world, "odd"), world.engine()

    def fail(strategy):
        raise ZeroDivisionError("nothing there")

    world.odd.act = staticmethod(fail)
    assert tick(world, engine) == 1
    audit = world.get(uuid)
    assert audit.state == states.ONGOING
    assert "nothing there" in audit.status_message
    world.odd.act = staticmethod(lambda strategy: None)
    world.later(3600)
    assert tick(world, engine) == 1
    assert world.get(uuid).status_message is None


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
    world.later(9)
    assert due(world) == []
    world.later(1)
    assert due(world) == [uuid]


def test_an_interval_that_nobody_can_read_fails_only_its_own_audit(world):
    broken, good = hourly(world, interval="every day"), hourly(world)
    engine = world.engine()
    assert tick(world, engine) == 1
    audit = world.get(broken)
    assert audit.state == states.FAILED
    assert "'every day' cannot be used" in audit.status_message
    assert world.get(good).state == states.ONGOING
