"""The compute model as list, XML document and graph."""

import datetime
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.field import Element, Field

if TYPE_CHECKING:
    from watcher.cluster.model.model_root import ModelRoot

EXTENDED = ("pinned_az", "flavor_extra_specs")


def _shown(cls: type[Element], prefix: str = "") -> list[tuple[str, str, Field[Any]]]:
    return [(n, prefix + n, f) for n, f in cls.fields.items() if f.published]


def _row(
    values: dict[str, Any], fields: list[tuple[str, str, Field[Any]]], extended: bool
) -> dict[str, Any]:
    row = {}
    for name, shown, field in fields:
        if name in values:
            hidden = not extended and name in EXTENDED
            value = field.default if hidden else values[name]
            row[shown] = dict(value) if field.mutable else value
    return row


def to_list(model: "ModelRoot") -> list[dict[str, Any]]:
    """Return one fresh dictionary for each pair of node and server, sorted"""
    node_fields = _shown(ComputeNode, "node_")
    server_fields = _shown(Instance, "server_")
    extended = model.extended_attributes_enabled
    rows = []
    for uuid in sorted(model.nodes_data):
        node = _row(model.nodes_data[uuid], node_fields, extended)
        servers = sorted(model.uuids_on(uuid))
        for server in servers:
            data = model.instances_data[server]
            rows.append({**node, **_row(data, server_fields, extended)})
        if not servers:
            rows.append(node)
    return rows


def _attributes(
    values: dict[str, Any], cls: type[Element], extended: bool
) -> dict[str, str]:
    row = _row(values, [(n, n, f) for n, f in cls.fields.items()], extended)
    shown = ("host", "hypervisor_hostname", "created")
    return attributes(
        {n: v for n, v in row.items() if cls.fields[n].published or n in shown}
    )


def attributes(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values of an element as attributes of its XML element"""
    return {name: _to_text(value) for name, value in values.items()}


def read(cls: type[Element], xml: ElementTree.Element) -> dict[str, Any]:
    """Return the values that an XML element has for fields of ``cls``"""
    known = cls.fields
    return {n: _from_text(known[n], t) for n, t in xml.items() if n in known}


def _to_text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value)


def _from_text(field: Field[Any], text: str) -> Any:
    if field.nullable and text == "None":
        return None
    if field.mutable:
        return json.loads(text)
    if field.read is bool:
        return text == "True"
    return text


def to_xml(model: "ModelRoot") -> str:
    """Return nodes with their instances, then the instances on no node"""
    extended = model.extended_attributes_enabled
    root = ElementTree.Element("ModelRoot")

    def add(parent: ElementTree.Element, uuid: str) -> None:
        values = _attributes(model.instances_data[uuid], Instance, extended)
        ElementTree.SubElement(parent, "Instance", values)

    mapped = set()
    for uuid in sorted(model.nodes_data):
        values = _attributes(model.nodes_data[uuid], ComputeNode, extended)
        node = ElementTree.SubElement(root, "ComputeNode", values)
        for server in sorted(model.uuids_on(uuid)):
            add(node, server)
            mapped.add(server)
    for server in sorted(set(model.instances_data) - mapped):
        add(root, server)
    return ElementTree.tostring(root, encoding="unicode")


def fill_from_xml(model: "ModelRoot", document: str | bytes) -> None:
    """Add to ``model`` what ``to_xml`` wrote"""
    for child in ElementTree.fromstring(document):
        if child.tag == "Instance":
            model.add_instance(Instance(**read(Instance, child)))
            continue
        node = ComputeNode(**read(ComputeNode, child))
        model.add_node(node)
        for server in child:
            instance = Instance(**read(Instance, server))
            model.add_instance(instance)
            model.map_instance(instance, node)


def to_graph(model: "ModelRoot") -> Any:
    """Return a networkx graph with edges from instances to their nodes"""
    import networkx

    graph = networkx.DiGraph()
    for uuid, node in model.get_all_compute_nodes().items():
        graph.add_node(uuid, attr=node)
    for uuid, instance in model.get_all_instances().items():
        graph.add_node(uuid, attr=instance)
    for uuid in model.nodes_data:
        graph.add_edges_from((server, uuid) for server in model.uuids_on(uuid))
    return graph
