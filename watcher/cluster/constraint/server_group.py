"""Servers that shall, or shall not, share a node."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from watcher.clients.records import ServerGroup
from watcher.cluster.constraint.base import Bools, Breach, Constraint
from watcher.cluster.model.element import Instance
from watcher.cluster.model.simulate import View

AFFINITY = "affinity"
ANTI_AFFINITY = "anti-affinity"


class ServerGroups(Constraint):
    """Affinity and anti-affinity are kept; the soft kinds only order the targets

    A member under migration counts on both its hosts. A member of an affinity group moves
    only to where the others are, since Nova lets no member leave them.
    """

    name = "server_group"

    def fits(self, view: View, instance: Instance) -> Bools:
        ok = np.ones(len(view.hosts), dtype=bool)
        for group in view.groups_of(instance):
            crowd = _crowd(view, group, instance.uuid)
            if group.policy == ANTI_AFFINITY:
                for host, number in crowd.items():
                    if number >= (group.max_per_host or 1) and host in view.index:
                        ok[view.index[host]] = False
            elif group.policy == AFFINITY and crowd:
                there = [view.index[host] for host in crowd if host in view.index]
                together = np.zeros(len(view.hosts), dtype=bool)
                together[there] = True
                ok &= together
        return ok

    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        for group in view.groups_of(instance):
            crowd = _crowd(view, group, instance.uuid)
            if group.policy in (AFFINITY, ANTI_AFFINITY) and not _suits(
                group, crowd, host
            ):
                return f"{host} is against {_named(group)}, which {instance.uuid} belongs to"
        return None

    def dislikes(self, view: View, instance: Instance) -> set[str]:
        worse: set[str] = set()
        for group in view.groups_of(instance):
            if group.policy.startswith("soft-"):
                crowd = _crowd(view, group, instance.uuid)
                worse.update(h for h in view.hosts if not _suits(group, crowd, h))
        return worse

    def breaks(self, view: View) -> Iterator[Breach]:
        for group in view.model.server_groups.values():
            crowd = _crowd(view, group)
            if group.policy == AFFINITY and len(crowd) > 1:
                where = ", ".join(sorted(crowd))
                yield Breach(group.id, f"{_named(group)} is spread over {where}")
            if group.policy == ANTI_AFFINITY:
                for host, number in sorted(crowd.items()):
                    if number > (group.max_per_host or 1):
                        yield Breach(
                            f"{group.id}/{host}",
                            f"{number} members of {_named(group)} share {host}",
                        )


def _crowd(view: View, group: ServerGroup, but: str | None = None) -> Counter[str]:
    others = (member for member in group.members if member != but)
    return Counter(host for member in others for host in view.hosts_of(member))


def _suits(group: ServerGroup, crowd: Counter[str], host: str) -> bool:
    if group.policy.endswith(ANTI_AFFINITY):
        return crowd[host] < (group.max_per_host or 1)
    if group.policy.endswith(AFFINITY):
        return not crowd or host in crowd
    return True


def _named(group: ServerGroup) -> str:
    return f"{group.policy} group {group.name or group.id}"
