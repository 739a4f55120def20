"""What the program relies on in a cloud, the same for the simulated and a real one."""

import datetime
import uuid

import pytest

from watcher import exception


@pytest.fixture
def rid():
    return lambda: f"req-{uuid.uuid4()}"


def refused(call, *args):
    with pytest.raises(exception.NovaClientError) as caught:
        call(*args)
    assert not caught.value.unknown
    return caught.value


# Reading ------------------------------------------------------------------------------


def test_hosts_services_and_inventories_belong_together(cloud):
    nodes = cloud.nova.hypervisors()
    services = {s.host: s for s in cloud.nova.services()}
    held = cloud.clients.placement.inventories([n.uuid for n in nodes])
    used = cloud.clients.placement.usages([n.uuid for n in nodes])

    assert len(nodes) >= 3
    for node in nodes:
        assert services[node.hostname].id == node.service_id
        assert (node.state, node.status) == ("up", "enabled")
        assert held[node.uuid]["VCPU"].total == node.vcpus
        assert held[node.uuid]["MEMORY_MB"].total == node.memory_mb
        assert held[node.uuid]["MEMORY_MB"].reserved == 512
        assert held[node.uuid]["VCPU"].allocation_ratio == 2.0
        assert used[node.uuid]["VCPU"] >= 0


def test_one_request_tells_what_all_hosts_with_room_use(cloud):
    nodes = {n.uuid for n in cloud.nova.hypervisors()}
    offers = cloud.clients.placement.offers()
    used = cloud.clients.placement.usages(sorted(nodes))
    assert nodes <= set(offers)
    for node in nodes:
        assert offers[node].used == used[node]
        assert isinstance(offers[node].traits, frozenset)


def test_an_unknown_provider_is_left_out(cloud):
    known = cloud.nova.hypervisors()[0].uuid
    held = cloud.clients.placement.inventories([known, str(uuid.uuid4())])
    assert list(held) == [known]


def test_servers_carry_their_size_and_place(cloud):
    hosts = {s.host for s in cloud.nova.services()}
    own, _target = cloud.movable()
    servers = cloud.nova.servers()
    assert own in servers and len(servers) >= 3
    for server in servers:
        assert server.host in hosts and server.hypervisor in hosts
        assert server.flavor.vcpus >= 1 and server.flavor.memory_mb >= 64
        assert server.created_at <= cloud.now() + datetime.timedelta(seconds=5)
        assert not server.deleted and not server.pinned_zone
        assert server.availability_zone


def test_small_pages_tell_the_same(cloud):
    if not cloud.real:
        pytest.skip("there are no pages in memory")
    small = cloud.small_pages()
    assert small.hypervisors() == cloud.nova.hypervisors()
    for name in ("servers", "server_groups"):
        assert len(getattr(small, name)()) == len(getattr(cloud.nova, name)())
    server, _target = cloud.movable()
    assert small.server(server.uuid) == server
    assert small.migrations(server.uuid) == cloud.nova.migrations(server.uuid)


def test_nobody_knows_a_foreign_server(cloud, rid):
    foreign = str(uuid.uuid4())
    for call in (
        lambda: cloud.nova.server(foreign),
        lambda: cloud.nova.live_migrate(foreign, None, rid()),
        lambda: cloud.nova.confirm_resize(foreign, rid()),
        lambda: cloud.nova.instance_actions(foreign),
    ):
        with pytest.raises(exception.InstanceNotFound):
            call()
    assert cloud.nova.migrations(foreign) == []


def test_a_deleted_server_is_among_the_changes_only(cloud):
    start = cloud.now() - datetime.timedelta(seconds=5)
    server = cloud.make_server()
    assert server in {s.uuid for s in cloud.nova.servers(changes_since=start)}
    assert server in {s.uuid for s in cloud.nova.servers()}

    cloud.delete_server(server)
    cloud.until(lambda: server not in {s.uuid for s in cloud.nova.servers()})
    gone = next(s for s in cloud.nova.servers(changes_since=start) if s.uuid == server)
    assert gone.deleted and gone.status == "DELETED"
    with pytest.raises(exception.InstanceNotFound):
        cloud.nova.server(server)


def test_nothing_changed_since_just_now(cloud):
    cloud.sleep(2)
    later = cloud.now() + datetime.timedelta(seconds=60)
    assert cloud.nova.servers(changes_since=later) == []


def test_server_groups(cloud):
    ident = cloud.make_group("anti-affinity", 2)
    group = next(g for g in cloud.nova.server_groups() if g.id == ident)
    assert (group.policy, group.max_per_host) == ("anti-affinity", 2)
    assert list(group.members) == []


def test_aggregates(cloud):
    host = cloud.nova.services()[0].host
    ident = cloud.make_aggregate(host)
    found = next(a for a in cloud.nova.aggregates() if a.id == ident)
    assert list(found.hosts) == [host]
    assert found.metadata["colour"] == "blue" and found.zone is None


