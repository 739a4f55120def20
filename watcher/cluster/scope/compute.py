"""Scope of the compute model."""

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from oslo_log import log

from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.subset import subset
from watcher.cluster.scope.base import BaseScope, Missing
from watcher.cluster.scope.rules import Rules, alone, values
from watcher.cluster.scope.schemas import ANY, COMPUTE

LOG = log.getLogger(__name__)

AGGREGATE = "host aggregate"
ZONE = "availability zone"
NODE = "compute node"
INSTANCE = "instance"
# Names in a line of the log.
SHOWN = 5


class ComputeScope(BaseScope):
    """Nodes by aggregate and zone, less what is excluded

    Servers are never cut out of a node that stays: excluded ones are flagged, since they
    go on using room. Everything is answered from the model itself.
    """

    SCHEMA: ClassVar[Mapping[str, Any] | None] = COMPUTE
    CHANGES_MODEL = False

    @classmethod
    def conflict(cls, scope: Rules) -> str | None:
        """Refuse aggregates on both sides, and wildcards beside what they include"""
        for rule in (*scope, *_excluded(scope)):
            for key, names in (
                ("host_aggregates", ("id", "name")),
                ("availability_zones", ("name",)),
            ):
                for name in names:
                    found = values(rule.get(key), name)
                    if ANY in found and len(found) > 1:
                        return f"{key}: {ANY} stands for all and must be alone"
        includes = any(rule.get("host_aggregates") for rule in scope)
        if includes and any(item.get("host_aggregates") for item in _excluded(scope)):
            return "host_aggregates can't be included and excluded together"
        return None

    def get_scoped_model(self, cluster_model: ModelRoot | None) -> ModelRoot | None:
        """Return a model of what is in the scope; the given one when that is everything"""
        if not cluster_model or not self.scope:
            return cluster_model
        with cluster_model.lock:
            hosts = self._hosts(cluster_model)
            if len(hosts) < len(cluster_model.by_host):
                model = subset(cluster_model, [cluster_model.by_host[h] for h in hosts])
            elif any(_excluded(self.scope)):
                model = cluster_model.copy()
            else:
                return cluster_model
            self._flag(model, cluster_model)
        return model

    def missing(self, cluster_model: ModelRoot | None) -> list[Missing]:
        """Return aggregates, zones, nodes and instances that the model does not have

        Of projects only the instances are known, and one without any may exist.
        """
        if not cluster_model:
            return []
        found: list[Missing] = []
        with cluster_model.lock:
            known = _Known(cluster_model)
            for number, rule in enumerate(self.scope):
                found += known.lost(f"/{number}", rule)
                for place, item in enumerate(rule.get("exclude") or ()):
                    found += known.lost(f"/{number}/exclude/{place}", item)
        return found

    def _hosts(self, model: ModelRoot) -> list[str]:
        """Return the hosts that are left, in the order of their names"""
        allowed: set[str] = set()
        ruled = False
        for rule in self.scope:
            if aggregates := rule.get("host_aggregates"):
                ruled = True
                allowed |= _in_aggregates(model, aggregates)
            if zones := rule.get("availability_zones"):
                ruled = True
                allowed |= _in_zones(model, zones)
        known = model.by_host.keys()
        left = allowed & known if ruled else set(known)
        for item in _excluded(self.scope):
            names = set(values(item.get("compute_nodes"), "name"))
            _warn(NODE, names - known)
            left -= names
            if aggregates := item.get("host_aggregates"):
                left -= _in_aggregates(model, aggregates)
        return sorted(left)

    def _flag(self, model: ModelRoot, whole: ModelRoot) -> None:
        uuids: set[str] = set()
        projects: set[str] = set()
        wanted: list[dict[str, str]] = []
        for item in _excluded(self.scope):
            uuids.update(values(item.get("instances"), "uuid"))
            projects.update(values(item.get("projects"), "uuid"))
            wanted += [
                _folded(pairs) for pairs in item.get("instance_metadata") or () if pairs
            ]
        _warn(INSTANCE, uuids - whole.instances_data.keys())
        flagged = {uuid for uuid in uuids if uuid in model.instances_data}
        if projects or wanted:
            # Most are one pair, which is found without going through all of them.
            singles = {
                pair for pairs in wanted if len(pairs) == 1 for pair in pairs.items()
            }
            others = [pairs for pairs in wanted if len(pairs) > 1]
            flagged |= {
                uuid
                for uuid, data in model.instances_data.items()
                if data.get("project_id") in projects
                or (wanted and _has_any(data.get("metadata") or {}, singles, others))
            }
        for uuid in sorted(flagged):
            model.get_instance_by_uuid(uuid).watcher_exclude = True


