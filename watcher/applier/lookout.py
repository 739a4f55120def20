"""What the cloud shows of everything that many actions wait for, asked in bulk.

A bulk answer tells what changed; what it does not mention is as it was. Nothing depends
on it alone: an action that hears nothing of its server for long asks for it by itself.
"""

import dataclasses
import datetime
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from watcher import exception
from watcher.applier.actions.steps import SERVER, DirectSights, Watch
from watcher.clients.records import ComputeService, Migration, Server

# Clocks of the cloud's hosts and ours may differ by so much, in seconds.
CLOCKS_S = 60.0
# A change may be committed so much later than the time it bears, in seconds.
LATE_S = 10.0
# Looks at single migrations that one round allows: so many, and a part of all of them.
CLOSER, CLOSER_SHARE = 8, 0.02
# How old the list of services may be for those that find in it what they want, in seconds.
SERVICES_S = 60.0


def utc_now() -> datetime.datetime:
    """Return the present as naive UTC"""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


class Lookout:
    """The last bulk look; one thread looks, others read meanwhile"""

    def __init__(
        self, clients: Any, now: Callable[[], datetime.datetime] = utc_now
    ) -> None:
        self._clients = clients
        self._now = now
        self._lock = threading.Lock()
        self._migrations: dict[str, dict[int, Migration]] = {}
        self._servers: dict[str, Server] = {}
        self._since: dict[str, datetime.datetime] = {}
        self._closer = 0
        self._asking = threading.Lock()
        self._services: list[ComputeService] = []
        self._services_at = float("-inf")

    def look(
        self, watched: Collection[Watch], *, migrations: bool, servers: bool
    ) -> set[Watch]:
        """Ask once for each of the two; return what is news of ``watched``

        Errors are those of the clients.
        """
        uuids = {watch.ident for watch in watched if watch.kind == SERVER}
        heard: set[str] = set()
        if migrations:
            heard |= self._look_at_migrations(uuids)
        if servers:
            heard |= self._look_at_servers(uuids)
        with self._lock:
            self._closer = CLOSER + int(CLOSER_SHARE * len(uuids))
        return {watch for watch in watched if watch.ident in heard}

    def _look_at_migrations(self, uuids: set[str]) -> set[str]:
        since = self._start("migrations")
        heard: set[str] = set()
        rows = self._clients.nova.changed_migrations(since)
        if rows is None:
            # An old Nova: it can tell what is under way, but not what has ended.
            rows = self._clients.nova.in_flight_migrations()
            ended = uuids - {row.server for row in rows}
            with self._lock:
                heard = {u for u in ended if self._migrations.pop(u, None)}
        self._seen("migrations", [row.updated_at for row in rows])
        with self._lock:
            for row in rows:
                known = self._migrations.get(row.server)
                if known is None or row.server not in uuids:
                    continue
                before = known.get(row.id)
                if before is None or _standing(before) != _standing(row):
                    heard.add(row.server)
                progress = row.progress or (before.progress if before else None)
                known[row.id] = dataclasses.replace(row, progress=progress)
        return heard

    def _look_at_servers(self, uuids: set[str]) -> set[str]:
        rows = self._clients.nova.servers(changes_since=self._start("servers"))
        self._seen("servers", [row.updated_at for row in rows])
        heard = set()
        with self._lock:
            for row in rows:
                before = self._servers.get(row.uuid)
                if before is None or row.uuid not in uuids:
                    continue
                if dataclasses.replace(before, updated_at=row.updated_at) != row:
                    heard.add(row.uuid)
                self._servers[row.uuid] = row
        return heard

    def _start(self, kind: str) -> datetime.datetime:
        early = self._now() - datetime.timedelta(seconds=CLOCKS_S)
        return self._since.setdefault(kind, early)

    def _seen(self, kind: str, times: list[datetime.datetime | None]) -> None:
        """Ask next time for what changed since the newest change, by the cloud's clock"""
        newest = max((at for at in times if at is not None), default=None)
        if newest is not None:
            late = newest - datetime.timedelta(seconds=LATE_S)
            self._since[kind] = max(self._since[kind], late)

    # What actions read ----------------------------------------------------------------

    def migrations(self, uuid: str) -> list[Migration] | None:
        """Return what is known of a server's migrations, newest first; None: ask yourself"""
        with self._lock:
            known = self._migrations.get(uuid)
            return None if known is None else [known[n] for n in sorted(known)][::-1]

    def server(self, uuid: str) -> Server | None:
        """Return what is known of a server; None: ask yourself"""
        with self._lock:
            return self._servers.get(uuid)

    def remember_migrations(self, uuid: str, found: list[Migration]) -> None:
        """Keep what an action saw by itself"""
        with self._lock:
            self._migrations[uuid] = {row.id: row for row in found}

    def remember_server(self, found: Server) -> None:
        """Keep what an action saw by itself"""
        with self._lock:
            self._servers[found.uuid] = found

    def services(self, *, fresh: bool) -> list[ComputeService]:
        """Return the compute services as they were within the last minute, or are now"""
        with self._asking:
            age_s = time.monotonic() - self._services_at
            if fresh or age_s > SERVICES_S:
                self._services = self._clients.nova.services()
                self._services_at = time.monotonic()
            return self._services

    def may_look_closer(self) -> bool:
        """Tell whether one more migration may be asked for its progress in this round"""
        with self._lock:
            self._closer -= 1
            return self._closer >= 0

    def forget(self, uuid: str) -> None:
        """Nobody waits for the server any more"""
        with self._lock:
            self._migrations.pop(uuid, None)
            self._servers.pop(uuid, None)


