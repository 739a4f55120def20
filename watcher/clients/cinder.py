"""The block storage service: the one module that knows Cinder's API.

Each call names its microversion, so that a newer Cinder changes nothing. Since 3.63 a
volume without type breaks the whole list of volumes; no call here uses that.
"""

import datetime
from typing import Any

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


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
