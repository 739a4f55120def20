"""How the Cinder of a simulated cloud migrates and retypes volumes.

As in ``simulated_moves`` all that will happen is written down when it starts.
"""

from watcher.clients import cinder_records, simulated_disks
from watcher.clients.records import MOVING
from watcher.clients.simulated_moves import fault
from watcher.clients.simulated_state import Backend, Disk, Shift, State, name_uuid

SCHEDULE_S = 0.5
FINISH_S = 0.5
DELETE_S = 1.0


def backend_of(state: State, pool: str | None) -> Backend | None:
    """Return the volume service that has the pool"""
    return state.backends.get((pool or "").partition("#")[0])


def pool_for(state: State, disk: Disk, kind: str) -> str | None:
    """Return where a volume of that type goes: it stays if it may; None: nowhere"""
    pools = {row.name: row for row in map(cinder_records.pool,
                                          simulated_disks.shown_pools(state))}  # fmt: skip
    wanted = simulated_disks.volume_type(state.kinds[kind])
    if disk.pool in pools and pools[disk.pool].suits(wanted):
        return disk.pool
    for name in sorted(pools):
        if pools[name].suits(wanted) and has_room(state, disk, name):
            return name
    return None


def has_room(state: State, disk: Disk, pool: str) -> bool:
    """Tell whether the scheduler lets the volume into the pool"""
    backend = backend_of(state, pool)
    if backend is None or not (backend.up and backend.enabled):
        return False
    total = backend.pools.get(pool.partition("#")[2])
    if not isinstance(total, (int, float)):
        return pool.partition("#")[2] in backend.pools
    taken = sum(d.size_gb for d in state.disks.values() if d.pool == pool)
    return taken + disk.size_gb <= total


def start_migration(
    state: State, disk: Disk, pool: str, now: float, rate: float
) -> None:
    """Write down what becomes of a volume that is to go to a pool

    ``rate`` is in GB per second.
    """
    shift = Shift(volume=disk.uuid, before=disk.status, pool=pool, kind=disk.kind)
    disk.migration_status, disk.updated = "starting", now
    if disk.status == "available":
        disk.status = "maintenance"
    if fault(state, disk.uuid, "volume-stuck"):
        return
    if has_room(state, disk, pool):
        _copy(state, disk, shift, now + SCHEDULE_S, rate)
    else:
        shift.steps = [(now + SCHEDULE_S, "failed")]
    state.shifts.append(shift)


def start_retype(state: State, disk: Disk, kind: str, now: float, rate: float) -> None:
    """Write down what becomes of a volume that is to get another type"""
    pool = pool_for(state, disk, kind)
    shift = Shift(volume=disk.uuid, before=disk.status, pool=pool, kind=kind)
    disk.status, disk.updated = "retyping", now
    begin = now + SCHEDULE_S
    if pool is None or (pool != disk.pool and disk.snapshots):
        shift.steps = [(begin, "refused")]
    elif pool == disk.pool:
        shift.steps = [(begin, "retyped")]
    else:
        _copy(state, disk, shift, begin, rate)
    state.shifts.append(shift)


def _copy(state: State, disk: Disk, shift: Shift, begin: float, rate: float) -> None:
    end = begin + disk.size_gb / rate
    source = backend_of(state, disk.pool)
    if disk.servers or (source is not None and source.copies):
        number = sum(1 for row in state.shifts if row.volume == disk.uuid)
        shift.shadow = name_uuid(state.seed, f"copy {disk.uuid} {number} {begin}")
    if fault(state, disk.uuid, "volume-migrate"):
        shift.steps = [(begin, "migrating"), ((begin + end) / 2, "failed")]
    elif shift.shadow is None:
        shift.steps = [(begin, "migrating"), (end, "moved")]
    else:
        shift.steps = [
            (begin, "migrating"),
            (end, "completing"),
            (end + FINISH_S, "moved"),
            (end + FINISH_S + DELETE_S, "cleaned"),
        ]
        if fault(state, disk.uuid, "volume-leftover"):
            shift.steps[-1] = (end + FINISH_S + DELETE_S, "not-cleaned")


def advance(state: State, now: float) -> None:
    """Let everything happen that is due, in the order of time"""
    while True:
        due = [row for row in state.shifts if row.steps and row.steps[0][0] <= now]
        if not due:
            break
        shift = min(due, key=lambda row: row.steps[0][0])
        at, step = shift.steps.pop(0)
        _apply(state, shift, step, at)
    state.shifts = [row for row in state.shifts if row.steps]


def _apply(state: State, shift: Shift, step: str, at: float) -> None:
    shadow = state.disks.get(shift.shadow or "")
    if step == "cleaned":
        state.disks.pop(shift.shadow or "", None)
        return
    if step == "not-cleaned" and shadow is not None:
        shadow.status, shadow.updated = "error_deleting", at
        return
    disk = state.disks.get(shift.volume)
    if disk is None:
        state.disks.pop(shift.shadow or "", None)
        return
    disk.updated = at
    if step == "migrating":
        disk.migration_status = step
        if shift.shadow is not None:
            _add_shadow(state, disk, shift, at)
    elif step == "completing":
        disk.migration_status = step
    elif step == "failed":
        disk.migration_status, disk.status = "error", shift.before
        state.disks.pop(shift.shadow or "", None)
    elif step == "refused":
        disk.status = shift.before
    elif step in ("moved", "retyped"):
        if step == "moved":
            disk.migration_status = "success"
        if shadow is not None:
            _swap(state, disk, shadow, at)
        disk.pool, disk.kind, disk.status = shift.pool, shift.kind, shift.before


def _add_shadow(state: State, disk: Disk, shift: Shift, at: float) -> None:
    state.disks[str(shift.shadow)] = Disk(
        uuid=str(shift.shadow), name=disk.name, pool=shift.pool, size_gb=disk.size_gb,
        kind=shift.kind, project_id=disk.project_id, multiattach=disk.multiattach,
        migration_status=f"target:{disk.uuid}", created=at, updated=at,
    )  # fmt: skip


def _swap(state: State, disk: Disk, shadow: Disk, at: float) -> None:
    """The rows change their storage; the one that was copied into goes away"""
    shadow.pool, shadow.kind = disk.pool, disk.kind
    shadow.status, shadow.migration_status = "deleting", "deleting"
    shadow.name_id, shadow.updated = disk.uuid, at
    source = backend_of(state, disk.pool)
    disk.name_id = None if source is not None and source.keeps_names else shadow.uuid


def busy(disk: Disk) -> bool:
    """Tell whether something is being done to the volume"""
    return disk.status not in ("available", "in-use") or disk.migration_status in MOVING