def _standing(row: Migration) -> tuple[str, str | None, str | None]:
    """Return what is news when it changes; Nova touches the record at each progress"""
    return row.status, row.source_host, row.dest_host


class SharedSights(DirectSights):
    """What one action sees: the last bulk look where that is as fresh as its last pause

    ``offer`` says so before the action goes on. Each thing is taken from it once; whatever
    is asked again in the same step is asked directly.
    """

    def __init__(self, clients: Any, lookout: Lookout) -> None:
        super().__init__(clients)
        self._lookout = lookout
        self._offered: set[str] = set()
        self._error: exception.WatcherException | None = None
        self._seen: set[str] = set()
        self.used: set[str] = set()

    def offer(
        self, kinds: Collection[str], error: exception.WatcherException | None = None
    ) -> None:
        """Let the next step see these kinds of the bulk look, or that it failed"""
        self.used = set()
        self._offered = set(kinds)
        self._error = error

    def server(self, uuid: str) -> Server:
        """Return a server or raise InstanceNotFound"""
        if self._takes("servers"):
            shared = self._lookout.server(uuid)
            if shared is not None and not shared.deleted:
                return shared
        found = super().server(uuid)
        self._seen.add(uuid)
        self._lookout.remember_server(found)
        return found

    def migrations(self, server: str) -> list[Migration]:
        """Return the server's migrations, newest first"""
        if self._takes("migrations"):
            shared = self._lookout.migrations(server)
            if shared is not None and not self._closer(shared):
                return shared
        found = super().migrations(server)
        self._seen.add(server)
        self._lookout.remember_migrations(server, found)
        return found

    def services(self, *, fresh: bool = False) -> list[ComputeService]:
        """Return the compute services, a minute old at most, or as they are now"""
        return self._lookout.services(fresh=fresh)

    def close(self) -> None:
        """Nobody looks any more"""
        for uuid in self._seen:
            self._lookout.forget(uuid)

    def _takes(self, kind: str) -> bool:
        self.used.add(kind)
        if kind not in self._offered:
            return False
        self._offered.discard(kind)
        if self._error is not None:
            raise self._error
        return True

    def _closer(self, known: list[Migration]) -> bool:
        """Tell whether to ask for the progress of what is under way"""
        moves = any(row.in_flight and row.kind == "live-migration" for row in known)
        return moves and self._lookout.may_look_closer()
