"""Ironic's side of the simulated cloud: each compute host is a machine that it manages."""

import uuid as uuids
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from watcher import exception
from watcher.clients.records import BaremetalNode
from watcher.clients.simulated_moves import fault
from watcher.clients.simulated_seed import name_uuid
from watcher.clients.simulated_state import Host, State

Opened = AbstractContextManager[tuple[State, float]]

SWITCH_S = 2.0
ON, OFF = "power on", "power off"


class SimulatedIronic:
    """See ``protocols.Ironic`` for what each method promises"""

    tells_progress = True

    def __init__(
        self, serving: Callable[[Any, str], Opened],
        obeying: Callable[[str, Any, str], Opened],
    ) -> None:  # fmt: skip
        self._serving = serving
        self._obeying = obeying

    def _open(self) -> Opened:
        return self._serving(exception.IronicClientError, "Ironic")

    def nodes(self) -> list[BaremetalNode]:
        """Return every node"""
        with self._open() as (state, _now):
            return [_shown(state, host) for host in state.hosts.values()]

    def node(self, uuid: str) -> BaremetalNode:
        """Return one node with what is being done to it, or raise IronicNodeNotFound"""
        with self._open() as (state, _now):
            host = _host(state, uuid)
            switching = host.switching is not None
            return _shown(
                state, host, provision_state=host.provision, instance=host.deployed,
                target_power_state=_word(host.switching) if switching else None,
                reservation="conductor" if switching else None,
                last_error=host.power_error,
            )  # fmt: skip

    def set_power(self, uuid: str, on: bool, request_id: str) -> str | None:
        """Ask that a machine be switched; refused (409) while Ironic works on it"""
        opened = self._obeying(uuid, exception.IronicClientError, "Ironic")
        with opened as (state, now):
            host = _host(state, uuid)
            if host.provision in ("cleaning", "clean wait"):
                raise _error(
                    400,
                    f'The requested action "{_word(on)}" can not be performed on node '
                    f'"{uuid}" while it is in state "{host.provision}".',
                )
            if host.switching is not None or fault(state, uuid, "power-locked"):
                raise _error(
                    409, f"Node {uuid} is locked by host conductor, please retry."
                )
            host.switching, host.power_error = on, None
            host.switched_at = now + SWITCH_S
            host.switch_fails = fault(state, uuid, "power")
            state.serial += 1
            name = f"request {state.seed} {state.serial} {now}"
            return f"req-{uuids.uuid5(uuids.NAMESPACE_OID, name)}"


def advance(state: State, now: float) -> None:
    """Let machines be switched whose time has come; their services go with them"""
    for host in state.hosts.values():
        if host.switching is None or host.switched_at > now:
            continue
        wanted, host.switching = host.switching, None
        if host.switch_fails:
            host.power_error = (
                f"Failed to change power state to '{_word(wanted)}': made to fail"
            )
        else:
            host.powered = host.up = wanted


def _word(on: bool | None) -> str:
    return ON if on else OFF


def _host(state: State, uuid: str) -> Host:
    for host in state.hosts.values():
        if uuid in (name_uuid(state.seed, f"machine {host.name}"), host.name):
            return host
    raise exception.IronicNodeNotFound(uuid=uuid)


def _error(status: int, reason: str) -> exception.IronicClientError:
    return exception.IronicClientError(
        service="Ironic", reason=reason, http_status=status
    )


def _shown(state: State, host: Host, **more: Any) -> BaremetalNode:
    return BaremetalNode(
        uuid=name_uuid(state.seed, f"machine {host.name}"),
        name=host.name,
        power_state=_word(host.powered),
        maintenance=host.repaired is not None,
        maintenance_reason=host.repaired,
        extra={"compute_node_id": host.uuid},
        **more,
    )
