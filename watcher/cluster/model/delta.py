"""What changed between two copies of the compute model, small enough to be sent.

Copies share the values of elements until one of them writes, so what is the same object in
both is equal: finding the difference costs milliseconds in a large cloud, and the size of
the result grows with the change alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import compress, repeat
from operator import is_not
from typing import Any

import numpy as np

from watcher.cluster.model.model_root import ModelRoot

# Made anew from the values of nodes and instances, and from which is where.
_DERIVED = frozenset(("total", "reserved", "ratio", "used", "size", "node"))
# Everything else that a model has is compared and sent as it is.
_HOSTS = "_by_host"
_HANDLED = frozenset((
    "lock", "version", "_graph", "_nodes", "_instances", "_where", "_on",
    "node_columns", "instance_columns",
))  # fmt: skip


@dataclass(slots=True)
class Changes:
    """What to put into a mapping, and what to take out"""

    put: dict[Any, Any] = field(default_factory=dict)
    gone: list[Any] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.put or self.gone)

    @classmethod
    def between(cls, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> "Changes":
        """Return what turns ``old`` into ``new``"""
        if old is new:
            return cls()
        # Twenty thousand look-ups in a millisecond, since no line of Python runs for them.
        before = map(old.get, new, repeat(_NOTHING))
        other = compress(new.items(), map(is_not, before, new.values()))
        put = {key: v for key, v in other if old.get(key, _NOTHING) != v}
        gone = [key for key in old if key not in new] if _shrunk(old, new, put) else []
        return cls(put, gone)

    def onto(self, mapping: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return a mapping with the changes made"""
        gone = set(self.gone)
        kept = {key: value for key, value in mapping.items() if key not in gone}
        return kept | self.put


_NOTHING = object()


def _shrunk(
    old: Mapping[Any, Any], new: Mapping[Any, Any], put: Mapping[Any, Any]
) -> bool:
    """Tell whether keys can have gone; looked at only then"""
    return len(old) + sum(key not in old for key in put) != len(new)


@dataclass(slots=True)
class Delta:
    """What turns one model into another; values are those of the newer one, not copies"""

    nodes: Changes
    instances: Changes
    where: Changes
    mappings: dict[str, Changes] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    node_columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    instance_columns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.nodes
            or self.instances
            or self.where
            or self.mappings
            or self.others
            or self.node_columns
            or self.instance_columns
        )


def between(old: ModelRoot, new: ModelRoot) -> Delta:
    """Return what turns ``old`` into ``new``; nobody may change either meanwhile"""
    delta = Delta(
        nodes=Changes.between(old.nodes_data, new.nodes_data),
        instances=Changes.between(old.instances_data, new.instances_data),
        where=Changes.between(old._where, new._where),
        node_columns=_columns(old.node_columns, new.node_columns),
        instance_columns=_columns(old.instance_columns, new.instance_columns),
    )
    for name, value in vars(new).items():
        before = vars(old).get(name)
        if name in _HANDLED or value is before:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if changes := Changes.between(before, value):
                delta.mappings[name] = changes
        elif value != before:
            delta.others[name] = value
    return delta


def apply(delta: Delta, model: ModelRoot) -> None:
    """Change ``model`` in place; it must equal the older model that ``delta`` is from"""
    with model.lock:
        # Two nodes may claim one hostname; which of them has it cannot be found out here.
        after = {
            name: changes.onto(getattr(model, name))
            for name, changes in ({_HOSTS: Changes()} | delta.mappings).items()
        }
        for data in delta.nodes.put.values():
            model.put_node(data)
        for data in delta.instances.put.values():
            model.put_instance(data)
        for uuid in delta.instances.gone:
            model.remove_instance(uuid)
        for uuid in delta.where.gone:
            model._unmap(uuid)
        for uuid, node in delta.where.put.items():
            model._map(uuid, node)
        for uuid in delta.nodes.gone:
            model.remove_node(uuid)
        vars(model).update(after | delta.others)
        for columns, changed in (
            (model.node_columns, delta.node_columns),
            (model.instance_columns, delta.instance_columns),
        ):
            for name, rows in changed.items():
                array = getattr(columns, name)
                for key, value in rows.items():
                    array[columns.row[key]] = value
        model.version += 1


def _columns(old: Any, new: Any) -> dict[str, dict[str, Any]]:
    """Return the changed rows of the columns that do not follow from values, by key"""
    names = [name for name in new.arrays if name not in _DERIVED]
    found: dict[str, dict[str, Any]] = {}
    if not names:
        return found
    keys = list(new.row)
    here = list(new.row.values())
    there = [old.row.get(key, -1) for key in keys]
    known = np.array(there) >= 0
    for name in names:
        values = getattr(new, name)[here]
        before = np.zeros_like(values)
        before[known] = getattr(old, name)[np.array(there)[known]]
        different = (values != before).reshape(len(keys), -1).any(axis=1)
        if different.any():
            found[name] = {keys[at]: values[at] for at in np.flatnonzero(different)}
    return found
