"""What a simulated cloud remembers, in the records that clients give."""

from watcher.clients.records import (
    Aggregate,
    ComputeService,
    Hypervisor,
    Migration,
    MigrationProgress,
    Server,
    ServerGroup,
)
from watcher.clients.simulated_state import (
    Group,
    Guest,
    Host,
    HostAggregate,
    Move,
    State,
    when,
)

# States of servers whose guest does not stand still.
RUNNING = ("active", "paused", "resized", "rescued", "error")


def hypervisor(host: Host) -> Hypervisor:
    """Show a host as Nova's list of hypervisors does"""
    return Hypervisor(
        uuid=host.uuid,
        hostname=host.name,
        name=host.name,
        state="up" if host.up and not host.forced_down else "down",
        status="enabled" if host.enabled else "disabled",
        disabled_reason=host.disabled_reason,
        service_id=host.service_id,
        vcpus=host.vcpus,
        memory_mb=host.memory_mb,
        disk_gb=host.disk_gb,
        type="simulated",
    )


def service(host: Host, now: float) -> ComputeService:
    """Show a host as Nova's list of services does"""
    return ComputeService(
        id=host.service_id,
        host=host.name,
        zone=host.zone,
        status="enabled" if host.enabled else "disabled",
        state="up" if host.up and not host.forced_down else "down",
        disabled_reason=host.disabled_reason,
        forced_down=host.forced_down,
        updated_at=when(now),
    )


def aggregate(row: HostAggregate) -> Aggregate:
    """Show a host aggregate"""
    return Aggregate(
        id=row.id,
        name=row.name,
        zone=row.zone,
        hosts=tuple(row.hosts),
        metadata=dict(row.metadata),
    )


def group(row: Group) -> ServerGroup:
    """Show a server group"""
    return ServerGroup(
        id=row.id,
        name=row.name,
        policy=row.policy,
        members=tuple(row.members),
        max_per_host=row.max_per_host,
    )


def server(state: State, guest: Guest) -> Server:
    """Show a server"""
    host = state.hosts.get(guest.host)
    return Server(
        uuid=guest.uuid,
        name=guest.name,
        host=guest.host or None,
        hypervisor=guest.host or None,
        status=guest.status,
        vm_state=guest.vm_state,
        task_state=guest.task_state,
        power_state=1 if guest.vm_state in RUNNING else 4,
        locked=guest.locked,
        project_id=guest.project_id,
        metadata=dict(guest.metadata),
        created_at=when(guest.created),
        updated_at=when(guest.updated),
        availability_zone=host.zone if host else None,
        pinned_zone=guest.pinned_zone or "",
        flavor=state.flavors[guest.flavor],
        boots_from_volume=guest.boots_from_volume,
        deleted=guest.deleted,
        fault=guest.fault,
        fault_at=when(guest.updated) if guest.fault else None,
    )


def migration(move: Move, now: float) -> Migration:
    """Show a migration as it is at a moment"""
    progress = None
    if move.status == "running":
        share = (now - move.copy_start) / max(move.copy_end - move.copy_start, 1e-9)
        done = int(move.memory_bytes * min(max(share, 0.0), 1.0))
        progress = MigrationProgress(
            memory_total=move.memory_bytes,
            memory_processed=done,
            memory_remaining=move.memory_bytes - done,
        )
    return Migration(
        id=move.id,
        uuid=move.uuid,
        server=move.server,
        kind=move.kind,
        status=move.status,
        source_host=move.source,
        dest_host=move.dest,
        created_at=when(move.created),
        updated_at=when(move.updated),
        progress=progress,
    )
