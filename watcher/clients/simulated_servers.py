"""What a simulated Nova does to servers in place: stop, start, delete, shelve, unshelve.

As with migrations, what will happen to a server and when is written down when it is asked
for, and ``advance`` brings it about.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from watcher.clients import simulated_moves as moves
from watcher.clients import simulated_requests as requests
from watcher.clients.records import Flavor
from watcher.clients.simulated_state import Asked, Chore, Guest, State

Opened = tuple[State, float]

NO_HOST = "No valid host was found. "


@dataclass(slots=True, kw_only=True)
class Pace:
    """How long things take, in seconds, and what the cloud is set to do by itself"""

    stop_s: float = 1.0
    start_s: float = 1.0
    delete_s: float = 0.5
    upload_s: float = 2.0  # of a shelved server's image
    offload_s: float = 0.5
    unshelve_s: float = 2.0
    offloads: bool = True  # shelved servers leave their hosts
    soft_delete: bool = False  # deleted servers are kept for a while
    confirm_window_s: float | None = None  # resizes are confirmed after so long


class SimulatedServers:
    """The part of ``simulated_nova.SimulatedNova`` that changes servers in place"""

    def __init__(
        self,
        look: Callable[[], AbstractContextManager[Opened]],
        change: Callable[[str], AbstractContextManager[Opened]],
        pace: Pace,
    ) -> None:
        self._look = look
        self._change = change
        self._pace = pace

    def flavor(self, name_or_id: str) -> Flavor | None:
        """Return the flavor of that id, else of that name"""
        with self._look() as (state, _now):
            return requests.flavor(state, name_or_id)

    def why_failed(self, server: str, request_id: str) -> str | None:
        """Return why a request failed by Nova's own id of it; None when it does not tell"""
        with self._look() as (state, _now):
            asked = _asked(state, request_id)
            return asked.reason if asked is not None else None

    def stop(self, server: str, request_id: str) -> str | None:
        """Ask that a server be shut down"""
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            requests.expect(guest, "stop", ("active", "error"))
            asked = requests.ask(state, guest, "stop", request_id, now)
            return _begin(
                state,
                guest,
                asked,
                "powering-off",
                (now + self._pace.stop_s, "stopped"),
            )

    def start(self, server: str, request_id: str) -> str | None:
        """Ask that a stopped server run again"""
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            requests.expect(guest, "start", ("stopped",))
            asked = requests.ask(state, guest, "start", request_id, now)
            return _begin(
                state, guest, asked, "powering-on", (now + self._pace.start_s, "active")
            )

    def delete(self, server: str, request_id: str) -> str | None:
        """Ask that a server be deleted, now or, if the cloud is set so, after a while"""
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            asked = requests.ask(state, guest, "delete", request_id, now)
            soft = self._pace.soft_delete
            return _begin(
                state, guest, asked, "soft-deleting" if soft else "deleting",
                (now + self._pace.delete_s, "soft-delete" if soft else "deleted"),
            )  # fmt: skip

    def shelve(self, server: str, request_id: str) -> str | None:
        """Ask that a server be stored as an image and leave its host"""
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            states = ("active", "stopped", "paused", "suspended")
            requests.expect(guest, "shelve", states)
            asked = requests.ask(state, guest, "shelve", request_id, now)
            half = now + self._pace.upload_s / 2
            stored = now + self._pace.upload_s
            steps = [(half, "shelving_image_uploading")]
            if guest.boots_from_volume:
                # There is nothing to store: it leaves its host at once.
                steps, stored = [], now
            elif not self._pace.offloads:
                return _begin(
                    state, guest, asked, "shelving", *steps, (stored, "shelved")
                )
            else:
                steps.append((stored, "shelving_offloading"))
            over = (stored + self._pace.offload_s, "shelved_offloaded")
            return _begin(state, guest, asked, "shelving", *steps, over)

    def unshelve(self, server: str, request_id: str) -> str | None:
        """Ask that a shelved server run again; the scheduler picks the host"""
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            requests.expect(guest, "unshelve", ("shelved", "shelved_offloaded"))
            asked = requests.ask(state, guest, "unshelve", request_id, now)
            half = now + self._pace.unshelve_s / 2
            over = now + self._pace.unshelve_s
            return _begin(
                state, guest, asked, "unshelving", (half, "spawning"), (over, "active")
            )


def _begin(
    state: State, guest: Guest, asked: Asked, task: str, *steps: tuple[float, str]
) -> str:
    """Let a server be busy from now on; returns the id of the request"""
    guest.task_state, guest.updated = task, asked.started
    # Only a deletion comes in while something else goes on, and ends that.
    state.chores = [chore for chore in state.chores if chore.server != guest.uuid]
    chore = Chore(server=guest.uuid, request_id=asked.request_id, steps=list(steps))
    if moves.fault(state, guest.uuid, asked.action):
        end = "error" if asked.action == "delete" else "as before"
        chore.steps = [(steps[0][0], end)]
    state.chores.append(chore)
    return asked.request_id


def advance(state: State, now: float) -> None:
    """Let everything happen that is due"""
    for chore in list(state.chores):
        while chore.steps and chore.steps[0][0] <= now:
            at, step = chore.steps.pop(0)
            guest = state.guests[chore.server]
            if not guest.deleted:
                _apply(state, guest, chore, step, at)
        if not chore.steps:
            state.chores.remove(chore)


STATUS = {
    "active": "ACTIVE",
    "stopped": "SHUTOFF",
    "shelved": "SHELVED",
    "shelved_offloaded": "SHELVED_OFFLOADED",
    "soft-delete": "SOFT_DELETED",
    "error": "ERROR",
}


def _apply(state: State, guest: Guest, chore: Chore, step: str, at: float) -> None:
    guest.updated = at
    if step == "spawning" and not guest.host:
        host = moves.pick(state, guest, None)
        if host is None:
            chore.steps.clear()
            _failed(state, guest, chore, NO_HOST)
            return
        guest.host = host
    if step == "shelving_offloading":
        guest.vm_state, guest.status = "shelved", "SHELVED"
    if step == "as before":
        _failed(state, guest, chore, "It was made to fail")
    elif step == "deleted":
        remove(state, guest, at)
    elif step in STATUS:
        guest.vm_state, guest.status, guest.task_state = step, STATUS[step], None
        if step in ("active", "stopped"):
            guest.before = step
        if step == "shelved_offloaded":
            guest.host = ""
        if step == "error":
            guest.fault = "It was made to fail"
            _failed(state, guest, chore, guest.fault)
    else:
        guest.task_state = step


def _failed(state: State, guest: Guest, chore: Chore, reason: str) -> None:
    guest.task_state = None
    asked = _asked(state, chore.request_id)
    if asked is not None:
        asked.message, asked.reason = "Error", reason


def _asked(state: State, request_id: str) -> Asked | None:
    return next((r for r in reversed(state.asked) if r.request_id == request_id), None)


def remove(state: State, guest: Guest, now: float) -> None:
    """Let a server be gone, whatever it is doing"""
    guest.deleted, guest.updated = True, now
    guest.status, guest.vm_state, guest.task_state = "DELETED", "deleted", None
    for move in state.moves:
        if move.server == guest.uuid and move.open:
            move.steps, move.status = [], "error"
    for group in state.groups:
        if guest.uuid in group.members:
            group.members.remove(guest.uuid)
