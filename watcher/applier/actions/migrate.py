"""Moves a server to another host, live or cold."""

from typing import Any, ClassVar

from watcher import exception
from watcher.applier.actions import base
from watcher.applier.actions.attempts import Attempts
from watcher.applier.actions.moving import ABORT, Mover
from watcher.applier.actions.sight import Route
from watcher.applier.actions.steps import Steps, drive
from watcher.clients.protocols import Nova
from watcher.clients.records import ComputeService, Server

LIVE = "live"
COLD = "cold"


class Migrate(base.BaseAction):
    """Move a server, and wait until it is there"""

    MIGRATION_TYPE = "migration_type"
    LIVE_MIGRATION = LIVE
    COLD_MIGRATION = COLD
    DESTINATION_NODE = "destination_node"
    SOURCE_NODE = "source_node"
    journalled: ClassVar[bool] = True
    _seen: Server | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the parameters"""
        return {
            "type": "object",
            "properties": {
                "resource_id": {"type": "string", "pattern": base.UUID_PATTERN},
                "migration_type": {"type": "string", "enum": [LIVE, COLD]},
                "source_node": {"type": "string", "minLength": 1},
                "destination_node": {
                    "anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]
                },
                "resource_name": {"type": "string"},
            },
            "required": ["resource_id", "migration_type", "source_node"],
            "additionalProperties": False,
        }

    @property
    def instance_uuid(self) -> str:
        """The server"""
        return str(self.resource_id)

    @property
    def migration_type(self) -> str:
        """``live`` or ``cold``"""
        return str(self.input_parameters[self.MIGRATION_TYPE])

    @property
    def source_node(self) -> str:
        """Host that the server shall leave"""
        return str(self.input_parameters[self.SOURCE_NODE])

    @property
    def destination_node(self) -> str | None:
        """Host that it shall go to; None lets Nova choose"""
        return self.input_parameters.get(self.DESTINATION_NODE)

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Moves a server to another compute host, live or cold"

    def check_abort(self) -> bool:
        """Nova can abort live migrations only"""
        return self.migration_type == LIVE

    def pre_condition(self) -> None:
        """Skip when the server is gone or elsewhere; fail when it cannot be moved"""
        server = self._server()
        if server is None or server.deleted:
            raise exception.ActionSkipped(f"Instance {self.instance_uuid} not found")
        if server.host != self.source_node:
            where = server.host or "no host"
            raise exception.ActionSkipped(
                f"Instance {self.instance_uuid} is on {where}, "
                f"not on the source node {self.source_node}"
            )
        if self.destination_node is not None:
            self._check_destination(self.destination_node)
        if self.migration_type == LIVE and server.status != "ACTIVE":
            raise exception.ActionExecutionFailure(
                f"Instance {self.instance_uuid} is {server.status}; "
                "only an ACTIVE one can be migrated live"
            )

    def steps(self) -> Steps:
        """Migrate the server, elsewhere if the target fails, and end when it has arrived"""
        attempts = Attempts(
            self.journal, self.targets,
            lambda dest, kind: self._move(self.source_node, dest, kind),
            server=self.instance_uuid, source=self.source_node,
            dest=self.destination_node, live=self.migration_type == LIVE,
        )  # fmt: skip
        yield from attempts.steps()
        self.remark = attempts.remark

    def revert(self) -> bool:
        """Move the server back to where it came from"""
        server = self._server()
        if server is None or server.host in (None, self.source_node):
            return True
        back = self._move(str(server.host), self.source_node, "migrate_back")
        drive(back, self.journal.signals)
        return True

    def abort(self) -> bool:
        """Ask that a running live migration be given up; True when Nova agrees"""
        if self.migration_type != LIVE:
            return False
        self.journal.signals.cancel()
        running = [
            m
            for m in self._nova.migrations(self.instance_uuid)
            if m.in_flight and m.kind == "live-migration"
        ]
        if not running:
            return False
        operation = self.journal.begin(ABORT, migration=running[0].id)
        self.journal.call(
            operation,
            lambda ident: self._nova.abort_live_migration(
                self.instance_uuid, running[0].id, ident
            ),
        )
        return True

    @property
    def _nova(self) -> Nova:
        nova: Nova = self.osc.nova
        return nova

    def _server(self) -> Server | None:
        try:
            self._seen = self.sights.server(self.instance_uuid)
            return self._seen
        except exception.InstanceNotFound:
            return None

    def _check_destination(self, host: str) -> None:
        found = self._services(host, fresh=False)
        if not found or found[0].status != "enabled":
            # It may have been enabled a moment ago, by this very plan.
            found = self._services(host, fresh=True)
        if not found:
            raise exception.ActionExecutionFailure(
                f"There is no compute service on the destination node {host}"
            )
        if found[0].status != "enabled":
            reason = found[0].disabled_reason or "no reason given"
            raise exception.ActionExecutionFailure(
                f"The compute service on the destination node {host} is "
                f"{found[0].status} ({reason})"
            )

    def _services(self, host: str, *, fresh: bool) -> list[ComputeService]:
        found = self.sights.services(fresh=fresh)
        return [service for service in found if service.host == host]

    def _move(self, source: str, dest: str | None, kind: str) -> Steps:
        live = self.migration_type == LIVE
        route = Route(self.instance_uuid, source, dest, live)
        mover = Mover(
            self._nova, self.journal, self.sights, route, kind=kind,
            size_mb=self._size_mb(live=live),
        )  # fmt: skip
        return mover.steps()

    def _size_mb(self, *, live: bool) -> int:
        """Return how much is to be copied, 0 where that cannot be seen now"""
        try:
            server = self._seen or self._server()
        except (exception.ClientError, exception.AuthorizationFailure):
            # Whoever adopts a migration must not call it failed for that.
            return 0
        flavor = server.flavor if server else None
        if flavor is None:
            return 0
        return flavor.memory_mb if live else flavor.disk_gb * 1024
