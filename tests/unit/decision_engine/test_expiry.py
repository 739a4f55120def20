"""Recommendations that nobody followed do not stay for ever."""

import datetime

import pytest
import sqlalchemy as sa

from tests import worlds
from watcher.db import action_plans, models
from watcher.decision_engine import tickers


@pytest.fixture
def world():
    made = worlds.World("sqlite://")
    yield made
    made.close()


def aged(world, hours, count=1):
    """Store plans of that age; return their UUIDs"""
    made = models.utcnow() - datetime.timedelta(hours=hours)
    uuids = [world.plan(world.audit(), actions=1).uuid for _ in range(count)]
    table = models.ActionPlan
    world.sql(sa.update(table).where(table.uuid.in_(uuids)).values(created_at=made))
    return uuids


def states(world, uuids):
    return {world.db.read(action_plans.get, uuid).state for uuid in uuids}


def test_only_plans_older_than_the_option_says_expire(world):
    old, young = aged(world, 25), aged(world, 23)
    tickers.expire(world.db, 24, models.utcnow())
    assert states(world, old) == {"SUPERSEDED"}
    assert states(world, young) == {"RECOMMENDED"}


def test_zero_hours_mean_never(world):
    old = aged(world, 9999)
    tickers.expire(world.db, 0, models.utcnow())
    assert states(world, old) == {"RECOMMENDED"}


def test_more_than_one_transaction_takes_at_once(world, monkeypatch):
    monkeypatch.setattr(action_plans, "BATCH", 2)
    old = aged(world, 25, count=5)
    tickers.expire(world.db, 24, models.utcnow())
    assert states(world, old) == {"SUPERSEDED"}
