"""Nova's side of the simulated cloud: the same answers and refusals as the real one."""

import datetime
from collections.abc import Callable
from contextlib import AbstractContextManager

from watcher.clients import simulated_moves as moves
from watcher.clients import simulated_requests as requests
from watcher.clients import simulated_rows as rows
from watcher.clients.records import (
    Aggregate,
    ComputeService,
    Hypervisor,
    InstanceAction,
    Migration,
    Server,
    ServerGroup,
)
from watcher.clients.simulated_servers import Pace, SimulatedServers
from watcher.clients.simulated_state import Asked, Guest, Move, State, when

Opened = tuple[State, float]

# Seconds that the steps of a migration take besides the copying.
PREPARE_S = 0.5
FINISH_S = 0.5
ABORT_S = 0.5
CONFIRM_S = 0.5
CLEAN_UP_S = 0.3

_UNAVAILABLE = "Compute service of %s is unavailable at this time."


class SimulatedNova(SimulatedServers):
    """See ``protocols.Nova`` for what each method promises"""

    def __init__(
        self,
        look: Callable[[], AbstractContextManager[Opened]],
        change: Callable[[str], AbstractContextManager[Opened]],
        bytes_per_s: Callable[[], float],
        pace: Pace,
    ) -> None:
        super().__init__(look, change, pace)
        self._bytes_per_s = bytes_per_s

    # Lists ----------------------------------------------------------------------------

    def hypervisors(self) -> list[Hypervisor]:
        """Return every hypervisor"""
        with self._look() as (state, _now):
            return [rows.hypervisor(host) for host in state.hosts.values()]

    def services(self) -> list[ComputeService]:
        """Return the nova-compute services"""
        with self._look() as (state, now):
            return [rows.service(host, now) for host in state.hosts.values()]

    def servers(self, changes_since: datetime.datetime | None = None) -> list[Server]:
        """Return the servers of all projects, or what changed, deleted ones included"""
        with self._look() as (state, _now):
            return [
                rows.server(state, guest)
                for guest in state.guests.values()
                if (changes_since is None and not guest.deleted)
                or (changes_since is not None and when(guest.updated) >= changes_since)
            ]

    def server(self, uuid: str) -> Server:
        """Return one server or raise InstanceNotFound"""
        with self._look() as (state, _now):
            return rows.server(state, requests.guest(state, uuid))

    def servers_on(self, host: str) -> list[Server]:
        """Return the servers of a host, stopped ones included"""
        return [server for server in self.servers() if server.host == host]

    def aggregates(self) -> list[Aggregate]:
        """Return every host aggregate"""
        with self._look() as (state, _now):
            return [rows.aggregate(row) for row in state.aggregates]

    def server_groups(self) -> list[ServerGroup]:
        """Return the server groups of all projects"""
        with self._look() as (state, _now):
            return [rows.group(row) for row in state.groups]

    # Migrations -----------------------------------------------------------------------

    def migrations(
        self, server: str, since: datetime.datetime | None = None
    ) -> list[Migration]:
        """Return the server's migrations, newest first, a running one with progress"""
        with self._look() as (state, now):
            return [
                rows.migration(move, now)
                for move in reversed(state.moves)
                if move.server == server
                and (since is None or when(move.updated) >= since)
            ]

    def in_flight_migrations(self) -> list[Migration]:
        """Return every migration of the cloud that may still hold room on two hosts"""
        with self._look() as (state, now):
            return [rows.migration(move, now) for move in state.moves if move.open]

    def changed_migrations(self, since: datetime.datetime) -> list[Migration] | None:
        """Return migrations whose record changed since then"""
        with self._look() as (state, now):
            return [
                rows.migration(move, now)
                for move in state.moves
                if when(move.updated) >= since
            ]

    def instance_actions(self, server: str) -> list[InstanceAction]:
        """Return what was asked of the server, newest first"""
        with self._look() as (state, _now):
            requests.guest(state, server)
            return [
                InstanceAction(
                    request_id=row.request_id,
                    action=row.action,
                    message=row.message,
                    started_at=when(row.started),
                    updated_at=when(row.started),
                )
                for row in reversed(state.asked)
                if row.server == server
            ]

    # Changes --------------------------------------------------------------------------

    def live_migrate(
        self, server: str, host: str | None, request_id: str
    ) -> str | None:
        """Ask for a live migration to a host that the scheduler checks, or picks"""
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            requests.expect(guest, "os-migrateLive", ("active", "paused"))
            requests.known_host(state, host)
            asked = requests.ask(state, guest, "live-migration", request_id, now)
            down = not state.hosts[guest.host].up
            dest = None if down else moves.pick(state, guest, host)
            move = moves.new_move(state, guest, "live-migration", dest, now)
            if down:
                raise requests.refuse(move, asked, _UNAVAILABLE % guest.host)
            if dest is None:
                raise requests.refuse(move, asked, "No valid host was found. ")
            if moves.fault(state, server, "precheck"):
                move.dest = None
                raise requests.refuse(
                    move, asked, "Migration pre-check error: made to fail"
                )
            self._schedule_live(state, guest, move, now)
            return asked.request_id

    def _schedule_live(
        self, state: State, guest: Guest, move: Move, now: float
    ) -> None:
        guest.before, guest.updated = guest.vm_state, now
        guest.status, guest.task_state = "MIGRATING", "migrating"
        memory = state.flavors[guest.flavor].memory_mb * moves.MB
        start = now + PREPARE_S
        end = start + memory / self._bytes_per_s()
        move.status, move.memory_bytes = "preparing", memory
        move.copy_start, move.copy_end = start, end
        half = (start + end) / 2
        if moves.fault(state, guest.uuid, "prepare"):
            move.steps = [(start, "failed")]
        elif moves.fault(state, guest.uuid, "rollback"):
            move.steps = [(start, "running"), (half, "failed")]
        elif moves.fault(state, guest.uuid, "error"):
            move.steps = [(start, "running"), (half, "broken")]
        else:
            # The server is there before the record says so.
            move.steps = [
                (start, "running"),
                (end, "arrived"),
                (end + CLEAN_UP_S, "completed"),
            ]

    def cold_migrate(
        self, server: str, host: str | None, request_id: str
    ) -> str | None:
        """Ask for a cold migration to a host that the scheduler checks, or picks

        As in Nova the answer comes before the scheduler is asked: its refusal is seen in
        the migration record only.
        """
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            requests.expect(guest, "migrate", ("active", "stopped"))
            requests.known_host(state, host)
            if host == guest.host:
                raise requests.error(
                    400, "Cannot migrate to the host where the server exists."
                )
            asked = requests.ask(state, guest, "migrate", request_id, now)
            dest = moves.pick(state, guest, host)
            move = moves.new_move(state, guest, "migration", dest, now)
            self._schedule_cold(state, guest, move, asked, now)
            return asked.request_id

    def resize(self, server: str, flavor_id: str, request_id: str) -> str | None:
        """Ask for another flavor, to be confirmed; the scheduler picks the host"""
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            requests.expect(guest, "resize", ("active", "stopped"))
            flavor = requests.flavor(state, flavor_id)
            if flavor is None:
                text = f"Flavor {flavor_id} could not be found."
                raise requests.error(400, text)
            if flavor.name == guest.flavor:
                text = "When resizing, instances must change flavor!"
                raise requests.error(400, text)
            asked = requests.ask(state, guest, "resize", request_id, now)
            dest = moves.pick(state, guest, None, flavor.name)
            move = moves.new_move(state, guest, "resize", dest, now)
            move.flavor, move.old_flavor = flavor.name, guest.flavor
            self._schedule_cold(state, guest, move, asked, now)
            return asked.request_id

    def _schedule_cold(
        self, state: State, guest: Guest, move: Move, asked: Asked, now: float
    ) -> None:
        if move.dest is None:
            move.status, asked.message = "error", "Error"
            asked.reason = "No valid host was found. "
            return
        guest.before, guest.updated = guest.vm_state, now
        guest.status, guest.task_state = "RESIZE", "resize_prep"
        move.status = "pre-migrating"
        start = now + PREPARE_S
        size = moves.local_disk_gb(guest, state.flavors[guest.flavor]) * 64
        end = start + size * moves.MB / self._bytes_per_s()
        if moves.fault(state, guest.uuid, "resize"):
            move.steps = [(start, "migrating"), (end, "broken")]
            return
        ready = end + 2 * FINISH_S
        move.steps = [
            (start, "migrating"),
            (end, "post-migrating"),
            (end + FINISH_S, "finished"),
            (ready, "verify"),
        ]
        if self._pace.confirm_window_s is not None:
            due = ready + self._pace.confirm_window_s
            move.steps += [(due, "confirming"), (due + CONFIRM_S, "confirmed")]

    def confirm_resize(self, server: str, request_id: str) -> str | None:
        """Confirm a cold migration or resize"""
        return self._end_resize(server, "confirm", request_id)

    def revert_resize(self, server: str, request_id: str) -> str | None:
        """Take a cold migration or resize back"""
        return self._end_resize(server, "revert", request_id)

    def _end_resize(self, server: str, verb: str, request_id: str) -> str | None:
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            requests.expect(guest, f"{verb}Resize", ("resized",))
            move = requests.last(state, server, ("finished",))
            if move is None:
                raise requests.error(400, "Instance has not been resized.")
            asked = requests.ask(state, guest, f"{verb}Resize", request_id, now)
            move.status, move.updated = f"{verb}ing", now
            move.steps = [(now + CONFIRM_S, f"{verb}ed")]
            if verb == "revert":
                move.status = "reverting"
                guest.status, guest.task_state = "REVERT_RESIZE", "resize_reverting"
            guest.updated = now
            return asked.request_id

    def abort_live_migration(
        self, server: str, migration_id: int, request_id: str
    ) -> str | None:
        """Ask that a running live migration be given up"""
        with self._change(server) as (state, now):
            guest = requests.guest(state, server)
            if guest.task_state != "migrating":
                raise requests.error(
                    409,
                    f"Instance {server} is in an invalid state for "
                    "'abort live migration'",
                )
            move = requests.last(state, server, ("preparing", "running"))
            if move is None or move.id != migration_id:
                raise requests.error(
                    404, f"Migration {migration_id} could not be found."
                )
            asked = requests.ask(state, guest, "live_migration_cancel", request_id, now)
            over = now + ABORT_S
            too_late = ("arrived", "failed", "broken")
            if not any(at <= over and step in too_late for at, step in move.steps):
                move.steps = [(over, "cancelled")]
            return asked.request_id

    def set_service(
        self, service_id: str, enabled: bool, reason: str | None, request_id: str
    ) -> str | None:
        """Enable a compute service, or disable it with a reason"""
        with self._change(service_id) as (state, now):
            for host in state.hosts.values():
                if host.service_id == service_id:
                    host.enabled = enabled
                    host.disabled_reason = None if enabled else (reason or None)
                    return requests.new_request_id(state, now)
            raise requests.error(404, f"Service {service_id} could not be found.")
