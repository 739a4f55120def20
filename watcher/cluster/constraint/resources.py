"""Resource classes beside VCPU, MEMORY_MB and DISK_GB: dedicated CPUs, vGPUs, custom ones."""

from collections.abc import Mapping

import numpy as np

from watcher.cluster.constraint.base import Bools, Constraint
from watcher.cluster.model import demands
from watcher.cluster.model.element import Instance
from watcher.cluster.model.simulate import View

PCPU = "PCPU"


class Resources(Constraint):
    """A target has enough of every other class, as Placement counted at the last reading

    What moves of the plan bring is counted; what they take away is not, since a node has
    it back only when the move has ended.
    """

    name = "resources"

    def pins(self, view: View, instance: Instance, kind: str = "live") -> str | None:
        try:
            _needs(view, instance)
        except ValueError:
            return f"the extra specs of {instance.uuid} ask for an amount that is no number"
        return None

    def fits(self, view: View, instance: Instance) -> Bools:
        if not _needs(view, instance):
            return np.ones(len(view.hosts), dtype=bool)
        return super().fits(view, instance)

    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        for resource, amount in _needs(view, instance).items():
            capacity, used = _others(view, host).get(resource, (0, 0))
            left = capacity - used - _arrived(view, host, resource, instance.uuid)
            if amount > left:
                return (
                    f"{host} has room for {max(left, 0):g} {resource}, {instance.uuid} "
                    f"needs {amount}"
                )
        return None


def _needs(view: View, instance: Instance) -> dict[str, int]:
    """Return what a server takes of other classes

    Dedicated CPUs count as PCPU where the server's host has such; elsewhere Nova takes
    them for vCPUs. Of a server with some of each all are counted: their number may be
    written as a mask.
    """
    specs = instance.data.get("flavor_extra_specs")
    if not specs or not demands.special(specs):
        return {}
    found = demands.resources(specs)
    if demands.dedicated(specs) and PCPU in _others(
        view, view.model.host_of(instance.uuid)
    ):
        found[PCPU] = max(found.get(PCPU, 0), instance.data.get("vcpus", 0))
    return found


def _others(view: View, host: str | None) -> Mapping[str, tuple[float, int]]:
    found: Mapping[str, tuple[float, int]] = {}
    if host in view.index:
        found = view.node(str(host)).data.get("other_resources") or {}
    return found


def _arrived(view: View, host: str, resource: str, but: str) -> int:
    return sum(
        _needs(view, view.instance(move.instance)).get(resource, 0)
        for move in view.moves
        if move.target == host and move.instance != but
    )
