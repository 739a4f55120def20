"""A part of a compute model as a model of its own, at the cost of the part.

Values of elements are shared with the whole until one of the two writes, as between copies.
What lies outside goes on counting: room held for migrations stays with its node, members of
server groups that are elsewhere keep their place in ``outside``.
"""

import threading
from collections.abc import Iterable

import numpy as np

from watcher.cluster.model.model_root import ModelRoot


def subset(model: ModelRoot, nodes: Iterable[str]) -> ModelRoot:
    """Return an independent model of the given nodes, by UUID, and what is on them

    Nodes keep the order in which they are given. Servers that are on no node stay in.
    """
    with model.lock:
        return _subset(model, list(nodes))


def _subset(model: ModelRoot, nodes: list[str]) -> ModelRoot:
    part = type(model).__new__(type(model))
    part.__dict__.update(model.__dict__)
    part.lock = threading.RLock()
    part.version = model.version + 1
    part._graph = None
    part._on = {uuid: model._on[uuid].copy() for uuid in nodes}
    part._where = {u: node for node, there in part._on.items() for u in there}
    servers = list(part._where)
    if len(model._where) < len(model.instances_data):
        servers += [u for u in model.instances_data if u not in model._where]
    part._by_host = {str(model.nodes_data[uuid]["hostname"]): uuid for uuid in nodes}
    part._nodes = model._nodes.part(nodes, part.lock, part._node_changed)
    part._instances = model._instances.part(servers, part.lock, part._instance_changed)
    part.node_columns = model.node_columns.part(nodes)
    part.instance_columns = model.instance_columns.part(servers)
    _renumber(model, part, nodes)
    _keep_groups(model, part)
    return part


def _renumber(model: ModelRoot, part: ModelRoot, nodes: list[str]) -> None:
    """Let the column of nodes count as the part does; the last entry stands for -1"""
    numbers = np.full(len(model.node_columns.total) + 1, -1, dtype=np.int64)
    numbers[[model.node_columns.row[uuid] for uuid in nodes]] = np.arange(len(nodes))
    columns = part.instance_columns
    columns.node = numbers[columns.node]


def _keep_groups(model: ModelRoot, part: ModelRoot) -> None:
    """Keep what binds the servers of the part, and where the other members are

    Groups without a member in the part can neither bind what moves there nor be broken.
    """
    known = set(part.instances_data)
    part.server_groups = {
        ident: group
        for ident, group in model.server_groups.items()
        if not known.isdisjoint(group.members)
    }
    strangers = {u for g in part.server_groups.values() for u in g.members} - known
    places = ((uuid, model.host_of(uuid)) for uuid in sorted(strangers))
    part.outside = {uuid: host for uuid, host in places if host is not None}
