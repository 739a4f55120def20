"""Machines: when they may be switched, what is asked of Ironic, waited for and said."""

import datetime

import pytest

from watcher import exception
from watcher.applier.actions.change_node_power_state import (
    ChangeNodePowerState,
    judge,
    settled,
)
from watcher.applier.actions.sight import Sight
from watcher.applier.journal import LooseJournal, Timing
from watcher.clients.records import BaremetalNode
from watcher.clients.simulated import SimulatedCloud
from watcher.clients.simulated_seed import name_uuid

from .conftest import QUICK
from .test_recovery import die_and_resume


def machine(host):
    return name_uuid(0, f"machine {host}")


def power(host, state, **more):
    given = {"resource_id": machine(host), "state": state, **more}
    return ("change_node_power_state", given)


def node(bench, host):
    return bench.cloud.clients().metal.node(machine(host))


def only(bench, plan):
    return bench.actions(plan)[0]


def why(bench, plan):
    return only(bench, plan).status_message


def test_a12_a_machine_is_switched_off_and_on(bench):
    """actions.md A12: in the reference this action cannot run at all"""
    plan = bench.plan(power("c", "off", resource_name="c"))
    assert bench.run(plan).state == "SUCCEEDED"
    assert node(bench, "c").power_state == "power off"
    (operation,) = bench.operations(only(bench, plan).uuid)
    assert (operation.kind, operation.outcome) == ("set_power", "succeeded")
    assert (operation.detail["was"], operation.detail["wanted"]) == ("on", "off")
    assert operation.request_id.startswith("req-") and operation.remote_id
    assert bench.run(bench.plan(power("c", "on"))).state == "SUCCEEDED"
    assert node(bench, "c").power_state == "power on"


def test_a_machine_that_is_as_wanted_is_done(bench):
    """actions.md 3.2: already in state is success, not a skip"""
    plan = bench.plan(power("a", "on"))
    assert bench.run(plan).state == "SUCCEEDED"
    assert bench.states(plan) == ["SUCCEEDED"] and bench.calls == []


def seen(**more):
    return BaremetalNode(uuid="m", **more)


@pytest.mark.parametrize(
    ("found", "wanted", "sight"),
    [
        (seen(power_state="power on"), "on", Sight.ARRIVED),
        (seen(power_state="power off"), "off", Sight.ARRIVED),
        # It changed, but not to what was wanted.
        (seen(power_state="power off"), "on", Sight.SILENT),
        (seen(power_state="error"), "off", Sight.SILENT),
        (seen(power_state=None), "on", Sight.SILENT),
        (seen(power_state="rebooting"), "on", Sight.ARRIVED),
        (seen(power_state="power on", target_power_state="power off"), "on",
         Sight.UNDERWAY),
        (seen(power_state="power on", target_power_state="power off"), "off",
         Sight.UNDERWAY),
        (seen(power_state="power on", reservation="c"), "off", Sight.UNDERWAY),
        (seen(power_state="power on", last_error="no"), "off", Sight.FAILED),
    ],
)  # fmt: skip
def test_a13_only_the_wanted_state_is_success(found, wanted, sight):
    """actions.md A13: in the reference any other state than the first one is success"""
    assert judge(found, wanted, accepted=True).sight is sight


def test_an_error_of_before_is_not_ours():
    old = seen(power_state="power on", last_error="of yesterday")
    assert judge(old, "off", accepted=False).sight is Sight.SILENT
    assert settled(old) == "on"
    assert settled(seen(power_state="bogus")) is None


def refused(bench, plan, text):
    assert bench.run(plan).state == "FAILED"
    assert text in why(bench, plan)
    assert bench.calls == []


def test_what_has_servers_is_not_switched_off(bench):
    vm = bench.cloud.add_server("vm", "a", vm_state="stopped")
    text = f"1 servers are on a, {vm} for one"
    refused(bench, bench.plan(power("a", "off")), text)
    assert node(bench, "a").power_state == "power on"


