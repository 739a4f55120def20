"""A compute service in memory whose migrations take times that were drawn beforehand.

Each call counts as the requests that HTTP would need. Time runs faster than on the wall.
"""

import bisect
import dataclasses
import datetime
import heapq
import random
import threading
import time
import types
from collections import Counter

from watcher import exception
from watcher.clients.records import ComputeService, Flavor, Migration, Server

START = datetime.datetime(2026, 3, 1, 12)
FLAVOR = Flavor(name="m1.small", vcpus=1, memory_mb=2048)


class MovingNova:
    """Nova: what ``protocols.Nova`` promises of migrations"""

    BULK = ("changed_migrations", "in_flight_migrations", "servers", "services")

    def __init__(
        self, nodes: int, each: int, seconds: tuple[float, float], speed: float
    ) -> None:
        """Let ``each`` servers leave every node, and as many come, all to other nodes"""
        self.speed = speed
        self.requests: Counter[str] = Counter()
        self.bulk_times: list[float] = []
        self.moves: list[tuple[str, str, str]] = []
        self.took: dict[str, float] = {}
        self.over = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._migrations: dict[str, Migration] = {}
        self._ends: list[tuple[float, str]] = []
        self._changed: list[tuple[datetime.datetime, str]] = []
        self._hosts: dict[str, str] = {}
        self._in: Counter[str] = Counter()
        self._out: Counter[str] = Counter()
        draw = random.Random(5)
        for _turn in range(each):
            shift = draw.randrange(1, nodes)
            for node in range(nodes):
                uuid = f"00000000-0000-4000-8000-{len(self.moves):012d}"
                source, dest = f"node-{node:03d}", f"node-{(node + shift) % nodes:03d}"
                self.moves.append((uuid, source, dest))
                self.took[uuid] = draw.uniform(*seconds)
                self._hosts[uuid] = source
        self._services = [
            ComputeService(id=f"s{n}", host=f"node-{n:03d}") for n in range(nodes)
        ]

    @property
    def now(self) -> float:
        """Seconds of the cloud's time since it began"""
        return (time.monotonic() - self._began) * self.speed

    def clock(self) -> datetime.datetime:
        """The cloud's time"""
        return START + datetime.timedelta(seconds=self.now)

    def _count(self, name: str) -> None:
        self.requests[name] += 1
        if name in self.BULK:
            self.bulk_times.append(self.now)

    def _settle(self) -> None:
        """Let end what is due"""
        now = self.now
        while self._ends and self._ends[0][0] <= now:
            end, uuid = heapq.heappop(self._ends)
            row = self._migrations[uuid]
            at = START + datetime.timedelta(seconds=end)
            self._keep(dataclasses.replace(row, status="completed", updated_at=at))
            self._hosts[uuid] = str(row.dest_host)
            self._out[str(row.source_host)] -= 1
            self._in[str(row.dest_host)] -= 1

    def _keep(self, row: Migration) -> None:
        self._migrations[row.server] = row
        bisect.insort(self._changed, (row.updated_at or START, row.server))

    def services(self) -> list[ComputeService]:
        with self._lock:
            self._count("services")
            return self._services

    def server(self, uuid: str) -> Server:
        with self._lock:
            self._count("server")
            self._settle()
            return Server(uuid=uuid, name=uuid, host=self._hosts[uuid], flavor=FLAVOR)

    def migrations(self, server: str) -> list[Migration]:
        with self._lock:
            self._count("migrations")
            self._settle()
            return [self._migrations[server]] if server in self._migrations else []

    def changed_migrations(self, since: datetime.datetime) -> list[Migration]:
        with self._lock:
            self._count("changed_migrations")
            self._settle()
            place = bisect.bisect_left(self._changed, (since, ""))
            changed = {uuid for _at, uuid in self._changed[place:]}
            return [self._migrations[uuid] for uuid in changed]

    def live_migrate(self, server: str, host: str | None, request_id: str) -> str:
        with self._lock:
            self._count("live_migrate")
            if server in self._migrations:
                raise exception.NovaClientError(service="Nova", reason="moved twice")
            self._settle()
            source = self._hosts[server]
            self._out[source] += 1
            self._in[str(host)] += 1
            self.over = max(self.over, self._out[source], self._in[str(host)])
            row = Migration(
                id=len(self._migrations) + 1, server=server, kind="live-migration",
                status="running", source_host=source, dest_host=host,
                created_at=self.clock(), updated_at=self.clock(),
            )  # fmt: skip
            self._keep(row)
            heapq.heappush(self._ends, (self.now + self.took[server], server))
            return request_id

    def clients(self) -> types.SimpleNamespace:
        """Return what stands in for ``cloud.Clients``"""
        return types.SimpleNamespace(nova=self)