def test_keystone_knows_its_services(cloud):
    assert cloud.clients.keystone.has_service("compute")
    assert not cloud.clients.keystone.has_service("divination")


# Services -----------------------------------------------------------------------------


def test_disabling_and_enabling_a_service(cloud, rid):
    service = sorted(cloud.nova.services(), key=lambda s: s.host)[-1]
    cloud.nova.set_service(service.id, False, "watcher_maintaining", rid())
    try:
        off = cloud.service_of(service.host)
        assert (off.status, off.disabled_reason) == ("disabled", "watcher_maintaining")
        assert off.state == "up"
    finally:
        cloud.nova.set_service(service.id, True, None, rid())
    on = cloud.service_of(service.host)
    assert (on.status, on.disabled_reason) == ("enabled", None)


def test_an_unknown_service_is_not_found(cloud, rid):
    error = refused(cloud.nova.set_service, str(uuid.uuid4()), False, "why", rid())
    assert error.http_status == 404


# Live migration -----------------------------------------------------------------------


def test_a_live_migration_arrives_and_is_on_record(cloud, rid):
    server, target = cloud.movable()
    own = cloud.nova.live_migrate(server.uuid, target, rid())
    assert own.startswith("req-")
    assert own == cloud.nova.instance_actions(server.uuid)[0].request_id

    moved = cloud.settled(server.uuid)
    assert (moved.host, moved.status) == (target, "ACTIVE")
    record = cloud.until(
        lambda: next(
            (m for m in cloud.nova.migrations(server.uuid)[:1] if m.succeeded), None
        )
    )
    assert (record.kind, record.status) == ("live-migration", "completed")
    assert (record.source_host, record.dest_host) == (server.host, target)
    assert record.server == server.uuid
    assert not record.in_flight


def test_the_scheduler_picks_a_host_when_none_is_named(cloud, rid):
    server, _target = cloud.movable()
    cloud.nova.live_migrate(server.uuid, None, rid())
    assert cloud.settled(server.uuid).host != server.host


def test_a_running_live_migration_can_be_watched_and_aborted(cloud, rid):
    cloud.slow()
    server, target = cloud.movable()
    cloud.nova.live_migrate(server.uuid, target, rid())

    running = cloud.until(
        lambda: next(
            (m for m in cloud.nova.migrations(server.uuid) if m.status == "running"),
            None,
        )
    )
    assert running.in_flight
    assert running.id in {m.id for m in cloud.nova.in_flight_migrations()}
    now = cloud.nova.server(server.uuid)
    assert (now.status, now.task_state) == ("MIGRATING", "migrating")
    again = refused(cloud.nova.live_migrate, server.uuid, target, rid())
    assert again.http_status == 409 and "task_state migrating" in str(again)

    cloud.nova.abort_live_migration(server.uuid, running.id, rid())
    after = cloud.settled(server.uuid)
    assert (after.host, after.status) == (server.host, "ACTIVE")
    ended = cloud.nova.migrations(server.uuid)[0]
    assert (ended.id, ended.status) == (running.id, "cancelled")
    assert running.id not in {m.id for m in cloud.nova.in_flight_migrations()}


def test_progress_of_the_memory_copy(cloud, rid):
    cloud.slow()
    server, target = cloud.movable()
    cloud.nova.live_migrate(server.uuid, target, rid())

    def progress():
        return next((m.progress for m in cloud.nova.migrations(server.uuid)), None)

    def seen():
        found = progress()
        if found is None and cloud.nova.server(server.uuid).task_state is None:
            pytest.skip("the hypervisors of this cloud report no progress")
        return found

    found = cloud.until(seen)
    assert found.memory_total > 0
    assert found.memory_processed + found.memory_remaining == found.memory_total
    cloud.settled(server.uuid)
    cloud.until(lambda: progress() is None)


def test_only_a_running_live_migration_can_be_aborted(cloud, rid):
    server, _target = cloud.movable()
    assert (
        refused(cloud.nova.abort_live_migration, server.uuid, 10**6, rid()).http_status
        == 409
    )


def test_a_disabled_host_is_no_target(cloud, rid):
    server, target = cloud.movable()
    service = cloud.service_of(target)
    cloud.nova.set_service(service.id, False, "why not", rid())
    try:
        error = refused(cloud.nova.live_migrate, server.uuid, target, rid())
        assert error.http_status == 400 and "No valid host" in str(error)
        # A cold one is accepted, and refused where only the record shows it.
        cloud.nova.cold_migrate(server.uuid, target, rid())
        assert cloud.settled(server.uuid).host == server.host
        records = cloud.nova.migrations(server.uuid)[:2]
        assert [(m.kind, m.status, m.dest_host) for m in records] == [
            ("migration", "error", None),
            ("live-migration", "error", None),
        ]
        assert [a.message for a in cloud.nova.instance_actions(server.uuid)[:2]] == [
            "Error",
            "Error",
        ]
    finally:
        cloud.nova.set_service(service.id, True, None, rid())


