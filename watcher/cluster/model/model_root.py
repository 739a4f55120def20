"""The compute model: nodes, instances, which is where, and what else decisions need.

Values of elements are shared between copies until one of them writes, and resources are
mirrored in numpy columns so that arithmetic over all nodes is vectorised. A copy of 20,000
servers therefore costs milliseconds.
"""

from collections.abc import Sequence
from typing import Any, Self

from watcher import exception
from watcher.cluster.model import serial
from watcher.cluster.model.baremetal import BaremetalModelRoot
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.root import check, locked
from watcher.cluster.model.storage import StorageModelRoot
from watcher.cluster.model.store import Store

# Outsiders find the roots of all models here.
__all__ = ("BaremetalModelRoot", "ModelRoot", "StorageModelRoot")


class ModelRoot(Store):
    """Compute nodes and instances of a cluster, with the methods that strategies know"""

    @property
    def extended_attributes_enabled(self) -> bool:
        """Whether the data model shows pinned zones and extra specs"""
        return self._extended

    # Nodes ----------------------------------------------------------------------------

    @locked
    def add_node(self, node: ComputeNode) -> None:
        """Add a node, or replace the values of the one with its UUID"""
        check(node, ComputeNode)
        self.put_node(self._nodes.adopt(node))

    @locked
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

    @locked
    def get_all_compute_nodes(self) -> dict[str, ComputeNode]:
        """Return every node by UUID"""
        return {uuid: self._nodes.element(uuid) for uuid in self._nodes.values}

    @locked
    def get_node_by_uuid(self, uuid: str) -> ComputeNode:
        """Return a node or raise ComputeNodeNotFound"""
        return self._nodes.element(self._node_key(uuid))

    @locked
    def get_node_by_name(self, name: str) -> ComputeNode:
        """Return the node of a compute host or raise ComputeNodeNotFound"""
        if name not in self._by_host:
            raise exception.ComputeNodeNotFound(name=name)
        return self._nodes.element(self._by_host[name])

    @locked
    def get_node_by_instance_uuid(self, uuid: str) -> ComputeNode:
        """Return the node of an instance or raise InstanceNotMapped"""
        node = self._where.get(self._instance_key(uuid))
        if node is None:
            raise exception.InstanceNotMapped(uuid=uuid)
        return self._nodes.element(node)

    # Instances ------------------------------------------------------------------------

    @locked
    def add_instance(self, instance: Instance) -> None:
        """Add an instance on no node, or replace the values of the one with its UUID"""
        check(instance, Instance)
        self.put_instance(self._instances.adopt(instance))

    @locked
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

    @locked
    def get_all_instances(self) -> dict[str, Instance]:
        """Return every instance by UUID"""
        return {uuid: self._instances.element(uuid) for uuid in self._instances.values}

    @locked
    def get_instance_by_uuid(self, uuid: str) -> Instance:
        """Return an instance or raise InstanceNotFound"""
        return self._instances.element(self._instance_key(uuid))

    @locked
    def get_node_instances(self, node: ComputeNode | str) -> list[Instance]:
        """Return the instances on a node, in the order in which they came"""
        return [
            self._instances.element(uuid) for uuid in self._on[self._node_key(node)]
        ]

    # Which is where -------------------------------------------------------------------

    @locked
    def map_instance(self, instance: Instance | str, node: ComputeNode | str) -> None:
        """Put an instance on a node; its ``host`` follows"""
        uuid, target = self._instance_key(instance), self._node_key(node)
        if self._where.get(uuid) != target:
            self._map(uuid, target)
        here, there = self._instances.values[uuid], self._nodes.values[target]
        for name, source in (
            ("host", "hostname"),
            ("hypervisor_hostname", "hypervisor"),
        ):
            if there.get(source) and here.get(name) != there[source]:
                self._instances.set(uuid, name, there[source])

    @locked
    def unmap_instance(self, instance: Instance | str, node: ComputeNode | str) -> None:
        """Take an instance off a node"""
        uuid, source = self._instance_key(instance), self._node_key(node)
        if self._where.get(uuid) == source:
            self._unmap(uuid)

    @locked
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

    @locked
    def get_node_used_resources(self, node: ComputeNode | str) -> dict[str, int]:
        """Return what the flavors of all instances on a node sum up to"""
        columns = self.node_columns
        return _resources(columns.used[columns.row[self._node_key(node)]].tolist())

    @locked
    def get_node_free_resources(self, node: ComputeNode | str) -> dict[str, Any]:
        """Return the capacity of a node less what is used"""
        columns = self.node_columns
        row = columns.row[self._node_key(node)]
        capacity = (columns.total[row] - columns.reserved[row]) * columns.ratio[row]
        return _resources((capacity - columns.used[row]).tolist())

    @locked
    def invalidate_node_resource_cache(self, node: ComputeNode | str) -> None:
        """Sum the use of a node up afresh"""
        uuid = self._node_key(node)
        rows = [self.instance_columns.row[i] for i in self._on[uuid]]
        used = self.instance_columns.size[rows].sum(axis=0) if rows else 0
        self.node_columns.used[self.node_columns.row[uuid]] = used

    @locked
    def invalidate_resource_cache(self) -> None:
        """Sum the use of every node up afresh"""
        for uuid in self._on:
            self.invalidate_node_resource_cache(uuid)

    # Copies and other forms -----------------------------------------------------------

    def to_list(self) -> list[dict[str, Any]]:
        """Return a dictionary for each server, and for each node without servers"""
        with self.lock:
            return serial.to_list(self)

    def to_xml(self) -> str:
        """Return the model as an XML document"""
        with self.lock:
            return serial.to_xml(self)

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

    def _as_graph(self) -> Any:
        return serial.to_graph(self)


def _resources(amounts: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(("vcpu", "memory", "disk"), amounts, strict=True))
