"""What each request to a simulated Nova checks, how it is refused and what it leaves behind."""

import dataclasses
import uuid

from watcher import exception
from watcher.clients.records import Flavor
from watcher.clients.simulated_state import Asked, Guest, Move, State, name_uuid

KEPT_ASKED = 20000


def error(status: int, reason: str) -> exception.NovaClientError:
    """Return what the client raises for an answer of that status"""
    return exception.NovaClientError(service="Nova", reason=reason, http_status=status)


def refuse(move: Move, asked: Asked, reason: str) -> exception.NovaClientError:
    """Return a refusal that leaves a migration record and an instance action behind"""
    move.status, asked.message = "error", "Error"
    return error(400, reason)


def guest(state: State, server: str) -> Guest:
    """Return a server that is there, or raise InstanceNotFound"""
    found = state.guests.get(server)
    if found is None or found.deleted:
        raise exception.InstanceNotFound(name=server)
    return found


def flavor(state: State, name_or_id: str) -> Flavor | None:
    """Return the flavor of that id, else of that name"""
    rows = [
        dataclasses.replace(row, id=name_uuid(state.seed, f"flavor {row.name}"))
        for row in state.flavors.values()
    ]
    for key in ("id", "name"):
        for row in rows:
            if getattr(row, key) == name_or_id:
                return row
    return None


def known_host(state: State, host: str | None) -> None:
    """Refuse a host that is none"""
    if host is not None and host not in state.hosts:
        raise error(400, f"Compute host {host} could not be found.")


def expect(guest: Guest, verb: str, vm_states: tuple[str, ...]) -> None:
    """Refuse a server that is in another state, or busy"""
    # A lock does not count: Nova lets administrators pass, and Watcher is one.
    if guest.vm_state not in vm_states:
        state = f"vm_state {guest.vm_state}"
    elif guest.task_state is not None:
        state = f"task_state {guest.task_state}"
    else:
        return
    raise error(409, f"Cannot '{verb}' instance {guest.uuid} while it is in {state}")


def last(state: State, server: str, statuses: tuple[str, ...]) -> Move | None:
    """Return the server's newest migration in one of the statuses"""
    for move in reversed(state.moves):
        if move.server == server and move.status in statuses:
            return move
    return None


def new_request_id(state: State, now: float) -> str:
    """Return an id as Nova gives to each request"""
    state.serial += 1
    name = f"request {state.seed} {state.serial} {now}"
    return f"req-{uuid.uuid5(uuid.NAMESPACE_OID, name)}"


def ask(state: State, guest: Guest, action: str, request_id: str, now: float) -> Asked:
    """Write down that something was asked of a server"""
    asked = Asked(
        server=guest.uuid,
        action=action,
        request_id=new_request_id(state, now),
        client_request_id=request_id,
        started=now,
    )
    state.asked.append(asked)
    del state.asked[:-KEPT_ASKED]
    return asked
