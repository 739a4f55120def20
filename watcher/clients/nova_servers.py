"""Nova's calls that change what a server is, beside those that move it."""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from watcher import exception
from watcher.clients import nova_records as read
from watcher.clients.http import Service
from watcher.clients.records import Flavor

Version = tuple[int, int]

ACTIONS = "2.56"
FLAVORS: tuple[Version, ...] = ((2, 61), (2, 56))  # extra specs in the same answer
EVENTS: tuple[Version, ...] = ((2, 84), (2, 62), (2, 56))  # details of what failed
# What Nova takes as a flavor's id; anything else would be another path.
FLAVOR_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._ -]+")


class missing:  # noqa: N801  (reads as a verb, like contextlib.suppress)
    """Turns Nova's 404 into InstanceNotFound, where the text starts as given"""

    def __init__(self, uuid: str, prefix: str = "") -> None:
        self._uuid = uuid
        self._prefix = prefix

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if not isinstance(error, exception.NovaClientError):
            return
        reason = str(error.kwargs.get("reason", ""))
        if error.http_status == 404 and reason.startswith(self._prefix):
            raise exception.InstanceNotFound(name=self._uuid) from error


class ServerCalls:
    """The part of ``nova.Nova`` that changes servers in place"""

    _http: Service

    def _pick(self, wanted: tuple[Version, ...]) -> str:
        raise NotImplementedError

    def _pages(
        self, path: str, noun: str, version: str, key: str = "id", **filters: Any
    ) -> Iterator[dict[str, Any]]:
        raise NotImplementedError

    def _act(
        self, server: str, body: Mapping[str, Any], version: str, request_id: str
    ) -> str | None:
        raise NotImplementedError

    def flavor(self, name_or_id: str) -> Flavor | None:
        """Return the flavor of that id, else of that name, private ones included"""
        version = self._pick(FLAVORS)
        if FLAVOR_ID.fullmatch(name_or_id):
            try:
                body = self._http.get(f"/flavors/{quote(name_or_id)}", version)
                return read.flavor(body["flavor"])
            except exception.NovaClientError as error:
                if error.http_status != 404:
                    raise
        rows = self._pages("/flavors/detail", "flavors", version, is_public="None")
        found = (row for row in rows if row.get("name") == name_or_id)
        return next(map(read.flavor, found), None)

    def why_failed(self, server: str, request_id: str) -> str | None:
        """Return why a request failed by Nova's own id of it; None when it does not tell"""
        version = self._pick(EVENTS)
        path = f"/servers/{server}/os-instance-actions/{request_id}"
        try:
            body = self._http.get(path, version)
        except exception.NovaClientError as error:
            if error.http_status == 404:
                return None
            raise
        return read.failure(body["instanceAction"])

    def resize(self, server: str, flavor_id: str, request_id: str) -> str | None:
        """Ask for another flavor, to be confirmed; the scheduler picks the host"""
        body = {"resize": {"flavorRef": flavor_id}}
        return self._act(server, body, ACTIONS, request_id)

    def stop(self, server: str, request_id: str) -> str | None:
        """Ask that a server be shut down"""
        return self._act(server, {"os-stop": None}, ACTIONS, request_id)

    def start(self, server: str, request_id: str) -> str | None:
        """Ask that a stopped server run again"""
        return self._act(server, {"os-start": None}, ACTIONS, request_id)

    def shelve(self, server: str, request_id: str) -> str | None:
        """Ask that a server be stored as an image and leave its host"""
        return self._act(server, {"shelve": None}, ACTIONS, request_id)

    def unshelve(self, server: str, request_id: str) -> str | None:
        """Ask that a shelved server run again; the scheduler picks the host"""
        return self._act(server, {"unshelve": None}, ACTIONS, request_id)

    def delete(self, server: str, request_id: str) -> str | None:
        """Ask that a server be deleted, now or, if Nova is set so, after a while"""
        begun = time.monotonic()
        self._pick(((2, 56),))
        path = f"/servers/{server}"
        with missing(server, "Instance"):
            return self._http.change(
                "DELETE", path, ACTIONS, None, request_id, begun=begun
            )
