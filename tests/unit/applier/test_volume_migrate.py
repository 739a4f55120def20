"""Volumes: what is checked, asked of Cinder, waited for, adopted, said and taken back."""

import datetime

import pytest

from watcher import exception
from watcher.applier.actions.volume_migrate import VolumeMigrate
from watcher.applier.journal import LooseJournal, Timing
from watcher.clients.simulated import SimulatedCloud

from .conftest import QUICK
from .test_recovery import bench_fate, die_and_resume

START = datetime.datetime(2026, 3, 1, 12, 0)
GONE = "00000000-0000-4000-8000-000000000000"
HERE, THERE, SLOW = "s@fast#a", "s@fast#b", "s@slow#a"


@pytest.fixture
def storage(bench):
    bench.cloud.volume_gb_s = 2.0
    found = bench.cloud.storage
    found.add_backend("s@fast", pools={"a": 500.0, "b": 500.0})
    found.add_backend("s@slow", pools={"a": 500.0})
    found.add_type("fast", volume_backend_name="fast")
    found.add_type("slow", volume_backend_name="slow")
    found.add_type("plain")
    return found


@pytest.fixture
def disk(storage):
    return storage.add_volume("disk", HERE, 10, kind="fast", project_id="p")


def migrate(uuid, dest=THERE, kind="migrate", **more):
    given = {"resource_id": uuid, "migration_type": kind, "destination_node": dest}
    return ("volume_migrate", {**given, **more})


def retype(uuid, kind="slow", **more):
    given = {"resource_id": uuid, "migration_type": "retype", "destination_type": kind}
    return ("volume_migrate", {**given, **more})


def seen(bench, uuid):
    return bench.cloud.clients().cinder.volume(uuid)


def only(bench, plan):
    return bench.actions(plan)[0]


def why(bench, plan):
    return only(bench, plan).status_message


# Parameters ---------------------------------------------------------------------------


def problem(**given):
    action = VolumeMigrate({})
    action.input_parameters = {"resource_id": GONE, **given}
    try:
        action.validate_parameters()
    except exception.InvalidParameter as error:
        return str(error)
    return None


def test_a17_destinations_are_validated_and_null_is_accepted():
    """actions.md A17: the keywords of the reference's schema are misspelled"""
    good = {"migration_type": "migrate", "destination_node": "h@b#p"}
    assert problem(**good, destination_type=None) is None
    assert problem(**good, resource_name="x") is None
    assert problem(migration_type="swap", destination_node="h@b#p") is None
    retyped = {"migration_type": "retype", "destination_type": "fast"}
    assert problem(**retyped, destination_node=None) is None
    for wrong in ("", 5, {}, True, ["h"]):
        bad = {"migration_type": "migrate", "destination_node": wrong}
        assert "destination_node" in problem(**bad)
        bad = {"migration_type": "retype", "destination_type": wrong}
        assert "destination_type" in problem(**bad)
    assert "migration_type" in problem(migration_type="copy")
    assert "resource_id" in problem(**good, resource_id="disk")
    assert "extra" in problem(**good, extra=1)


def test_a15_a_missing_destination_is_found_before_anything_runs(bench, disk):
    """actions.md A15, A18: the reference finds it in the middle of the plan"""
    assert "destination_node" in problem(migration_type="migrate")
    assert "destination_node" in problem(migration_type="swap", destination_node=None)
    assert "destination_type" in problem(
        migration_type="retype", destination_node="h@b#p"
    )
    plan = bench.plan(
        migrate(disk), ("volume_migrate", {"resource_id": disk,
                                           "migration_type": "retype"}))  # fmt: skip
    bench.run(plan)
    assert bench.calls == []


