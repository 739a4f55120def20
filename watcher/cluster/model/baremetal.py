"""The bare-metal model: nodes that Ironic knows, and the power state of each."""

from collections.abc import Collection, Mapping
from typing import Any, Self
from xml.etree import ElementTree

from watcher import exception
from watcher.cluster.model import serial
from watcher.cluster.model.element import IronicNode
from watcher.cluster.model.root import Root, check, key_of, locked
from watcher.cluster.model.table import Table, Values


class BaremetalModelRoot(Root):
    """Ironic nodes by UUID; copies share their values until one of them writes"""

    def __init__(self, stale: bool = False) -> None:
        super().__init__(stale)
        self._nodes = Table(IronicNode, self.lock, self._changed)

    @locked
    def add_node(self, node: IronicNode) -> None:
        """Add a node, or replace the values of the one with its UUID"""
        check(node, IronicNode)
        self._nodes.adopt(node)
        self.version += 1

    @locked
    def put_node(self, data: Values) -> None:
        """Add or replace a node by values that nobody else holds"""
        self._nodes.put(str(data["uuid"]), data)
        self.version += 1

    @locked
    def remove_node(self, node: IronicNode | str) -> None:
        """Remove a node or raise IronicNodeNotFound"""
        self._nodes.drop(self._key(node))
        self.version += 1

    @locked
    def part(self, nodes: Collection[str]) -> Self:
        """Return a model of some nodes, by UUID, that shares their values as a copy does"""
        twin = super()._copy()
        twin._nodes = self._nodes.part(nodes, twin.lock, twin._changed)
        return twin

    @locked
    def get_all_ironic_nodes(self) -> dict[str, IronicNode]:
        """Return every node by UUID"""
        return {uuid: self._nodes.element(uuid) for uuid in self._nodes.values}

    @locked
    def get_node_by_uuid(self, uuid: str) -> IronicNode:
        """Return a node or raise IronicNodeNotFound"""
        return self._nodes.element(self._key(uuid))

    @property
    def nodes_data(self) -> Mapping[str, Values]:
        """Values of the nodes by UUID, without making elements: for reading only"""
        return self._nodes.values

    # Other forms ----------------------------------------------------------------------

    @locked
    def to_list(self) -> list[dict[str, Any]]:
        """Return a dictionary for each node, sorted by UUID"""
        nodes = self._nodes
        return [nodes.element(uuid).as_dict() for uuid in sorted(nodes.values)]

    @locked
    def to_xml(self) -> str:
        """Return the model as an XML document"""
        root = ElementTree.Element("ModelRoot")
        for _uuid, data in sorted(self._nodes.values.items()):
            ElementTree.SubElement(root, "IronicNode", serial.attributes(data))
        return ElementTree.tostring(root, encoding="unicode")

    @classmethod
    def from_xml(cls, document: str | bytes) -> Self:
        """Build a model from what ``to_xml`` wrote"""
        model = cls()
        for child in ElementTree.fromstring(document):
            model.add_node(IronicNode(**serial.read(IronicNode, child)))
        return model

    @classmethod
    def is_isomorphic(
        cls, one: "BaremetalModelRoot", other: "BaremetalModelRoot"
    ) -> bool:
        """Tell whether two models have equal nodes"""
        return one._nodes.values == other._nodes.values

    # Inner workings -------------------------------------------------------------------

    def _copy(self) -> Self:
        twin = super()._copy()
        twin._nodes = self._nodes.copy(twin.lock, twin._changed)
        return twin

    def _changed(self, uuid: str, name: str, old: Any, data: Values) -> None:
        self.version += 1

    def _key(self, node: IronicNode | str) -> str:
        uuid = key_of(node, IronicNode)
        if uuid not in self._nodes.values:
            raise exception.IronicNodeNotFound(uuid=uuid)
        return uuid

    def _as_graph(self) -> Any:
        import networkx

        graph = networkx.DiGraph()
        for uuid, node in self.get_all_ironic_nodes().items():
            graph.add_node(uuid, attr=node)
        return graph
