"""The storage model as list, XML document and graph."""

import copy
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from watcher.cluster.model import serial
from watcher.cluster.model.element import Pool, StorageNode, Volume
from watcher.cluster.model.field import Element

if TYPE_CHECKING:
    from watcher.cluster.model.storage import StorageModelRoot


def _add(
    parent: ElementTree.Element, cls: type[Element], values: dict[str, Any]
) -> ElementTree.Element:
    shown = {n: values[n] for n, f in cls.fields.items() if f.published and n in values}
    return ElementTree.SubElement(parent, cls.__name__, serial.attributes(shown))


def to_xml(model: "StorageModelRoot") -> str:
    """Return nodes with pools with volumes; what is on none comes after them"""
    root = ElementTree.Element("ModelRoot")

    def add_pools(parent: ElementTree.Element, names: Any) -> None:
        for name in sorted(names):
            pool = _add(parent, Pool, model.pools_data[name])
            for uuid in sorted(model.volumes_in(name)):
                _add(pool, Volume, model.volumes_data[uuid])

    for host in sorted(model.nodes_data):
        node = _add(root, StorageNode, model.nodes_data[host])
        add_pools(node, model.pools_on(host))
    add_pools(root, model.pools_data.keys() - model.pool_places.of.keys())
    for uuid in sorted(model.volumes_data.keys() - model.volume_places.of.keys()):
        _add(root, Volume, model.volumes_data[uuid])
    return ElementTree.tostring(root, encoding="unicode")


def to_list(model: "StorageModelRoot") -> list[dict[str, Any]]:
    """Return one fresh dictionary for each volume with its pool and node, sorted

    Keys begin with ``node_``, ``pool_`` and ``volume_``; what a volume, pool or node is not
    in, or does not have, is left out.
    """
    rows = []
    for host in sorted(model.nodes_data):
        node = model.nodes_data[host]
        found = [r for name in sorted(model.pools_on(host)) for r in _rows(model, name)]
        rows += [{**_row(StorageNode, "node_", node), **row} for row in found or [{}]]
    for name in sorted(model.pools_data.keys() - model.pool_places.of.keys()):
        rows += _rows(model, name)
    for uuid in sorted(model.volumes_data.keys() - model.volume_places.of.keys()):
        rows.append(_row(Volume, "volume_", model.volumes_data[uuid]))
    return rows


def _rows(model: "StorageModelRoot", name: str) -> list[dict[str, Any]]:
    pool = model.pools_data[name]
    volumes = [model.volumes_data[uuid] for uuid in sorted(model.volumes_in(name))]
    found = [_row(Volume, "volume_", data) for data in volumes]
    return [{**_row(Pool, "pool_", pool), **row} for row in found or [{}]]


def _row(cls: type[Element], prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        prefix + name: copy.copy(values[name])
        for name, field in cls.fields.items()
        if field.published and name in values
    }


def fill_from_xml(model: "StorageModelRoot", document: str | bytes) -> None:
    """Add to ``model`` what ``to_xml`` wrote"""
    for child in ElementTree.fromstring(document):
        if child.tag == "StorageNode":
            node = StorageNode(**serial.read(StorageNode, child))
            model.add_node(node)
            for row in child:
                model.map_pool(_read_pool(model, row), node)
        elif child.tag == "Pool":
            _read_pool(model, child)
        else:
            model.add_volume(Volume(**serial.read(Volume, child)))


def _read_pool(model: "StorageModelRoot", xml: ElementTree.Element) -> Pool:
    pool = Pool(**serial.read(Pool, xml))
    model.add_pool(pool)
    for row in xml:
        volume = Volume(**serial.read(Volume, row))
        model.add_volume(volume)
        model.map_volume(volume, pool)
    return pool


def to_graph(model: "StorageModelRoot") -> Any:
    """Return a networkx graph with edges from volumes to pools to nodes"""
    import networkx

    graph = networkx.DiGraph()
    for elements in (
        model.get_all_storage_nodes(),
        model.get_all_pools(),
        model.get_all_volumes(),
    ):
        for key, element in elements.items():
            graph.add_node(key, attr=element)
    graph.add_edges_from(model.pool_places.of.items())
    graph.add_edges_from(model.volume_places.of.items())
    return graph
