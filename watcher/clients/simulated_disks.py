"""Storage of a simulated cloud: what its Cinder keeps, and how it is made from a seed."""

import random

from watcher.clients.records import (
    Attachment,
    StorageService,
    Volume,
    VolumeType,
)
from watcher.clients.simulated_state import Backend, Disk, Kind, State, name_uuid, when

KINDS = ("fast", "slow")
POOL_GB = 20_000.0
SIZES_GB = (10, 20, 50, 100, 200, 500)


def generate(state: State, now: float) -> None:
    """Add backends, types and volumes that suit the servers, unevenly spread

    Chance is drawn on its own, so that servers are where they were without storage.
    """
    rng = random.Random(f"{state.seed} storage")
    for name in KINDS:
        add_kind(state, name, volume_backend_name=name)
    count = max(3, len(state.hosts) // 8)
    for number in range(1, count + 1):
        name = KINDS[0] if number % 3 else KINDS[1]
        host = f"storage-{number:02d}@{name}"
        state.backends[host] = Backend(
            name=host, backend_name=name, pools={"a": POOL_GB, "b": POOL_GB}
        )
    favour = {pool: rng.lognormvariate(0.0, 0.7) for pool in pools(state)}
    free = dict.fromkeys(favour, POOL_GB)
    for guest in state.guests.values():
        wanted = [guest.name + "-root"] if guest.boots_from_volume else []
        wanted += [guest.name + "-data"] if rng.random() < 0.25 else []
        for name in wanted:
            size = rng.choice(SIZES_GB)
            pool = rng.choices(list(favour), list(favour.values()))[0]
            if free[pool] < size:
                continue
            free[pool] -= size
            disk = Disk(
                uuid=name_uuid(state.seed, f"volume {name}"),
                name=name,
                pool=pool,
                size_gb=size,
                kind=pool.partition("@")[2].partition("#")[0],
                status="in-use",
                project_id=guest.project_id,
                bootable=name.endswith("-root"),
                servers=[guest.uuid],
                created=guest.created,
                updated=guest.updated,
            )
            state.disks[disk.uuid] = disk


def add_kind(state: State, name: str, **extra_specs: str) -> Kind:
    """Add a volume type"""
    kind = Kind(
        id=name_uuid(state.seed, f"type {name}"), name=name, extra_specs=extra_specs
    )
    state.kinds[name] = kind
    return kind


def pools(state: State) -> list[str]:
    """Return the names of all pools"""
    return [f"{b.name}#{p}" for b in state.backends.values() for p in b.pools]


# What Cinder shows ---------------------------------------------------------------------


def service(backend: Backend) -> StorageService:
    """Show a volume service"""
    return StorageService(
        host=backend.name,
        zone=backend.zone,
        status="enabled" if backend.enabled else "disabled",
        state="up" if backend.up else "down",
        disabled_reason=backend.disabled_reason,
    )


def shown_pools(state: State) -> list[dict[str, object]]:
    """Return all pools as Cinder's scheduler answers

    A backend without a known size reports the same word as free.
    """
    used: dict[str | None, int] = {}
    count: dict[str | None, int] = {}
    for disk in state.disks.values():
        used[disk.pool] = used.get(disk.pool, 0) + disk.size_gb
        count[disk.pool] = count.get(disk.pool, 0) + 1
    rows: list[dict[str, object]] = []
    for backend in state.backends.values():
        for pool, total in backend.pools.items():
            name = f"{backend.name}#{pool}"
            taken = used.get(name, 0)
            known = isinstance(total, (int, float))
            found = {
                "volume_backend_name": backend.backend_name,
                "total_capacity_gb": total,
                "free_capacity_gb": total - taken if known else total,  # type: ignore
                "allocated_capacity_gb": taken,
                "provisioned_capacity_gb": taken,
                "total_volumes": count.get(name, 0),
                **backend.specs,
            }
            rows.append({"name": name, "capabilities": found})
    return rows


def volume_type(kind: Kind) -> VolumeType:
    """Show a volume type"""
    return VolumeType(
        id=kind.id,
        name=kind.name,
        extra_specs=dict(kind.extra_specs),
        is_public=kind.projects is None,
    )


def volume(state: State, disk: Disk) -> Volume:
    """Show a volume"""
    return Volume(
        uuid=disk.uuid,
        name=disk.name,
        size_gb=disk.size_gb,
        status=disk.status,
        host=disk.pool,
        type=disk.kind,
        project_id=disk.project_id,
        multiattach=disk.multiattach,
        bootable=disk.bootable,
        snapshot_id=disk.snapshot_id,
        attachments=tuple(
            Attachment(id=f"{disk.uuid[:18]}{server[18:]}", server=server)
            for server in disk.servers
        ),
        metadata=dict(disk.metadata),
        migration_status=disk.migration_status,
        name_id=disk.name_id,
        encrypted=disk.kind in state.kinds and state.kinds[disk.kind].encrypted,
        replication_status=disk.replication_status,
        group=disk.group,
        created_at=when(disk.created),
        updated_at=when(disk.updated),
    )
