"""What the program relies on when it changes servers in place, on both kinds of clouds."""

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


def until_status(cloud, server, status):
    return cloud.until(
        lambda: (
            found
            if (found := cloud.nova.server(server)).status == status
            and found.task_state is None
            else None
        ),
        status,
    )


def own_action(cloud, server, request_id):
    """Return the instance action of Nova's own id"""
    found = {a.request_id: a for a in cloud.nova.instance_actions(server)}
    return found[request_id]


def failed_action(cloud, server, request_id):
    return cloud.until(lambda: own_action(cloud, server, request_id).message == "Error")


# Flavors ------------------------------------------------------------------------------


def test_a_flavor_is_found_by_id_and_by_name_though_it_is_private(cloud):
    name = cloud.make_flavor(memory_mb=2240)
    found = cloud.nova.flavor(name)
    assert (found.name, found.memory_mb, found.vcpus) == (name, 2240, 1)
    assert found.id and found.id != name
    assert cloud.nova.flavor(found.id) == found
    for nobody in (str(uuid.uuid4()), "no such flavor", "..", "a/b?c#d", "x" * 300):
        assert cloud.nova.flavor(nobody) is None


def test_a_server_has_the_size_of_its_flavor(cloud):
    server, _target = cloud.movable()
    found = cloud.nova.flavor(server.flavor.name)
    assert found.same_size(server.flavor) and server.flavor.id == ""


# Resize -------------------------------------------------------------------------------


def test_a_resize_waits_for_its_confirmation(cloud, rid):
    server, _target = cloud.movable()
    flavor = cloud.nova.flavor(cloud.make_flavor(memory_mb=2304))
    own = cloud.nova.resize(server.uuid, flavor.id, rid())
    assert own_action(cloud, server.uuid, own).action == "resize"
    busy = refused(cloud.nova.resize, server.uuid, flavor.id, rid())
    assert busy.http_status == 409

    waiting = until_status(cloud, server.uuid, "VERIFY_RESIZE")
    assert waiting.vm_state == "resized" and waiting.flavor.same_size(flavor)
    record = cloud.nova.migrations(server.uuid)[0]
    assert (record.kind, record.status) == ("resize", "finished")
    assert record.source_host == server.host and record.dest_host == waiting.host
    assert record.id in {m.id for m in cloud.nova.in_flight_migrations()}

    cloud.nova.confirm_resize(server.uuid, rid())
    after = until_status(cloud, server.uuid, "ACTIVE")
    assert after.flavor.same_size(flavor) and after.host == waiting.host
    assert cloud.nova.migrations(server.uuid)[0].status == "confirmed"


def test_a_resize_can_be_taken_back(cloud, rid):
    server, _target = cloud.movable()
    flavor = cloud.nova.flavor(cloud.make_flavor(memory_mb=2368))
    cloud.nova.resize(server.uuid, flavor.id, rid())
    until_status(cloud, server.uuid, "VERIFY_RESIZE")
    cloud.nova.revert_resize(server.uuid, rid())
    after = until_status(cloud, server.uuid, "ACTIVE")
    assert after.flavor == server.flavor and after.host == server.host
    assert cloud.nova.migrations(server.uuid)[0].status == "reverted"


def test_a_stopped_server_is_resized_and_stays_stopped(cloud, rid):
    server, _target = cloud.movable()
    flavor = cloud.nova.flavor(cloud.make_flavor(memory_mb=2256))
    cloud.nova.stop(server.uuid, rid())
    until_status(cloud, server.uuid, "SHUTOFF")
    cloud.nova.resize(server.uuid, flavor.id, rid())
    until_status(cloud, server.uuid, "VERIFY_RESIZE")
    cloud.nova.confirm_resize(server.uuid, rid())
    assert until_status(cloud, server.uuid, "SHUTOFF").flavor.same_size(flavor)
    cloud.nova.start(server.uuid, rid())
    until_status(cloud, server.uuid, "ACTIVE")


def test_nova_refuses_the_same_and_unknown_flavors(cloud, rid):
    server, _target = cloud.movable()
    same = cloud.nova.flavor(server.flavor.name)
    error = refused(cloud.nova.resize, server.uuid, same.id, rid())
    assert error.http_status == 400 and "must change flavor" in str(error)
    error = refused(cloud.nova.resize, server.uuid, str(uuid.uuid4()), rid())
    assert error.http_status == 400 and "could not be found" in str(error)
    assert cloud.nova.server(server.uuid).task_state is None


def test_a_resize_that_fits_nowhere_leaves_the_server_as_it_was(cloud, rid):
    server, _target = cloud.movable()
    most = max(node.memory_mb for node in cloud.nova.hypervisors())
    huge = cloud.nova.flavor(cloud.make_flavor(memory_mb=most + 1))
    own = cloud.nova.resize(server.uuid, huge.id, rid())
    failed_action(cloud, server.uuid, own)
    after = cloud.settled(server.uuid)
    assert (after.status, after.host, after.flavor) == (
        "ACTIVE", server.host, server.flavor,
    )  # fmt: skip
    record = cloud.nova.migrations(server.uuid)[0]
    assert (record.kind, record.status) == ("resize", "error")
    assert "No valid host was found" in cloud.nova.why_failed(server.uuid, own)


