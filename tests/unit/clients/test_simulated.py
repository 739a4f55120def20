import datetime
import sys
import threading

import numpy as np
import pytest

from watcher import exception
from watcher.clients import simulated_moves
from watcher.clients.simulated import SimulatedCloud

START = datetime.datetime(2026, 3, 1, 12, 0)


class Clock:
    def __init__(self):
        self.time = START

    def __call__(self):
        return self.time

    def tick(self, seconds):
        self.time += datetime.timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cloud(clock):
    """Three small hosts; a flavor that fits a host twice, by memory"""
    cloud = SimulatedCloud.empty(now=clock, migration_mb_s=100)
    for name in ("a", "b", "c"):
        cloud.add_host(name, vcpus=4, memory_mb=2560, disk_gb=100)
    cloud.add_flavor("half", 1, 1024, disk_gb=10)
    return cloud


@pytest.fixture
def nova(cloud):
    return cloud.clients().nova


def refused(call, *args):
    with pytest.raises(exception.NovaClientError) as caught:
        call(*args)
    return caught.value


def test_the_same_seed_gives_the_same_cloud(clock):
    one, two, other = (
        SimulatedCloud(seed, hosts=10, servers=100, now=clock).clients().nova
        for seed in (5, 5, 6)
    )
    assert one.servers() == two.servers()
    assert one.server_groups() == two.server_groups()
    assert one.servers() != other.servers()


def test_a_generated_cloud_breaks_no_rule_and_is_uneven(clock):
    cloud = SimulatedCloud(2, hosts=20, servers=300, zones=3, now=clock)
    nova, placement = cloud.clients().nova, cloud.clients().placement
    nodes = {n.hostname: n for n in nova.hypervisors()}
    uuids = [n.uuid for n in nodes.values()]
    held, used = placement.inventories(uuids), placement.usages(uuids)
    shares = []
    for uuid in uuids:
        for name, item in held[uuid].items():
            room = (item.total - item.reserved) * item.allocation_ratio
            assert used[uuid][name] <= room
        shares.append(used[uuid]["MEMORY_MB"] / held[uuid]["MEMORY_MB"].total)
    assert max(shares) > 2 * min(shares)
    servers = {s.uuid: s for s in nova.servers()}
    zones = {s.host: s.zone for s in nova.services()}
    assert len(servers) == 300 and set(zones.values()) == {"az1", "az2", "az3"}
    assert all(s.pinned_zone in ("", zones[s.host]) for s in servers.values())
    strict = [g for g in nova.server_groups() if g.policy == "anti-affinity"]
    assert strict
    for group in strict:
        homes = [servers[m].host for m in group.members]
        assert len(set(homes)) == len(homes)


def test_time_alone_brings_a_migration_to_its_end(cloud, nova, clock):
    server = cloud.add_server("one", "a", "half")
    nova.live_migrate(server, "b", "req-1")
    assert nova.migrations(server)[0].status == "preparing"
    clock.tick(0.5 + 5.12)
    running = nova.migrations(server)[0]
    assert running.status == "running"
    half = 512 * simulated_moves.MB
    assert running.progress.memory_processed == pytest.approx(half, rel=1e-6)
    clock.tick(3600)
    assert nova.server(server).host == "b"
    record = nova.migrations(server)[0]
    assert record.status == "completed"
    # It ended when it was due, not when somebody looked.
    assert record.updated_at == START + datetime.timedelta(seconds=11)


def test_room_is_promised_once(cloud, nova, clock):
    movers = [cloud.add_server(f"m{n}", "a", "half") for n in range(2)]
    cloud.add_server("there", "b", "half")
    nova.live_migrate(movers[0], "b", "req-1")
    error = refused(nova.live_migrate, movers[1], "b", "req-2")
    assert error.http_status == 400 and "No valid host" in str(error)
    # The room on the old host is free when the first has left it.
    late = cloud.add_server("late", "c", "half")
    assert refused(nova.live_migrate, late, "a", "req-3").http_status == 400
    clock.tick(20)
    nova.live_migrate(late, "a", "req-4")


def test_groups_and_zones_bind_the_scheduler(cloud, nova):
    cloud.add_host("far", zone="z2", memory_mb=8192)
    one, two = (cloud.add_server(n, h, "half") for n, h in (("o", "a"), ("t", "b")))
    cloud.add_group("apart", [one, two])
    cloud.change_server(one, pinned_zone="nova")
    assert refused(nova.live_migrate, one, "b", "req-1").http_status == 400
    assert refused(nova.live_migrate, one, "far", "req-2").http_status == 400
    nova.live_migrate(one, None, "req-3")
    assert nova.migrations(one)[0].dest_host == "c"


