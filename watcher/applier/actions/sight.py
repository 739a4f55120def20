"""What a look at a server and its migration record says; pure."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from watcher.clients.records import ENDED_BADLY, Migration, Server


@dataclass(frozen=True, slots=True)
class Route:
    """One server's way; without ``dest`` the scheduler chooses"""

    server: str
    source: str
    dest: str | None
    live: bool

    @property
    def kind(self) -> str:
        """Nova's word for it in migration records"""
        return "live-migration" if self.live else "migration"

    @property
    def noun(self) -> str:
        """What failed when it fails"""
        return "live migration" if self.live else "cold migration"

    @property
    def text(self) -> str:
        """From where to where"""
        return f"from {self.source} to " + (self.dest or "a host of Nova's choice")

    def leads_to(self, host: str | None) -> bool:
        """Tell whether a server on ``host`` has arrived"""
        return host == self.dest if self.dest else host not in (None, self.source)


class Sight(enum.Enum):
    """What a look at server and migration record says"""

    UNDERWAY = enum.auto()
    UNSETTLED = enum.auto()  # Nova says done, but the server shows its old host
    SILENT = enum.auto()  # no trace of the request
    TO_CONFIRM = enum.auto()
    ARRIVED = enum.auto()
    FAILED = enum.auto()
    CANCELLED = enum.auto()


def judge(route: Route, server: Server, record: Migration | None) -> Sight:
    """Tell how the migration stands; ``record`` is newer than the request for it"""
    waits = server.status == "VERIFY_RESIZE"
    if record is not None and record.status in ENDED_BADLY:
        return Sight.CANCELLED if record.status == "cancelled" else Sight.FAILED
    if server.task_state:
        return Sight.UNDERWAY
    if record is not None and record.status == "finished" and waits:
        return Sight.TO_CONFIRM if route.leads_to(server.host) else Sight.FAILED
    if record is not None and record.in_flight:
        return Sight.UNDERWAY
    if route.leads_to(server.host) and not waits:
        return Sight.ARRIVED
    if record is not None and (waits or server.host == route.source):
        return Sight.UNSETTLED
    if server.host == route.source and server.status not in ("ERROR", "VERIFY_RESIZE"):
        return Sight.SILENT
    return Sight.FAILED


def own_record(
    route: Route, records: Sequence[Migration], after: int
) -> Migration | None:
    """Return the newest record that may be of a request made after record ``after``"""
    for record in sorted(records, key=lambda r: r.id, reverse=True):
        same_way = record.source_host in (None, route.source) and (
            not route.dest or record.dest_host in (None, route.dest)
        )
        if record.id > after and record.kind == route.kind and same_way:
            return record
    return None


def fault_is_newer(server: Server, record: Migration | None) -> bool:
    """Tell whether the server's fault is of this migration, not of an earlier trouble"""
    if record is None or record.created_at is None or server.fault_at is None:
        return True
    return server.fault_at >= record.created_at
