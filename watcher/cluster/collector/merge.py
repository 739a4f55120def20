"""Brings what was read of Nova and Placement into a compute model."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from watcher.clients.records import (
    Aggregate,
    ComputeService,
    Hypervisor,
    Migration,
    Server,
    ServerGroup,
)
from watcher.cluster.collector import values
from watcher.cluster.model.model_root import ModelRoot

# Vm states in which a server is on no node, whatever its record says of a host.
GONE = frozenset(("deleted", "soft-delete"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one reading of the lists said"""

    read_at: datetime.datetime
    hypervisors: Sequence[Hypervisor]
    services: Mapping[str, ComputeService]
    servers: Sequence[Server]
    aggregates: Sequence[Aggregate]
    server_groups: Sequence[ServerGroup]
    migrations: Sequence[Migration]


def is_gone(server: Server) -> bool:
    """Tell whether a server is on no node: deleted, not yet scheduled or shelved away"""
    return server.deleted or server.vm_state in GONE or not server.host


def apply(model: ModelRoot, facts: Facts) -> None:
    """Bring servers and side data of a model to what was read"""
    by_name = {str(d["hypervisor"]): uuid for uuid, d in model.nodes_data.items()}
    by_host = {str(d["hostname"]): uuid for uuid, d in model.nodes_data.items()}
    newest = model.changed_at
    for server in facts.servers:
        if server.updated_at and (newest is None or server.updated_at > newest):
            newest = server.updated_at
        node = by_name.get(server.hypervisor or "") or by_host.get(server.host or "")
        if is_gone(server) or node is None:
            # Without node: bare metal, or left behind by a host that is no more.
            if server.uuid in model.instances_data:
                model.remove_instance(server.uuid)
            continue
        model.put_instance(values.instance(server))
        model.map_instance(server.uuid, node)
    model.changed_at = newest or facts.read_at
    model.read_at = facts.read_at
    model.aggregates = {aggregate.id: aggregate for aggregate in facts.aggregates}
    model.server_groups = {group.id: group for group in facts.server_groups}
    # One whose server was deleted meanwhile stays "running" for ever, of no consequence;
    # how far one has come tells only whoever asks for it now.
    model.migrations = {
        m.server: replace(m, progress=None)
        for m in facts.migrations
        if m.in_flight and m.server in model.instances_data
    }


def settle(model: ModelRoot, usages: Mapping[str, Mapping[str, int]]) -> None:
    """Work out what nodes must keep free beside what their servers use

    That is the other end of each migration under way, and whatever Placement counts beyond
    the servers that are seen. The first is part of the second once Placement knows of it.
    """
    columns = model.node_columns
    for uuid, usage in usages.items():
        columns.claimed[columns.row[uuid]] = values.claimed(usage)
        if known := model.nodes_data[uuid].get("other_resources"):
            fresh = values.others(known, usage)
            model.change_node(uuid, {"other_resources": fresh})
    held = np.zeros_like(columns.held)
    hosts = {str(d["hostname"]): columns.row[u] for u, d in model.nodes_data.items()}
    for server, migration in model.migrations.items():
        if server in model.instances_data:
            there = {migration.source_host, migration.dest_host} - {
                model.host_of(server)
            }
            for host in there & set(hosts):
                size = model.instance_columns.size[model.instance_columns.row[server]]
                held[hosts[str(host)]] += size
    columns.held = np.maximum(held, columns.claimed - columns.used)
    columns.held[columns.held < 0] = 0
    model.unsettled = frozenset()
    model.version += 1


def endow(model: ModelRoot, traits: Mapping[str, frozenset[str]]) -> None:
    """Bring the traits of nodes to what was read"""
    for uuid, found in traits.items():
        if uuid in model.nodes_data and model.nodes_data[uuid]["traits"] != found:
            model.change_node(uuid, {"traits": found})
