"""A large cloud that answers at once, and counts what it is asked."""

import dataclasses
import datetime
import functools
import math
import types
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.clients.records import Inventory, Migration, Offer, Server
from watcher.clients.simulated import SimulatedCloud

HOSTS, SERVERS = 1000, 20_000
# Nova's own limit of servers in one answer.
PAGE = 1000
LISTS = (
    "hypervisors",
    "services",
    "aggregates",
    "server_groups",
    "in_flight_migrations",
)


class StubCloud:
    """Answers of a generated cloud, prepared beforehand

    ``calls`` counts calls to the clients; ``requests`` those over HTTP that a real cloud
    would get for them.
    """

    def __init__(self, hosts: int = HOSTS, servers: int = SERVERS) -> None:
        source = SimulatedCloud(1, hosts=hosts, servers=servers).clients()
        self._lists = {name: getattr(source.nova, name)() for name in LISTS}
        self._servers = source.nova.servers()
        providers = [node.uuid for node in self._lists["hypervisors"]]
        self._inventories = source.placement.inventories(providers)
        self._usages = source.placement.usages(providers)
        self._changed: list[Server] = []
        self._migrations: list[Migration] = []
        self.reset()
        ask = {name: functools.partial(self._list, name) for name in LISTS}
        self.nova = types.SimpleNamespace(
            servers=self._list_servers,
            changed_migrations=self._list_migrations,
            **ask,
        )
        self.placement = types.SimpleNamespace(
            inventories=self._list_inventories,
            usages=self._list_usages,
            offers=self._list_offers,
        )
        self.keystone = types.SimpleNamespace(has_service=lambda _type: False)

    @property
    def size(self) -> tuple[int, int]:
        """Return the numbers of hosts and servers"""
        return len(self._lists["hypervisors"]), len(self._servers)

    def reset(self) -> None:
        """Count from zero"""
        self.calls = self.requests = 0

    def change(self, count: int) -> None:
        """Move ``count`` servers to the host of their neighbour in the list"""
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        step = len(self._servers) // count
        chosen = range(0, step * count, step)
        self._changed = [
            dataclasses.replace(
                self._servers[i],
                host=self._servers[i - 1].host,
                hypervisor=self._servers[i - 1].hypervisor,
                updated_at=now,
            )
            for i in chosen
        ]
        self._migrations = [
            Migration(
                id=i,
                server=self._servers[i].uuid,
                kind="live-migration",
                status="completed",
                source_host=self._servers[i].host,
                dest_host=self._servers[i - 1].host,
                updated_at=now,
            )
            for i in chosen
        ]

    def _count(self, requests: int) -> None:
        self.calls += 1
        self.requests += requests

    def _list(self, name: str) -> list[Any]:
        self._count(1)
        return list(self._lists[name])

    def _list_servers(self, since: datetime.datetime | None = None) -> list[Server]:
        found = self._servers if since is None else self._changed
        self._count(max(1, math.ceil(len(found) / PAGE)))
        return list(found)

    def _list_migrations(self, since: datetime.datetime) -> list[Migration]:
        self._count(1)
        return list(self._migrations)

    def _list_inventories(
        self, providers: Sequence[str]
    ) -> Mapping[str, Mapping[str, Inventory]]:
        self._count(len(providers))
        return {uuid: self._inventories[uuid] for uuid in providers}

    def _list_usages(self, providers: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        self._count(len(providers))
        return {uuid: self._usages[uuid] for uuid in providers}

    def _list_offers(self) -> Mapping[str, Offer]:
        self._count(1)
        return {uuid: Offer(used=used) for uuid, used in self._usages.items()}
