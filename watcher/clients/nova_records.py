"""Nova's JSON as records; asks for no field that an older or half-dead cloud may lack."""

from collections.abc import Mapping
from typing import Any

from watcher.clients.http import moment
from watcher.clients.records import (
    Aggregate,
    ComputeService,
    Flavor,
    Hypervisor,
    InstanceAction,
    Migration,
    MigrationProgress,
    Server,
    ServerGroup,
)

Raw = Mapping[str, Any]


def hypervisor(raw: Raw) -> Hypervisor:
    """Read an entry of os-hypervisors/detail, 2.53 to 2.87"""
    service = raw.get("service") or {}
    return Hypervisor(
        uuid=str(raw["id"]),
        hostname=service.get("host") or raw["hypervisor_hostname"],
        name=raw["hypervisor_hostname"],
        state=raw.get("state") or "up",
        status=raw.get("status") or "enabled",
        disabled_reason=service.get("disabled_reason"),
        service_id=str(service["id"]) if "id" in service else None,
        vcpus=raw.get("vcpus"),
        memory_mb=raw.get("memory_mb"),
        disk_gb=raw.get("local_gb"),
        type=raw.get("hypervisor_type") or "",
    )


def service(raw: Raw) -> ComputeService:
    """Read an entry of os-services"""
    return ComputeService(
        id=str(raw["id"]),
        host=raw["host"],
        zone=raw.get("zone"),
        status=raw.get("status") or "enabled",
        state=raw.get("state") or "up",
        disabled_reason=raw.get("disabled_reason"),
        forced_down=bool(raw.get("forced_down")),
        updated_at=moment(raw.get("updated_at")),
    )


def flavor(raw: Raw) -> Flavor:
    """Read a flavor: as a server carries it since 2.47, or one of the list"""
    later = raw.get("ephemeral", raw.get("OS-FLV-EXT-DATA:ephemeral"))
    return Flavor(
        id=str(raw.get("id") or ""),
        name=raw.get("original_name") or raw.get("name") or "",
        vcpus=int(raw["vcpus"]),
        memory_mb=int(raw["ram"]),
        disk_gb=int(raw.get("disk") or 0),
        ephemeral_gb=int(later or 0),
        # No swap is an empty text.
        swap_mb=int(raw.get("swap") or 0),
        extra_specs=dict(raw.get("extra_specs") or {}),
    )


def _pinned(raw: Raw) -> str | None:
    # Nova before API 2.96 does not tell; later null means that the server may go anywhere.
    if "pinned_availability_zone" not in raw:
        return None
    return str(raw["pinned_availability_zone"] or "")


def server(raw: Raw) -> Server:
    """Read a server; one whose cell is down has hardly more than its UUID"""
    size = raw.get("flavor") or {}
    status = raw.get("status") or "UNKNOWN"
    vm_state = raw.get("OS-EXT-STS:vm_state") or ""
    return Server(
        uuid=raw["id"],
        name=raw.get("name") or "",
        host=raw.get("OS-EXT-SRV-ATTR:host"),
        hypervisor=raw.get("OS-EXT-SRV-ATTR:hypervisor_hostname"),
        status=status,
        vm_state=vm_state,
        task_state=raw.get("OS-EXT-STS:task_state"),
        power_state=raw.get("OS-EXT-STS:power_state") or 0,
        locked=bool(raw.get("locked")),
        project_id=raw.get("tenant_id") or "",
        metadata=dict(raw.get("metadata") or {}),
        created_at=moment(raw.get("created")),
        updated_at=moment(raw.get("updated")),
        availability_zone=raw.get("OS-EXT-AZ:availability_zone") or None,
        pinned_zone=_pinned(raw),
        flavor=flavor(size) if "vcpus" in size else None,
        boots_from_volume=raw.get("image") == "",
        deleted=status == "DELETED" or vm_state == "deleted",
        fault=(raw.get("fault") or {}).get("message"),
        fault_at=moment((raw.get("fault") or {}).get("created")),
    )


def aggregate(raw: Raw) -> Aggregate:
    """Read an entry of os-aggregates"""
    return Aggregate(
        id=int(raw["id"]),
        name=raw["name"],
        zone=raw.get("availability_zone") or None,
        hosts=tuple(raw.get("hosts") or ()),
        metadata=dict(raw.get("metadata") or {}),
    )


def server_group(raw: Raw) -> ServerGroup:
    """Read an entry of os-server-groups, in its form of 2.64 or the one before"""
    policy = raw.get("policy") or next(iter(raw.get("policies") or ()), "")
    limit = (raw.get("rules") or {}).get("max_server_per_host")
    return ServerGroup(
        id=raw["id"],
        policy=policy,
        members=tuple(raw.get("members") or ()),
        max_per_host=None if limit is None else int(limit),
        name=raw.get("name") or "",
        project_id=raw.get("project_id"),
    )


def migration(raw: Raw) -> Migration:
    """Read an entry of os-migrations"""
    return Migration(
        id=int(raw["id"]),
        uuid=raw.get("uuid"),
        server=raw.get("instance_uuid") or raw.get("server_uuid") or "",
        kind=raw.get("migration_type") or "live-migration",
        status=raw.get("status") or "",
        source_host=raw.get("source_compute"),
        dest_host=raw.get("dest_compute"),
        created_at=moment(raw.get("created_at")),
        updated_at=moment(raw.get("updated_at")),
        progress=progress(raw),
    )


def progress(raw: Raw) -> MigrationProgress | None:
    """Read the memory counters of a live migration that runs"""
    if raw.get("memory_total_bytes") is None:
        return None
    return MigrationProgress(
        memory_total=raw.get("memory_total_bytes"),
        memory_processed=raw.get("memory_processed_bytes"),
        memory_remaining=raw.get("memory_remaining_bytes"),
    )


def instance_action(raw: Raw) -> InstanceAction:
    """Read an entry of os-instance-actions"""
    return InstanceAction(
        request_id=raw.get("request_id"),
        action=raw.get("action") or "",
        user_id=raw.get("user_id"),
        message=raw.get("message"),
        started_at=moment(raw.get("start_time")),
        updated_at=moment(raw.get("updated_at")),
    )


def failure(raw: Raw) -> str | None:
    """Read from an entry of os-instance-actions why it failed

    Older than 2.84 it has the trace of the error only, and the text is its last line.
    """
    events = [row for row in raw.get("events") or () if row.get("result") == "Error"]
    # The newest comes first; what made the others fail is in the oldest.
    for row in reversed(events):
        trace = (row.get("traceback") or "").strip().splitlines()
        text = row.get("details") or (trace[-1].partition(": ")[2] if trace else "")
        if text.strip():
            return str(text).strip()
    return None
