"""Actions on volumes and machines, carried out on the simulated and on a real cloud."""

import pytest

from tests.contract.disks import elsewhere
from watcher import exception
from watcher.applier.actions.change_node_power_state import ChangeNodePowerState
from watcher.applier.actions.volume_migrate import VolumeMigrate
from watcher.applier.journal import LooseJournal, Timing

TIMING = Timing(volume_s=90, volume_interval_s=1, power_s=60, power_interval_s=1)


@pytest.fixture
def disks(cloud):
    if not cloud.clients.keystone.has_service("block-storage"):
        pytest.skip("this cloud has no block storage")
    return cloud.disks()


def build(cloud, kind, **given):
    made = kind({}, osc=cloud.clients)
    made.input_parameters = given
    made.validate_parameters()
    made.journal = LooseJournal(TIMING)
    made.journal.clock = lambda: cloud.now().timestamp()
    # Time passes as the cloud has it.
    made.journal.signals.wait = cloud.sleep
    return made


def carry_out(action):
    action.pre_condition()
    assert action.execute() is True
    action.post_condition()
    return action.journal.operations


def volume(cloud, ident, pool, **more):
    given = {"resource_id": ident, "migration_type": "migrate", **more}
    return build(cloud, VolumeMigrate, destination_node=pool, **given)


@pytest.mark.parametrize("how", ["slow", "copies"])
def test_a_volume_is_moved_and_taken_back(cloud, disks, how):
    cinder = cloud.clients.cinder
    ident = disks.make("fast", 2)
    getattr(disks, how)(ident)
    count = len(cinder.volumes())
    here, there = cinder.volume(ident).host, elsewhere(cinder, ident)
    action = volume(cloud, ident, there)
    (operation,) = carry_out(action)
    assert operation.outcome == "succeeded"
    assert operation.detail["source"] == here and operation.detail["host"] == there
    assert ("shadow" in operation.detail) is (how == "copies")
    assert len(cinder.volumes()) == count
    assert action.revert() is True
    found = cinder.volume(ident)
    assert (found.host, found.status) == (here, "available")
    assert len(cinder.volumes()) == count


def test_a_volume_moves_under_its_running_server(cloud, disks):
    cinder = cloud.clients.cinder
    server, _other = cloud.movable()
    ident = disks.make("fast", 1)
    disks.attach(ident, server.uuid)
    there = elsewhere(cinder, ident)
    (operation,) = carry_out(volume(cloud, ident, there))
    assert operation.detail["shadow"]
    found = cinder.volume(ident)
    assert (found.host, found.status) == (there, "in-use")
    # Cinder hands the attachment over a moment later.
    cloud.until(
        lambda: [a.server for a in cinder.volume(ident).attachments] == [server.uuid],
        "the attachment",
    )
    disks.detach(ident)


def test_a_volume_gets_another_type_and_its_own_back(cloud, disks):
    cinder = cloud.clients.cinder
    ident = disks.make("fast", 1)
    here = cinder.volume(ident).host
    action = build(
        cloud, VolumeMigrate, resource_id=ident, migration_type="retype",
        destination_type="slow",
    )  # fmt: skip
    carry_out(action)
    assert cinder.volume(ident).type == "slow"
    assert action.revert() is True
    found = cinder.volume(ident)
    assert (found.type, found.host, found.status) == ("fast", here, "available")


def test_a_failure_tells_where_the_volume_is(cloud, disks):
    cinder = cloud.clients.cinder
    ident = disks.make("fast", 1)
    here, there = cinder.volume(ident).host, elsewhere(cinder, ident)
    disks.fail(ident)
    action = volume(cloud, ident, there)
    with pytest.raises(exception.ActionExecutionFailure) as caught:
        carry_out(action)
    assert f"the volume is available on {here}" in str(caught.value)
    assert "migration status 'error'" in str(caught.value)


def test_what_cinder_would_refuse_is_not_asked(cloud, disks):
    cinder = cloud.clients.cinder
    ident = disks.make("fast", 1)
    disks.snapshot(ident)
    action = volume(cloud, ident, elsewhere(cinder, ident))
    with pytest.raises(exception.ActionExecutionFailure, match="snapshots"):
        carry_out(action)
    assert action.journal.operations == ()


def power(cloud, ident, state):
    return build(cloud, ChangeNodePowerState, resource_id=ident, state=state)


def test_a12_a_machine_is_switched_and_switched_back(cloud):
    """actions.md A12: in the reference this action cannot run"""
    if not cloud.clients.keystone.has_service("baremetal"):
        pytest.skip("this cloud manages no machines")
    ident = cloud.machine()
    if not cloud.real:
        for server in cloud.nova.servers_on(cloud.clients.metal.node(ident).name):
            cloud.delete_server(server.uuid)
    action = power(cloud, ident, "off")
    (operation,) = carry_out(action)
    assert (operation.kind, operation.outcome) == ("set_power", "succeeded")
    assert cloud.clients.metal.node(ident).power_state == "power off"
    assert action.revert() is True
    assert cloud.clients.metal.node(ident).power_state == "power on"
    assert carry_out(power(cloud, ident, "on")) == ()
    cloud.repair_machine(ident, "new fan")
    with pytest.raises(exception.ActionExecutionFailure, match="new fan"):
        carry_out(power(cloud, ident, "off"))
