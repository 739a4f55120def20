"""Engines change audits and plans while clients do; clients see one after the other."""

import pytest

from tests.unit.api.conftest import Client
from watcher import exception
from watcher.api import again, app
from watcher.db import action_plans, audits
from watcher.plugins import Plugins
from watcher.policy import Enforcer


class Contested:
    """A database in which ``rival`` is a moment faster than the next writers"""

    def __init__(self, database):
        self._db = database
        self.rival, self.times = None, 1

    def read(self, fn, /, *args, **kwargs):
        return self._db.read(fn, *args, **kwargs)

    def write(self, fn, /, *args, **kwargs):
        if self.times and self.rival is not None:
            self.times -= 1
            self._db.write(self.rival)
            raise exception.StateChanged(kind="row", ident="x", expected="as it was")
        return self._db.write(fn, *args, **kwargs)


@pytest.fixture
def contested(database):
    return Contested(database)


@pytest.fixture
def other(conf, contested, bus):
    """A client of an API whose database is contested"""
    built = app.build(conf, contested, bus, Enforcer(conf), Plugins.of({}))
    return Client(built, contested)


def test_an_audit_that_begins_meanwhile_is_cancelled_all_the_same(
    other, contested, audit
):
    contested.rival = lambda tx: audits.step(tx, audit["uuid"], "PENDING", "ONGOING")
    answer = other.patch(
        f"/v1/audits/{audit['uuid']}", ("replace", "/state", "CANCELLED")
    )
    assert answer.status == 200 and answer.json["state"] == "CANCELLED"


def test_an_audit_that_ends_meanwhile_is_refused_as_an_ended_one(
    other, contested, audit
):
    def end(tx):
        audits.step(tx, audit["uuid"], "PENDING", "ONGOING")
        audits.step(tx, audit["uuid"], "ONGOING", "SUCCEEDED")

    contested.rival = end
    answer = other.patch(
        f"/v1/audits/{audit['uuid']}", ("replace", "/state", "CANCELLED")
    )
    assert answer.status == 400
    assert "State transition not allowed: (SUCCEEDED -> CANCELLED)" in answer.fault


def test_two_starts_are_one_start_and_one_refusal(other, contested, bus, audit):
    plan = other.plan(audit["uuid"])
    contested.rival = lambda tx: action_plans.step(tx, plan, "RECOMMENDED", "PENDING")
    answer = other.post(f"/v1/action_plans/{plan}/start", {})
    assert answer.status == 400
    assert answer.fault == "Couldn't start when state is 'PENDING'."
    assert bus.plans == []


def test_others_who_are_faster_again_and_again_are_a_conflict(other, contested, audit):
    contested.rival, contested.times = (lambda tx: None), again.ATTEMPTS
    answer = other.patch(
        f"/v1/audits/{audit['uuid']}", ("replace", "/state", "CANCELLED")
    )
    assert answer.status == 409
