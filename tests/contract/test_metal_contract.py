"""Switching machines by Ironic, the same for the simulated and a real one."""

import uuid

import pytest

from watcher import exception
from watcher.applier.actions.change_node_power_state import judge
from watcher.applier.actions.sight import Sight

GONE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def ironic(cloud):
    if not cloud.clients.keystone.has_service("baremetal"):
        pytest.skip("this cloud manages no machines")
    return cloud.clients.ironic


def rid():
    return f"req-{uuid.uuid4()}"


def test_one_machine_tells_more_than_the_list(cloud, ironic):
    ident = cloud.machine()
    one = ironic.node(ident)
    listed = {node.uuid: node for node in ironic.nodes()}[ident]
    for name in ("uuid", "name", "power_state", "maintenance", "extra"):
        assert getattr(one, name) == getattr(listed, name)
    assert one.power_state == "power on" and one.provision_state
    assert one.target_power_state is None and one.reservation is None


def test_a13_a_machine_is_seen_on_its_way_and_then_as_wanted(cloud, ironic):
    """actions.md A13: only the state that is wanted ends it"""
    ident = cloud.machine()
    for on, word in ((False, "power off"), (True, "power on")):
        assert ironic.set_power(ident, on, rid()).startswith("req-")
        wanted = "on" if on else "off"
        seen = [judge(ironic.node(ident), wanted, accepted=True).sight]

        def arrived(wanted=wanted, seen=seen):
            seen.append(judge(ironic.node(ident), wanted, accepted=True).sight)
            return seen[-1] is Sight.ARRIVED

        cloud.until(arrived, "the power")
        assert Sight.FAILED not in seen and Sight.UNDERWAY in seen
        assert ironic.node(ident).power_state == word
        cloud.until(lambda: not ironic.node(ident).reservation, "rest")


def test_who_comes_second_is_refused_and_nothing_is_done(cloud, ironic):
    ident = cloud.machine()
    ironic.set_power(ident, False, rid())
    cloud.until(lambda: ironic.node(ident).reservation, "the lock")
    with pytest.raises(exception.IronicClientError, match="locked") as caught:
        ironic.set_power(ident, True, rid())
    assert caught.value.http_status == 409 and not caught.value.unknown
    cloud.until(lambda: ironic.node(ident).power_state == "power off", "the power")


def test_a_machine_that_is_not_there_is_named(cloud, ironic):
    with pytest.raises(exception.IronicNodeNotFound, match=GONE):
        ironic.node(GONE)
    with pytest.raises(exception.IronicNodeNotFound, match=GONE):
        ironic.set_power(GONE, True, rid())


def test_maintenance_has_a_reason(cloud, ironic):
    ident = cloud.machine()
    cloud.repair_machine(ident, "new fan")
    found = ironic.node(ident)
    assert (found.maintenance, found.maintenance_reason) == (True, "new fan")
