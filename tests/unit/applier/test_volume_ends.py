"""Volumes: failures, time, death, cancel and the way back."""

import datetime

import pytest

from watcher import exception
from watcher.applier.actions.volume_migrate import VolumeMigrate
from watcher.applier.journal import LooseJournal, Timing
from watcher.clients.simulated import SimulatedCloud

from .conftest import QUICK
from .test_recovery import bench_fate, die_and_resume
from .volumes import HERE, SLOW, THERE, migrate, only, retype, seen, why

START = datetime.datetime(2026, 3, 1, 12, 0)


# Failures -----------------------------------------------------------------------------


def test_a_failed_migration_tells_where_the_volume_is(bench, storage, disk):
    bench.cloud.fail("volume-migrate", disk)
    plan = bench.plan(migrate(disk))
    assert bench.run(plan).state == "FAILED"
    text = why(bench, plan)
    assert f"migration of volume {disk} to {THERE}: Cinder ended it" in text
    assert f"the volume is available on {HERE}" in text
    assert "migration status 'error'" in text
    assert len(bench.calls) == 1


def test_a_full_pool_is_a_failure_with_one_request(bench, storage, disk):
    storage.add_volume("big", THERE, 495, kind="fast")
    plan = bench.plan(migrate(disk))
    assert bench.run(plan).state == "FAILED"
    assert len(bench.calls) == 1 and seen(bench, disk).host == HERE


def test_an_old_error_is_not_taken_for_a_new_one(bench, storage, disk):
    storage.change_volume(disk, migration_status="error")
    assert bench.run(bench.plan(migrate(disk))).state == "SUCCEEDED"


@pytest.mark.parametrize("make", [migrate, retype])
@pytest.mark.parametrize("trouble", ["lost-request", "lost-answer", "refused"])
def test_an_unknown_outcome_is_looked_up(bench, storage, disk, make, trouble):
    bench.cloud.fail(trouble, disk)
    plan = bench.plan(make(disk))
    assert bench.run(plan).state == "SUCCEEDED", why(bench, plan)
    done = [call for call in bench.calls if call[2] is None]
    assert len(done) == (0 if trouble == "lost-answer" else 1)
    assert len({call[1][-1] for call in bench.calls}) == 1


def test_a_refusal_says_what_cinder_says(bench, storage, disk):
    """Somebody was faster between our look and our request"""
    process = bench.process()
    cinder = process.clients.cinder._service
    original = cinder.migrate_volume

    def late(*args):
        storage.change_volume(disk, snapshots=1)
        return original(*args)

    cinder.migrate_volume = late
    plan = bench.plan(migrate(disk))
    process.take(plan).join(20)
    assert bench.state(plan).state == "FAILED"
    assert "must not be migrating, have snapshots" in why(bench, plan)
    (operation,) = bench.operations(only(bench, plan).uuid)
    assert operation.outcome == "refused"


def test_a_volume_that_is_deleted_meanwhile(bench, storage, disk):
    bench.cloud.volume_gb_s = 0.05
    plan = bench.plan(migrate(disk))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.calls)
    storage.delete_volume(disk)
    runner.join(10)
    assert "deleted meanwhile" in why(bench, plan)


def test_cinder_may_be_away_for_a_while(bench, storage, disk):
    bench.cloud.volume_gb_s = 0.1
    plan = bench.plan(migrate(disk))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.calls)
    bench.cloud.go_away()
    runner.join(0.3)
    assert bench.states(plan) == ["ONGOING"]
    bench.cloud.heal()
    runner.join(10)
    assert bench.state(plan).state == "SUCCEEDED"


# Cancel, death, back ------------------------------------------------------------------


def test_a_cancel_lets_cinder_finish(bench, storage, disk):
    bench.cloud.volume_gb_s = 0.3
    other = storage.add_volume("other", HERE, 5, kind="fast")
    plan = bench.plan(migrate(disk), (*migrate(other), [0]))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.calls)
    bench.cancel(plan)
    runner.join(20)
    assert bench.states(plan) == ["SUCCEEDED", "CANCELLED"]
    assert bench.state(plan).status_message.endswith("1 done, 1 not done")
    assert seen(bench, disk).host == THERE and seen(bench, other).host == HERE


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("make", "copies"),
    [(migrate, False), (migrate, True), (retype, False)],
    ids=["moved", "copied", "retyped"],
)
def test_killed_at_every_step_a_volume_moves_once(bench, storage, make, copies, after):
    bench.cloud.volume_gb_s = 10.0
    storage.change_backend("s@fast", copies=copies)
    at = 0
    while True:
        at += 1
        disk = storage.add_volume(f"d{at}", HERE, 5, kind="fast")
        plan = bench.plan(make(disk))
        del bench.calls[:]
        lived = die_and_resume(bench, plan, at, after)
        assert bench.states(plan) == ["SUCCEEDED"], (at, only(bench, plan))
        found = seen(bench, disk)
        assert found.host == (THERE if make is migrate else SLOW)
        assert len([call for call in bench.calls if call[2] is None]) == 1
        if lived:
            break
    assert at >= 6
    assert len(bench.cloud.clients().cinder.volumes()) == at


def test_a_running_migration_is_adopted_not_repeated(bench, storage, disk):
    bench.cloud.volume_gb_s = 0.1
    plan = bench.plan(migrate(disk))
    first = bench.process()
    first.take(plan)
    bench.until(lambda: bench.calls)
    first.die()
    second = bench.process().take(plan)
    second.join(10)
    assert bench.state(plan).state == "SUCCEEDED"
    assert len(bench.calls) == 1 and seen(bench, disk).host == THERE