def test_a_host_that_is_down_neither_gives_nor_takes(cloud, nova):
    one, two = (cloud.add_server(n, h, "half") for n, h in (("o", "a"), ("t", "b")))
    cloud.change_host("a", up=False)
    assert "unavailable" in str(refused(nova.live_migrate, one, "b", "req-1"))
    assert "No valid host" in str(refused(nova.live_migrate, two, "a", "req-2"))
    states = {s.host: s.state for s in nova.services()}
    assert states == {"a": "down", "b": "up", "c": "up"}


def test_an_abort_may_come_too_late(cloud, nova, clock):
    server = cloud.add_server("one", "a", "half")
    nova.live_migrate(server, "b", "req-1")
    record = nova.migrations(server)[0]
    assert (
        refused(nova.abort_live_migration, server, record.id + 1, "req-2").http_status
        == 404
    )
    clock.tick(10.5)
    nova.abort_live_migration(server, record.id, "req-3")
    clock.tick(5)
    assert nova.server(server).host == "b"
    assert nova.migrations(server)[0].status == "completed"


def test_failures_come_as_often_as_asked(cloud, nova, clock):
    server = cloud.add_server("one", "a", "half")
    cloud.fail("rollback", server)
    cloud.fail("precheck", times=2)
    for _attempt in range(2):
        assert "pre-check" in str(refused(nova.live_migrate, server, "b", "req-1"))
    nova.live_migrate(server, "b", "req-2")
    clock.tick(60)
    assert (nova.server(server).host, nova.server(server).status) == ("a", "ACTIVE")
    nova.live_migrate(server, "b", "req-3")
    clock.tick(60)
    assert nova.server(server).host == "b"
    statuses = [m.status for m in nova.migrations(server)]
    assert statuses == ["completed", "failed", "error", "error"]


def test_requests_and_answers_get_lost(cloud, nova):
    server = cloud.add_server("one", "a", "half")
    cloud.fail("lost-request", server)
    assert refused(nova.live_migrate, server, "b", "req-1").unknown
    assert nova.migrations(server) == []
    cloud.fail("lost-answer", server)
    assert refused(nova.live_migrate, server, "b", "req-2").unknown
    (record,) = nova.migrations(server)
    assert record.status == "preparing"
    cloud.fail("refused")
    error = refused(nova.set_service, nova.services()[0].id, False, "why", "req-3")
    assert error.unknown and error.http_status == 503
    assert nova.services()[0].status == "enabled"


def test_a_cloud_that_is_away_says_so_in_every_service(cloud, nova):
    cloud.go_away()
    assert not refused(nova.servers).unknown
    with pytest.raises(exception.PlacementClientError, match="Placement: Unable"):
        cloud.clients().placement.inventories(["x"])
    cloud.heal()
    assert nova.servers() == []


def test_it_survives_a_restart_in_the_middle_of_a_migration(clock, tmp_path):
    file = tmp_path / "cloud.json"
    first = SimulatedCloud(3, hosts=4, servers=10, zones=1, now=clock, path=file)
    nova = first.clients().nova
    server = next(s for s in nova.servers() if s.status == "ACTIVE")
    first.fail("resize", times=3)
    own = nova.live_migrate(server.uuid, None, "req-1")
    service = nova.services()[0].id
    nova.set_service(service, False, "watcher_maintaining", "req-2")
    expected = nova.servers(), nova.migrations(server.uuid), nova.server_groups()
    del first, nova

    clock.tick(2)
    again = SimulatedCloud(99, now=clock, path=file).clients().nova
    assert again.instance_actions(server.uuid)[0].request_id == own
    assert again.services()[0].disabled_reason == "watcher_maintaining"
    clock.tick(-2)
    same = SimulatedCloud(99, now=clock, path=file).clients().nova
    assert (
        same.servers(),
        same.migrations(server.uuid),
        same.server_groups(),
    ) == expected
    clock.tick(3600)
    assert again.migrations(server.uuid)[0].status == "completed"
    assert [f.name for f in tmp_path.iterdir()] == ["cloud.json"]


def test_a_deleted_server_lets_go_of_everything(cloud, nova):
    server = cloud.add_server("one", "a", "half")
    cloud.add_group("apart", [server])
    nova.live_migrate(server, "b", "req-1")
    cloud.delete_server(server)
    assert nova.in_flight_migrations() == [] and nova.servers() == []
    assert list(nova.server_groups()[0].members) == []
    uuids = [n.uuid for n in nova.hypervisors()]
    used = cloud.clients().placement.usages(uuids)
    assert all(amount == 0 for row in used.values() for amount in row.values())


