"""Daemons, broker and database die in the middle of the work; nothing is lost or doubled."""

import signal
import threading
import time

import pytest

from tests.cloud import maintenance
from tests.cloud.daemons import API, APPLIER, ENGINE

TAKEOVER_S = 30.0
MIGRATION_S = 1.0


@pytest.fixture(autouse=True)
def slow_migrations(plane):
    """Live migrations that last a moment, so that the middle of one can be met"""
    path = plane.folder / "control" / "default.json"
    path.write_text(f'{{"live_migration_seconds": {MIGRATION_S}}}')
    yield
    path.write_text("{}")


def owners(daemons, run):
    """Return who holds the audit and its plans"""
    return daemons.rows(
        "SELECT owner FROM audits WHERE uuid = %s UNION ALL SELECT p.owner "
        "FROM action_plans p JOIN audits a ON a.id = p.audit_id WHERE a.uuid = %s",
        run.audit,
        run.audit,
    )


class Watch:
    """Notes how long work stays with a dead owner"""

    def __init__(self, daemons, run):
        self.daemons, self.run = daemons, run
        self.longest_s = 0.0
        self._dead = None
        self._end = threading.Event()

    def begin(self):
        """The owner of this moment has just died"""
        rows = owners(self.daemons, self.run)
        self._dead = {row["owner"] for row in rows if row["owner"]}
        self._since = time.monotonic()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self):
        while self._dead and not self._end.wait(0.2):
            held = {row["owner"] for row in owners(self.daemons, self.run)}
            if not held & self._dead:
                self.longest_s = time.monotonic() - self._since
                return

    def finish(self):
        """Return the seconds until nobody dead held the work any more"""
        self._end.set()
        self._thread.join()
        return self.longest_s


def flow(daemons, disturb, moment_s):
    """Run one maintenance; call ``disturb(run)`` ``moment_s`` after the request"""
    maintenance.enable_all(daemons)
    host = maintenance.fullest(daemons)
    run = maintenance.request(daemons, host)
    result = []
    timer = threading.Timer(moment_s, lambda: result.append(disturb(run)))
    timer.start()
    try:
        maintenance.await_audit(daemons, run)
        maintenance.start(daemons, run)
        maintenance.await_plan(daemons, run)
    finally:
        timer.join()
    maintenance.check(daemons, run)
    return run, result[0] if result else None


def killer(daemons, program):
    """Return a disturbance: kill -9 and start again"""

    def disturb(run):
        watch = Watch(daemons, run)
        daemons.signal(program, signal.SIGKILL)
        watch.begin()
        daemons.launch(program)
        return watch

    return disturb


def kill_once(daemons, program, moment_s):
    """Kill at one moment; return (seconds of the whole, seconds of the takeover)"""
    run, watch = flow(daemons, killer(daemons, program), moment_s)
    taken = watch.finish() if watch else 0.0
    assert taken <= TAKEOVER_S
    return run.ended - run.began, taken


@pytest.mark.parametrize(
    ("program", "moment_s"), [(ENGINE, 0.05), (APPLIER, 2.0), (API, 1.0)]
)
def test_a_killed_daemon_loses_nothing(daemons, report, program, moment_s):
    whole, taken = kill_once(daemons, program, moment_s)
    report(f"kill -9 {program} at {moment_s} s: done in {whole:.1f} s, "
           f"takeover {taken:.1f} s")  # fmt: skip


@pytest.mark.acceptance
@pytest.mark.parametrize("program", [API, ENGINE, APPLIER])
def test_twenty_moments(daemons, report, program):
    """The moments cover the whole flow; the engine's part of it is short"""
    step = 0.03 if program == ENGINE else 0.35
    results = [kill_once(daemons, program, step * i) for i in range(20)]
    report(
        f"kill -9 {program} at 20 moments (every {step} s): plan SUCCEEDED 20 times, "
        f"longest flow {max(r[0] for r in results):.1f} s, "
        f"longest takeover {max(r[1] for r in results):.1f} s"
    )


@pytest.mark.acceptance
def test_a_paused_applier_does_no_harm(daemons, report):
    """Stopped beyond its lease, taken over by another, then continued"""
    daemons.launch(APPLIER, "ctl2")
    daemons.wait_ready()
    resumed = []

    def disturb(run):
        (row,) = daemons.rows(
            "SELECT hostname FROM action_plans WHERE uuid = %s", run.plan
        )
        host = row["hostname"] or "ctl1"
        daemons.signal(APPLIER, signal.SIGSTOP, host)

        def resume():
            time.sleep(28)
            daemons.signal(APPLIER, signal.SIGCONT, host)

        thread = threading.Thread(target=resume)
        thread.start()
        resumed.append(thread)
        return host

    try:
        run, host = flow(daemons, disturb, 2.5)
        for thread in resumed:
            thread.join()
        # The sleeper has woken up: give it time to do what it must not do.
        time.sleep(5)
        maintenance.check(daemons, run)
        report(f"applier {host} paused for 28 s: plan SUCCEEDED after "
               f"{run.ended - run.began:.1f} s")  # fmt: skip
    finally:
        daemons.signal(APPLIER, signal.SIGTERM, "ctl2")


@pytest.mark.acceptance
@pytest.mark.parametrize("store", ["rabbitmq", "mariadb"])
def test_broker_and_database_restart(daemons, report, store):
    def disturb(_run):
        server = daemons.plane.rabbitmq if store == "rabbitmq" else daemons.mariadb
        server.kill()
        if store == "rabbitmq":
            server.end_mapper()
        server.launch()

    run, _ = flow(daemons, disturb, 2.0)
    daemons.plane.await_reports()
    report(f"{store} killed and restarted: plan SUCCEEDED after "
           f"{run.ended - run.began:.1f} s")  # fmt: skip
