"""Scope of the compute model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from oslo_log import log

from watcher import exception
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.scope.base import BaseScope
from watcher.cluster.scope.schemas import ANY, COMPUTE

LOG = log.getLogger(__name__)

Rules = Sequence[Mapping[str, Any]]


class ComputeScope(BaseScope):
    """Nodes by aggregate and zone, less what is excluded

    Servers are never cut out of a node that stays: excluded ones are flagged, since they
    go on using room. Everything is answered from the model itself.
    """

    SCHEMA: ClassVar[Mapping[str, Any] | None] = COMPUTE

    @classmethod
    def conflict(cls, scope: Rules) -> str | None:
        """Refuse aggregates on both sides, and wildcards beside what they include"""
        for rule in (*scope, *_excluded(scope)):
            for key, names in (
                ("host_aggregates", ("id", "name")),
                ("availability_zones", ("name",)),
            ):
                for name in names:
                    values = _values(rule.get(key), name)
                    if ANY in values and len(values) > 1:
                        return f"{key}: {ANY} stands for all and must be alone"
        includes = any(rule.get("host_aggregates") for rule in scope)
        if includes and any(item.get("host_aggregates") for item in _excluded(scope)):
            return "host_aggregates can't be included and excluded together"
        return None

    def get_scoped_model(self, cluster_model: ModelRoot | None) -> ModelRoot | None:
        """Return the given model without what is out of the scope"""
        if not cluster_model or not self.scope:
            return cluster_model
        model = cluster_model
        with model.lock:
            hosts = {str(d["hostname"]): uuid for uuid, d in model.nodes_data.items()}
            removed = set(hosts) - self._allowed(model, set(hosts))
            removed |= self._excluded_hosts(model, set(hosts))
            model.drop_nodes({hosts[host] for host in removed})
            self._flag(model)
        return model

    def _allowed(self, model: ModelRoot, hosts: set[str]) -> set[str]:
        allowed: set[str] = set()
        ruled = False
        for rule in self.scope:
            if aggregates := rule.get("host_aggregates"):
                ruled = True
                allowed |= _in_aggregates(model, aggregates)
            if zones := rule.get("availability_zones"):
                ruled = True
                allowed |= _in_zones(model, zones, hosts)
        return allowed if ruled else hosts

    def _excluded_hosts(self, model: ModelRoot, hosts: set[str]) -> set[str]:
        removed: set[str] = set()
        for item in _excluded(self.scope):
            names = set(_values(item.get("compute_nodes"), "name"))
            for name in sorted(names - hosts):
                LOG.warning("Excluded compute node %s is not in the model", name)
            removed |= names & hosts
            if aggregates := item.get("host_aggregates"):
                removed |= _in_aggregates(model, aggregates) & hosts
        return removed

    def _flag(self, model: ModelRoot) -> None:
        uuids: set[str] = set()
        projects: set[str] = set()
        wanted: list[dict[str, str]] = []
        for item in _excluded(self.scope):
            uuids.update(_values(item.get("instances"), "uuid"))
            projects.update(_values(item.get("projects"), "uuid"))
            wanted += [
                _folded(pairs) for pairs in item.get("instance_metadata") or () if pairs
            ]
        if not (uuids or projects or wanted):
            return
        for uuid in sorted(uuids - model.instances_data.keys()):
            LOG.warning("Excluded instance %s is not in the model", uuid)
        flagged = [
            uuid
            for uuid, data in model.instances_data.items()
            if uuid in uuids
            or data.get("project_id") in projects
            or (wanted and _has_any(data.get("metadata") or {}, wanted))
        ]
        for uuid in flagged:
            model.get_instance_by_uuid(uuid).watcher_exclude = True


def _excluded(scope: Rules) -> Iterator[Mapping[str, Any]]:
    for rule in scope:
        yield from rule.get("exclude") or ()


def _values(items: Iterable[Mapping[str, Any]] | None, key: str) -> list[Any]:
    return [item[key] for item in items or () if key in item]


def _alone(wildcard: Sequence[Any], resource: str) -> bool:
    """Tell whether everything is meant; a wildcard beside other values is an error"""
    if ANY not in wildcard:
        return False
    if len(wildcard) > 1:
        raise exception.WildcardCharacterIsUsed(resource=resource)
    return True


def _in_aggregates(model: ModelRoot, items: Rules) -> set[str]:
    ids, names = _values(items, "id"), _values(items, "name")
    all_ids = _alone(ids, "host aggregates")
    everything = _alone(names, "host aggregates") or all_ids
    return {
        host
        for aggregate in model.aggregates.values()
        if everything or aggregate.id in ids or aggregate.name in names
        for host in aggregate.hosts
    }


def _in_zones(model: ModelRoot, items: Rules, hosts: set[str]) -> set[str]:
    names = _values(items, "name")
    if _alone(names, "availability zones"):
        return hosts
    nodes = model.nodes_data.values()
    return {str(d["hostname"]) for d in nodes if d.get("zone") in names}


def _folded(pairs: Mapping[str, Any]) -> dict[str, str]:
    return {str(key).casefold(): str(value).casefold() for key, value in pairs.items()}


def _has_any(metadata: Mapping[str, Any], wanted: Sequence[dict[str, str]]) -> bool:
    have = _folded(metadata)
    return any(pairs.items() <= have.items() for pairs in wanted)
