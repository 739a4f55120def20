"""The compute model: nodes, instances, which is where, and what else decisions need.

Values of elements are shared between copies until one of them writes, and resources are
mirrored in numpy columns so that arithmetic over all nodes is vectorised. A copy of 20,000
servers therefore costs milliseconds.
"""

import datetime
import functools
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from watcher import exception
from watcher.clients.records import Aggregate, Migration, ServerGroup
from watcher.cluster.model import base, serial
from watcher.cluster.model.columns import (
    INSTANCE_FIELDS,
    NODE_FIELDS,
    InstanceColumns,
    Ints,
    NodeColumns,
)
from watcher.cluster.model.element import ComputeNode, Element, Instance
from watcher.cluster.model.table import Table, Values

P = ParamSpec("P")
R = TypeVar("R")


def _locked(
    method: Callable[Concatenate["ModelRoot", P], R],
) -> Callable[Concatenate["ModelRoot", P], R]:
    @functools.wraps(method)
    def call(self: "ModelRoot", /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return call


class ModelRoot(base.Model):
    """Compute nodes and instances of a cluster

    ``stale`` with ``stale_reason`` marks a model that must not be reasoned on; ``read_at``
    is when (naive UTC) the reading of the cloud began.
    """

    def __init__(self, stale: bool = False, extended_attributes: bool = False) -> None:
        self.lock = threading.RLock()
        self.stale = stale
        self.stale_reason: str | None = None
        self.read_at: datetime.datetime | None = None
        # The newest change of a server that was read, by Nova's clock.
        self.changed_at: datetime.datetime | None = None
        self.aggregates: Mapping[int, Aggregate] = {}
        self.server_groups: Mapping[str, ServerGroup] = {}
        # By server; a migration that may hold room on two nodes.
        self.migrations: Mapping[str, Migration] = {}
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
        self.version = 0  # grows with every change
        self._graph: tuple[int, Any] | None = None

    def __bool__(self) -> bool:
        return not self.stale

    @property
    def extended_attributes_enabled(self) -> bool:
        """Whether the data model shows pinned zones and extra specs"""
        return self._extended

    # Nodes ----------------------------------------------------------------------------

    @_locked
    def add_node(self, node: ComputeNode) -> None:
        """Add a node, or replace the values of the one with its UUID"""
        _check(node, ComputeNode)
        self.put_node(self._nodes.adopt(node))

    @_locked
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

    @_locked
    def remove_node(self, node: ComputeNode | str) -> None:
        """Remove a node; its instances stay, on no node"""
        uuid = self._node_key(node)
        for instance in list(self._on[uuid]):
            self._unmap(instance)
        del self._on[uuid]
        host = self._nodes.values[uuid].get("hostname", uuid)
        if self._by_host.get(host) == uuid:
            del self._by_host[host]
        self.node_columns.remove(uuid)
        self._nodes.drop(uuid)
        self.version += 1

    @_locked
    def get_all_compute_nodes(self) -> dict[str, ComputeNode]:
        """Return every node by UUID"""
        return {uuid: self._nodes.element(uuid) for uuid in self._nodes.values}

    @_locked
    def get_node_by_uuid(self, uuid: str) -> ComputeNode:
        """Return a node or raise ComputeNodeNotFound"""
        return self._nodes.element(self._node_key(uuid))

    @_locked
    def get_node_by_name(self, name: str) -> ComputeNode:
        """Return the node of a compute host or raise ComputeNodeNotFound"""
        if name not in self._by_host:
            raise exception.ComputeNodeNotFound(name=name)
        return self._nodes.element(self._by_host[name])

    @_locked
    def get_node_by_instance_uuid(self, uuid: str) -> ComputeNode:
        """Return the node of an instance or raise InstanceNotMapped"""
        node = self._where.get(self._instance_key(uuid))
        if node is None:
            raise exception.InstanceNotMapped(uuid=uuid)
        return self._nodes.element(node)

    # Instances ------------------------------------------------------------------------

    @_locked
    def add_instance(self, instance: Instance) -> None:
        """Add an instance on no node, or replace the values of the one with its UUID"""
        _check(instance, Instance)
        self.put_instance(self._instances.adopt(instance))

    @_locked
    def put_instance(self, data: Values) -> None:
        """Add or replace an instance by values that nobody else holds"""
        uuid = data["uuid"]
        self._instances.put(uuid, data)
        if uuid not in self.instance_columns.row:
            row = self.instance_columns.add(uuid)
            self.instance_columns.node[row] = -1
        self._resize(uuid, data)

    @_locked
    def remove_instance(self, instance: Instance | str) -> None:
        """Remove an instance or raise InstanceNotFound"""
        uuid = self._instance_key(instance)
        self._unmap(uuid)
        self.instance_columns.remove(uuid)
        self._instances.drop(uuid)
        self.version += 1

    def delete_instance(self, instance: Instance | str, node: Any = None) -> None:
        """Remove an instance; ``node`` is accepted for outside callers"""
        self.remove_instance(instance)

    @_locked
    def get_all_instances(self) -> dict[str, Instance]:
        """Return every instance by UUID"""
        return {uuid: self._instances.element(uuid) for uuid in self._instances.values}

    @_locked
    def get_instance_by_uuid(self, uuid: str) -> Instance:
        """Return an instance or raise InstanceNotFound"""
        return self._instances.element(self._instance_key(uuid))

    @_locked
    def get_node_instances(self, node: ComputeNode | str) -> list[Instance]:
        """Return the instances on a node, in the order in which they came"""
        return [
            self._instances.element(uuid) for uuid in self._on[self._node_key(node)]
        ]

    # Which is where -------------------------------------------------------------------

    @_locked
    def map_instance(self, instance: Instance | str, node: ComputeNode | str) -> None:
        """Put an instance on a node; its ``host`` follows"""
        uuid, target = self._instance_key(instance), self._node_key(node)
        if self._where.get(uuid) != target:
            self._unmap(uuid)
            self._where[uuid] = target
            self._on[target][uuid] = None
            row, at = self.instance_columns.row[uuid], self.node_columns.row[target]
            self.instance_columns.node[row] = at
            self.node_columns.used[at] += self.instance_columns.size[row]
            self.version += 1
        here, there = self._instances.values[uuid], self._nodes.values[target]
        for name, source in (
            ("host", "hostname"),
            ("hypervisor_hostname", "hypervisor"),
        ):
            if there.get(source) and here.get(name) != there[source]:
                self._instances.set(uuid, name, there[source])

    @_locked
    def unmap_instance(self, instance: Instance | str, node: ComputeNode | str) -> None:
        """Take an instance off a node"""
        uuid, source = self._instance_key(instance), self._node_key(node)
        if self._where.get(uuid) == source:
            self._unmap(uuid)

    @_locked
    def migrate_instance(
        self,
        instance: Instance | str,
        source: ComputeNode | str,
        destination: ComputeNode | str,
    ) -> bool:
        """Move an instance; False when source and destination are the same"""
        if self._node_key(source) == self._node_key(destination):
            return False
        self.map_instance(instance, destination)
        return True

    @_locked
    def get_node_used_resources(self, node: ComputeNode | str) -> dict[str, int]:
        """Return what the flavors of all instances on a node sum up to"""
        columns = self.node_columns
        return _resources(columns.used[columns.row[self._node_key(node)]].tolist())

    @_locked
    def get_node_free_resources(self, node: ComputeNode | str) -> dict[str, Any]:
        """Return the capacity of a node less what is used"""
        columns = self.node_columns
        row = columns.row[self._node_key(node)]
        capacity = (columns.total[row] - columns.reserved[row]) * columns.ratio[row]
        return _resources((capacity - columns.used[row]).tolist())

    @_locked
    def invalidate_node_resource_cache(self, node: ComputeNode | str) -> None:
        """Sum the use of a node up afresh"""
        uuid = self._node_key(node)
        rows = [self.instance_columns.row[i] for i in self._on[uuid]]
        used = self.instance_columns.size[rows].sum(axis=0) if rows else 0
        self.node_columns.used[self.node_columns.row[uuid]] = used

    @_locked
    def invalidate_resource_cache(self) -> None:
        """Sum the use of every node up afresh"""
        for uuid in self._on:
            self.invalidate_node_resource_cache(uuid)

    # What else decisions need ---------------------------------------------------------

    @_locked
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

    def uuids_on(self, node: str) -> Collection[str]:
        """Return the UUIDs of the instances on the node with that UUID"""
        return self._on[node].keys()

    @property
    def nodes_data(self) -> Mapping[str, Values]:
        """Values of the nodes by UUID, without making elements: for reading only"""
        return self._nodes.values

    @property
    def instances_data(self) -> Mapping[str, Values]:
        """Values of the instances by UUID, without making elements: for reading only"""
        return self._instances.values

    # Copies and other forms -----------------------------------------------------------

    def copy(self) -> Self:
        """Return an independent model with a lock of its own, cheaply"""
        with self.lock:
            return self._copy()

    def _copy(self) -> Self:
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.lock = threading.RLock()
        twin._nodes = self._nodes.copy(twin.lock, twin._node_changed)
        twin._instances = self._instances.copy(twin.lock, twin._instance_changed)
        twin._by_host = self._by_host.copy()
        twin._where = self._where.copy()
        twin._on = {uuid: there.copy() for uuid, there in self._on.items()}
        twin.node_columns = self.node_columns.copy()
        twin.instance_columns = self.instance_columns.copy()
        twin._graph = None
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def to_list(self) -> list[dict[str, Any]]:
        """Return a dictionary for each server, and for each node without servers"""
        with self.lock:
            return serial.to_list(self)

    def to_xml(self) -> str:
        """Return the model as an XML document"""
        with self.lock:
            return serial.to_xml(self)

    def to_string(self) -> str:
        """Return the model as text, which is XML"""
        return self.to_xml()

    @classmethod
    def from_xml(cls, document: str | bytes) -> Self:
        """Build a model from what ``to_xml`` wrote"""
        model = cls()
        serial.fill_from_xml(model, document)
        return model

    @classmethod
    def is_isomorphic(cls, one: "ModelRoot", other: "ModelRoot") -> bool:
        """Tell whether two models have equal elements in equal places"""
        return (
            one._nodes.values == other._nodes.values
            and one._instances.values == other._instances.values
            and one._where == other._where
        )

    @property
    def graph(self) -> Any:
        """A networkx graph of the elements, built when first asked for"""
        with self.lock:
            if self._graph is None or self._graph[0] != self.version:
                self._graph = (self.version, serial.to_graph(self))
            return self._graph[1]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Outside strategies know the model as a graph: nodes, edges, predecessors ...
            if name.startswith("_") or "_graph" not in self.__dict__:
                raise AttributeError(name)
            return getattr(self.graph, name)

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
        size = tuple(data.get(name, 0) for name in INSTANCE_FIELDS)
        at = int(columns.node[row])
        if at >= 0:
            self.node_columns.used[at] -= columns.size[row]
            self.node_columns.used[at] += size
        columns.size[row] = size

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
        uuid = _key(node, ComputeNode)
        if uuid not in self._nodes.values:
            raise exception.ComputeNodeNotFound(name=uuid)
        return uuid

    def _instance_key(self, instance: Instance | str) -> str:
        uuid = _key(instance, Instance)
        if uuid not in self._instances.values:
            raise exception.InstanceNotFound(name=uuid)
        return uuid


def _check(element: object, cls: type[Element]) -> None:
    if not isinstance(element, cls):
        raise exception.IllegalArgumentException(
            f"{cls.__name__} expected, not {type(element).__name__}"
        )


def _key(element: object, cls: type[Element]) -> str:
    if isinstance(element, str):
        return element
    _check(element, cls)
    return str(element.data[cls.KEY])  # type: ignore[attr-defined]


def _resources(amounts: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(("vcpu", "memory", "disk"), amounts, strict=True))
