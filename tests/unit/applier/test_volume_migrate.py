"""Volumes: what is checked before, and what is asked of Cinder and found when it goes well."""

import pytest

from watcher import exception
from watcher.applier.actions.volume_migrate import VolumeMigrate

from .volumes import GONE, HERE, SLOW, THERE, migrate, only, retype, seen, why

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
