"""The storage model: volume services, their pools, the volumes in them, and the types.

Values of elements are shared between copies until one of them writes, and capacities of
pools are mirrored in numpy columns. What belongs together finds each other by name: a
pool is its node's name and a # longer, a volume names its pool.
"""

import datetime
from collections.abc import Callable, Collection, Mapping
from typing import Any, Self

from watcher import exception
from watcher.clients.records import VolumeType
from watcher.cluster.model import storage_serial
from watcher.cluster.model.columns import POOL_FIELDS, PoolColumns
from watcher.cluster.model.element import Pool, StorageNode, Volume
from watcher.cluster.model.places import Places
from watcher.cluster.model.root import Root, check, key_of, locked
from watcher.cluster.model.table import Table, Values


class StorageModelRoot(Root):
    """Storage nodes, pools and volumes, with the methods that strategies know"""

    def __init__(self, stale: bool = False) -> None:
        super().__init__(stale)
        # The newest change of a volume that was read, by Cinder's clock.
        self.changed_at: datetime.datetime | None = None
        self.types: Mapping[str, VolumeType] = {}  # by id
        # Volumes that Cinder made for migrations, and will remove: UUID -> GB.
        self.shadows: Mapping[str, int] = {}
        # Volumes that only events told of.
        self.unread: set[str] = set()
        self._nodes = Table(StorageNode, self.lock, self._changed)
        self._pools = Table(Pool, self.lock, self._pool_changed)
        self._volumes = Table(Volume, self.lock, self._changed)
        self.pool_places = Places()
        self.volume_places = Places()
        self.pool_columns = PoolColumns()

    # Nodes ----------------------------------------------------------------------------

    @locked
    def add_node(self, node: StorageNode) -> None:
        """Add a node, or replace the values of the one with its host"""
        check(node, StorageNode)
        self.put_node(self._nodes.adopt(node))

    @locked
    def remove_node(self, node: StorageNode | str) -> None:
        """Remove a node; its pools stay, on no node"""
        host = self._node_key(node)
        self.pool_places.empty(host)
        self._nodes.drop(host)
        self.version += 1

    @locked
    def get_all_storage_nodes(self) -> dict[str, StorageNode]:
        """Return every node by host"""
        return {host: self._nodes.element(host) for host in self._nodes.values}

    @locked
    def get_node_by_name(self, name: str) -> StorageNode:
        """Return a node by its host, or by the name of a pool, or StorageNodeNotFound"""
        return self._nodes.element(self._node_key(node_name(name)))

    @locked
    def get_node_by_pool_name(self, pool_name: str) -> StorageNode:
        """Return the node that a pool is on or raise StorageNodeNotFound"""
        host = self.pool_places.of.get(self._pool_key(pool_name))
        if host is None:
            raise exception.StorageNodeNotFound(name=node_name(pool_name))
        return self._nodes.element(host)

    # Pools ----------------------------------------------------------------------------

    @locked
    def add_pool(self, pool: Pool) -> None:
        """Add a pool on no node, or replace the values of the one with its name"""
        check(pool, Pool)
        self.put_pool(self._pools.adopt(pool))

    @locked
    def remove_pool(self, pool: Pool | str) -> None:
        """Remove a pool; its volumes stay, in no pool"""
        name = self._pool_key(pool)
        self.volume_places.empty(name)
        self.pool_places.take(name)
        self.pool_columns.remove(name)
        self._pools.drop(name)
        self.version += 1

    @locked
    def map_pool(self, pool: Pool | str, node: StorageNode | str) -> None:
        """Put a pool on a node"""
        self.pool_places.put(self._pool_key(pool), self._node_key(node))
        self.version += 1

    @locked
    def unmap_pool(self, pool: Pool | str, node: StorageNode | str) -> None:
        """Take a pool off a node"""
        name, host = self._pool_key(pool), self._node_key(node)
        if self.pool_places.of.get(name) == host:
            self.pool_places.take(name)
            self.version += 1

    @locked
    def get_all_pools(self) -> dict[str, Pool]:
        """Return every pool by name"""
        return {name: self._pools.element(name) for name in self._pools.values}

    @locked
    def get_pool_by_pool_name(self, name: str) -> Pool:
        """Return a pool or raise PoolNotFound"""
        return self._pools.element(self._pool_key(name))

    @locked
    def get_node_pools(self, node: StorageNode | str) -> list[Pool]:
        """Return the pools on a node, in the order in which they came"""
        there = self.pool_places.at(self._node_key(node))
        return [self._pools.element(name) for name in there]

    # Volumes --------------------------------------------------------------------------

    @locked
    def add_volume(self, volume: Volume) -> None:
        """Add a volume in no pool, or replace the values of the one with its UUID"""
        check(volume, Volume)
        self.put_volume(self._volumes.adopt(volume))

    @locked
    def remove_volume(self, volume: Volume | str) -> None:
        """Remove a volume or raise VolumeNotFound"""
        uuid = self._volume_key(volume)
        self.volume_places.take(uuid)
        self._volumes.drop(uuid)
        self.version += 1

    def delete_volume(self, volume: Volume | str) -> None:
        """Remove a volume or raise VolumeNotFound"""
        self.remove_volume(volume)

    @locked
    def map_volume(self, volume: Volume | str, pool: Pool | str) -> None:
        """Put a volume into a pool; its ``host`` follows"""
        uuid, name = self._volume_key(volume), self._pool_key(pool)
        if self.volume_places.of.get(uuid) != name:
            self.volume_places.put(uuid, name)
            self.version += 1
        if self._volumes.values[uuid].get("host") != name:
            self._volumes.set(uuid, "host", name)

    @locked
    def unmap_volume(self, volume: Volume | str, pool: Pool | str) -> None:
        """Take a volume out of a pool"""
        uuid, name = self._volume_key(volume), self._pool_key(pool)
        if self.volume_places.of.get(uuid) == name:
            self.volume_places.take(uuid)
            self.version += 1

    @locked
    def get_all_volumes(self) -> dict[str, Volume]:
        """Return every volume by UUID"""
        return {uuid: self._volumes.element(uuid) for uuid in self._volumes.values}

    @locked
    def get_volume_by_uuid(self, uuid: str) -> Volume:
        """Return a volume or raise VolumeNotFound"""
        return self._volumes.element(self._volume_key(uuid))

    @locked
    def get_pool_by_volume(self, volume: Volume | str) -> Pool:
        """Return the pool of a volume or raise PoolNotFound"""
        uuid = self._volume_key(volume)
        name = self.volume_places.of.get(uuid)
        if name is None:
            raise exception.PoolNotFound(name=self._volumes.values[uuid].get("host"))
        return self._pools.element(name)

    @locked
    def get_pool_volumes(self, pool: Pool | str) -> list[Volume]:
        """Return the volumes in a pool, in the order in which they came"""
        there = self.volume_places.at(self._pool_key(pool))
        return [self._volumes.element(uuid) for uuid in there]

    # Without elements, for reading many and filling -------------------------------------

    @property
    def nodes_data(self) -> Mapping[str, Values]:
        """Values of the nodes by host: for reading only"""
        return self._nodes.values

    @property
    def pools_data(self) -> Mapping[str, Values]:
        """Values of the pools by name: for reading only"""
        return self._pools.values

    @property
    def volumes_data(self) -> Mapping[str, Values]:
        """Values of the volumes by UUID: for reading only"""
        return self._volumes.values

    def pools_on(self, host: str) -> Collection[str]:
        """Return the names of the pools on a node"""
        return self.pool_places.at(host)

    def volumes_in(self, pool: str) -> Collection[str]:
        """Return the UUIDs of the volumes in a pool"""
        return self.volume_places.at(pool)

    @locked
    def put_node(self, data: Values) -> None:
        """Add or replace a node by values that nobody else holds"""
        self._nodes.put(str(data["host"]), data)
        self.version += 1

    @locked
    def put_pool(self, data: Values) -> None:
        """Add or replace a pool by values that nobody else holds"""
        name = str(data["name"])
        self._pools.put(name, data)
        if name not in self.pool_columns.row:
            self.pool_columns.add(name)
        self.pool_columns.fill(name, data)
        self.version += 1

    @locked
    def put_volume(self, data: Values) -> None:
        """Add or replace a volume by values that nobody else holds"""
        self._volumes.put(str(data["uuid"]), data)
        self.version += 1

    @locked
    def place_pool(self, name: str) -> bool:
        """Put a pool on the node that its name says; False when that is not there"""
        host = node_name(name)
        if host not in self._nodes.values:
            return False
        self.map_pool(name, host)
        return True

    @locked
    def place_volume(self, uuid: str) -> bool:
        """Put a volume into the pool that it names; False when that is not there"""
        pool = self._volumes.values[uuid].get("host")
        if pool in self._pools.values:
            self.map_volume(uuid, pool)
            return True
        self.volume_places.take(uuid)
        self.version += 1
        return pool is None

    # Copying and cutting --------------------------------------------------------------

    @locked
    def part(
        self, hosts: Collection[str], pools: Collection[str], volumes: Collection[str]
    ) -> Self:
        """Return an independent model of these elements, in that order, at their cost

        Values are shared with this one until one of the two writes, as between copies. What
        a pool or a volume is in must be among them, too.
        """
        twin = super()._copy()
        twin.version += 1
        twin.unread = self.unread.intersection(volumes)
        twin._nodes = self._nodes.part(hosts, twin.lock, twin._changed)
        twin._pools = self._pools.part(pools, twin.lock, twin._pool_changed)
        twin._volumes = self._volumes.part(volumes, twin.lock, twin._changed)
        twin.pool_places = self.pool_places.part(pools)
        twin.volume_places = self.volume_places.part(volumes)
        twin.pool_columns = self.pool_columns.part(pools)
        return twin

    def _copy(self) -> Self:
        twin = super()._copy()
        twin._nodes = self._nodes.copy(twin.lock, twin._changed)
        twin._pools = self._pools.copy(twin.lock, twin._pool_changed)
        twin._volumes = self._volumes.copy(twin.lock, twin._changed)
        twin.unread = self.unread.copy()
        twin.pool_places = self.pool_places.copy()
        twin.volume_places = self.volume_places.copy()
        twin.pool_columns = self.pool_columns.copy()
        return twin

    # Other forms ----------------------------------------------------------------------

    @locked
    def to_list(self) -> list[dict[str, Any]]:
        """Return a dictionary for each volume, and for each pool or node without any"""
        return storage_serial.to_list(self)

    @locked
    def to_xml(self) -> str:
        """Return the model as an XML document"""
        return storage_serial.to_xml(self)

    @classmethod
    def from_xml(cls, document: str | bytes) -> Self:
        """Build a model from what ``to_xml`` wrote"""
        model = cls()
        storage_serial.fill_from_xml(model, document)
        return model

    @classmethod
    def is_isomorphic(cls, one: "StorageModelRoot", other: "StorageModelRoot") -> bool:
        """Tell whether two models have equal elements in equal places"""
        return _shape(one) == _shape(other)

    def _as_graph(self) -> Any:
        return storage_serial.to_graph(self)

    # Keeping columns in step ------------------------------------------------------------

    def _changed(self, key: str, name: str, old: Any, data: Values) -> None:
        self.version += 1

    def _pool_changed(self, key: str, name: str, old: Any, data: Values) -> None:
        self.version += 1
        if name in POOL_FIELDS:
            self.pool_columns.fill(key, data)

    def _node_key(self, node: StorageNode | str) -> str:
        return self._key(node, self._nodes, exception.StorageNodeNotFound)

    def _pool_key(self, pool: Pool | str) -> str:
        return self._key(pool, self._pools, exception.PoolNotFound)

    def _volume_key(self, volume: Volume | str) -> str:
        return self._key(volume, self._volumes, exception.VolumeNotFound)

    def _key(
        self, element: object, table: Table[Any], missing: Callable[..., Exception]
    ) -> str:
        key = key_of(element, table.cls)
        if key not in table.values:
            raise missing(name=key)
        return key


def node_name(pool: str) -> str:
    """Return the name of a pool's node"""
    return pool.partition("#")[0]


def _shape(model: StorageModelRoot) -> tuple[Any, ...]:
    return (
        model.nodes_data,
        model.pools_data,
        model.volumes_data,
        model.pool_places.of,
        model.volume_places.of,
    )