def test_what_a_server_is_on_its_way_to_is_not_switched_off(bench):
    bench.cloud.migration_mb_s = 10.0
    vm = bench.cloud.add_server("vm", "a")
    bench.cloud.clients().nova.live_migrate(vm, "b", "req-x")
    text = f"server {vm} migrates from or to b"
    refused(bench, bench.plan(power("b", "off")), text)
    assert "1 servers are on a" in _failure(bench, power("a", "off"))


def _failure(bench, spec):
    plan = bench.plan(spec)
    bench.run(plan)
    return why(bench, plan)


def test_a_host_that_nova_does_not_know_is_not_switched_off(bench):
    metal = bench.cloud.clients().metal
    made = action(bench, power("a", "off", resource_name="x"))
    found = metal.node(machine("a"))
    lone = BaremetalNode(uuid=found.uuid, power_state="power on")
    assert "knows no hypervisor x" in made._in_use(lone)
    made = action(bench, power("a", "off"))
    assert made._in_use(lone) is None
    deployed = BaremetalNode(uuid=found.uuid, power_state="power on", instance="i")
    assert "server i was deployed" in made._in_use(deployed)


def test_maintenance_and_busy_machines_are_left_alone(bench):
    bench.cloud.change_host("a", repaired="new fan")
    refused(bench, bench.plan(power("a", "off")), "it is in maintenance (new fan)")
    bench.cloud.change_host("b", provision="clean wait", powered=False)
    refused(bench, bench.plan(power("b", "on")), "provision state is clean wait")
    gone = "00000000-0000-4000-8000-000000000000"
    given = {"resource_id": gone, "state": "on"}
    refused(bench, bench.plan(("change_node_power_state", given)),
            f"Ironic knows no machine {gone}")  # fmt: skip


def test_what_ironic_says_of_a_failure_is_told(bench):
    bench.cloud.fail("power", machine("c"))
    plan = bench.plan(power("c", "off"))
    assert bench.run(plan).state == "FAILED"
    assert "Ironic says: Failed to change power state to 'power off'" in why(
        bench, plan
    )
    assert "it is 'power on'" in why(bench, plan)


def test_a_locked_machine_is_asked_again(bench):
    bench.cloud.fail("power-locked", machine("c"), times=3)
    plan = bench.plan(power("c", "off"))
    assert bench.run(plan).state == "SUCCEEDED"
    outcomes = [op.outcome for op in bench.operations(only(bench, plan).uuid)]
    assert outcomes == ["refused"] * 3 + ["succeeded"]


def test_a_server_that_comes_while_the_machine_is_locked_keeps_it_on(bench):
    bench.cloud.fail("power-locked", machine("c"), times=10**6)
    plan = bench.plan(power("c", "off"))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.calls)
    bench.cloud.add_server("vm", "c")
    runner.join(10)
    assert "servers are on c" in why(bench, plan)
    assert node(bench, "c").power_state == "power on"


