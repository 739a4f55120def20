"""Due runs of CONTINUOUS audits, on each of the database engines."""

import datetime

import pytest

from tests import worlds
from tests.functional.db.test_claims import together
from watcher.db import audits, continuous

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
        rested = world.db.write(continuous.rest, audit.uuid, won_by, "done")
        assert (rested.owner, rested.status_message) == (None, "done")
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