def test_a_resize_may_take_the_server_with_it(cloud, rid):
    server, _target = cloud.movable()
    flavor = cloud.nova.flavor(cloud.make_flavor(memory_mb=2384))
    cloud.fail("resize", server.uuid)
    cloud.nova.resize(server.uuid, flavor.id, rid())
    after = until_status(cloud, server.uuid, "ERROR")
    assert after.fault and after.vm_state == "error"
    assert cloud.nova.migrations(server.uuid)[0].status == "error"
    cloud.repair(server.uuid)


# Stop and start -----------------------------------------------------------------------


def test_a_server_is_stopped_and_started(cloud, rid):
    server, _target = cloud.movable()
    own = cloud.nova.stop(server.uuid, rid())
    assert own_action(cloud, server.uuid, own).action == "stop"
    stopped = until_status(cloud, server.uuid, "SHUTOFF")
    assert (stopped.vm_state, stopped.host) == ("stopped", server.host)
    assert own_action(cloud, server.uuid, own).message is None
    assert refused(cloud.nova.stop, server.uuid, rid()).http_status == 409

    cloud.nova.start(server.uuid, rid())
    assert until_status(cloud, server.uuid, "ACTIVE").host == server.host
    assert refused(cloud.nova.start, server.uuid, rid()).http_status == 409


def test_a_guest_that_takes_long_is_busy_meanwhile(cloud, rid):
    cloud.slow_stop()
    server, _target = cloud.movable()
    cloud.nova.stop(server.uuid, rid())
    now = cloud.nova.server(server.uuid)
    assert (now.status, now.task_state) == ("ACTIVE", "powering-off")
    again = refused(cloud.nova.stop, server.uuid, rid())
    assert again.http_status == 409 and "task_state powering-off" in str(again)
    until_status(cloud, server.uuid, "SHUTOFF")
    cloud.nova.start(server.uuid, rid())
    until_status(cloud, server.uuid, "ACTIVE")


def test_a_server_that_cannot_be_stopped_stays_and_nova_tells_why(cloud, rid):
    server, _target = cloud.movable()
    cloud.fail("stop", server.uuid)
    own = cloud.nova.stop(server.uuid, rid())
    failed_action(cloud, server.uuid, own)
    after = cloud.settled(server.uuid)
    assert (after.status, after.vm_state) == ("ACTIVE", "active")
    assert "fail" in cloud.nova.why_failed(server.uuid, own)


def test_nova_tells_nothing_of_requests_that_it_does_not_know(cloud, rid):
    server, _target = cloud.movable()
    assert cloud.nova.why_failed(server.uuid, rid()) is None
    own = cloud.nova.stop(server.uuid, rid())
    until_status(cloud, server.uuid, "SHUTOFF")
    assert cloud.nova.why_failed(server.uuid, own) is None
    cloud.nova.start(server.uuid, rid())
    until_status(cloud, server.uuid, "ACTIVE")


# Shelve and unshelve ------------------------------------------------------------------


def test_a_shelved_server_is_on_no_host_until_it_is_unshelved(cloud, rid):
    server, _target = cloud.movable()
    own = cloud.nova.shelve(server.uuid, rid())
    assert own_action(cloud, server.uuid, own).action == "shelve"
    away = until_status(cloud, server.uuid, "SHELVED_OFFLOADED")
    assert (away.vm_state, away.host) == ("shelved_offloaded", None)
    assert refused(cloud.nova.shelve, server.uuid, rid()).http_status == 409

    own = cloud.nova.unshelve(server.uuid, rid())
    assert own_action(cloud, server.uuid, own).action == "unshelve"
    back = until_status(cloud, server.uuid, "ACTIVE")
    assert back.host in {s.host for s in cloud.nova.services()}
    assert back.flavor == server.flavor
    assert refused(cloud.nova.unshelve, server.uuid, rid()).http_status == 409


def test_a_server_that_cannot_be_shelved_stays(cloud, rid):
    server, _target = cloud.movable()
    cloud.fail("shelve", server.uuid)
    own = cloud.nova.shelve(server.uuid, rid())
    failed_action(cloud, server.uuid, own)
    after = cloud.settled(server.uuid)
    assert (after.status, after.host) == ("ACTIVE", server.host)
    assert "fail" in cloud.nova.why_failed(server.uuid, own)


# Delete -------------------------------------------------------------------------------


def gone(cloud, server):
    try:
        cloud.nova.server(server)
    except exception.InstanceNotFound:
        return True
    return False


def test_a_deleted_server_is_gone(cloud, rid):
    server = cloud.make_server()
    assert cloud.nova.delete(server, rid()).startswith("req-")
    cloud.until(lambda: gone(cloud, server), "the end of the server")
    with pytest.raises(exception.InstanceNotFound):
        cloud.nova.delete(server, rid())


def test_a_deletion_that_fails_leaves_a_broken_server(cloud, rid):
    server = cloud.make_server()
    cloud.fail("delete", server)
    own = cloud.nova.delete(server, rid())
    after = until_status(cloud, server, "ERROR")
    assert after.fault and own_action(cloud, server, own).message == "Error"
    cloud.heal()
    cloud.nova.delete(server, rid())
    cloud.until(lambda: gone(cloud, server), "the end of the server")


def test_nobody_changes_a_foreign_server(cloud, rid):
    foreign = str(uuid.uuid4())
    for name in ("stop", "start", "delete", "shelve", "unshelve"):
        with pytest.raises(exception.InstanceNotFound):
            getattr(cloud.nova, name)(foreign, rid())
    flavor = cloud.nova.flavor(cloud.make_flavor(memory_mb=2240))
    with pytest.raises(exception.InstanceNotFound):
        cloud.nova.resize(foreign, flavor.id, rid())