@pytest.mark.parametrize("trouble", ["lost-request", "lost-answer", "refused"])
def test_an_unknown_outcome_is_looked_up(bench, trouble):
    bench.cloud.fail(trouble, machine("c"))
    plan = bench.plan(power("c", "off"))
    assert bench.run(plan).state == "SUCCEEDED"
    done = [call for call in bench.calls if call[2] is None]
    assert len(done) == (0 if trouble == "lost-answer" else 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_step_a_machine_is_switched_once(bench, after):
    at = 0
    while True:
        at += 1
        bench.cloud.add_host(f"h{at}")
        plan = bench.plan(power(f"h{at}", "off"))
        del bench.calls[:]
        lived = die_and_resume(bench, plan, at, after)
        assert bench.states(plan) == ["SUCCEEDED"], (at, only(bench, plan))
        assert node(bench, f"h{at}").power_state == "power off"
        assert len([call for call in bench.calls if call[2] is None]) == 1
        if lived:
            break
    assert at >= 6


def action(bench, spec):
    made = ChangeNodePowerState({}, osc=bench.cloud.clients())
    made.input_parameters = spec[1]
    made.journal = LooseJournal(QUICK)
    made.validate_parameters()
    return made


def test_a_machine_is_switched_back_only_if_we_switched_it(bench):
    made = action(bench, power("c", "off"))
    assert made.execute() is True
    made.post_condition()
    assert made.revert() is True
    assert node(bench, "c").power_state == "power on"
    with pytest.raises(exception.ActionExecutionFailure, match="'power on', not off"):
        made.post_condition()
    made = action(bench, power("b", "on"))
    assert made.execute() is True and made.revert() is True
    assert node(bench, "b").power_state == "power on"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"state": "standby"}, "state"),
        ({"state": "on", "resource_id": ""}, "resource_id"),
        ({"state": "on", "resource_name": 1}, "resource_name"),
        ({"state": "on", "more": 1}, "more"),
        ({}, "state"),
    ],
)
def test_parameters_are_checked(given, named):
    made = ChangeNodePowerState({})
    made.input_parameters = {"resource_id": "x", **given}
    with pytest.raises(exception.InvalidParameter, match=named):
        made.validate_parameters()


# Time ---------------------------------------------------------------------------------


class Alone:
    """An action on a cloud of its own, whose time passes while it waits"""

    def __init__(self, state="off", **timing):
        self.now = 0.0
        start = datetime.datetime(2026, 3, 1, 12, 0)
        self.cloud = SimulatedCloud.empty(
            now=lambda: start + datetime.timedelta(seconds=self.now)
        )
        self.cloud.add_host("c")
        self.metal = self.cloud.clients().metal
        self.action = ChangeNodePowerState({}, osc=self.cloud.clients())
        self.action.input_parameters = power("c", state)[1]
        self.action.journal = LooseJournal(Timing(**timing))
        self.action.journal.clock = lambda: self.now

    def run(self):
        for wait in self.action.steps():
            self.now += wait.seconds


def test_it_takes_no_longer_than_the_operator_says(monkeypatch):
    monkeypatch.setattr("watcher.clients.simulated_ironic.SWITCH_S", 10**6)
    alone = Alone(power_s=60)
    with pytest.raises(exception.ActionExecutionFailure) as caught:
        alone.run()
    assert 60 <= alone.now < 75
    assert "going to 'power off') and is left to Ironic" in str(caught.value)


def test_a_machine_that_stays_locked_is_given_up_at_the_deadline():
    alone = Alone(power_s=60)
    alone.cloud.fail("power-locked", machine("c"), times=10**6)
    with pytest.raises(exception.ActionExecutionFailure, match="locked by host"):
        alone.run()
    assert 60 <= alone.now < 75
    assert {op.outcome for op in alone.action.journal.operations} == {"refused"}


@pytest.mark.parametrize("tells", [False, True])
def test_a_service_that_tells_no_progress_is_given_its_time(monkeypatch, tells):
    """MAAS shows the old state until the machine has followed"""
    ironic = "watcher.clients.simulated_ironic"
    monkeypatch.setattr(f"{ironic}.SWITCH_S", 60)
    alone = Alone(power_s=120)
    told = alone.metal.node

    def quiet(uuid):
        seen = told(uuid)
        return BaremetalNode(uuid=uuid, name=seen.name, power_state=seen.power_state)

    metal = alone.action.osc.metal
    monkeypatch.setattr(metal, "node", quiet)
    monkeypatch.setattr(metal, "tells_progress", tells)
    if not tells:
        alone.run()
        assert alone.metal.node(machine("c")).power_state == "power off"
        return
    with pytest.raises(exception.ActionExecutionFailure, match="it is 'power on'"):
        alone.run()