def test_a_migration_that_failed_while_nobody_looked(bench, storage, disk):
    bench.cloud.fail("volume-migrate", disk)
    plan = bench.plan(migrate(disk))
    first = bench.process(bench_fate(4, True))
    first.take(plan).join(10)
    assert first.fate.dead.is_set()
    first.die()
    bench.until(lambda: seen(bench, disk).migration_status == "error")
    assert bench.run(plan).state == "FAILED"
    assert len(bench.calls) == 1


def action(bench, spec):
    made = VolumeMigrate({}, osc=bench.cloud.clients())
    made.input_parameters = spec[1]
    made.journal = LooseJournal(QUICK)
    made.validate_parameters()
    return made


def test_a_migration_is_taken_back_to_its_pool(bench, storage, disk):
    made = action(bench, migrate(disk))
    made.pre_condition()
    assert made.execute() is True
    made.post_condition()
    assert made.revert() is True
    assert seen(bench, disk).host == HERE
    kinds = [op.kind for op in made.journal.operations]
    assert kinds == ["migrate_volume", "migrate_volume_back"]


def test_a_retype_is_taken_back_with_its_pool(bench, storage):
    """Cinder may choose another pool of the old type: it is moved on to the first one"""
    disk = storage.add_volume("disk", THERE, 10, kind="fast")
    made = action(bench, retype(disk))
    assert made.execute() is True
    assert (seen(bench, disk).type, seen(bench, disk).host) == ("slow", SLOW)
    assert made.revert() is True
    assert (seen(bench, disk).type, seen(bench, disk).host) == ("fast", THERE)
    kinds = [op.kind for op in made.journal.operations]
    assert kinds == ["retype_volume", "retype_volume_back", "migrate_volume_back"]


def test_a_cancelled_plan_is_taken_back_all_the_same(bench, storage, disk):
    made = action(bench, migrate(disk))
    made.execute()
    made.journal.signals.cancel()
    assert made.revert() is True
    assert seen(bench, disk).host == HERE


def test_what_somebody_else_moved_on_is_not_taken_back(bench, storage, disk):
    made = action(bench, migrate(disk))
    made.execute()
    storage.change_volume(disk, pool=SLOW)
    made.revert()
    assert seen(bench, disk).host == SLOW
    with pytest.raises(exception.ActionExecutionFailure, match="is on s@slow#a, not"):
        made.post_condition()
    storage.delete_volume(disk)
    made.revert()
    with pytest.raises(exception.ActionExecutionFailure, match="deleted meanwhile"):
        made.post_condition()


# Time ---------------------------------------------------------------------------------


class Alone:
    """An action on a cloud of its own, whose time passes while it waits"""

    def __init__(self, **timing):
        self.now = 0.0
        self.cloud = SimulatedCloud.empty(
            now=lambda: START + datetime.timedelta(seconds=self.now)
        )
        self.cloud.volume_gb_s = 0.2
        self.cloud.storage.add_backend("s@fast", pools={"a": 500.0, "b": 500.0})
        self.disk = self.cloud.storage.add_volume("disk", HERE, 10)
        self.action = VolumeMigrate({}, osc=self.cloud.clients())
        self.action.input_parameters = migrate(self.disk)[1]
        self.action.journal = LooseJournal(Timing(**timing))
        self.action.journal.clock = lambda: self.now
        self.steps = self.action.steps()

    def until(self, moment):
        """Go on to that moment, or to the end"""
        for wait in self.steps:
            self.now += wait.seconds
            if self.now >= moment:
                return

    @property
    def outcome(self):
        return self.action.journal.operations[-1].outcome


def test_a14_a_migration_without_end_is_left_at_its_deadline():
    """actions.md A14: the reference's worker waits for ever"""
    alone = Alone(volume_s=100, per_gb_s=10)
    alone.cloud.fail("volume-stuck", alone.disk)
    with pytest.raises(exception.ActionExecutionFailure) as caught:
        alone.until(10**6)
    assert 200 <= alone.now < 220
    text = str(caught.value)
    assert "it still goes on after 2" in text and "is left to Cinder" in text
    assert "migration status 'starting'" in text
    assert alone.outcome == "timeout"


@pytest.mark.parametrize(("per_gb_s", "in_time"), [(0.0, False), (5.0, True)])
def test_a14_the_deadline_grows_with_the_volume(per_gb_s, in_time):
    """actions.md A14: seconds, and more of them for a large volume"""
    alone = Alone(volume_s=20, per_gb_s=per_gb_s, volume_interval_s=2)
    if in_time:
        alone.until(10**6)
        assert 50 < alone.now < 60
        return
    with pytest.raises(exception.ActionExecutionFailure, match="after 2"):
        alone.until(10**6)


def test_time_in_which_cinder_is_away_does_not_count():
    alone = Alone(volume_s=100, per_gb_s=0)
    alone.cloud.volume_gb_s = 0.08  # 125 s
    alone.until(20)
    alone.cloud.go_away()
    alone.until(100)
    alone.cloud.heal()
    alone.until(10**6)
    assert alone.now > 120 and alone.outcome == "succeeded"


def test_a_cinder_that_never_comes_back_is_not_waited_for():
    alone = Alone(volume_s=100, per_gb_s=0)
    alone.until(1)
    alone.cloud.go_away()
    with pytest.raises(
        exception.ActionExecutionFailure, match="Cinder does not answer"
    ):
        alone.until(10**6)
    assert 200 <= alone.now < 230 and alone.outcome == "timeout"
