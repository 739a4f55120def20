"""A daemon as a process of its own: signals, waiting, refusing, leases."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa

from tests import servers, worlds
from watcher.db import leases, migration, services
from watcher.db.models import Lease, Service, utcnow

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "functional" / "programs" / "daemon.py"


class Process:
    """The test daemon and what it printed"""

    def __init__(self, folder, **options):
        self.folder = folder
        self.options = {"transport_url": "fake://", "host": "h1", **options}
        self.config = folder / "watcher.conf"
        self.write()
        self.process = None

    def write(self, **changed):
        self.options |= changed
        database = self.options["database"]
        lines = [f"{k} = {v}" for k, v in self.options.items() if k != "database"]
        self.config.write_text(
            "\n".join(["[DEFAULT]", *lines, "[database]", f"connection = {database}"])
        )

    def start(self):
        self.out = (self.folder / "out").open("ab")
        self.err = (self.folder / "err").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), "--config-file", str(self.config)],
            stdout=self.out, stderr=self.err, cwd=ROOT,
        )  # fmt: skip

    @property
    def said(self):
        return (self.folder / "out").read_text()

    @property
    def errors(self):
        return (self.folder / "err").read_text()

    def until(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in self.said + self.errors:
            assert (
                self.process.poll() is None or time.monotonic() < end - seconds + 1
            ), f"ended with {self.process.returncode}: {self.said}{self.errors}"
            assert time.monotonic() < end, f"{text!r}: {self.said}{self.errors}"
            time.sleep(0.05)

    def signal(self, number):
        self.process.send_signal(number)

    def ended(self, seconds=20):
        return self.process.wait(seconds)


@pytest.fixture
def daemon(tmp_path):
    running = []

    def make(database, **options):
        process = Process(tmp_path, database=database, **options)
        running.append(process)
        return process

    yield make
    for process in running:
        if process.process and process.process.poll() is None:
            process.process.kill()
            process.process.wait()


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url, create=False)
    yield made
    made.close()


@pytest.fixture
def sqlite_world(sqlite_url):
    made = worlds.World(sqlite_url, create=False)
    migration.upgrade(made.db.engine)
    yield made
    made.close()


def alive(world):
    with contextlib.closing(world.db.engine.connect()) as link:
        return link.execute(sa.select(Lease.epoch)).scalars().all()


def test_a_daemon_holds_lease_and_row_and_gives_both_back(daemon, world):
    migration.upgrade(world.db.engine)
    process = daemon(world.url)
    process.start()
    process.until("watcher-applier runs")
    process.until("gained")
    end = time.monotonic() + 5
    while not (rows := world.db.read(services.ages, "watcher-applier")):
        assert time.monotonic() < end
        time.sleep(0.05)
    [(row, age_s)] = rows
    assert row.host == "h1" and row.runtime.startswith("openstack-watcher")
    assert age_s < 5 and len(alive(world)) == 1
    process.signal(signal.SIGTERM)
    assert process.ended() == 0
    assert "work ends" in process.said
    assert alive(world) == []
    [(_, age_s)] = world.db.read(services.ages, "watcher-applier")
    assert age_s > 3600, "a clean stop is seen at once"
    assert "Traceback" not in process.errors + process.said


def test_reload_and_reports_do_not_disturb_work(daemon, sqlite_world):
    process = daemon(sqlite_world.url, transport_url="rabbit://me:sesame@127.0.0.1:1/")
    process.start()
    process.until("watcher-applier runs")
    process.until("gained 1")
    process.write(periodic_interval=11)
    process.signal(signal.SIGHUP)
    process.until("reloaded 11")
    process.signal(signal.SIGUSR2)
    process.until("a section of the test")
    report = process.errors
    assert "product = OpenStack Watcher" in report and "sesame" not in report
    assert process.said.count("work begins") == 1 and "lost" not in process.said
    process.signal(signal.SIGINT)
    assert process.ended() == 0


def test_a_database_that_is_away_is_waited_for_without_noise(daemon, mariadb):
    url = mariadb.create()
    made = worlds.World(url, create=False)
    migration.upgrade(made.db.engine)
    made.close()
    process = daemon(url.replace(f":{mariadb.port}/", ":1/"))
    process.start()
    process.until("Still waiting for the database")
    time.sleep(3)
    text = process.said + process.errors
    assert "Traceback" not in text and process.process.poll() is None
    assert text.count("Still waiting for the database") == 1
    process.signal(signal.SIGTERM)
    assert process.ended(5) == 0


def test_an_old_schema_is_a_clear_message_and_status_one(daemon, sqlite_url):
    made = worlds.World(sqlite_url, create=False)
    migration.upgrade(made.db.engine, migration.REFERENCE_HEAD)
    made.close()
    process = daemon(sqlite_url)
    process.start()
    assert process.ended() == 1
    assert "watcher-db-manage upgrade" in process.errors
    assert "Traceback" not in process.errors + process.said


def test_living_engines_of_the_reference_are_a_reason_not_to_start(
    daemon, sqlite_world
):
    sqlite_world.sql(
        sa.insert(Service).values(
            name="watcher-applier", host="old1", last_seen_up=utcnow(),
            created_at=utcnow(),
        )
    )  # fmt: skip
    process = daemon(sqlite_world.url)
    process.start()
    assert process.ended() == 1
    assert "watcher-applier on old1" in process.errors
    assert "work begins" not in process.said


def test_a_process_that_was_stopped_finds_its_lease_lost(daemon, sqlite_world):
    process = daemon(sqlite_world.url)
    process.start()
    process.until("gained 1")
    process.signal(signal.SIGSTOP)
    sqlite_world.sql(
        sa.update(Lease).values(expires_at=utcnow().replace(year=2000))
    )  # as if it slept for long
    process.signal(signal.SIGCONT)
    process.until("lost 1", 15)
    process.until("gained 2")
    assert alive(sqlite_world) == [2]
    process.signal(signal.SIGTERM)
    assert process.ended() == 0


@pytest.mark.rabbit
def test_a_dead_broker_does_not_hold_up_the_stop(daemon, sqlite_world, server_folder):
    broker = servers.RabbitMQ(server_folder)
    broker.start()
    try:
        process = daemon(sqlite_world.url, transport_url=broker.url)
        process.start()
        process.until("Messages are taken from")
        process.until("gained 1")
        broker.kill()
        time.sleep(2)
        process.signal(signal.SIGTERM)
        before = time.monotonic()
        assert process.ended() == 0
        assert time.monotonic() - before < 10
        assert "work ends" in process.said
        assert alive(sqlite_world) == [], "the lease is given back all the same"
    finally:
        broker.stop()


def test_a_killed_process_leaves_a_lease_that_expires(daemon, sqlite_world):
    process = daemon(sqlite_world.url)
    process.start()
    process.until("gained 1")
    process.process.kill()
    process.ended()
    [epoch] = alive(sqlite_world)
    with contextlib.closing(sqlite_world.db.engine.connect()) as link:
        row = link.execute(sa.select(Lease)).one()
    assert (row.expires_at - utcnow()).total_seconds() <= 20
    assert epoch == 1
    assert sqlite_world.db.read(leases.alive, worlds.Claim(row.owner, row.epoch)), (
        "only its time to live ends it"
    )
