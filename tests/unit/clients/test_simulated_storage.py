"""The Cinder of the simulated cloud."""

import datetime
import json
import math

import pytest

from watcher import exception
from watcher.clients.simulated import SimulatedCloud

START = datetime.datetime(2026, 3, 1, 12, 0)


def generated(seed=3, **more):
    return SimulatedCloud(seed, hosts=20, servers=200, now=lambda: START, **more)


def test_the_same_seed_gives_the_same_storage():
    one, two, other = (generated(s).clients().cinder for s in (3, 3, 4))
    assert one.volumes() == two.volumes() and one.pools() == two.pools()
    assert one.volumes() != other.volumes()


def test_generated_storage_agrees_with_itself_and_with_the_servers():
    clients = generated().clients()
    cinder = clients.cinder
    servers = {s.uuid: s for s in clients.nova.servers()}
    volumes = cinder.volumes()
    used = {}
    for volume in volumes:
        used[volume.host] = used.get(volume.host, 0) + volume.size_gb
        (attachment,) = volume.attachments
        assert servers[attachment.server].project_id == volume.project_id
    roots = {v.attachments[0].server for v in volumes if v.bootable}
    assert roots == {u for u, s in servers.items() if s.boots_from_volume}
    hosts = {s.host for s in cinder.services()}
    for pool in cinder.pools():
        assert pool.allocated_gb == used.get(pool.name, 0)
        assert pool.free_gb == pool.total_gb - pool.allocated_gb >= 0
        assert pool.name.partition("#")[0] in hosts
    assert {t.name for t in cinder.volume_types()} == {v.type for v in volumes}
    assert max(used.values()) > 2 * min(used.values())


def test_it_survives_a_restart_and_old_files_have_none(tmp_path):
    path = tmp_path / "cloud.json"
    cloud = generated(path=path)
    uuid = cloud.storage.add_volume("mine", None, 7)
    again = SimulatedCloud(path=path, now=lambda: START).clients().cinder
    assert again.volumes() == cloud.clients().cinder.volumes()
    assert uuid in {v.uuid for v in again.volumes()}
    saved = json.loads(path.read_text())
    for name in ("backends", "kinds", "disks"):
        del saved[name]
    path.write_text(json.dumps(saved))
    old = SimulatedCloud(path=path, now=lambda: START).clients()
    assert old.cinder.services() == old.cinder.volumes() == []
    assert not old.keystone.has_service("block-storage")
    assert len(old.nova.servers()) == 200


def test_words_instead_of_sizes_and_all_that_can_be_changed():
    cloud = SimulatedCloud.empty(now=lambda: START)
    cinder = cloud.clients().cinder
    names = cloud.storage.add_backend("h@b", pools={"x": "infinite", "y": "unknown"})
    assert names == {"x": "h@b#x", "y": "h@b#y"}
    cloud.storage.change_backend("h@b", enabled=False, up=False, disabled_reason="r")
    (service,) = cinder.services()
    assert (service.status, service.state) == ("disabled", "down")
    assert [(p.total_gb, p.free_gb) for p in cinder.pools()] == [
        (math.inf, math.inf),
        (None, None),
    ]
    uuid = cloud.storage.add_volume("v", names["x"], 5)
    cloud.storage.change_volume(uuid, size_gb=9)
    assert cinder.volume_totals().size_gb == 9
    cloud.storage.delete_volume(uuid)
    assert cinder.volume_totals().count == 0
    cloud.go_away()
    with pytest.raises(exception.CinderClientError):
        cinder.volumes()
