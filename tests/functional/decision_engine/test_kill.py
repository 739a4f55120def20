"""Engines are killed while they decide; every audit ends once, with one plan."""

import pathlib
import random
import signal
import subprocess
import sys
import time
import uuid

import pytest

import watcher.conf
from watcher.db import action_plans, actions, audits, goals, migration, strategies
from watcher.db.query import ListQuery
from watcher.db.session import Database
from watcher.decision_engine import sync
from watcher.domain import states
from watcher.plugins import Plugins

PROGRAM = pathlib.Path(__file__).parents[1] / "programs" / "engine.py"
AUDITS = 60
KILLS = 3
# A lease lives 20 s; everybody looks for the dead at least every 5 s.
TAKE_OVER_S = 30
# Patience with a machine that has other things to do.
START_S = 180


class Engines:
    """Two engines; one of them is killed again and again"""

    def __init__(self, url, folder, *more):
        self.url, self.folder, self.more = url, folder, more
        self.running = {}
        self.started = 0

    def start(self, name):
        self.started += 1
        with open(self.folder / f"{name}-{self.started}.log", "wb") as out:
            self.running[name] = subprocess.Popen(
                [sys.executable, str(PROGRAM), self.url, name, *self.more],
                stdout=out,
                stderr=out,
            )

    def kill(self, name):
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self):
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def prepared(database_url):
    """A database with tables and the rows of plugins"""
    conf = watcher.conf.load(
        "test",
        default_config_files=[],
        default_config_dirs=[],
        overrides={("database", "connection"): database_url},
    )
    db = Database(conf)
    migration.create_schema(db.engine)
    sync.synchronise(db, Plugins(conf))
    return db


@pytest.fixture
def db(database_url):
    made = prepared(database_url)
    yield made
    made.dispose()


@pytest.fixture
def engines(db, database_url, tmp_path):
    made = Engines(database_url, tmp_path)
    yield made
    made.stop()


def create(tx, host, number):
    return audits.create(
        tx,
        uuid=str(uuid.uuid4()),
        name=f"audit {number}",
        audit_type=states.ONESHOT,
        goal_id=goals.get(tx, "cluster_maintaining").id,
        strategy_id=strategies.get(tx, "host_maintenance").id,
        parameters={"maintenance_node": host},
        auto_trigger=bool(number % 2),
    ).uuid


def strike(db, engines, chance):
    """Kill the victim while it has audits, start it anew; return their UUIDs"""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        query = ListQuery(filters={"state": states.ONGOING, "hostname": "victim"})
        if db.read(audits.list, query):
            time.sleep(chance.uniform(0, 1.5))
            engines.kill("victim")
            engines.start("victim")
            return {audit.uuid for audit in db.read(audits.list, query)}
        if not db.read(audits.claimable):
            return set()
        time.sleep(0.05)
    raise AssertionError("the victim gets nothing to do")


@pytest.mark.timeout(900)
def test_killed_engines_neither_lose_nor_double_an_audit(db, engines):
    chance = random.Random(7)
    engines.start("steady")
    engines.start("victim")
    waiting = {
        db.write(create, f"compute-{chance.randint(1, 12):03d}", number)
        for number in range(AUDITS)
    }
    caught = set()
    for _ in range(KILLS):
        caught |= strike(db, engines, chance)
    last_kill = time.monotonic()
    end = time.monotonic() + TAKE_OVER_S + START_S
    while waiting and time.monotonic() < end:
        for found in list(waiting):
            audit = db.read(audits.get, found)
            if audit.state == states.SUCCEEDED:
                waiting.discard(found)
            assert audit.state in (states.PENDING, states.ONGOING, states.SUCCEEDED), (
                audit.status_message
            )
        time.sleep(0.2)
    assert not waiting
    print(
        f"{len(caught)} audits caught in {KILLS} kills, all done "
        f"{time.monotonic() - last_kill:.0f} s after the last"
    )
    assert caught
    plans = db.read(action_plans.list, ListQuery())
    assert len(plans) == len({plan.audit_uuid for plan in plans}) == AUDITS
    for plan in plans:
        stored = db.read(actions.of_plan, plan.uuid)
        assert stored and {a.state for a in stored} == {states.PENDING}