def _warn(what: str, missing: Collection[str]) -> None:
    """Tell in one line: it comes with each run"""
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        names = ", ".join(sorted(missing)[:SHOWN])
        LOG.warning("Excluded %s %s%s is not in the model", what, names, more)


def _excluded(scope: Rules) -> Iterator[Mapping[str, Any]]:
    for rule in scope:
        yield from rule.get("exclude") or ()


def _in_aggregates(model: ModelRoot, items: Rules) -> set[str]:
    ids, names = values(items, "id"), values(items, "name")
    all_ids = alone(ids, "host aggregates")
    everything = alone(names, "host aggregates") or all_ids
    return {
        host
        for aggregate in model.aggregates.values()
        if everything or aggregate.id in ids or aggregate.name in names
        for host in aggregate.hosts
    }


def _in_zones(model: ModelRoot, items: Rules) -> set[str]:
    names = values(items, "name")
    if alone(names, "availability zones"):
        return set(model.by_host)
    wanted, nodes = set(names), model.nodes_data.values()
    return {str(d["hostname"]) for d in nodes if d.get("zone") in wanted}


def _folded(pairs: Mapping[str, Any]) -> dict[str, str]:
    return {str(key).casefold(): str(value).casefold() for key, value in pairs.items()}


def _has_any(
    metadata: Mapping[str, Any],
    singles: Collection[tuple[str, str]],
    others: Sequence[dict[str, str]],
) -> bool:
    have = _folded(metadata).items()
    return any(pair in singles for pair in have) or any(
        pairs.items() <= have for pairs in others
    )


# What is not there ------------------------------------------------------------------------


class _Known:
    """What there is in a model, by what rules call it"""

    def __init__(self, model: ModelRoot) -> None:
        self._model = model

    def lost(self, path: str, rule: Mapping[str, Any]) -> Iterator[Missing]:
        """Yield what one rule, or one object of what it excludes, names in vain"""
        model = self._model
        for key, name, what, known in (
            ("host_aggregates", "id", AGGREGATE, lambda: model.aggregates),
            ("host_aggregates", "name", AGGREGATE, lambda: self._aggregates),
            ("availability_zones", "name", ZONE, lambda: self._zones),
            ("instances", "uuid", INSTANCE, lambda: model.instances_data),
            ("compute_nodes", "name", NODE, lambda: model.by_host),
        ):
            wildcard = what in (AGGREGATE, ZONE)
            for place, item in enumerate(rule.get(key) or ()):
                value = item.get(name)
                if value is None or (wildcard and value == ANY) or value in known():
                    continue
                yield Missing(f"{path}/{key}/{place}/{name}", what, str(value))

    @functools.cached_property
    def _aggregates(self) -> Collection[str]:
        return {aggregate.name for aggregate in self._model.aggregates.values()}

    @functools.cached_property
    def _zones(self) -> Collection[str]:
        """The zones that exist, also those whose hosts are all gone"""
        nodes = self._model.nodes_data.values()
        found = {str(data["zone"]) for data in nodes if data.get("zone")}
        return found | {a.zone for a in self._model.aggregates.values() if a.zone}
