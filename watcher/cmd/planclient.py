"""Asks the API about plans; tells a refusal from an API that cannot be reached."""

import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

from keystoneauth1 import exceptions
from keystoneauth1.adapter import Adapter

VERSION = "infra-optim 1.5"
# Answers of proxies and of an API whose database is away: later it may be well again.
PASSING = frozenset((429, 500, 502, 503, 504))
PAGE = 1000
BEGUN = ("PENDING", "ONGOING", "CANCELLING")


class Refused(Exception):
    """The API understood and says no; ``status`` is the code of its answer"""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Away(Exception):
    """The API, or the identity service before it, cannot be reached for now"""


class Plans:
    """Action plans as the API tells of them"""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._base: str | None = None

    def get(self, uuid: str) -> dict[str, Any]:
        """Return the plan's row"""
        return self._ask("GET", f"/v1/action_plans/{_quoted(uuid)}")

    def progress(self, uuid: str, which: str = "running", limit: int = 200) -> Any:
        """Return how far the plan is"""
        path = f"/v1/action_plans/{_quoted(uuid)}/progress"
        return self._ask("GET", f"{path}?actions={which}&limit={limit}")

    def history(self, uuid: str, after: int = 0) -> Iterator[dict[str, Any]]:
        """Return what happened behind the entry with id ``after``, oldest first"""
        path = f"/v1/action_plans/{_quoted(uuid)}/history"
        where: str | None = f"{path}?limit={PAGE}&marker={after}"
        while where:
            page = self._ask("GET", where)
            yield from page["history"]
            where = _next(page)

    def newest(self, pages: int = 1) -> Iterator[dict[str, Any]]:
        """Return plans, the newest first"""
        where: str | None = f"/v1/action_plans?sort_key=id&sort_dir=desc&limit={PAGE}"
        while where and pages:
            page = self._ask("GET", where)
            yield from page["action_plans"]
            where, pages = _next(page), pages - 1

    def act(self, uuid: str, what: str) -> dict[str, Any]:
        """Start, pause or resume a plan"""
        return self._ask("POST", f"/v1/action_plans/{_quoted(uuid)}/{what}", {})

    def cancel(self, uuid: str) -> dict[str, Any]:
        """Cancel a plan, whether it runs or not"""
        state = "CANCELLING" if self.get(uuid)["state"] == "ONGOING" else "CANCELLED"
        change = [{"op": "replace", "path": "/state", "value": state}]
        return self._ask("PATCH", f"/v1/action_plans/{_quoted(uuid)}", change)

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send one request

        :raises Refused: the answer is no
        :raises Away: there is no answer, or none that counts
        """
        try:
            answer = self._adapter.request(
                self._where() + path,
                method,
                raise_exc=False,
                headers={"OpenStack-API-Version": VERSION},
                **({} if body is None else {"json": body}),
            )
        except (
            exceptions.ConnectFailure,
            exceptions.RetriableConnectionFailure,
        ) as error:
            raise Away(str(error)) from error
        except exceptions.HttpError as error:
            # Of the identity service.
            status = int(error.http_status or 0)
            if status in PASSING:
                raise Away(str(error)) from error
            raise Refused(status, str(error)) from error
        except exceptions.ClientException as error:
            raise Refused(0, str(error)) from error
        if answer.status_code in PASSING:
            raise Away(_fault(answer))
        if answer.status_code >= 400:
            raise Refused(answer.status_code, _fault(answer))
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refused(0, f"{self._base} does not answer as Watcher's API does")
        return found

    def _where(self) -> str:
        if self._base is None:
            found = self._adapter.get_endpoint()
            if not found:
                raise Refused(0, "the catalog has no service of type infra-optim")
            self._base = found.rstrip("/").removesuffix("/v1")
        return self._base


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _next(page: dict[str, Any]) -> str | None:
    """Return path and query of the next page; its host may be known to the API alone"""
    link = page.get("next")
    if not link:
        return None
    parts = urllib.parse.urlsplit(str(link))
    path = parts.path[max(0, parts.path.find("/v1/")) :]
    return f"{path}?{parts.query}"


def _fault(answer: Any) -> str:
    """Return what an error says, in one line"""
    try:
        body = answer.json()
        if "error_message" in body:
            message = body["error_message"]
            fault = json.loads(message) if isinstance(message, str) else message
            text = str(fault["faultstring"])
        else:
            text = str(body["error"]["message"])
    except (ValueError, KeyError, TypeError):
        text = answer.reason or "no reason given"
    return f"{' '.join(text.split())} (HTTP {answer.status_code})"
