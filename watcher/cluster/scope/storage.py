"""Scope of the storage model."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from oslo_log import log

from watcher.cluster.model.storage import StorageModelRoot
from watcher.cluster.scope.base import BaseScope, Missing
from watcher.cluster.scope.rules import Rules, alone, values
from watcher.cluster.scope.schemas import ANY, STORAGE

LOG = log.getLogger(__name__)

# Key of a rule -> what its items name it by, and its kind in words.
INCLUDED = {
    "volume_types": ("name", "volume type"),
    "availability_zones": ("name", "availability zone"),
}
EXCLUDED = {"storage_pools": ("name", "storage pool"), "volumes": ("uuid", "volume")}


class StorageScope(BaseScope):
    """Storage nodes by volume type and zone, less pools, volumes and projects

    A node that goes takes its pools and volumes along. What is excluded is removed, not
    flagged. Everything is answered from the model itself.
    """

    SCHEMA: ClassVar[Mapping[str, Any] | None] = STORAGE
    CHANGES_MODEL = False

    @classmethod
    def conflict(cls, scope: Rules) -> str | None:
        """Refuse wildcards beside what they include"""
        for rule in scope:
            for key in INCLUDED:
                names = values(rule.get(key), "name")
                if ANY in names and len(names) > 1:
                    return f"{key}: {ANY} stands for all and must be alone"
        return None

    def get_scoped_model(
        self, cluster_model: StorageModelRoot | None
    ) -> StorageModelRoot | None:
        """Return a model of what is in the scope; the given one when that is everything"""
        if not cluster_model or not self.scope:
            return cluster_model
        model = cluster_model
        with model.lock:
            for missing in self.missing(model):
                LOG.warning("There is no %s %s", missing.what, missing.name)
            hosts = self._hosts(model)
            pools = self._pools(model, hosts)
            volumes = self._volumes(model, hosts, pools)
            left = (list(model.nodes_data) if hosts is None else hosts, pools, volumes)
            whole = (model.nodes_data, model.pools_data, model.volumes_data)
            if [*map(len, left)] == [*map(len, whole)]:
                return model
            return model.part(*left)

    def missing(self, cluster_model: StorageModelRoot | None) -> list[Missing]:
        """Return types, zones, pools and volumes that the model does not have

        Of projects only the volumes are known, and one without any may exist.
        """
        if not cluster_model:
            return []
        found: list[Missing] = []
        for number, rule in enumerate(self.scope):
            found += _missing(cluster_model, f"/{number}", rule, INCLUDED)
            for place, item in enumerate(rule.get("exclude") or ()):
                path = f"/{number}/exclude/{place}"
                found += _missing(cluster_model, path, item, EXCLUDED)
        return found

    def _hosts(self, model: StorageModelRoot) -> list[str] | None:
        """Return the nodes that some rule includes; None without such rules"""
        hosts: set[str] = set()
        ruled = False
        for rule in self.scope:
            if types := rule.get("volume_types"):
                ruled = True
                hosts |= _of_types(model, types)
            if zones := rule.get("availability_zones"):
                ruled = True
                hosts |= _in_zones(model, zones)
        return sorted(hosts) if ruled else None

    def _pools(self, model: StorageModelRoot, hosts: list[str] | None) -> list[str]:
        """Return the pools that are left; one on no node is in no scope of nodes"""
        if hosts is None:
            found: Iterable[str] = model.pools_data
        else:
            found = (name for host in hosts for name in model.pools_on(host))
        gone = set(_excluded(self.scope, "storage_pools", "name"))
        return [name for name in found if name not in gone]

    def _volumes(
        self, model: StorageModelRoot, hosts: list[str] | None, pools: list[str]
    ) -> list[str]:
        """Return the volumes that are left"""
        found = [uuid for name in pools for uuid in model.volumes_in(name)]
        if hosts is None:
            places = model.volume_places.of
            found += [uuid for uuid in model.volumes_data if uuid not in places]
        gone = set(_excluded(self.scope, "volumes", "uuid"))
        projects = set(_excluded(self.scope, "projects", "uuid"))
        return [
            uuid
            for uuid in found
            if uuid not in gone
            and model.volumes_data[uuid].get("project_id") not in projects
        ]


def _missing(
    model: StorageModelRoot,
    path: str,
    rule: Mapping[str, Any],
    keys: Mapping[str, tuple[str, str]],
) -> Iterator[Missing]:
    for key, (by, what) in keys.items():
        items = rule.get(key)
        known = _known(model, key) if items else ()
        for place, item in enumerate(items or ()):
            if item.get(by, ANY) != ANY and item[by] not in known:
                yield Missing(f"{path}/{key}/{place}/{by}", what, item[by])


def _known(model: StorageModelRoot, key: str) -> Collection[str]:
    if key == "storage_pools":
        return model.pools_data.keys()
    if key == "volumes":
        return model.volumes_data.keys()
    if key == "volume_types":
        return {row.name for row in model.types.values()}
    return {str(data["zone"]) for data in model.nodes_data.values()}


def _excluded(scope: Rules, key: str, by: str) -> Iterator[Any]:
    for rule in scope:
        for item in rule.get("exclude") or ():
            yield from values(item.get(key), by)


def _of_types(model: StorageModelRoot, items: Rules) -> set[str]:
    names = set(values(items, "name"))
    every = alone(values(items, "name"), "volume types")
    return {
        host
        for host, data in model.nodes_data.items()
        if (data["volume_type"] if every else names.intersection(data["volume_type"]))
    }


def _in_zones(model: StorageModelRoot, items: Rules) -> set[str]:
    names = values(items, "name")
    if alone(names, "availability zones"):
        return set(model.nodes_data)
    return {host for host, data in model.nodes_data.items() if data["zone"] in names}
