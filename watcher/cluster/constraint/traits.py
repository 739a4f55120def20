"""Traits that flavors demand of hosts."""

import numpy as np

from watcher.cluster.constraint.base import Bools, Constraint
from watcher.cluster.model import demands
from watcher.cluster.model.element import Instance
from watcher.cluster.model.simulate import View


class Traits(Constraint):
    """A target has the traits that the flavor requires, and none that it forbids

    Placement tells the traits of hosts with room only: one that is full now, though an
    earlier move may empty it, takes no server that is particular about them.
    """

    name = "traits"

    def fits(self, view: View, instance: Instance) -> Bools:
        if not any(demands.traits(_specs(instance))):
            return np.ones(len(view.hosts), dtype=bool)
        return super().fits(view, instance)

    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        required, forbidden = demands.traits(_specs(instance))
        if not required and not forbidden:
            return None
        there = view.node(host).data.get("traits")
        if there is None:
            return (
                f"it is not known which traits {host} has, {instance.uuid} needs some"
            )
        if lacking := sorted(required - there):
            return f"{host} lacks {', '.join(lacking)}, which {instance.uuid} needs"
        if unwanted := sorted(forbidden & there):
            return f"{host} has {', '.join(unwanted)}, which {instance.uuid} must avoid"
        return None


def _specs(instance: Instance) -> demands.Specs:
    found: demands.Specs = instance.data.get("flavor_extra_specs") or {}
    return found
