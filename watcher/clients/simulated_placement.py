"""The Placement and the Keystone of the simulated cloud."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from watcher import exception
from watcher.clients import simulated_moves
from watcher.clients.records import Inventory, Offer
from watcher.clients.simulated_state import State

Opened = AbstractContextManager[tuple[State, float]]

# Services that Keystone lists in every simulated cloud.
EVERYWHERE = ("compute", "placement", "identity", "baremetal")


class SimulatedPlacement:
    """See ``protocols.Placement`` for what each method promises"""

    def __init__(self, serving: Callable[[Any, str], Opened]) -> None:
        self._serving = serving

    def inventories(self, providers: Sequence[str]) -> dict[str, dict[str, Inventory]]:
        """Return provider -> resource class -> inventory; unknown providers are left out"""
        with self._serving(exception.PlacementClientError, "Placement") as (
            state,
            _now,
        ):
            return {
                host.uuid: {
                    "VCPU": Inventory(
                        total=host.vcpus, allocation_ratio=host.cpu_ratio
                    ),
                    "MEMORY_MB": Inventory(
                        total=host.memory_mb,
                        reserved=host.reserved_memory_mb,
                        allocation_ratio=host.memory_ratio,
                    ),
                    "DISK_GB": Inventory(
                        total=host.disk_gb, allocation_ratio=host.disk_ratio
                    ),
                }
                for host in state.hosts.values()
                if host.uuid in providers
            }

    def offers(self) -> dict[str, Offer]:
        """Return what is used, and the traits, of each provider with a free VCPU"""
        with self._serving(exception.PlacementClientError, "Placement") as (
            state,
            _now,
        ):
            roomy = [
                host.uuid
                for host in state.hosts.values()
                if simulated_moves.used(state)[host.name][0] + 1
                <= host.vcpus * host.cpu_ratio
            ]
        return {uuid: Offer(used=used) for uuid, used in self.usages(roomy).items()}

    def usages(self, providers: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return provider -> resource class -> amount used; unknown ones are left out"""
        with self._serving(exception.PlacementClientError, "Placement") as (
            state,
            _now,
        ):
            claimed = simulated_moves.used(state)
            return {
                host.uuid: {
                    name: int(amount)
                    for name, amount in zip(
                        ("VCPU", "MEMORY_MB", "DISK_GB"),
                        claimed[host.name],
                        strict=True,
                    )
                }
                for host in state.hosts.values()
                if host.uuid in providers
            }


class SimulatedKeystone:
    """See ``protocols.Keystone``"""

    def __init__(self, serving: Callable[[Any, str], Opened]) -> None:
        self._serving = serving

    def has_service(self, service_type: str) -> bool:
        """Tell whether the catalogue has an enabled service of that type"""
        with self._serving(exception.ClientError, "Keystone") as (state, _now):
            storage = bool(state.backends) and service_type == "block-storage"
        return storage or service_type in EVERYWHERE