# The way it should go -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["migrate", "swap"])
@pytest.mark.parametrize("copies", [False, True])
def test_a_volume_arrives_and_nothing_is_left(bench, storage, disk, kind, copies):
    storage.change_backend("s@fast", copies=copies)
    plan = bench.plan(migrate(disk, kind=kind))
    assert bench.run(plan).state == "SUCCEEDED"
    found = seen(bench, disk)
    assert (found.host, found.status, found.type) == (THERE, "available", "fast")
    assert len(bench.cloud.clients().cinder.volumes()) == 1
    (operation,) = bench.operations(only(bench, plan).uuid)
    assert (operation.kind, operation.outcome) == ("migrate_volume", "succeeded")
    assert operation.request_id.startswith("req-") and operation.remote_id
    kept = operation.detail
    assert (kept["source"], kept["dest"], kept["host"]) == (HERE, THERE, THERE)
    assert ("shadow" in kept) is copies


@pytest.mark.parametrize("keeps", [False, True])
def test_a16_the_copy_is_looked_up_by_id(bench, storage, disk, keeps):
    """actions.md A16: the reference lists every volume of the cloud for it"""
    storage.change_backend("s@fast", copies=True, keeps_names=keeps)
    asked = []
    process = bench.process()
    cinder = process.clients.cinder
    original = cinder._service.volumes
    cinder._service.volumes = lambda: asked.append("all") or original()
    process.take(bench.plan(migrate(disk))).join(20)
    assert seen(bench, disk).host == THERE
    assert len(original()) == 1 and asked == []


def test_a_copy_that_stays_is_told(bench, storage, disk):
    storage.change_backend("s@fast", copies=True)
    bench.cloud.fail("volume-leftover", disk)
    plan = bench.plan(migrate(disk))
    assert bench.run(plan).state == "FAILED"
    assert "it has arrived, but volume" in why(bench, plan)
    assert "error_deleting" in why(bench, plan)
    assert seen(bench, disk).host == THERE


def test_a_retyped_volume_moves_where_it_must(bench, storage, disk):
    plan = bench.plan(retype(disk, "slow"))
    assert bench.run(plan).state == "SUCCEEDED"
    assert (seen(bench, disk).type, seen(bench, disk).host) == ("slow", SLOW)
    plan = bench.plan(retype(disk, "plain"))
    assert bench.run(plan).state == "SUCCEEDED"
    assert (seen(bench, disk).type, seen(bench, disk).host) == ("plain", SLOW)
    (operation,) = bench.operations(only(bench, plan).uuid)
    assert (operation.kind, operation.detail["was_type"]) == ("retype_volume", "slow")


def test_an_attached_volume_moves_under_its_server(bench, storage):
    vm = bench.cloud.add_server("vm", "a")
    disk = storage.add_volume("disk", HERE, 10, kind="fast", status="in-use",
                              servers=[vm])  # fmt: skip
    assert bench.run(bench.plan(migrate(disk))).state == "SUCCEEDED"
    assert (seen(bench, disk).host, seen(bench, disk).status) == (THERE, "in-use")


# Before -------------------------------------------------------------------------------


def test_what_is_gone_or_as_it_should_be_is_skipped(bench, storage, disk):
    plan = bench.plan(migrate(GONE), migrate(disk, HERE), retype(disk, "fast"))
    assert bench.run(plan).state == "SUCCEEDED"
    assert bench.states(plan) == ["SKIPPED"] * 3
    texts = [row.status_message.partition(": ")[2] for row in bench.actions(plan)]
    assert texts == [
        f"Volume {GONE} not found",
        f"Volume {disk} is on {HERE} already",
        f"Volume {disk} has type fast already",
    ]
    assert bench.calls == []


def test_checks_come_in_the_published_order(bench, storage, disk):
    """actions.md 4: type, then pool, then whether there is anything to do"""
    wrong_type = retype(disk, "no-such", destination_node="no#pool")
    wrong_pool = retype(disk, "fast", destination_node="no#pool")
    wrong_both = migrate(disk, HERE, destination_type="no-such")
    plan = bench.plan(wrong_type, wrong_pool, wrong_both)
    bench.run(plan)
    texts = [row.status_message for row in bench.actions(plan)]
    assert bench.states(plan) == ["FAILED"] * 3
    assert "pre_condition: There is no volume type named no-such" in texts[0]
    assert "pre_condition: There is no pool named no#pool" in texts[1]
    assert "no volume type named no-such" in texts[2]
    assert bench.calls == []


