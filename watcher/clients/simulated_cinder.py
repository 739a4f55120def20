"""Cinder's side of the simulated cloud, and what tests and people change about it."""

import datetime
import uuid as uuids
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from watcher import exception
from watcher.clients import cinder_records, simulated_disks, simulated_shifts
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

    def __init__(
        self, serving: Callable[[Any, str], Opened],
        obeying: Callable[[str, Any, str], Opened],
        gb_per_s: Callable[[], float],
    ) -> None:  # fmt: skip
        self._serving = serving
        self._obeying = obeying
        self._gb_per_s = gb_per_s

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
            return [simulated_disks.volume(state, d) for d in state.disks.values()]

    def changed_volumes(self, since: datetime.datetime) -> list[Volume] | None:
        """Return volumes whose record changed since then"""
        start = seconds(since)
        with self._open() as (state, _now):
            return [
                simulated_disks.volume(state, disk)
                for disk in state.disks.values()
                if disk.updated >= start
            ]

    def volume_totals(self) -> VolumeTotals | None:
        """Return number and size of all volumes"""
        with self._open() as (state, _now):
            disks = state.disks.values()
            return VolumeTotals(len(disks), sum(disk.size_gb for disk in disks))

    # One volume or type ---------------------------------------------------------------

    def volume(self, uuid: str) -> Volume:
        """Return one volume or raise VolumeNotFound"""
        with self._open() as (state, _now):
            return simulated_disks.volume(state, _disk(state, uuid))

    def shadow(self, uuid: str) -> Volume | None:
        """Return the volume that Cinder copies this one into just now, if there is one"""
        with self._open() as (state, _now):
            for disk in state.disks.values():
                if disk.migration_status == f"target:{uuid}":
                    return simulated_disks.volume(state, disk)
            return None

    def has_snapshots(self, uuid: str) -> bool:
        """Tell whether the volume has snapshots"""
        with self._open() as (state, _now):
            return uuid in state.disks and state.disks[uuid].snapshots > 0

    def is_encrypted(self, type_id: str) -> bool:
        """Tell whether volumes of the type are encrypted"""
        with self._open() as (state, _now):
            return _kind(state, type_id).encrypted

    def type_projects(self, type_id: str) -> list[str]:
        """Return the projects that may use a private type"""
        with self._open() as (state, _now):
            kind = _kind(state, type_id)
            if kind.projects is None:
                raise _error(404, "Access list not available for public volume types.")
            return list(kind.projects)

    # Changes --------------------------------------------------------------------------

    def migrate_volume(self, uuid: str, pool: str, request_id: str) -> str | None:
        """Ask that a volume be moved to a pool, and kept from its users meanwhile"""
        opened = self._obeying(uuid, exception.CinderClientError, "Cinder")
        with opened as (state, now):
            disk = _disk(state, uuid)
            backend = simulated_shifts.backend_of(state, pool)
            if backend is None or not (backend.up and backend.enabled):
                raise _error(400, f"Invalid host: No available service named '{pool}'")
            replicated = disk.replication_status not in (
                None, "disabled", "not-capable")  # fmt: skip
            if (
                simulated_shifts.busy(disk)
                or disk.pool == pool
                or disk.snapshots
                or disk.group
                or replicated
            ):
                raise _error(
                    400,
                    f"Invalid volume: Volume {uuid} status must be available or in-use, "
                    "must not be migrating, have snapshots, be replicated, be part of a "
                    "group and destination host/cluster must be different than the "
                    "current one",
                )
            simulated_shifts.start_migration(state, disk, pool, now, self._gb_per_s())
            return _new_request_id(state, now)

    def retype_volume(self, uuid: str, name: str, request_id: str) -> str | None:
        """Ask that a volume get another type, moved to another pool where that is needed"""
        opened = self._obeying(uuid, exception.CinderClientError, "Cinder")
        with opened as (state, now):
            disk = _disk(state, uuid)
            if name not in state.kinds:
                raise _error(404, f"Volume type with name {name} could not be found.")
            if simulated_shifts.busy(disk) or disk.kind == name or disk.group:
                raise _error(
                    400,
                    "Invalid volume: Retype needs volume to be in available or in-use "
                    "state, not be part of an active migration or a consistency group, "
                    "requested type has to be different that the one from the volume, "
                    "and for in-use volumes front-end qos specs cannot change.",
                )
            simulated_shifts.start_retype(state, disk, name, now, self._gb_per_s())
            return _new_request_id(state, now)


def _disk(state: State, uuid: str) -> Disk:
    if uuid not in state.disks:
        raise exception.VolumeNotFound(name=uuid)
    return state.disks[uuid]


def _kind(state: State, type_id: str) -> Kind:
    for kind in state.kinds.values():
        if kind.id == type_id:
            return kind
    raise _error(404, f"Volume type {type_id} could not be found.")


def _error(status: int, reason: str) -> exception.CinderClientError:
    return exception.CinderClientError(
        service="Cinder", reason=reason, http_status=status
    )


def _new_request_id(state: State, now: float) -> str:
    state.serial += 1
    name = f"request {state.seed} {state.serial} {now}"
    return f"req-{uuids.uuid5(uuids.NAMESPACE_OID, name)}"


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

    def change_type(self, name: str, **values: Any) -> None:
        """Set fields of a volume type, e.g. encrypted, projects"""
        with self._changing() as (state, _now):
            for field, value in values.items():
                setattr(state.kinds[name], field, value)

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
