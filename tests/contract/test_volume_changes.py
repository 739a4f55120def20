"""What people do to volumes, and how Cinder, simulated or real, tells it."""

import datetime

import pytest

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def disks(cloud):
    """What a test does to volumes"""
    return cloud.disks()


def find(cloud, uuid):
    return next((v for v in cloud.clients.cinder.volumes() if v.uuid == uuid), None)


def test_a_volume_is_in_a_pool_of_its_type(cloud, disks):
    uuid = disks.make("fast", 3)
    volume = find(cloud, uuid)
    pools = {pool.name: pool for pool in cloud.clients.cinder.pools()}
    assert pools[volume.host].backend_name == "fast"
    assert (volume.type, volume.size_gb, volume.status) == ("fast", 3, "available")
    assert not volume.bootable and not volume.multiattach
    assert volume.attachments == () and volume.snapshot_id is None
    age = cloud.now() - volume.created_at
    assert abs(age) < datetime.timedelta(minutes=5)
    assert volume.project_id


def test_what_is_renamed_grows_or_moves_has_changed(cloud, disks):
    cinder = cloud.clients.cinder
    uuid = disks.make("fast", 2)
    start = find(cloud, uuid).created_at
    for change in (disks.rename, disks.grow, disks.move):
        cloud.sleep(2)
        later = cloud.now()
        # Cinder stamps whole seconds.
        since = later.replace(microsecond=0)
        assert uuid not in {v.uuid for v in cinder.changed_volumes(later + HOUR)}
        change(uuid)
        found = {v.uuid: v for v in cinder.changed_volumes(since)}
        assert uuid in found, change.__name__
        assert found[uuid] == find(cloud, uuid)
    assert found[uuid].updated_at > start
    assert found[uuid].size_gb == 3


def test_a_moved_volume_is_in_the_other_pool(cloud, disks):
    uuid = disks.make("fast", 2)
    before = find(cloud, uuid)
    disks.move(uuid)
    after = find(cloud, uuid)
    assert after.host != before.host and after.host in {
        pool.name for pool in cloud.clients.cinder.pools()
    }
    assert (after.type, after.status) == ("fast", "available")


def test_a_deleted_volume_is_nowhere(cloud, disks):
    start = cloud.now() - datetime.timedelta(seconds=5)
    uuid = disks.make("slow", 1)
    before = cloud.clients.cinder.volume_totals().count
    disks.delete(uuid)
    assert find(cloud, uuid) is None
    assert uuid not in {v.uuid for v in cloud.clients.cinder.changed_volumes(start)}
    assert cloud.clients.cinder.volume_totals().count == before - 1


def test_small_pages_of_volumes_tell_the_same(cloud, disks):
    if not cloud.real:
        pytest.skip("there are no pages in memory")
    for _each in range(3):
        disks.make("slow", 1)
    small = disks.small_pages()
    assert small.volumes() == cloud.clients.cinder.volumes()
    assert small.volume_types() == cloud.clients.cinder.volume_types()
