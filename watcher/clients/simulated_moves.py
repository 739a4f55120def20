"""How a simulated cloud schedules and carries out migrations.

What will happen to a migration, and when, is written down when it starts. ``advance``
brings the state up to a moment, so that stopping the program loses nothing.
"""

import uuid
from collections.abc import Iterator

from watcher.clients.records import Flavor
from watcher.clients.simulated_state import Guest, Host, Move, State

MB = 1024 * 1024
KEPT_MOVES = 5000  # ended ones that are remembered

Need = tuple[float, float, float]


def local_disk_gb(guest: Guest, flavor: Flavor) -> int:
    """Return the disk that a server takes of its host"""
    root = 0 if guest.boots_from_volume else flavor.disk_gb
    return root + flavor.ephemeral_gb + -(-flavor.swap_mb // 1024)


def need(state: State, guest: Guest, name: str | None = None) -> Need:
    """Return what a server claims, with that flavor: vcpus, MB of memory, GB of disk"""
    flavor = state.flavors[name or guest.flavor]
    return flavor.vcpus, flavor.memory_mb, local_disk_gb(guest, flavor)


def used(state: State) -> dict[str, Need]:
    """Return what is claimed on each host, by servers there or on their way"""
    total = {name: [0.0, 0.0, 0.0] for name in state.hosts}
    for guest, host, flavor in _claims(state):
        for index, amount in enumerate(need(state, guest, flavor)):
            total[host][index] += amount
    return {name: (row[0], row[1], row[2]) for name, row in total.items()}


def _claims(state: State) -> Iterator[tuple[Guest, str, str]]:
    """Yield servers, hosts on which each claims room, and the flavor that it has there"""
    for guest in state.guests.values():
        if not guest.deleted and guest.host:
            yield guest, guest.host, guest.flavor
    for move in state.moves:
        guest = state.guests[move.server]
        if move.open and not guest.deleted:
            flavors = {move.source: move.old_flavor, move.dest: move.flavor}
            yield from (
                (guest, host, flavor or guest.flavor)
                for host, flavor in flavors.items()
                if host is not None and host != guest.host
            )


def refusal(
    state: State, guest: Guest, host: Host, claimed: dict[str, Need],
    flavor: str | None = None,
) -> str | None:  # fmt: skip
    """Return why the scheduler would not put the server there, None when it would"""
    if not host.serves:
        return "the service is disabled or down"
    if guest.pinned_zone and host.zone != guest.pinned_zone:
        return "the server is pinned to another zone"
    room = zip(
        need(state, guest, flavor), claimed[host.name], host.capacity(), strict=True
    )
    if any(wanted + taken > capacity for wanted, taken, capacity in room):
        return "there is not enough room"
    return _group_refusal(state, guest, host)


def _group_refusal(state: State, guest: Guest, host: Host) -> str | None:
    for group in state.groups:
        if guest.uuid not in group.members:
            continue
        homes = [
            other_host
            for other, other_host, _flavor in _claims(state)
            if other.uuid in group.members and other.uuid != guest.uuid
        ]
        if group.policy == "anti-affinity":
            if homes.count(host.name) >= (group.max_per_host or 1):
                return f"server group {group.name} wants its members apart"
        elif group.policy == "affinity" and homes and host.name not in homes:
            return f"server group {group.name} wants its members together"
    return None


def pick(
    state: State, guest: Guest, wanted: str | None, flavor: str | None = None
) -> str | None:
    """Return the host that the scheduler gives, None for no valid host"""
    claimed = used(state)
    names = [wanted] if wanted else sorted(state.hosts)
    fit = [
        state.hosts[name]
        for name in names
        if name != guest.host
        and refusal(state, guest, state.hosts[name], claimed, flavor) is None
    ]
    if not fit:
        return None
    return max(fit, key=lambda h: (h.memory_mb - claimed[h.name][1], h.name)).name


def new_move(
    state: State, guest: Guest, kind: str, dest: str | None, now: float
) -> Move:
    """Write a migration record; the caller fills in what is to happen"""
    number = state.moves[-1].id + 1 if state.moves else 1
    move = Move(
        id=number,
        uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, f"move {state.seed} {number} {now}")),
        server=guest.uuid,
        kind=kind,
        status="accepted",
        source=guest.host,
        dest=dest,
        created=now,
        updated=now,
    )
    state.moves.append(move)
    _forget(state)
    return move


def _forget(state: State) -> None:
    if len(state.moves) > KEPT_MOVES + 500:
        old = state.moves[:-KEPT_MOVES]
        state.moves = [m for m in old if m.open or m.steps] + state.moves[-KEPT_MOVES:]


def advance(state: State, now: float) -> None:
    """Let everything happen that is due, in the order of time"""
    while True:
        due = [
            (move.steps[0][0], move.id, move)
            for move in state.moves
            if move.steps and move.steps[0][0] <= now
        ]
        if not due:
            return
        at, _id, move = min(due, key=lambda item: item[:2])
        _at, step = move.steps.pop(0)
        _apply(state, move, step, at)


def _apply(state: State, move: Move, step: str, at: float) -> None:
    guest = state.guests[move.server]
    move.updated = at
    if step != "completed":
        guest.updated = at
    if step == "verify":
        guest.status, guest.vm_state, guest.task_state = (
            "VERIFY_RESIZE",
            "resized",
            None,
        )
        return
    if step == "broken":
        # The migration is over and has taken the server with it.
        move.status = "error"
        guest.status, guest.vm_state, guest.task_state = "ERROR", "error", None
        if move.kind != "live-migration":
            guest.fault = f"Migration {move.id} was made to fail"
        return
    if step == "arrived":
        guest.host = move.dest or guest.host
        settle(guest)
        return
    move.status = step
    if step == "migrating":
        guest.task_state = "resize_migrating"
    elif step == "finished":
        guest.host, guest.task_state = move.dest or guest.host, "resize_finish"
        guest.flavor = move.flavor or guest.flavor
    elif step == "reverted":
        guest.host, guest.flavor = move.source, move.old_flavor or guest.flavor
        settle(guest)
    elif step in ("confirmed", "failed", "cancelled", "error"):
        settle(guest)


def settle(guest: Guest) -> None:
    """Give the server back the state that it had before"""
    guest.vm_state, guest.task_state = guest.before, None
    guest.status = {"active": "ACTIVE", "paused": "PAUSED", "stopped": "SHUTOFF"}[
        guest.before
    ]


def fault(state: State, server: str, kind: str) -> bool:
    """Tell whether a failure was asked for here, and use it up"""
    for row in state.faults:
        if row.kind == kind and row.server in (None, server) and row.left > 0:
            row.left -= 1
            return True
    return False
