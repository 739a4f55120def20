"""Cinder's JSON as records; what a backend reports may be anything."""

import math
from collections.abc import Mapping
from typing import Any

from watcher.clients.http import moment
from watcher.clients.records import (
    Attachment,
    StoragePool,
    StorageService,
    Volume,
    VolumeTotals,
    VolumeType,
)

Raw = Mapping[str, Any]


def capacity(value: Any) -> float | None:
    """Return GB out of what a backend reports; None is unknown, inf unlimited"""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().lower() == "infinite":
        return math.inf
    try:
        amount = float(value)
    except (TypeError, ValueError):
        # "unknown", or nothing that anybody could read.
        return None
    return None if math.isnan(amount) else amount


def service(raw: Raw) -> StorageService:
    """Read an entry of os-services"""
    return StorageService(
        host=raw["host"],
        zone=raw.get("zone"),
        status=raw.get("status") or "enabled",
        state=raw.get("state") or "up",
        disabled_reason=raw.get("disabled_reason"),
        updated_at=moment(raw.get("updated_at")),
    )


def pool(raw: Raw) -> StoragePool:
    """Read an entry of scheduler-stats/get_pools"""
    found = raw.get("capabilities") or {}
    volumes = capacity(found.get("total_volumes"))
    return StoragePool(
        name=raw["name"],
        total_gb=capacity(found.get("total_capacity_gb")),
        free_gb=capacity(found.get("free_capacity_gb")),
        provisioned_gb=capacity(found.get("provisioned_capacity_gb")),
        allocated_gb=capacity(found.get("allocated_capacity_gb")),
        total_volumes=None if volumes is None or volumes == math.inf else int(volumes),
        backend_name=found.get("volume_backend_name"),
        reported_at=_moment(found.get("timestamp")),
        capabilities=dict(found),
    )


def volume_type(raw: Raw) -> VolumeType:
    """Read an entry of types"""
    return VolumeType(
        id=raw["id"],
        name=raw["name"],
        extra_specs=dict(raw.get("extra_specs") or {}),
        is_public=raw.get("is_public", True) is not False,
    )


def volume(raw: Raw) -> Volume:
    """Read an entry of volumes/detail"""
    return Volume(
        uuid=raw["id"],
        name=raw.get("name") or "",
        size_gb=int(raw.get("size") or 0),
        status=raw.get("status") or "",
        host=raw.get("os-vol-host-attr:host") or None,
        type=raw.get("volume_type") or None,
        project_id=raw.get("os-vol-tenant-attr:tenant_id") or "",
        multiattach=bool(raw.get("multiattach")),
        # A text: "true" or "false".
        bootable=str(raw.get("bootable")).lower() == "true",
        snapshot_id=raw.get("snapshot_id"),
        attachments=tuple(
            Attachment(id=row["attachment_id"], server=row.get("server_id"))
            for row in raw.get("attachments") or ()
        ),
        metadata=dict(raw.get("metadata") or {}),
        migration_status=raw.get("os-vol-mig-status-attr:migstat")
        or raw.get("migration_status"),
        name_id=raw.get("os-vol-mig-status-attr:name_id"),
        encrypted=bool(raw.get("encrypted")),
        replication_status=raw.get("replication_status"),
        group=raw.get("group_id") or raw.get("consistencygroup_id") or None,
        created_at=moment(raw.get("created_at")),
        updated_at=moment(raw.get("updated_at")),
    )


def totals(raw: Raw) -> VolumeTotals:
    """Read volumes/summary"""
    return VolumeTotals(
        count=int(raw.get("total_count") or 0), size_gb=int(raw.get("total_size") or 0)
    )


def _moment(value: Any) -> Any:
    try:
        return moment(value)
    except (TypeError, ValueError):
        return None
