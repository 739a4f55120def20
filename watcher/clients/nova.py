"""The compute service: the one module that knows Nova's API.

Each call names its microversion, so that a newer Nova changes nothing. Lists are paged;
reading a whole cloud takes as many requests as there are pages of hosts and servers.
"""

import dataclasses
import datetime
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from watcher import exception
from watcher.clients import nova_records as read
from watcher.clients.http import Service
from watcher.clients.nova_servers import ACTIONS, ServerCalls, missing
from watcher.clients.pages import pages
from watcher.clients.records import (
    IN_FLIGHT,
    Aggregate,
    ComputeService,
    Hypervisor,
    InstanceAction,
    Migration,
    Server,
    ServerGroup,
)

if TYPE_CHECKING:
    import novaclient.client

Version = tuple[int, int]

OLDEST: Version = (2, 56)  # cold migration to a named host
PAGE = 1000
# Since 2.88 hypervisors have no totals, and a list asks every host for its uptime.
HYPERVISORS = "2.53"
SERVICES = "2.53"
AGGREGATES = "2.53"
# Since 2.34 the checks happen after the answer; here a refusal is the answer.
LIVE_MIGRATE = "2.30"
COLD_MIGRATE = "2.56"
SERVERS: tuple[Version, ...] = ((2, 96), (2, 56))  # pinned zone
SERVER_GROUPS: tuple[Version, ...] = ((2, 64), (2, 56))  # limit per host
MIGRATIONS: tuple[Version, ...] = ((2, 59), (2, 56))  # UUID, paging, changes-since
ABORT: tuple[Version, ...] = ((2, 65), (2, 56))  # also while queued or preparing
INSTANCE_ACTIONS: tuple[Version, ...] = ((2, 62), (2, 56))
# How far back the last look at migrations reaches, clocks differing a little.
OVERLAP_S = 60.0


