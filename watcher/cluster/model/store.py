"""What a compute model is made of: values, indexes and columns, kept in step."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from watcher import exception
from watcher.clients.records import Aggregate, Migration, ServerGroup
from watcher.cluster.model.columns import (
    INSTANCE_FIELDS,
    NODE_FIELDS,
    InstanceColumns,
    Ints,
    NodeColumns,
)
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.root import Root, key_of, locked
from watcher.cluster.model.table import Table, Values


class Store(Root):
    """Nodes, instances and which is where, beside what else decisions need"""

    def __init__(self, stale: bool = False, extended_attributes: bool = False) -> None:
        super().__init__(stale)
        # The newest change of a server that was read, by Nova's clock.
        self.changed_at: datetime.datetime | None = None
        self.aggregates: Mapping[int, Aggregate] = {}
        self.server_groups: Mapping[str, ServerGroup] = {}
        # By server; a migration that may hold room on two nodes.
        self.migrations: Mapping[str, Migration] = {}
        # UUIDs of nodes of which Placement must be asked again: events tell not enough.
        self.unsettled: frozenset[str] = frozenset()
        # Servers that events told of since the reading: when the last was sent, and by whom.
        self.heard: dict[str, tuple[datetime.datetime, str]] = {}
        # Where group members are that a scope took out of sight: server -> hostname.
        self.outside: Mapping[str, str] = {}
        self._extended = extended_attributes
        self._nodes = Table(ComputeNode, self.lock, self._node_changed)
        self._instances = Table(Instance, self.lock, self._instance_changed)
        self._by_host: dict[str, str] = {}
        self._where: dict[str, str] = {}
        self._on: dict[str, dict[str, None]] = {}
        self.node_columns = NodeColumns()
        self.instance_columns = InstanceColumns()

    # Filling --------------------------------------------------------------------------

    @locked
    def put_node(self, data: Values) -> None:
        """Add or replace a node by values that nobody else holds"""
        uuid = str(data["uuid"])
        self._nodes.put(uuid, data)
        if uuid not in self._on:
            self.node_columns.add(uuid)
            self._on[uuid] = {}
        self._by_host[str(data.get("hostname", uuid))] = uuid
        for name in NODE_FIELDS:
            self._node_changed(uuid, name, None, data)

    @locked
    def change_node(self, uuid: str, changes: Values) -> None:
        """Write some values of a node, which are of their fields' types already"""
        for name, value in changes.items():
            old = self._nodes.values[uuid].get(name)
            self._nodes.set(uuid, name, value)
            self._node_changed(uuid, name, old, self._nodes.values[uuid])

    @locked
    def put_instance(self, data: Values) -> None:
        """Add or replace an instance by values that nobody else holds"""
        uuid = data["uuid"]
        self._instances.put(uuid, data)
        if uuid not in self.instance_columns.row:
            row = self.instance_columns.add(uuid)
            self.instance_columns.node[row] = -1
        self._resize(uuid, data)

    # What else decisions need ---------------------------------------------------------

    @locked
    def hold(self, node: ComputeNode | str, amounts: Sequence[int] | Ints) -> None:
        """State what a node must keep free: vCPUs, MB, GB promised but not seen as used"""
        self.node_columns.held[self.node_columns.row[self._node_key(node)]] = amounts
        self.version += 1

    def aggregates_of(self, hostname: str) -> list[Aggregate]:
        """Return the aggregates that a host belongs to"""
        return [a for a in self.aggregates.values() if hostname in a.hosts]

    def host_of(self, instance: str) -> str | None:
        """Return the hostname of an instance, also of one out of the scope"""
        node = self._where.get(instance)
        if node is None:
            return self.outside.get(instance)
        return str(self._nodes.values[node]["hostname"])

    def node_of(self, instance: str) -> str | None:
        """Return the UUID of the node that an instance is on, or None"""
        return self._where.get(instance)

    def node_named(self, hostname: str) -> str | None:
        """Return the UUID of the node of a compute host, or None"""
        return self._by_host.get(hostname)

    def uuids_on(self, node: str) -> Collection[str]:
        """Return the UUIDs of the instances on the node with that UUID"""
        return self._on[node].keys()

    @property
    def by_host(self) -> Mapping[str, str]:
        """UUIDs of the nodes by hostname: for reading only"""
        return self._by_host

    @property
    def nodes_data(self) -> Mapping[str, Values]:
        """Values of the nodes by UUID, without making elements: for reading only"""
        return self._nodes.values

    @property
    def instances_data(self) -> Mapping[str, Values]:
        """Values of the instances by UUID, without making elements: for reading only"""
        return self._instances.values

    # Copying and cutting --------------------------------------------------------------

    def _copy(self) -> Self:
        twin = super()._copy()
        twin._nodes = self._nodes.copy(twin.lock, twin._node_changed)
        twin._instances = self._instances.copy(twin.lock, twin._instance_changed)
        twin._by_host = self._by_host.copy()
        twin._where = self._where.copy()
        twin._on = {uuid: there.copy() for uuid, there in self._on.items()}
        twin.node_columns = self.node_columns.copy()
        twin.instance_columns = self.instance_columns.copy()
        twin.heard = {}
        return twin

    # Keeping columns and indexes in step ----------------------------------------------

    def _node_changed(self, uuid: str, name: str, old: Any, data: Values) -> None:
        self.version += 1
        if name in NODE_FIELDS:
            column, kind = NODE_FIELDS[name]
            array = getattr(self.node_columns, column)
            array[self.node_columns.row[uuid], kind] = data.get(name, 0)
        elif name == "hostname":
            if self._by_host.get(str(old)) == uuid:
                del self._by_host[str(old)]
            self._by_host[data[name]] = uuid

    def _instance_changed(self, uuid: str, name: str, old: Any, data: Values) -> None:
        self.version += 1
        if name in INSTANCE_FIELDS:
            self._resize(uuid, data)

    def _resize(self, uuid: str, data: Values) -> None:
        self.version += 1
        columns = self.instance_columns
        row = columns.row[uuid]
        size = [data.get(name, 0) for name in INSTANCE_FIELDS]
        if columns.size[row].tolist() == size:
            return
        at = int(columns.node[row])
        if at >= 0:
            self.node_columns.used[at] -= columns.size[row]
            self.node_columns.used[at] += size
        columns.size[row] = size

    def _map(self, uuid: str, node: str) -> None:
        self._unmap(uuid)
        self._where[uuid] = node
        self._on[node][uuid] = None
        row, at = self.instance_columns.row[uuid], self.node_columns.row[node]
        self.instance_columns.node[row] = at
        self.node_columns.used[at] += self.instance_columns.size[row]
        self.version += 1

    def _unmap(self, uuid: str) -> None:
        node = self._where.pop(uuid, None)
        if node is not None:
            del self._on[node][uuid]
            row = self.instance_columns.row[uuid]
            at = self.node_columns.row[node]
            self.node_columns.used[at] -= self.instance_columns.size[row]
            self.instance_columns.node[row] = -1
            self.version += 1

    def _node_key(self, node: ComputeNode | str) -> str:
        uuid = key_of(node, ComputeNode)
        if uuid not in self._nodes.values:
            raise exception.ComputeNodeNotFound(name=uuid)
        return uuid

    def _instance_key(self, instance: Instance | str) -> str:
        uuid = key_of(instance, Instance)
        if uuid not in self._instances.values:
            raise exception.InstanceNotFound(name=uuid)
        return uuid
