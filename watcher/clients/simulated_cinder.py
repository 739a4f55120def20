"""Cinder's side of the simulated cloud, and what tests and people change about it."""

import datetime
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from watcher import exception
from watcher.clients import cinder_records, simulated_disks
from watcher.clients.records import (
    StoragePool,
    StorageService,
    Volume,
    VolumeTotals,
    VolumeType,
)
from watcher.clients.simulated_state import (
    Backend,
    Disk,
    Kind,
    State,
    name_uuid,
    seconds,
)

Opened = AbstractContextManager[tuple[State, float]]


class SimulatedCinder:
    """See ``protocols.Cinder`` for what each method promises"""

    def __init__(self, serving: Callable[[Any, str], Opened]) -> None:
        self._serving = serving

    def _open(self) -> Opened:
        return self._serving(exception.CinderClientError, "Cinder")

    def services(self) -> list[StorageService]:
        """Return the cinder-volume services"""
        with self._open() as (state, _now):
            return [simulated_disks.service(b) for b in state.backends.values()]

    def pools(self) -> list[StoragePool]:
        """Return the pools that Cinder's scheduler knows"""
        with self._open() as (state, _now):
            rows = simulated_disks.shown_pools(state)
        # Through the reader of real answers, so that words count as they do there.
        return [cinder_records.pool(row) for row in rows]

    def volume_types(self) -> list[VolumeType]:
        """Return every volume type"""
        with self._open() as (state, _now):
            return [simulated_disks.volume_type(k) for k in state.kinds.values()]

    def volumes(self) -> list[Volume]:
        """Return the volumes of all projects"""
        with self._open() as (state, _now):
            return [simulated_disks.volume(d) for d in state.disks.values()]

    def changed_volumes(self, since: datetime.datetime) -> list[Volume] | None:
        """Return volumes whose record changed since then"""
        start = seconds(since)
        with self._open() as (state, _now):
            return [
                simulated_disks.volume(disk)
                for disk in state.disks.values()
                if disk.updated >= start
            ]

    def volume_totals(self) -> VolumeTotals | None:
        """Return number and size of all volumes"""
        with self._open() as (state, _now):
            disks = state.disks.values()
            return VolumeTotals(len(disks), sum(disk.size_gb for disk in disks))


class SimulatedStorage:
    """What can be changed about the storage of a simulated cloud"""

    def __init__(self, changing: Callable[[], Opened]) -> None:
        self._changing = changing

    def add_backend(
        self, name: str, backend_name: str = "", **more: Any
    ) -> dict[str, str]:
        """Add a volume service ``host@backend``; return its pools' full names by name

        ``more`` are fields of ``simulated_state.Backend``.
        """
        with self._changing() as (state, _now):
            own = backend_name or name.partition("@")[2]
            backend = Backend(name=name, backend_name=own, **more)
            state.backends[name] = backend
            return {pool: f"{name}#{pool}" for pool in backend.pools}

    def change_backend(self, name: str, **values: Any) -> None:
        """Set fields of a volume service, e.g. up, enabled, zone, pools"""
        with self._changing() as (state, _now):
            for field, value in values.items():
                setattr(state.backends[name], field, value)

    def remove_backend(self, name: str) -> None:
        """Let a volume service be gone; its volumes stay behind"""
        with self._changing() as (state, _now):
            del state.backends[name]

    def add_type(self, name: str, **extra_specs: str) -> Kind:
        """Add a volume type"""
        with self._changing() as (state, _now):
            return simulated_disks.add_kind(state, name, **extra_specs)

    def add_volume(
        self, name: str, pool: str | None, size_gb: int = 10, **more: Any
    ) -> str:
        """Make a volume and return its UUID; ``more`` are fields of ``Disk``"""
        with self._changing() as (state, now):
            values = {
                "uuid": name_uuid(state.seed, f"volume {name}"),
                "created": now,
                "updated": now,
                **more,
            }
            disk = Disk(name=name, pool=pool, size_gb=size_gb, **values)
            state.disks[disk.uuid] = disk
            return disk.uuid

    def change_volume(self, uuid: str, **values: Any) -> None:
        """Set fields of a volume, e.g. size_gb, pool, status, servers"""
        with self._changing() as (state, now):
            for field, value in values.items():
                setattr(state.disks[uuid], field, value)
            state.disks[uuid].updated = now

    def delete_volume(self, uuid: str) -> None:
        """Let a volume be gone"""
        with self._changing() as (state, _now):
            del state.disks[uuid]
