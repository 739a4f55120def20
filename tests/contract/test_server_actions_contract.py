"""The actions that change servers in place, on both kinds of clouds."""

import time

import pytest

from watcher import exception
from watcher.applier.actions.delete import Delete
from watcher.applier.actions.resize import Resize
from watcher.applier.actions.shelve import Shelve
from watcher.applier.actions.stop import Stop
from watcher.applier.signals import Aborted


def act(cloud, cls, server, **more):
    """Return an action that lets the cloud's time pass while it waits"""
    action = cls({}, osc=cloud.clients)
    action.input_parameters = {"resource_id": server, **more}
    action.validate_parameters()
    signals = action.journal.signals
    signals.wait = lambda seconds: (signals.check(), cloud.sleep(seconds))
    start = cloud.now()
    action.journal.clock = lambda: (
        time.monotonic() if cloud.real else (cloud.now() - start).total_seconds()
    )
    action.pre_condition()
    return action


def outcomes(action):
    return [(op.kind, op.outcome) for op in action.journal.operations]


def test_a_resize_and_its_way_back(cloud):
    server, _target = cloud.movable()
    name = cloud.make_flavor(memory_mb=2300)
    action = act(cloud, Resize, server.uuid, flavor=name)
    assert action.execute() is True
    action.post_condition()
    after = cloud.nova.server(server.uuid)
    assert (after.flavor.name, after.status) == (name, "ACTIVE")
    assert outcomes(action) == [
        ("resize", "succeeded"), ("confirm_resize", "succeeded"),
    ]  # fmt: skip
    with pytest.raises(exception.ActionSkipped, match="already has flavor"):
        act(cloud, Resize, server.uuid, flavor=name)

    action.revert()
    after = cloud.nova.server(server.uuid)
    assert after.flavor.same_size(server.flavor) and after.status == "ACTIVE"


def test_a_resize_that_fits_nowhere(cloud):
    server, _target = cloud.movable()
    most = max(node.memory_mb for node in cloud.nova.hypervisors())
    name = cloud.make_flavor(memory_mb=most + 1)
    action = act(cloud, Resize, server.uuid, flavor=name)
    with pytest.raises(exception.ActionExecutionFailure) as caught:
        action.execute()
    assert "Nova says: No valid host was found" in str(caught.value)
    assert outcomes(action) == [("resize", "failed")]
    assert cloud.settled(server.uuid).status == "ACTIVE"


def test_a_resize_that_breaks_the_server(cloud):
    server, _target = cloud.movable()
    name = cloud.make_flavor(memory_mb=2310)
    cloud.fail("resize", server.uuid)
    action = act(cloud, Resize, server.uuid, flavor=name)
    with pytest.raises(exception.ActionExecutionFailure, match="Nova says: ") as caught:
        action.execute()
    assert "fail" in str(caught.value) and "is ERROR" in str(caught.value)
    cloud.repair(server.uuid)


def test_a_cancelled_resize_is_taken_back(cloud):
    server, _target = cloud.movable()
    name = cloud.make_flavor(memory_mb=2320)
    action = act(cloud, Resize, server.uuid, flavor=name)
    steps = action.steps()
    next(steps)  # it is asked for
    action.journal.signals.cancel()
    with pytest.raises(Aborted):
        for wait in steps:
            cloud.sleep(wait.seconds)
    after = cloud.settled(server.uuid)
    assert (after.status, after.host) == ("ACTIVE", server.host)
    assert after.flavor == server.flavor
    assert outcomes(action) == [
        ("resize", "cancelled"), ("revert_resize", "succeeded"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cls", "status", "skipped"),
    [(Stop, "SHUTOFF", "stopped"), (Shelve, "SHELVED_OFFLOADED", "shelved")],
)
def test_what_is_stopped_or_shelved_comes_back(cloud, cls, status, skipped):
    server, _target = cloud.movable()
    action = act(cloud, cls, server.uuid)
    assert action.execute() is True
    action.post_condition()
    assert cloud.nova.server(server.uuid).status == status
    with pytest.raises(exception.ActionSkipped, match=f"already {skipped}"):
        act(cloud, cls, server.uuid)
    action.revert()
    assert cloud.nova.server(server.uuid).status == "ACTIVE"
    assert [outcome for _kind, outcome in outcomes(action)] == ["succeeded"] * 2


@pytest.mark.parametrize(("cls", "kind"), [(Stop, "stop"), (Shelve, "shelve")])
def test_what_nova_cannot_do_ends_at_once_with_its_reason(cloud, cls, kind):
    server, _target = cloud.movable()
    cloud.fail(kind, server.uuid)
    action = act(cloud, cls, server.uuid)
    with pytest.raises(exception.ActionExecutionFailure, match="Nova says: .*fail"):
        action.execute()
    assert outcomes(action) == [(kind, "failed")]
    assert cloud.settled(server.uuid).status == "ACTIVE"


def test_a_server_is_deleted(cloud):
    server = cloud.make_server()
    action = act(cloud, Delete, server)
    assert action.execute() is True
    action.post_condition()
    with pytest.raises(exception.ActionSkipped, match=f"Instance {server} not found"):
        act(cloud, Delete, server)


def test_a_deletion_that_breaks_the_server(cloud):
    server = cloud.make_server()
    cloud.fail("delete", server)
    action = act(cloud, Delete, server)
    with pytest.raises(exception.ActionExecutionFailure, match="is ERROR on"):
        action.execute()
    cloud.heal()
    assert act(cloud, Delete, server).execute() is True
