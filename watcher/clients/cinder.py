"""The block storage service: the one module that knows Cinder's API.

Each call names its microversion, so that a newer Cinder changes nothing. Since 3.63 a
volume without type breaks the whole list of volumes; no call here uses that.
"""

import datetime
import time
from collections.abc import Mapping
from typing import Any

from watcher import exception
from watcher.clients import cinder_records as read
from watcher.clients.http import Service
from watcher.clients.pages import pages
from watcher.clients.records import (
    StoragePool,
    StorageService,
    Volume,
    VolumeTotals,
    VolumeType,
)

Version = tuple[int, int]

PAGE = 1000
LISTS = "3.0"
# Since 3.49 a list of services makes Cinder ask its scheduler for all pools.
SERVICES = "3.0"
TOTALS: Version = (3, 12)
CHANGES: Version = (3, 60)
GROUPS: Version = (3, 13)
# Before 3.31 an administrator may filter by any column, since then by those of a file.
FILTERS = "3.0"


class Cinder:
    """Cinder behind an adapter; see ``protocols.Cinder`` for what each method promises"""

    def __init__(self, service: Service, *, page: int = PAGE) -> None:
        self._http = service
        self._page = page
        self._newest: Version | None = None

    def services(self) -> list[StorageService]:
        """Return the cinder-volume services"""
        body = self._http.get("/os-services", SERVICES, binary="cinder-volume")
        return [read.service(row) for row in body["services"]]

    def pools(self) -> list[StoragePool]:
        """Return the pools that Cinder's scheduler knows"""
        body = self._http.get("/scheduler-stats/get_pools", LISTS, detail="true")
        return [read.pool(row) for row in body["pools"]]

    def volume_types(self) -> list[VolumeType]:
        """Return every volume type, private ones included"""
        rows = self._pages("/types", "volume_types", links=False, is_public="None")
        return [read.volume_type(row) for row in rows]

    def volumes(self) -> list[Volume]:
        """Return the volumes of all projects"""
        rows = self._pages("/volumes/detail", "volumes", all_tenants="true")
        return [read.volume(row) for row in rows]

    def changed_volumes(self, since: datetime.datetime) -> list[Volume] | None:
        """Return volumes whose record changed since then; None: this Cinder cannot tell"""
        if self._offered() < CHANGES:
            return None
        rows = self._pages(
            "/volumes/detail",
            "volumes",
            _dotted(CHANGES),
            all_tenants="true",
            updated_at=f"gte:{since.isoformat(timespec='seconds')}",
        )
        return [read.volume(row) for row in rows]

    def volume_totals(self) -> VolumeTotals | None:
        """Return number and size of all volumes; None: this Cinder cannot tell"""
        if self._offered() < TOTALS:
            return None
        body = self._http.get("/volumes/summary", _dotted(TOTALS), all_tenants="true")
        return read.totals(body["volume-summary"])

    # One volume or type ----------------------------------------------------------------

    def volume(self, uuid: str) -> Volume:
        """Return one volume or raise VolumeNotFound"""
        version = _dotted(GROUPS) if self._offered() >= GROUPS else LISTS
        with _missing(uuid):
            return read.volume(self._http.get(f"/volumes/{uuid}", version)["volume"])

    def shadow(self, uuid: str) -> Volume | None:
        """Return the volume that Cinder copies this one into just now, if there is one"""
        body = self._http.get(
            "/volumes/detail", FILTERS, all_tenants="true", limit=2,
            migration_status=f"target:{uuid}",
        )  # fmt: skip
        found = [read.volume(row) for row in body["volumes"]]
        # A Cinder that did not know the filter would show whatever it has.
        own = [row for row in found if row.migration_status == f"target:{uuid}"]
        return own[0] if own else None

    def has_snapshots(self, uuid: str) -> bool:
        """Tell whether the volume has snapshots"""
        body = self._http.get(
            "/snapshots", LISTS, all_tenants="true", limit=1, volume_id=uuid
        )
        return bool(body["snapshots"])

    def is_encrypted(self, type_id: str) -> bool:
        """Tell whether volumes of the type are encrypted"""
        body = self._http.get(f"/types/{type_id}/encryption", LISTS)
        return bool(body.get("encryption_id"))

    def type_projects(self, type_id: str) -> list[str]:
        """Return the projects that may use a private type"""
        body = self._http.get(f"/types/{type_id}/os-volume-type-access", LISTS)
        return [str(row["project_id"]) for row in body["volume_type_access"]]

    # Changes ---------------------------------------------------------------------------

    def migrate_volume(self, uuid: str, pool: str, request_id: str) -> str | None:
        """Ask that a volume be moved to a pool, and kept from its users meanwhile"""
        body = {"os-migrate_volume": {"host": pool, "lock_volume": True}}
        return self._act(uuid, body, request_id)

    def retype_volume(self, uuid: str, name: str, request_id: str) -> str | None:
        """Ask that a volume get another type, moved to another pool where that is needed"""
        body = {"os-retype": {"new_type": name, "migration_policy": "on-demand"}}
        return self._act(uuid, body, request_id)

    # Inner workings --------------------------------------------------------------------

    def _act(self, uuid: str, body: Mapping[str, Any], request_id: str) -> str | None:
        begun = time.monotonic()
        path = f"/volumes/{uuid}/action"
        with _missing(uuid):
            return self._http.change("POST", path, LISTS, body, request_id, begun=begun)

    def _pages(
        self, path: str, noun: str, version: str = LISTS, **filters: Any
    ) -> list[dict[str, Any]]:
        return list(pages(self._http, path, noun, version, page=self._page, **filters))

    def _offered(self) -> Version:
        """Return the newest microversion of this Cinder, asked once"""
        if self._newest is None:
            data = self._http.guard(self._http.adapter.get_endpoint_data)
            newest = getattr(data, "max_microversion", None) or (3, 0)
            self._newest = (newest[0], newest[1])
        return self._newest


class _missing:
    """Turns Cinder's 404 into VolumeNotFound, when it is of this volume"""

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if not isinstance(error, exception.CinderClientError):
            return
        reason = str(error.kwargs.get("reason", ""))
        # A volume type that is not there is a 404 too.
        if error.http_status == 404 and self._uuid in reason:
            raise exception.VolumeNotFound(name=self._uuid) from error


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