def test_a_server_does_not_migrate_to_its_own_host(cloud, rid):
    server, _target = cloud.movable()
    live = refused(cloud.nova.live_migrate, server.uuid, server.host, rid())
    assert live.http_status == 400 and "No valid host" in str(live)
    cold = refused(cloud.nova.cold_migrate, server.uuid, server.host, rid())
    assert cold.http_status == 400


def test_an_unknown_host_is_no_target(cloud, rid):
    server, _target = cloud.movable()
    for call in (cloud.nova.live_migrate, cloud.nova.cold_migrate):
        error = refused(call, server.uuid, "nowhere", rid())
        assert error.http_status == 400
        assert "Compute host nowhere could not be found" in str(error)
    assert cloud.nova.server(server.uuid).task_state is None


@pytest.mark.parametrize("how", ["prepare", "rollback"])
def test_a_live_migration_that_fails_leaves_the_server_where_it_was(cloud, rid, how):
    server, target = cloud.movable()
    cloud.fail(how, server.uuid)
    cloud.nova.live_migrate(server.uuid, target, rid())
    cloud.until(lambda: cloud.nova.migrations(server.uuid)[0].status == "failed")
    after = cloud.settled(server.uuid)
    assert (after.host, after.status) == (server.host, "ACTIVE")
    assert not cloud.nova.migrations(server.uuid)[0].in_flight


def test_a_live_migration_may_take_the_server_with_it(cloud, rid):
    server, target = cloud.movable()
    cloud.fail("error", server.uuid)
    cloud.nova.live_migrate(server.uuid, target, rid())
    after = cloud.until(
        lambda: (
            cloud.nova.server(server.uuid)
            if cloud.nova.server(server.uuid).status == "ERROR"
            else None
        )
    )
    assert (after.host, after.vm_state, after.task_state) == (
        server.host,
        "error",
        None,
    )
    assert cloud.nova.migrations(server.uuid)[0].status == "error"
    cloud.repair(server.uuid)


# Cold migration -----------------------------------------------------------------------


def test_a_cold_migration_waits_for_its_confirmation(cloud, rid):
    server, target = cloud.movable()
    assert cloud.nova.cold_migrate(server.uuid, target, rid()).startswith("req-")
    cloud.until(lambda: cloud.nova.server(server.uuid).status == "VERIFY_RESIZE")
    waiting = cloud.settled(server.uuid)
    assert (waiting.host, waiting.vm_state) == (target, "resized")
    record = cloud.nova.migrations(server.uuid)[0]
    assert (record.kind, record.status) == ("migration", "finished")
    assert record.id in {m.id for m in cloud.nova.in_flight_migrations()}
    held = refused(cloud.nova.live_migrate, server.uuid, server.host, rid())
    assert held.http_status == 409

    cloud.finish_resize(server.uuid)
    assert cloud.nova.server(server.uuid).host == target
    assert cloud.nova.migrations(server.uuid)[0].status == "confirmed"
    assert refused(cloud.nova.confirm_resize, server.uuid, rid()).http_status == 409


def test_a_cold_migration_can_be_taken_back(cloud, rid):
    server, target = cloud.movable()
    cloud.nova.cold_migrate(server.uuid, target, rid())
    cloud.until(lambda: cloud.nova.server(server.uuid).status == "VERIFY_RESIZE")
    cloud.nova.revert_resize(server.uuid, rid())
    cloud.until(lambda: cloud.nova.server(server.uuid).status == "ACTIVE")
    assert cloud.settled(server.uuid).host == server.host
    assert cloud.nova.migrations(server.uuid)[0].status == "reverted"


# Both hosts ---------------------------------------------------------------------------


def test_room_is_held_on_both_hosts_while_a_server_moves(cloud, rid):
    server, target = cloud.movable()
    nodes = {n.hostname: n.uuid for n in cloud.nova.hypervisors()}
    both = [nodes[server.host], nodes[target]]

    def memory():
        used = cloud.clients.placement.usages(both)
        return [used[uuid]["MEMORY_MB"] for uuid in both]

    before = memory()
    cloud.nova.cold_migrate(server.uuid, target, rid())
    cloud.until(lambda: cloud.nova.server(server.uuid).status == "VERIFY_RESIZE")
    during = memory()
    assert during == [before[0], before[1] + server.flavor.memory_mb]
    cloud.finish_resize(server.uuid)
    cloud.until(
        lambda: (
            memory()
            == [
                before[0] - server.flavor.memory_mb,
                before[1] + server.flavor.memory_mb,
            ]
        )
    )
