"""Turns what Cinder tells, when asked or by itself, into values of elements."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from watcher.clients.cinder_records import capacity
from watcher.clients.records import StoragePool, StorageService, Volume, VolumeType
from watcher.cluster.model.element import Pool, StorageNode
from watcher.cluster.model.element import Volume as VolumeElement
from watcher.cluster.model.field import moment

# The extra spec that binds a type to backends, and the pool's side of it.
BACKEND_NAME = "volume_backend_name"

# States that Cinder's API shows under an older name, while events tell them as they are.
SHOWN_AS = {
    "managing": "creating",
    "error_managing": "error",
    "error_managing_deleting": "deleting",
}


def bound(types: Iterable[VolumeType]) -> dict[str, list[str]]:
    """Return the names of types by the name of the backend that they ask for, sorted"""
    found: dict[str, list[str]] = {}
    for row in types:
        if backend := row.extra_specs.get(BACKEND_NAME):
            found.setdefault(backend, []).append(row.name)
    return {backend: sorted(names) for backend, names in found.items()}


def node(
    service: StorageService,
    pools: Sequence[StoragePool],
    types: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Return the values of a storage node

    Types ask for what backends call themselves, which pools report. Often that is the part
    of the service's host after the @, too; without one it is no name.
    """
    names = {service.host.partition("@")[2]}
    names |= {pool.backend_name for pool in pools if pool.backend_name}
    return {
        **StorageNode.defaults,
        "host": service.host,
        "zone": service.zone or "",
        "status": service.status,
        "state": service.state,
        "volume_type": sorted({t for name in names for t in types.get(name, ())}),
        "disabled_reason": service.disabled_reason,
    }


def pool(row: StoragePool, virtual_free: float = 0) -> dict[str, Any]:
    """Return the values of a pool; capacities that nobody knows are left out"""
    values: dict[str, Any] = {
        "name": row.name,
        "virtual_free": virtual_free,
        "capabilities": dict(row.capabilities),
    }
    if row.total_volumes is not None:
        values["total_volumes"] = max(row.total_volumes, 0)
    if row.reported_at is not None:
        values["reported_at"] = row.reported_at
    for name, amount in (
        ("total_capacity_gb", row.total_gb),
        ("free_capacity_gb", row.free_gb),
        ("provisioned_capacity_gb", row.provisioned_gb),
        ("allocated_capacity_gb", row.allocated_gb),
    ):
        if amount is not None:
            values[name] = Pool.fields[name].clean(amount)
    return values


def volume(row: Volume) -> dict[str, Any]:
    """Return the values of a volume; size in GB"""
    values = {
        "uuid": row.uuid,
        "name": row.name,
        "size": row.size_gb,
        "status": row.status,
        "attachments": [
            {"server_id": a.server, "attachment_id": a.id} for a in row.attachments
        ],
        "multiattach": row.multiattach,
        "snapshot_id": row.snapshot_id,
        "project_id": row.project_id,
        "metadata": dict(row.metadata),
        "bootable": row.bootable,
        "host": row.host,
        "volume_type": row.type,
        "migration_status": row.migration_status,
    }
    if row.created_at is not None:
        values["created_at"] = row.created_at
    if row.updated_at is not None:
        values["known_at"] = row.updated_at
    return values


# What events tell ----------------------------------------------------------------------


def told_of_pool(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a capacity event says of its pool"""
    values = {}
    for name, key in (
        ("total_capacity_gb", "total"),
        ("free_capacity_gb", "free"),
        ("provisioned_capacity_gb", "provisioned"),
        ("allocated_capacity_gb", "allocated"),
        ("virtual_free", "virtual_free"),
    ):
        amount = capacity(payload.get(key))
        if amount is not None:
            values[name] = Pool.fields[name].clean(amount)
    return values


def told_of_volume(
    payload: Mapping[str, Any], types: Mapping[str, VolumeType]
) -> dict[str, Any]:
    """Return what an event says of its volume

    :raises ValueError, TypeError: the payload is not what Cinder sends
    """
    status = _text_or_none(payload["status"]) or ""
    values: dict[str, Any] = {
        "name": str(payload.get("display_name") or ""),
        "size": VolumeElement.fields["size"].clean(payload["size"]),
        "status": SHOWN_AS.get(status, status),
        "host": _text_or_none(payload["host"]),
        "project_id": str(payload.get("tenant_id") or ""),
        "snapshot_id": _text_or_none(payload.get("snapshot_id")),
        "volume_type": None,
    }
    if kind := _text_or_none(payload.get("volume_type")):
        values["volume_type"] = types[kind].name if kind in types else kind
    if "metadata" in payload:
        values["metadata"] = _pairs(payload["metadata"])
    if "volume_attachment" in payload:
        values["attachments"] = _attachments(payload["volume_attachment"])
    if payload.get("glance_metadata"):
        # Without it a volume may still have been made bootable by hand.
        values["bootable"] = True
    if created := payload.get("created_at"):
        values["created_at"] = moment(created)
    return values


def stamp(value: Any) -> datetime.datetime | None:
    """Return a naive UTC time that came with an event, None when it is none"""
    try:
        return moment(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text_or_none(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"text expected, not {type(value).__name__}")
    return value or None


def _pairs(rows: Any) -> dict[str, str]:
    # Cinder sends a list of rows; some versions of it an object.
    if isinstance(rows, Mapping):
        return {str(key): str(value) for key, value in rows.items()}
    return {str(row["key"]): str(row["value"]) for row in rows or ()}


def _attachments(rows: Any) -> list[dict[str, Any]]:
    # A reservation is no attachment yet, and its API does not show it either.
    return [
        {"server_id": row.get("instance_uuid"), "attachment_id": row["id"]}
        for row in rows or ()
        if row.get("attach_status", "attached") == "attached"
    ]
