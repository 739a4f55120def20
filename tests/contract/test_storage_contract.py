"""What the program relies on in Cinder, the same for the simulated and a real one."""

import datetime
import math

import pytest

from watcher import exception
from watcher.cluster.collector.base import Reading
from watcher.cluster.collector.storage import StorageCollector
from watcher.cluster.model.storage import StorageModelRoot


@pytest.fixture
def cinder(cloud):
    if not cloud.clients.keystone.has_service("block-storage"):
        pytest.skip("this cloud has no block storage")
    return cloud.clients.cinder


@pytest.fixture
def collector(cloud, cinder):
    found = StorageCollector({}, cloud.clients)
    found.reading = Reading(attempts=3)
    return found


def test_services_pools_types_and_volumes_belong_together(cloud, cinder):
    hosts = {service.host: service for service in cinder.services()}
    pools = {pool.name: pool for pool in cinder.pools()}
    types = {row.name: row for row in cinder.volume_types()}
    assert hosts and pools and types
    for service in hosts.values():
        assert (service.state, service.status) == ("up", "enabled")
        assert service.zone
    for name, pool in pools.items():
        assert name.partition("#")[0] in hosts
        assert pool.backend_name
        assert 0 <= pool.free_gb <= pool.total_gb < math.inf
        assert pool.allocated_gb >= 0
    made = [v for v in cinder.volumes() if v.status != "error"]
    assert made
    for volume in made:
        assert volume.host in pools and volume.size_gb > 0 and volume.project_id
        assert volume.type in types
        assert volume.created_at <= cloud.now() + datetime.timedelta(seconds=5)


def test_totals_count_every_volume(cinder):
    volumes = cinder.volumes()
    totals = cinder.volume_totals()
    assert totals.count == len(volumes)
    assert totals.size_gb == sum(volume.size_gb for volume in volumes)


def test_changes_are_those_since_a_moment(cloud, cinder):
    volumes = cinder.volumes()
    oldest = min(v.updated_at for v in volumes)
    changed = cinder.changed_volumes(oldest - datetime.timedelta(days=1))
    assert {v.uuid for v in changed} == {v.uuid for v in volumes}
    later = cloud.now() + datetime.timedelta(seconds=60)
    assert cinder.changed_volumes(later) == []


def test_a_refresh_of_a_calm_cloud_equals_a_reading(collector):
    assert collector.absent() is None
    model = collector.execute()
    assert all(node.volume_type for node in model.get_all_storage_nodes().values())
    fresh = collector.refresh(model)
    assert fresh is not None
    assert fresh.volumes_data == model.volumes_data
    assert fresh.volume_places.of == model.volume_places.of
    assert StorageModelRoot.from_xml(fresh.to_xml()).to_xml() == fresh.to_xml()


def test_a_refusal_is_an_error_of_cinder(cloud, cinder):
    if not cloud.real:
        cloud.cloud.go_away()
        with pytest.raises(exception.CinderClientError, match="Cinder: Unable"):
            cinder.services()
        return
    with pytest.raises(exception.CinderClientError) as caught:
        cinder._http.get("/volumes/nobody", "3.0")
    assert caught.value.http_status == 404
