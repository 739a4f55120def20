"""Ironic's side of the simulated cloud: each compute host is a machine that it manages."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from watcher import exception
from watcher.clients.records import BaremetalNode
from watcher.clients.simulated_seed import name_uuid
from watcher.clients.simulated_state import State

Look = Callable[
    [type[exception.ClientError], str], AbstractContextManager[tuple[State, Any]]
]


class SimulatedIronic:
    """See ``protocols.Ironic`` for what each method promises"""

    def __init__(self, look: Look) -> None:
        self._look = look

    def nodes(self) -> list[BaremetalNode]:
        """Return every node"""
        with self._look(exception.IronicClientError, "Ironic") as (state, _now):
            return [
                BaremetalNode(
                    uuid=name_uuid(state.seed, f"machine {host.name}"),
                    name=host.name,
                    power_state="power on" if host.powered else "power off",
                    maintenance=host.repaired is not None,
                    maintenance_reason=host.repaired,
                    extra={"compute_node_id": host.uuid},
                )
                for host in state.hosts.values()
            ]
