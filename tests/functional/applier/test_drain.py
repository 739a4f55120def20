"""Appliers as processes: one that is told to stop hands over at once; options are reread."""

import dataclasses
import datetime
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy as sa

from tests import worlds
from tests.functional.programs.applier import KEY, Cloud
from tests.unit.applier.test_migrate import migrate
from watcher.clients.simulated import SimulatedCloud, utc_now
from watcher.db import (
    action_plans,
    actions,
    goals,
    migration,
    operations,
    strategies,
)
from watcher.db.models import Lease
from watcher.db.query import ListQuery
from watcher.domain.records import NewAction

PROGRAM = pathlib.Path(__file__).parents[1] / "programs" / "applier.py"
# Patience with a machine that has other things to do.
PATIENCE_S = 60
SPEED = 30


class Clock:
    """The cloud's time: it stands still until somebody lets it go, and then runs fast"""

    def __init__(self):
        self._start = utc_now()
        self._began = None

    def go(self):
        self._began = time.monotonic()

    def __call__(self):
        passed = 0.0 if self._began is None else time.monotonic() - self._began
        # Long enough for a migration to have begun.
        return self._start + datetime.timedelta(seconds=5 + SPEED * passed)


class Applier:
    """A process and what it logs"""

    def __init__(self, folder, name, url, address, **options):
        self.name = name
        self._log = folder / f"{name}.log"
        self._config = folder / f"{name}.conf"
        self._url, self._address = url, address
        self.write(**options)
        with self._log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(self._config), address],
                stdout=out, stderr=out, cwd=PROGRAM.parents[3],
            )  # fmt: skip

    def write(self, **options):
        given = {"work_scan_interval": 1, **options}
        lines = [f"{name} = {value}" for name, value in given.items()]
        self._config.write_text(
            "\n".join(
                [
                    *("[DEFAULT]", "transport_url = fake://", f"host = {self.name}"),
                    *("[database]", f"connection = {self._url}"),
                    *("[watcher_applier]", *lines),
                ]
            )
        )

    @property
    def log(self):
        return self._log.read_text()

    def until_it_says(self, text):
        until(lambda: text in self.log, lambda: f"{text!r} in {self.log}")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def until(check, told=lambda: ""):
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end, f"it did not happen: {told()}"
        time.sleep(0.05)


@pytest.fixture
def cloud(tmp_path):
    clock = Clock()
    made = SimulatedCloud.empty(now=clock)
    made.clock = clock
    for name in ("a", "b", "c"):
        made.add_host(name)
    nova = made.clients().nova
    made.address = str(tmp_path / "cloud.sock")

    class Server(Cloud):
        """The side that has it"""

    Server.register("nova", callable=lambda: nova)
    server = Server(address=made.address, authkey=KEY).get_server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return made


@pytest.fixture
def world(mariadb):
    made = worlds.World(mariadb.create(), create=False)
    migration.upgrade(made.db.engine)

    def seed(tx):
        made.goal = goals.create(tx, name="dummy", display_name="Dummy")
        made.strategy = strategies.create(
            tx, name="dummy", display_name="Dummy", goal_id=made.goal.id
        )

    made.db.write(seed)
    yield made
    made.close()


@pytest.fixture
def applier(tmp_path, world, cloud):
    running = []

    def start(name, **options):
        one = Applier(tmp_path, name, world.url, cloud.address, **options)
        running.append(one)
        return one

    yield start
    for one in running:
        one.stop()


def stored(world, *specs):
    uuids = [worlds.new_uuid() for _ in specs]
    plan = worlds.plan_of(world.audit(), 0, state="PENDING")
    made = [
        NewAction(
            uuid=uuid, action_type=spec[0], input_parameters=spec[1],
            parents=[uuids[place - 1]] if place else [],
        )
        for place, (uuid, spec) in enumerate(zip(uuids, specs, strict=True))
    ]  # fmt: skip
    plan = dataclasses.replace(plan, actions=made)
    world.db.write(action_plans.save, plan)
    return plan.uuid


def state(world, plan):
    return world.db.read(action_plans.get, plan)


def test_an_applier_that_is_told_to_stop_hands_its_plan_over(world, cloud, applier):
    """Neither the end of the migration nor that of the lease is waited for"""
    one, two = (cloud.add_server(name, "a") for name in ("one", "two"))
    plan = stored(world, migrate(one), migrate(two, "live", "c"))
    first = applier("first")
    until(lambda: any(op.sent_at for op in world.db.read(operations.of_plan, plan)))
    second = applier("second")
    second.until_it_says("watcher-applier runs")
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(PATIENCE_S) == 0
    until(lambda: ":second:" in (state(world, plan).owner or ""))
    nova = cloud.clients().nova
    # The cloud's time has stood still: the migration cannot have ended.
    assert [move.server for move in nova.in_flight_migrations()] == [one]
    found = world.db.read(actions.of_plan, plan)
    assert [row.state for row in found] == ["ONGOING", "PENDING"]
    # A lease that runs out stays in the table for a day: this one was given back.
    with world.db.engine.connect() as link:
        owners = link.execute(sa.select(Lease.owner)).scalars().all()
    assert [owner.split(":")[1] for owner in owners] == ["second"]
    cloud.clock.go()
    until(lambda: state(world, plan).state != "ONGOING")
    assert state(world, plan).state == "SUCCEEDED"
    assert [nova.server(server).host for server in (one, two)] == ["b", "c"]
    # Nothing twice.
    assert [len(nova.migrations(server)) for server in (one, two)] == [1, 1]
    assert "Traceback" not in first.log + second.log


def test_what_follows_a_failure_may_be_changed_while_it_runs(world, cloud, applier):
    cloud.clock.go()
    one = applier("first")
    one.until_it_says("watcher-applier runs")
    close = {"resource_id": "a", "state": "disabled", "disabled_reason": "watcher"}
    fail = ("nop", {"message": "m", "fail_execute": True})

    def failed():
        plan = stored(world, ("change_nova_service_state", close), fail)
        until(lambda: state(world, plan).state == "FAILED")
        cloud.change_host("a", enabled=True, disabled_reason=None)
        query = ListQuery(sort_key="id")
        found = world.db.read(action_plans.list, query)
        return [row.state for row in found if row.undoes == plan]

    assert failed() == []
    one.write(on_failure="offer")
    one.process.send_signal(signal.SIGHUP)
    one.until_it_says("The configuration was read again")
    assert failed() == ["RECOMMENDED"]
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(PATIENCE_S) == 0
