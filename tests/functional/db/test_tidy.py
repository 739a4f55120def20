"""A CONTINUOUS audit that runs for years leaves no ever growing history."""

import datetime

import pytest
import sqlalchemy as sa

from tests import worlds
from watcher.db import history, models
from watcher.decision_engine.tidy import KEPT, Tidy

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0)


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url)
    yield made
    made.close()


def note(world, uuid, age, old="ONGOING", new="ONGOING"):
    def add(tx):
        history.add(tx, resource="audit", uuid=uuid, old=old, new=new, reason="run")
        last = tx.execute(sa.select(sa.func.max(models.History.id))).scalar_one()
        tx.execute(
            sa.update(models.History)
            .where(models.History.id == last)
            .values(at=NOW - age)
        )

    world.db.write(add)


def told(world, uuid):
    return [(e.old, e.new) for e in world.db.read(history.of, "audit", uuid)]


def test_notes_of_runs_go_after_a_week_and_steps_stay(world):
    audit = world.audit(audit_type="CONTINUOUS", interval="60")
    day = datetime.timedelta(days=1)
    first = len(told(world, audit.uuid))
    note(world, audit.uuid, KEPT + 2 * day, "PENDING", "ONGOING")
    for age in (KEPT + day, KEPT + day, KEPT - day, day):
        note(world, audit.uuid, age)
    Tidy(world.db, lambda: NOW).look()
    assert told(world, audit.uuid)[first:] == [
        ("PENDING", "ONGOING"),
        ("ONGOING", "ONGOING"),
        ("ONGOING", "ONGOING"),
    ]


def test_it_goes_on_where_it_stopped(world):
    audit = world.audit(audit_type="CONTINUOUS", interval="60")
    now = [NOW]
    tidy = Tidy(world.db, lambda: now[0])
    for _ in range(5):
        note(world, audit.uuid, datetime.timedelta(0))
    before = len(told(world, audit.uuid))
    tidy.look()
    assert len(told(world, audit.uuid)) == before
    now[0] += KEPT + datetime.timedelta(seconds=1)
    tidy.look()
    assert len(told(world, audit.uuid)) == before - 5


def test_many_are_taken_out_in_short_transactions(world):
    audit = world.audit(audit_type="CONTINUOUS", interval="60")
    # What was noted just now stands for nothing in this order.
    upto = world.db.read(history.of, "audit", audit.uuid)[-1].id
    for _ in range(7):
        note(world, audit.uuid, KEPT + datetime.timedelta(days=1))
    limit = NOW - KEPT
    steps, more = 0, True
    while more:
        upto, more = world.db.write(history.trim, upto, limit, 3)
        steps += 1
    assert steps >= 3
    assert ("ONGOING", "ONGOING") not in told(world, audit.uuid)
