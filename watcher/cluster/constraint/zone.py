"""Availability zones."""

import numpy as np

from watcher.cluster.constraint.base import Bools, Constraint
from watcher.cluster.model.element import Instance
from watcher.cluster.model.simulate import View


class Zone(Constraint):
    """A server stays in the zone that it was created for

    Nova before API 2.96 does not tell which servers are pinned: then all stay in the zone
    they are in.
    """

    name = "zone"

    def fits(self, view: View, instance: Instance) -> Bools:
        zone = _needed(view, instance)
        if zone is None:
            return np.ones(len(view.hosts), dtype=bool)
        zones = view.facts.get("zones")
        if zones is None:
            zones = view.facts["zones"] = np.array([n.zone for n in view.nodes()])
        result: Bools = zones == zone
        return result

    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        zone = _needed(view, instance)
        there = view.node(host).zone
        if zone is None or there == zone:
            return None
        return (
            f"{host} is in zone {there or '(none)'}, {instance.uuid} belongs to {zone}"
        )


def _needed(view: View, instance: Instance) -> str | None:
    pinned = instance.pinned_zone
    if pinned is not None:
        return pinned or None
    home = view.model.host_of(instance.uuid)
    if home in view.index:
        return view.node(home).zone or None
    return None