@pytest.fixture
def impatient_threads():
    """Let the interpreter switch threads all the time"""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_cannot_promise_the_same_room_twice(clock, impatient_threads):
    cloud = SimulatedCloud.empty(now=clock)
    cloud.add_flavor("half", 1, 1024, disk_gb=10)
    cloud.add_host("target", memory_mb=2560)
    for number in range(12):
        cloud.add_host(f"h{number}", memory_mb=2560)
        cloud.add_server(f"s{number}", f"h{number}", "half")
    nova = cloud.clients().nova
    start = threading.Barrier(12)
    done = []

    def move(server):
        start.wait()
        try:
            done.append(nova.live_migrate(server, "target", "req-1"))
        except exception.NovaClientError:
            pass

    threads = [threading.Thread(target=move, args=(s.uuid,)) for s in nova.servers()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 2 and len(nova.in_flight_migrations()) == 2
    # Every attempt left a record of its own.
    records = [m for s in nova.servers() for m in nova.migrations(s.uuid)]
    assert len({m.id for m in records}) == len(records) == 12


def test_the_load_of_a_day_looks_like_that_of_a_cloud(clock):
    cloud = SimulatedCloud(4, hosts=40, servers=600, now=clock)
    servers = cloud.clients().nova.servers()
    days = np.array([cloud.load(s.uuid) for s in servers])
    assert days.shape[1] == 288
    assert days.min() >= 0 and days.max() <= 1
    assert 0.08 < days.mean() < 0.25
    # A few do much: skewed, not normal.
    assert np.median(days.mean(axis=1)) < days.mean()
    # By day there is more to do than in the evening.
    hourly = days.mean(axis=0).reshape(24, 12).mean(axis=1)
    assert hourly[13:16].mean() > 1.25 * hourly[21:24].mean()
    # Five minutes later a server does about the same.
    close = [np.corrcoef(day[:-1], day[1:])[0, 1] for day in days]
    assert np.median(close) > 0.7
    assert cloud.load_at(servers[0].uuid, START) == days[0][144]
    assert 0.1 <= cloud.memory_share(servers[0].uuid) <= 0.98


def test_a_resize_claims_what_each_flavor_needs(cloud, nova, clock):
    cloud.add_flavor("whole", 2, 2048, disk_gb=10)
    vm = cloud.add_server("vm", "a", "half")
    placement = cloud.clients().placement

    def memory(host):
        ident = next(n.uuid for n in nova.hypervisors() if n.hostname == host)
        return placement.usages([ident])[ident]["MEMORY_MB"]

    nova.resize(vm, nova.flavor("whole").id, "req-1")
    target = nova.migrations(vm)[0].dest_host
    assert target != "a"
    for _look in range(2):
        assert (memory("a"), memory(target)) == (1024, 2048)
        clock.tick(60)  # the server is there meanwhile, with both claims
    assert nova.server(vm).status == "VERIFY_RESIZE"
    nova.confirm_resize(vm, "req-2")
    clock.tick(60)
    assert (memory("a"), memory(target)) == (0, 2048)


def test_a_shelved_server_claims_nothing(cloud, nova, clock):
    vm = cloud.add_server("vm", "a", "half")
    nova.shelve(vm, "req-1")
    clock.tick(60)
    assert nova.server(vm).host is None
    used = cloud.clients().placement.usages([n.uuid for n in nova.hypervisors()])
    assert {row["MEMORY_MB"] for row in used.values()} == {0}
    assert len(nova.hypervisors()) == len(cloud.clients().placement.offers())


def test_it_survives_a_restart_while_servers_change(clock, tmp_path):
    file = tmp_path / "cloud.json"
    first = SimulatedCloud(3, hosts=4, servers=10, zones=1, now=clock, path=file)
    nova = first.clients().nova
    one, two = [s.uuid for s in nova.servers() if s.status == "ACTIVE"][:2]
    nova.stop(one, "req-1")
    nova.resize(two, nova.flavor("m1.tiny" if nova.server(two).flavor.name !=
                "m1.tiny" else "m1.small").id, "req-2")  # fmt: skip
    clock.tick(600)
    again = SimulatedCloud(99, now=clock, path=file).clients().nova
    assert again.server(one).status == "SHUTOFF"
    assert again.server(two).status == "VERIFY_RESIZE"
