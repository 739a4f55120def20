"""Migrations and retypes of volumes, asked of Cinder: what is seen, and what is refused."""

import uuid

import pytest

from tests.contract.disks import elsewhere
from watcher import exception
from watcher.clients.records import MOVING

GONE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def disks(cloud):
    """What a test does to volumes"""
    if not cloud.clients.keystone.has_service("block-storage"):
        pytest.skip("this cloud has no block storage")
    return cloud.disks()


@pytest.fixture
def cinder(cloud):
    return cloud.clients.cinder


def rid():
    return f"req-{uuid.uuid4()}"


def settled(cloud, ident):
    def still():
        found = cloud.clients.cinder.volume(ident)
        return None if found.is_moving else found

    return cloud.until(still, "the end of a migration")


def refused(call, *args, status=400):
    with pytest.raises(exception.CinderClientError) as caught:
        call(*args, rid())
    assert not caught.value.unknown
    assert caught.value.http_status == status
    return str(caught.value)


def test_one_volume_is_as_in_the_list(cinder, disks):
    ident = disks.make("fast", 2)
    assert cinder.volume(ident) == {v.uuid: v for v in cinder.volumes()}[ident]


def test_a_volume_that_is_not_there_is_named(cinder, disks):
    pool = cinder.pools()[0].name
    for call in (
        lambda: cinder.volume(GONE),
        lambda: cinder.migrate_volume(GONE, pool, rid()),
        lambda: cinder.retype_volume(GONE, "fast", rid()),
    ):
        with pytest.raises(exception.VolumeNotFound, match=GONE):
            call()
    assert cinder.shadow(GONE) is None


def test_once_the_answer_is_there_the_volume_moves(cloud, cinder, disks):
    """actions.md A14: a volume at rest after its request was taken has ended"""
    ident = disks.make("fast", 2)
    disks.slow(ident)
    there = elsewhere(cinder, ident)
    assert cinder.migrate_volume(ident, there, rid()).startswith("req-")
    moving = cinder.volume(ident)
    assert moving.is_moving and moving.migration_status in MOVING
    assert moving.status == "maintenance" and moving.host != there
    refused(cinder.migrate_volume, ident, there)
    refused(cinder.retype_volume, ident, "slow")
    assert cinder.shadow(ident) is None
    found = settled(cloud, ident)
    assert (found.host, found.status) == (there, "available")
    assert found.migration_status == "success" and found.name_id is None


def test_a16_a_copy_is_known_by_its_original_and_goes(cloud, cinder, disks):
    """actions.md A16: nothing of this needs a list of all volumes"""
    ident = disks.make("fast", 2)
    disks.copies(ident)
    here, there = cinder.volume(ident).host, elsewhere(cinder, ident)
    cinder.migrate_volume(ident, there, rid())
    copy = cloud.until(lambda: cinder.shadow(ident), "the copy")
    assert copy.is_shadow and copy.migration_status == f"target:{ident}"
    assert copy.host == there and cinder.volume(ident).host == here
    # For a moment Cinder has cleared the status and not written the new one.
    cloud.until(lambda: cinder.volume(ident).migration_status == "success")
    found = cinder.volume(ident)
    assert (found.host, found.status) == (there, "available")
    assert found.name_id == copy.uuid

    def gone():
        try:
            assert cinder.volume(copy.uuid).is_shadow
        except exception.VolumeNotFound:
            return True
        return False

    cloud.until(gone, "the end of the copy")
    assert cinder.shadow(ident) is None


def test_a_failed_migration_leaves_the_volume_where_it_was(cloud, cinder, disks):
    ident = disks.make("fast", 2)
    disks.fail(ident)
    before = cinder.volume(ident)
    cinder.migrate_volume(ident, elsewhere(cinder, ident), rid())
    found = settled(cloud, ident)
    assert (found.host, found.status) == (before.host, "available")
    assert found.migration_status == "error"


def test_a_pool_that_the_scheduler_does_not_give(cloud, cinder, disks):
    """Cinder takes the request and then ends it without a word"""
    ident = disks.make("fast", 2)
    before = cinder.volume(ident)
    nowhere = before.host.partition("#")[0] + "#nowhere"
    cinder.migrate_volume(ident, nowhere, rid())
    found = settled(cloud, ident)
    assert (found.host, found.status) == (before.host, "available")
    assert found.migration_status == "error"
    assert found.updated_at is not None


def test_what_cinder_refuses_at_once(cloud, cinder, disks):
    ident = disks.make("fast", 1)
    here = cinder.volume(ident).host
    assert "No available service" in refused(
        cinder.migrate_volume, ident, "nobody@nothing#none"
    )
    assert "must be different" in refused(cinder.migrate_volume, ident, here)
    text = refused(cinder.retype_volume, ident, "no-such-type", status=404)
    assert "no-such-type could not be found" in text
    assert "different" in refused(cinder.retype_volume, ident, "fast")
    assert not cinder.has_snapshots(ident)
    disks.snapshot(ident)
    assert cinder.has_snapshots(ident)
    there = elsewhere(cinder, ident)
    assert "have snapshots" in refused(cinder.migrate_volume, ident, there)
    assert cinder.volume(ident).host == here


def test_a_retyped_volume_goes_where_its_type_is(cloud, cinder, disks):
    ident = disks.make("fast", 1)
    disks.slow(ident)
    assert cinder.retype_volume(ident, "slow", rid()).startswith("req-")
    changing = cinder.volume(ident)
    assert changing.is_moving and changing.status == "retyping"
    assert changing.type == "fast"
    refused(cinder.retype_volume, ident, "slow")
    found = settled(cloud, ident)
    assert (found.type, found.status) == ("slow", "available")
    pools = {pool.name: pool.backend_name for pool in cinder.pools()}
    assert pools[found.host] == "slow"


def test_a_retype_without_a_place_changes_nothing(cloud, cinder, disks):
    ident = disks.make("fast", 1)
    disks.snapshot(ident)
    before = cinder.volume(ident)
    cinder.retype_volume(ident, "slow", rid())
    found = settled(cloud, ident)
    assert (found.type, found.host) == ("fast", before.host)
    assert found.status == "available"


def test_types_tell_encryption_and_who_may_use_them(cinder, disks):
    project = uuid.uuid4().hex
    ident = disks.private_type(project)
    assert cinder.type_projects(ident) == [project]
    kinds = {kind.name: kind for kind in cinder.volume_types()}
    assert not kinds["contract-private"].is_public and kinds["fast"].is_public
    assert not cinder.is_encrypted(kinds["fast"].id)
    pools = {pool.name: pool for pool in cinder.pools()}
    fast = {pool.name for pool in pools.values() if pool.suits(kinds["fast"])}
    assert fast == {n for n, pool in pools.items() if pool.backend_name == "fast"}