class Nova(ServerCalls):
    """Nova behind an adapter; see ``protocols.Nova`` for what each method promises"""

    def __init__(
        self,
        service: Service,
        *,
        oldest: Version = OLDEST,
        now: Callable[[], datetime.datetime] | None = None,
        page: int = PAGE,
    ) -> None:
        self._http = service
        self._page = page
        self._oldest = max(oldest, OLDEST)
        self._now = now or _utc_now
        self._newest: Version | None = None

    # Lists ----------------------------------------------------------------------------

    def hypervisors(self) -> list[Hypervisor]:
        """Return every hypervisor but those of type ironic"""
        self._offered()
        rows = self._pages("/os-hypervisors/detail", "hypervisors", HYPERVISORS)
        found = (read.hypervisor(row) for row in rows)
        return [node for node in found if node.type != "ironic"]

    def services(self) -> list[ComputeService]:
        """Return the nova-compute services"""
        self._offered()
        body = self._http.get("/os-services", SERVICES, binary="nova-compute")
        return [read.service(row) for row in body["services"]]

    def servers(self, changes_since: datetime.datetime | None = None) -> list[Server]:
        """Return the servers of all projects, or what changed, deleted ones included"""
        filters: dict[str, Any] = {"all_tenants": "true"}
        if changes_since is not None:
            filters["changes-since"] = _text(changes_since)
        version = self._pick(SERVERS)
        rows = self._pages("/servers/detail", "servers", version, **filters)
        return [read.server(row) for row in rows]

    def server(self, uuid: str) -> Server:
        """Return one server or raise InstanceNotFound"""
        version = self._pick(SERVERS)
        with missing(uuid):
            return read.server(self._http.get(f"/servers/{uuid}", version)["server"])

    def servers_on(self, host: str) -> list[Server]:
        """Return the servers of a host, stopped ones included"""
        version = self._pick(SERVERS)
        rows = self._pages(
            "/servers/detail", "servers", version, all_tenants="true", host=host
        )
        return [read.server(row) for row in rows]

    def aggregates(self) -> list[Aggregate]:
        """Return every host aggregate"""
        self._offered()
        body = self._http.get("/os-aggregates", AGGREGATES)
        return [read.aggregate(row) for row in body["aggregates"]]

    def server_groups(self) -> list[ServerGroup]:
        """Return the server groups of all projects"""
        version = self._pick(SERVER_GROUPS)
        for _attempt in range(3):
            found = self._groups(version)
            if found is not None:
                return found
        raise self._http.failed("the list of server groups changes too fast to read")

    # Migrations -----------------------------------------------------------------------

    def migrations(
        self, server: str, since: datetime.datetime | None = None
    ) -> list[Migration]:
        """Return the server's migrations, newest first, a running one with progress"""
        found = [
            row
            for row in self._migrations(instance_uuid=server)
            if since is None or (row.updated_at or row.created_at or since) >= since
        ]
        if any(m.in_flight and m.kind == "live-migration" for m in found):
            found = self._with_progress(server, found)
        return sorted(found, key=lambda m: m.id, reverse=True)

    def in_flight_migrations(self) -> list[Migration]:
        """Return every migration of the cloud that may still hold room on two hosts

        One request per status, since Nova filters by one at a time, and a last one for
        what stepped from one status to the next meanwhile.
        """
        start = self._now() - datetime.timedelta(seconds=OVERLAP_S)
        found: dict[int, Migration] = {}
        for status in IN_FLIGHT:
            found.update((row.id, row) for row in self._migrations(status=status))
        if self._pick(MIGRATIONS) != "2.56":
            changed = self._migrations(**{"changes-since": _text(start)})
            found.update((row.id, row) for row in changed)
        return [row for _id, row in sorted(found.items()) if row.in_flight]

    def changed_migrations(self, since: datetime.datetime) -> list[Migration] | None:
        """Return migrations whose record changed since then; None: this Nova cannot tell

        Nova judges by the time of the last change, which a new record does not have yet:
        it may be missing for a moment.
        """
        if self._pick(MIGRATIONS) == "2.56":
            return None
        return self._migrations(**{"changes-since": _text(since)})

    def instance_actions(self, server: str) -> list[InstanceAction]:
        """Return what was asked of the server, newest first"""
        version = self._pick(INSTANCE_ACTIONS)
        with missing(server):
            body = self._http.get(f"/servers/{server}/os-instance-actions", version)
        return [read.instance_action(row) for row in body["instanceActions"]]

    # Changes --------------------------------------------------------------------------

    def live_migrate(
        self, server: str, host: str | None, request_id: str
    ) -> str | None:
        """Ask for a live migration to a host that the scheduler checks, or picks"""
        body = {"os-migrateLive": {"host": host, "block_migration": "auto"}}
        return self._act(server, body, LIVE_MIGRATE, request_id)

    def cold_migrate(
        self, server: str, host: str | None, request_id: str
    ) -> str | None:
        """Ask for a cold migration to a host that the scheduler checks, or picks"""
        body = {"migrate": None if host is None else {"host": host}}
        return self._act(server, body, COLD_MIGRATE, request_id)

    def confirm_resize(self, server: str, request_id: str) -> str | None:
        """Confirm a cold migration or resize"""
        return self._act(server, {"confirmResize": None}, ACTIONS, request_id)

    def revert_resize(self, server: str, request_id: str) -> str | None:
        """Take a cold migration or resize back"""
        return self._act(server, {"revertResize": None}, ACTIONS, request_id)

    def abort_live_migration(
        self, server: str, migration_id: int, request_id: str
    ) -> str | None:
        """Ask that a running live migration be given up"""
        begun = time.monotonic()
        path = f"/servers/{server}/migrations/{migration_id}"
        version = self._pick(ABORT)
        with missing(server, "Instance"):
            return self._http.change(
                "DELETE", path, version, None, request_id, begun=begun
            )

    def set_service(
        self, service_id: str, enabled: bool, reason: str | None, request_id: str
    ) -> str | None:
        """Enable a compute service, or disable it with a reason"""
        begun = time.monotonic()
        self._offered()
        body: dict[str, str] = {"status": "enabled" if enabled else "disabled"}
        if not enabled and reason:
            body["disabled_reason"] = reason
        path = f"/os-services/{service_id}"
        return self._http.change("PUT", path, SERVICES, body, request_id, begun=begun)

    def native(self) -> "novaclient.client.Client":
        """Return a novaclient over the same session, for plugins that want one"""
        from novaclient import client

        adapter = self._http.adapter
        return client.Client(
            "2.56",
            session=adapter.session,
            auth=adapter.auth,
            endpoint_type=adapter.interface,
            region_name=adapter.region_name,
            endpoint_override=adapter.endpoint_override,
        )

    # Inner workings -------------------------------------------------------------------

    def _offered(self) -> Version:
        """Return the newest microversion of this Nova, asked once; refuse an old one"""
        if self._newest is None:
            data = self._http.guard(self._http.adapter.get_endpoint_data)
            newest = getattr(data, "max_microversion", None)
            if newest is None or tuple(newest) < self._oldest:
                raise self._http.failed(
                    "the compute API offers "
                    + (f"at most {_dotted(newest)}" if newest else "no microversions")
                    + f"; {_dotted(self._oldest)} or newer is needed"
                )
            self._newest = (newest[0], newest[1])
        return self._newest

    def _pick(self, wanted: tuple[Version, ...]) -> str:
        newest = self._offered()
        return _dotted(next(v for v in wanted if v <= newest))

    def _act(
        self, server: str, body: Mapping[str, Any], version: str, request_id: str
    ) -> str | None:
        begun = time.monotonic()
        self._offered()
        path = f"/servers/{server}/action"
        with missing(server, "Instance"):
            return self._http.change(
                "POST", path, version, body, request_id, begun=begun
            )

    def _groups(self, version: str) -> list[ServerGroup] | None:
        """Read all pages, None when rows shifted meanwhile

        Groups are paged by offset: each page starts with the last row of the one before,
        which shows whether a row before it is gone.
        """
        found: list[ServerGroup] = []
        while True:
            offset = max(len(found) - 1, 0)
            body = self._http.get(
                "/os-server-groups",
                version,
                all_projects="true",
                limit=self._page,
                offset=offset,
            )
            rows = [read.server_group(row) for row in body["server_groups"]]
            if found and (not rows or rows[0].id != found[-1].id):
                return None
            if len(rows) <= (1 if found else 0):
                return found
            found += rows[1:] if found else rows

    def _migrations(self, **filters: Any) -> list[Migration]:
        version = self._pick(MIGRATIONS)
        if version == "2.56":
            rows = self._http.get("/os-migrations", version, **filters)["migrations"]
            return [read.migration(row) for row in rows]
        rows = self._pages(
            "/os-migrations", "migrations", version, key="uuid", **filters
        )
        return [read.migration(row) for row in rows]

    def _with_progress(self, server: str, found: list[Migration]) -> list[Migration]:
        version = self._pick(MIGRATIONS)
        try:
            body = self._http.get(f"/servers/{server}/migrations", version)
        except exception.NovaClientError as error:
            if error.http_status == 404:
                return found
            raise
        counters = {int(row["id"]): read.progress(row) for row in body["migrations"]}
        return [
            dataclasses.replace(row, progress=counters.get(row.id)) for row in found
        ]

    def _pages(
        self, path: str, noun: str, version: str, key: str = "id", **filters: Any
    ) -> Iterator[dict[str, Any]]:
        return pages(
            self._http, path, noun, version, page=self._page, key=key, **filters
        )


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def _text(when: datetime.datetime) -> str:
    return when.isoformat(timespec="seconds") + "Z"


def _dotted(version: Any) -> str:
    return f"{version[0]}.{version[1]}"