def refused(bench, plan, text):
    assert bench.run(plan).state == "FAILED"
    assert "in pre_condition" in why(bench, plan)
    assert text in why(bench, plan)
    assert bench.calls == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"snapshots": 2}, "snapshots"),
        ({"group": "g"}, "group g"),
        ({"replication_status": "enabled"}, "replicated"),
        ({"status": "error"}, "it is error"),
        ({"status": "in-use"}, "0 attachments"),
        ({"migration_status": "migrating"}, "migrated or retyped already"),
        ({"migration_status": "target:x"}, "migration of another volume"),
    ],
)
def test_a15_what_cinder_would_refuse_is_found_before(
    bench, storage, disk, values, text
):
    """actions.md A15: constraints that the reference does not check"""
    storage.change_volume(disk, **values)
    refused(bench, bench.plan(migrate(disk)), text)


def test_a15_every_attachment_counts(bench, storage):
    """actions.md A15: the reference looks at the first attachment only"""
    one, two = (bench.cloud.add_server(name, "a") for name in ("one", "two"))
    storage.change_type("plain", encrypted=True)
    many = storage.add_volume("many", HERE, 5, kind="fast", status="in-use",
                              multiattach=True, servers=[one, two])  # fmt: skip
    secret = storage.add_volume("secret", HERE, 5, kind="plain", status="in-use",
                                servers=[one])  # fmt: skip
    refused(bench, bench.plan(migrate(many)), "attached 2 times")
    refused(bench, bench.plan(migrate(secret)), "encrypted")
    lone = storage.add_volume("lone", HERE, 5, kind="fast", status="in-use",
                              servers=[two])  # fmt: skip
    bench.cloud.change_server(two, status="SHUTOFF", vm_state="stopped")
    refused(bench, bench.plan(migrate(lone)), f"server {two}, which is SHUTOFF")
    bench.cloud.delete_server(two)
    refused(bench, bench.plan(migrate(lone)), f"server {two}, which is gone")


def test_the_pool_must_suit_and_serve(bench, storage, disk):
    refused(bench, bench.plan(migrate(disk, SLOW)), "does not offer what its type")
    storage.change_backend("s@fast", enabled=False, disabled_reason="new firmware")
    refused(bench, bench.plan(migrate(disk)), "is disabled (new firmware)")
    storage.change_backend("s@fast", enabled=True, up=False)
    refused(bench, bench.plan(migrate(disk)), "is down")


def test_a_type_must_be_allowed_and_possible(bench, storage, disk):
    storage.change_type("plain", projects=["other"])
    refused(bench, bench.plan(retype(disk, "plain")), "may not use the private type")
    storage.change_type("plain", projects=["other", "p"])
    assert bench.run(bench.plan(retype(disk, "plain"))).state == "SUCCEEDED"
    del bench.calls[:]
    storage.add_type("nowhere", volume_backend_name="nobody")
    refused(bench, bench.plan(retype(disk, "nowhere")), "no pool offers")
    storage.change_volume(disk, snapshots=1)
    refused(bench, bench.plan(retype(disk, "slow")), "snapshots and would have to move")
    storage.add_type("many", multiattach="<is> True")
    storage.change_type("many", encrypted=True)
    refused(bench, bench.plan(retype(disk, "many")), "does not combine")
    vm = bench.cloud.add_server("vm", "a")
    storage.change_volume(disk, status="in-use", servers=[vm], snapshots=0)
    refused(bench, bench.plan(retype(disk, "many")), "on available ones only")


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
