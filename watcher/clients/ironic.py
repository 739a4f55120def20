"""The bare-metal service: the nodes that Ironic knows."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from watcher import exception
from watcher.clients.http import Service
from watcher.clients.records import BaremetalNode

# Microversion that lists chosen fields: a node in full is kilobytes of driver data.
OLDEST = (1, 8)
FIELDS = "uuid,name,power_state,maintenance,maintenance_reason,extra"
# What is told of one node beside these.
MORE = "provision_state,target_power_state,reservation,last_error,instance_uuid"
PAGE = 1000
STEPS_BACK = 20  # rows before a deleted page marker that are tried in its place


class Ironic:
    """Ironic behind an adapter; see ``protocols.Ironic`` for what each method promises"""

    tells_progress = True

    def __init__(
        self, service: Service, *, version: tuple[int, int] = OLDEST, page: int = PAGE
    ) -> None:
        """``version`` is the microversion to speak; an older one than OLDEST is raised"""
        major, minor = max(version, OLDEST)
        self._http = service
        self._version = f"{major}.{minor}"
        self._page = page

    def nodes(self) -> list[BaremetalNode]:
        """Return every node"""
        return [_node(row) for row in self._pages()]

    def node(self, uuid: str) -> BaremetalNode:
        """Return one node with what is being done to it, or raise IronicNodeNotFound"""
        path = f"{self._path()}/{uuid}"
        try:
            row = self._http.get(path, self._version, fields=f"{FIELDS},{MORE}")
        except exception.IronicClientError as error:
            if error.http_status == 404:
                raise exception.IronicNodeNotFound(uuid=uuid) from error
            raise
        return _node(row)

    def set_power(self, uuid: str, on: bool, request_id: str) -> str | None:
        """Ask that a machine be switched; refused (409) while Ironic works on it"""
        begun = time.monotonic()
        path = f"{self._path()}/{uuid}/states/power"
        body = {"target": "power on" if on else "power off"}
        try:
            return self._http.change(
                "PUT", path, self._version, body, request_id, begun=begun
            )
        except exception.IronicClientError as error:
            if error.http_status == 404:
                raise exception.IronicNodeNotFound(uuid=uuid) from error
            raise

    def _path(self) -> str:
        address = self._http.guard(self._http.adapter.get_endpoint)
        # The catalogue may hold the versioned address.
        return "/nodes" if address.rstrip("/").endswith("/v1") else "/v1/nodes"

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of all pages, each row once

        The node at a page's end may be deleted before the next page is asked for; the one
        before it then marks the place.
        """
        path = self._path()
        seen: set[str] = set()
        markers: list[str] = []
        while True:
            params: dict[str, Any] = {"fields": FIELDS, "limit": self._page}
            if markers:
                params["marker"] = markers[-1]
            try:
                body = self._http.get(path, self._version, **params)
            except exception.ClientError as error:
                if error.http_status not in (400, 404) or len(markers) < 2:
                    raise
                markers.pop()
                continue
            rows = body["nodes"]
            yield from (row for row in rows if row["uuid"] not in seen)
            seen.update(row["uuid"] for row in rows)
            if not rows or not body.get("next"):
                return
            markers = [row["uuid"] for row in rows[-STEPS_BACK:]]


def _node(row: Mapping[str, Any]) -> BaremetalNode:
    extra = row.get("extra")
    return BaremetalNode(
        uuid=row["uuid"],
        name=row.get("name") or "",
        power_state=row.get("power_state"),
        maintenance=bool(row.get("maintenance")),
        maintenance_reason=row.get("maintenance_reason"),
        extra=dict(extra) if isinstance(extra, Mapping) else {},
        provision_state=row.get("provision_state"),
        target_power_state=row.get("target_power_state"),
        reservation=row.get("reservation"),
        last_error=row.get("last_error"),
        instance=row.get("instance_uuid"),
    )
