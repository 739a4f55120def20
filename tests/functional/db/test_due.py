"""Due runs of CONTINUOUS audits, on each of the database engines."""

import datetime

import pytest
import sqlalchemy as sa

from tests import worlds
from tests.functional.db.test_claims import together
from watcher.db import audits, continuous, models

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0)
LATER = NOW + datetime.timedelta(seconds=60)


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url)
    yield made
    made.close()


def test_of_many_engines_one_makes_the_run(world):
    claims = [world.lease() for _ in range(6)]
    for _ in range(5):
        audit = world.audit(audit_type="CONTINUOUS", interval="60")
        assert world.db.read(continuous.due, NOW) == [audit.uuid]
        won = together(
            [
                lambda c=claim, u=audit.uuid: world.db.write(
                    continuous.claim, u, c, "h1", NOW
                )
                for claim in claims
            ]
        )
        (winner,) = [record for record in won if record is not None]
        assert (winner.state, winner.next_run_time) == ("ONGOING", LATER)
        assert world.db.read(continuous.due, LATER) == []  # while it is being run
        won_by = next(c for c in claims if c.owner == winner.owner)
        rested = world.db.write(continuous.rest, audit.uuid, won_by)
        assert (rested.owner, rested.status_message) == (None, None)
        assert world.db.read(continuous.due, NOW) == []
        assert world.db.read(continuous.due, LATER) == [audit.uuid]
        world.db.write(audits.step, audit.uuid, "ONGOING", "CANCELLED")


def test_the_order_is_that_of_their_times(world):
    made = [
        world.audit(audit_type="CONTINUOUS", interval="60", next_run_time=moment).uuid
        for moment in (LATER, NOW, None)
    ]
    assert world.db.read(continuous.due, LATER) == made[::-1]
    assert world.db.read(continuous.due, NOW) == [made[2], made[1]]


def test_the_end_comes_without_a_run(world):
    audit = world.audit(
        audit_type="CONTINUOUS", interval="60", end_time=NOW, next_run_time=LATER
    )
    assert world.db.read(continuous.due, LATER) == [audit.uuid]
    assert (
        world.db.write(continuous.claim, audit.uuid, world.lease(), "h", LATER) is None
    )
    assert world.db.read(audits.get, audit.uuid).state == "SUCCEEDED"
    assert world.db.read(continuous.due, LATER) == []


def test_each_way_to_be_due_is_found_once_and_those_who_sleep_are_not(world):
    dead = world.lease()
    left = world.audit(audit_type="CONTINUOUS", interval="60", next_run_time=LATER)
    world.db.write(continuous.claim, left.uuid, dead, "h1", LATER)
    world.expire(dead)
    new = world.audit(audit_type="CONTINUOUS", interval="60")
    old = world.audit(audit_type="CONTINUOUS", interval="60")
    world.sql(
        sa.update(models.Audit).where(models.Audit.id == old.id).values(state=None)
    )
    over = world.audit(
        audit_type="CONTINUOUS", interval="60", end_time=NOW, next_run_time=NOW
    )
    world.audit(audit_type="CONTINUOUS", interval="60", next_run_time=LATER)
    world.audit(audit_type="CONTINUOUS", interval="60", state="SUSPENDED")
    world.audit(audit_type="ONESHOT", end_time=NOW)
    moment = NOW + datetime.timedelta(seconds=1)
    assert world.db.read(continuous.due, moment) == [
        audit.uuid for audit in (left, new, old, over)
    ]


def test_a_hundred_that_wait_for_a_plan_do_not_keep_a_later_one_from_an_engine(world):
    """EVENT audits whose plan is in the way go behind those that came meanwhile"""
    for _ in range(5):
        audit = world.audit(audit_type="EVENT")
        world.db.write(audits.trigger, audit.uuid)
    soon = world.db.read(continuous.clock) + datetime.timedelta(seconds=2)
    new = world.audit(created_at=soon)
    found = world.db.read(audits.claimable, limit=5)
    assert new.uuid not in found
    for uuid in found:
        world.db.write(audits.postpone, uuid, "plan p is in the way", 10.0)
    assert world.db.read(audits.claimable, limit=5) == [new.uuid]
    later = world.db.read(continuous.clock) + datetime.timedelta(seconds=11)
    assert world.db.read(audits.claimable, later) == [new.uuid, *found]
    told = world.db.read(audits.get, found[0])
    world.db.write(audits.postpone, found[0], "plan p is in the way", 10.0)
    # To wait on is no news: neither readers nor listeners hear of it.
    assert world.db.read(audits.get, found[0]).updated_at == told.updated_at


def test_runs_given_back_are_due_by_the_clock_of_the_database(world):
    claim = world.lease()
    now = world.db.read(continuous.clock)
    audit = world.audit(audit_type="CONTINUOUS", interval="3600")
    world.db.write(continuous.claim, audit.uuid, claim, "h1", now)
    assert world.db.read(continuous.due, now) == []
    world.db.write(continuous.give_back, claim)
    world.db.write(audits.release, claim)
    assert world.db.read(continuous.due, world.db.read(continuous.clock)) == [
        audit.uuid
    ]


def test_c2_c12_jobs_that_the_reference_left_are_neither_read_nor_run(world):
    """audits.md C2, C12: no stale job wakes anybody, and none is loaded as code"""
    world.sql(sa.insert(models.Service.__table__).values(id=1, name="de", host="gone"))
    world.sql(
        sa.insert(models.SchedulerJob.__table__).values(
            id="job", next_run_time=1.0, job_state=b"cos\nsystem\n.", service_id=1
        )
    )
    audit = world.audit(audit_type="CONTINUOUS", interval="60", next_run_time=LATER)
    with world.statements() as seen:
        assert world.db.read(continuous.due, NOW) == []
        assert world.db.read(continuous.due, LATER) == [audit.uuid]
    assert not any("apscheduler_jobs" in statement for statement in seen)


def test_c9_what_is_due_is_not_judged_by_the_clock_of_an_engine(world, monkeypatch):
    """An engine a day ahead runs nothing early"""
    soon = world.db.read(continuous.clock) + datetime.timedelta(hours=1)
    world.audit(audit_type="CONTINUOUS", interval="60", next_run_time=soon)
    monkeypatch.setattr(models, "utcnow", lambda: soon + datetime.timedelta(days=1))

    def look(tx):
        return continuous.due(tx, continuous.clock(tx))

    assert world.db.read(look) == []
