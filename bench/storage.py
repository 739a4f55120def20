"""What the storage model of a large cloud costs: building, refreshing, copying, following.

Answers of the cloud are objects already: what HTTP and JSON cost comes on top.
"""

import dataclasses
import datetime
import functools
import math
import types
from typing import Any

from measure import Report, best, cpu, memory_mb

from watcher.clients.records import (
    StoragePool,
    StorageService,
    Volume,
    VolumeTotals,
    VolumeType,
)
from watcher.cluster.collector.event import Event
from watcher.cluster.collector.storage import StorageCollector
from watcher.cluster.scope.storage import StorageScope

SIZES = ((100, 2_000), (1_000, 20_000), (10_000, 200_000))
POOLS_OF_A_NODE = 4
PAGE = 1000
NOON = datetime.datetime(2026, 3, 1, 12)
EVENTS = 2_000


class StubCinder:
    """Answers prepared beforehand; ``requests`` counts those that HTTP would need"""

    def __init__(self, pools: int, volumes: int) -> None:
        nodes = max(1, pools // POOLS_OF_A_NODE)
        self.requests = 0
        self._types = [
            VolumeType(id=f"t{n}", name=kind, extra_specs={"volume_backend_name": kind})
            for n, kind in enumerate(("fast", "slow"))
        ]
        self._services = [
            StorageService(host=f"host-{n}@{self._kind(n)}", zone=f"z{n % 3}")
            for n in range(nodes)
        ]
        self._pools = [self._pool(n, nodes) for n in range(pools)]
        self._volumes = [self._volume(n) for n in range(volumes)]
        self._changed: list[Volume] = []

    @staticmethod
    def _kind(number: int) -> str:
        return "slow" if number % 3 == 0 else "fast"

    def _pool(self, number: int, nodes: int) -> StoragePool:
        node = self._services[number % nodes].host
        return StoragePool(
            name=f"{node}#pool-{number // nodes}",
            total_gb=10_000,
            free_gb=9_000,
            allocated_gb=1_000,
            provisioned_gb=1_000,
            total_volumes=20,
            backend_name=node.partition("@")[2],
        )

    def _volume(self, number: int) -> Volume:
        pool = self._pools[number % len(self._pools)].name
        return Volume(
            uuid=f"00000000-0000-4000-8000-{number:012d}",
            name=f"volume-{number}",
            size_gb=10,
            host=pool,
            type=pool.partition("@")[2].partition("#")[0],
            project_id=f"project-{number % 50}",
            created_at=NOON,
            updated_at=NOON,
        )

    def change(self, count: int) -> None:
        """Let ``count`` volumes have another name"""
        self._changed = [
            dataclasses.replace(v, name="changed") for v in self._volumes[:count]
        ]

    def _answer(self, rows: list[Any], pages: int = 1) -> list[Any]:
        self.requests += pages
        return list(rows)

    def services(self) -> list[StorageService]:
        return self._answer(self._services)

    def pools(self) -> list[StoragePool]:
        return self._answer(self._pools)

    def volume_types(self) -> list[VolumeType]:
        return self._answer(self._types, 2)

    def volumes(self) -> list[Volume]:
        return self._answer(self._volumes, math.ceil((len(self._volumes) + 1) / PAGE))

    def changed_volumes(self, _since: datetime.datetime) -> list[Volume]:
        return self._answer(self._changed)

    def volume_totals(self) -> VolumeTotals:
        self.requests += 1
        return VolumeTotals(len(self._volumes), 10 * len(self._volumes))


def main() -> None:
    """Measure and print"""
    report = Report("Storage model", "pools", "volumes", "", "CPU ms", "MB", "requests")
    for pools, volumes in SIZES:
        _measure(report, pools, volumes)
    report.show()


def _measure(report: Report, pools: int, volumes: int) -> None:
    cinder = StubCinder(pools, volumes)
    collector = StorageCollector({}, types.SimpleNamespace(cinder=cinder))
    before = memory_mb()
    with cpu() as spent:
        model = collector.execute()
    kept = memory_mb() - before
    report.row(pools, volumes, "build", spent.ms, kept, cinder.requests)
    cinder.change(200)
    cinder.requests = 0
    with cpu() as spent:
        fresh = collector.refresh(model)
    assert fresh is not None
    report.row("", "", "refresh, 200 volumes changed", spent.ms, "", cinder.requests)
    report.row("", "", "copy", 1000 * best(model.copy), "", "")
    zone = StorageScope([{"availability_zones": [{"name": "z1"}]}], None)
    cut = functools.partial(zone.get_scoped_model, model)
    report.row("", "", "cut to one zone of three", 1000 * best(cut), "", "")
    uuids = list(model.volumes_data)[:EVENTS]
    events = [_event(uuid, model.volumes_data[uuid]["host"]) for uuid in uuids]
    model.copy()  # from here on nothing is the model's own

    def follow() -> None:
        for event in events:
            collector.follow(model, event)

    report.row("", "", "one event", 1000 * best(follow, 1) / len(events), "", 0)


def _event(uuid: str, host: str) -> Event:
    payload = {
        "volume_id": uuid,
        "host": host,
        "display_name": "renamed",
        "size": 10,
        "status": "in-use",
        "tenant_id": "p",
        "volume_type": "t0",
        "metadata": [],
        "volume_attachment": [],
    }
    return Event(publisher="volume.h", kind="volume.attach.end", payload=payload)


if __name__ == "__main__":
    main()
