"""Moves tried out on a model that stays as it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from watcher import exception
from watcher.clients.records import ServerGroup
from watcher.cluster.model.columns import Floats, Ints
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.model_root import ModelRoot

LIVE = "live"
COLD = "cold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An instance (UUID) that shall go from one host to another, and why"""

    instance: str
    source: str
    target: str
    reason: str = ""
    kind: str = LIVE


class Room(NamedTuple):
    """What fits on a node in addition; negative when too much is promised already"""

    vcpus: float
    memory_mb: float
    disk_gb: float


class View:
    """A model with moves made on top of it, the next choice seeing what is left

    ``hosts`` are the hostnames of the model's nodes, sorted; the arrays ``total``,
    ``capacity``, ``used``, ``held`` and ``is_open`` have one row for each of them, resources side
    by side as in ``model.columns``. The model must not change while views of it live.
    """

    def __init__(self, model: ModelRoot) -> None:
        self.model = model
        named = {str(d["hostname"]): uuid for uuid, d in model.nodes_data.items()}
        self.hosts: list[str] = sorted(named)
        self.index: dict[str, int] = {host: i for i, host in enumerate(self.hosts)}
        self._uuid = named
        columns = model.node_columns
        rows = [columns.row[named[host]] for host in self.hosts]
        self.total: Ints = columns.total[rows]
        self.capacity: Floats = columns.capacity[rows]
        self.held: Ints = columns.held[rows]
        self.used: Ints = columns.used[rows]
        self.is_open = np.array(
            [model.get_node_by_uuid(named[host]).usable for host in self.hosts],
            dtype=bool,
        )
        self.moves: list[Move] = []
        self.disabled: dict[str, str] = {}
        self.enabled: dict[str, str] = {}
        # What rules work out once for each view, by their name.
        self.facts: dict[Any, Any] = {}
        self._at: dict[str, str] = {}
        self._arrived: dict[str, dict[str, None]] = {}

    # Looking --------------------------------------------------------------------------

    def nodes(self) -> list[ComputeNode]:
        """Return all nodes, sorted by hostname"""
        return [self.node(host) for host in self.hosts]

    def node(self, node: ComputeNode | str) -> ComputeNode:
        """Return a node by hostname or raise ComputeNodeNotFound"""
        if isinstance(node, ComputeNode):
            return node
        if node not in self._uuid:
            raise exception.ComputeNodeNotFound(name=node)
        return self.model.get_node_by_uuid(self._uuid[node])

    def instance(self, uuid: str) -> Instance:
        """Return an instance by UUID or raise InstanceNotFound"""
        return self.model.get_instance_by_uuid(uuid)

    def host_of(self, instance: Instance | str) -> str | None:
        """Return the host of an instance after the moves so far"""
        uuid = _uuid(instance)
        return self._at.get(uuid) or self.model.host_of(uuid)

    def hosts_of(self, instance: Instance | str) -> set[str]:
        """Return the hosts where an instance counts: two while it is being migrated"""
        uuid = _uuid(instance)
        hosts = {self.host_of(uuid)}
        if (flight := self.model.migrations.get(uuid)) is not None:
            hosts |= {flight.source_host, flight.dest_host}
        return {host for host in hosts if host}

    def names_on(self, node: ComputeNode | str) -> list[str]:
        """Return the UUIDs of the instances on a node, sorted"""
        host = _host(node)
        before = self.model.uuids_on(self._uuid[host])
        stayed = (u for u in before if u not in self._at)
        return sorted([*stayed, *self._arrived.get(host, ())])

    def on(self, node: ComputeNode | str) -> list[Instance]:
        """Return the instances on a node after the moves so far, sorted by UUID"""
        return [self.instance(uuid) for uuid in self.names_on(node)]

    def size(self, instance: Instance | str) -> Ints:
        """Return what an instance takes: vCPUs, MB, GB"""
        columns = self.model.instance_columns
        result: Ints = columns.size[columns.row[_uuid(instance)]]
        return result

    def room(self, node: ComputeNode | str) -> Room:
        """Return what fits on a node in addition"""
        i = self.index[_host(node)]
        return Room(*(self.capacity[i] - self.used[i] - self.held[i]).tolist())

    def groups_of(self, instance: Instance | str) -> Sequence[ServerGroup]:
        """Return the server groups that an instance belongs to"""
        groups = self.facts.get("groups")
        if groups is None:
            groups = self.facts["groups"] = {}
            for group in self.model.server_groups.values():
                for member in group.members:
                    groups.setdefault(member, []).append(group)
        found: Sequence[ServerGroup] = groups.get(_uuid(instance), ())
        return found

    def moved(self) -> Iterator[str]:
        """Yield the UUIDs of the instances that are not where they were"""
        for uuid, host in self._at.items():
            if host != self.model.host_of(uuid):
                yield uuid

    # Changing -------------------------------------------------------------------------

    def planned(
        self,
        instance: Instance | str,
        to: ComputeNode | str,
        reason: str = "",
        kind: str = LIVE,
    ) -> Move:
        """Return the move without making it"""
        uuid, target = _uuid(instance), _host(to)
        source = self.host_of(uuid)
        if source is None:
            raise exception.InstanceNotMapped(uuid=uuid)
        return Move(
            instance=uuid, source=source, target=target, reason=reason, kind=kind
        )

    def move(
        self,
        instance: Instance | str,
        to: ComputeNode | str,
        reason: str = "",
        kind: str = LIVE,
    ) -> Move:
        """Move an instance in the view; whether rules allow it is the caller's question"""
        move = self.planned(instance, to, reason, kind)
        self.apply(move)
        return move

    def apply(self, move: Move) -> None:
        """Make a move that was planned before"""
        if move.source == move.target:
            raise exception.IllegalArgumentException(
                f"Instance {move.instance} is on {move.target} already"
            )
        if move.target not in self.index:
            raise exception.ComputeNodeNotFound(name=move.target)
        size = self.size(move.instance)
        if move.source in self.index:
            self.used[self.index[move.source]] -= size
        self.used[self.index[move.target]] += size
        self._arrived.get(move.source, {}).pop(move.instance, None)
        self._arrived.setdefault(move.target, {})[move.instance] = None
        self._at[move.instance] = move.target
        self.moves.append(move)

    def disable(self, node: ComputeNode | str, reason: str = "") -> None:
        """Let nothing be moved to a node any more"""
        host = _host(node)
        self.is_open[self.index[host]] = False
        self.disabled[host] = reason

    def enable(self, node: ComputeNode | str, reason: str = "") -> None:
        """Let instances be moved to a node that is disabled so far"""
        host = _host(node)
        self.enabled[host] = reason
        self.disabled.pop(host, None)
        self.is_open[self.index[host]] = self.node(host).state == "up"

    def copy(self) -> "View":
        """Return a view that goes its own way from here"""
        twin = View.__new__(View)
        twin.__dict__.update(self.__dict__)
        for name in ("used", "is_open", "moves", "disabled", "enabled", "_at", "facts"):
            setattr(twin, name, getattr(self, name).copy())
        twin._arrived = {host: dict(there) for host, there in self._arrived.items()}
        return twin


def _uuid(instance: Instance | str) -> str:
    return instance if isinstance(instance, str) else instance.uuid


def _host(node: ComputeNode | str) -> str:
    return node if isinstance(node, str) else node.hostname
