"""People of a real Keystone, each with one role, and requests that they send."""

import datetime
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from tests.cloud import configs
from tests.cloud.plane import Plane

PROJECT, DOMAIN, SYSTEM = "project", "domain", "system"
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class People:
    """Makes accounts, roles and tokens in Keystone"""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._base = plane.url("keystone", "/v3")
        self._roles = {r["name"]: r["id"] for r in self._get("roles")}
        self._project = self._post(
            "project", name=f"people-{uuid.uuid4().hex[:8]}", domain_id="default"
        )
        self._scopes: dict[str, Any] = {
            PROJECT: {"project": {"id": self._project}},
            DOMAIN: {"domain": {"id": "default"}},
            SYSTEM: {"system": {"all": True}},
        }

    def _get(self, plural: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._plane.call("GET", f"{self._base}/{plural}")[
            plural
        ]
        return found

    def _post(self, noun: str, **fields: Any) -> str:
        made = self._plane.call("POST", f"{self._base}/{noun}s", {noun: fields})
        return str(made[noun]["id"])

    def account(self, role: str | None, scope: str | None) -> str:
        """Make an account with ``role``, and the role if need be; return its name"""
        name = f"{role or 'nobody'}-{uuid.uuid4().hex[:8]}"
        user = self._post("user", name=name, domain_id="default",
                          password=configs.PASSWORD)  # fmt: skip
        if role is None or scope is None:
            return name
        if role not in self._roles:
            self._roles[role] = self._post("role", name=role)
        place = {
            SYSTEM: "system",
            PROJECT: f"projects/{self._project}",
            DOMAIN: "domains/default",
        }[scope]
        self._plane.call(
            "PUT", f"{self._base}/{place}/users/{user}/roles/{self._roles[role]}"
        )
        return name

    def token(self, role: str | None, scope: str | None) -> str:
        """Return a token of a new account"""
        return self._token(self._password(self.account(role, scope)), scope)

    def short_token(self, seconds: float) -> tuple[str, float]:
        """Return an administrator's token and how long it is still valid

        Tokens of application credentials end with them.
        """
        name = self.account("admin", PROJECT)
        token = self._token(self._password(name), PROJECT)
        mine = {"X-Auth-Token": token}
        user = next(u["id"] for u in self._get("users") if u["name"] == name)
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        body = {"application_credential": {"name": name, "secret": "s",
                                           "expires_at": ends.strftime(TIME)}}  # fmt: skip
        made = requests.post(f"{self._base}/users/{user}/application_credentials",
                             json=body, headers=mine, timeout=60)  # fmt: skip
        made.raise_for_status()
        known = {"id": made.json()["application_credential"]["id"], "secret": "s"}
        identity = {"methods": ["application_credential"],
                    "application_credential": known}  # fmt: skip
        return self._token(identity, None), ends.timestamp() - time.time()

    def revoke(self, token: str) -> None:
        """Make a token invalid"""
        self._plane.call(
            "DELETE", f"{self._base}/auth/tokens", **{"X-Subject-Token": token}
        )

    def _password(self, name: str) -> Mapping[str, Any]:
        user = {"name": name, "domain": {"id": "default"}, "password": configs.PASSWORD}
        return {"methods": ["password"], "password": {"user": user}}

    def _token(self, identity: Mapping[str, Any], scope: str | None) -> str:
        auth: dict[str, Any] = {"identity": identity}
        if scope is not None:
            auth["scope"] = self._scopes[scope]
        answer = requests.post(
            f"{self._base}/auth/tokens", json={"auth": auth}, timeout=60
        )
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"]


class Routes:
    """Every route of the API, from its own description"""

    def __init__(self, plane: Plane) -> None:
        self.url = plane.url("watcher")
        self._paths = plane.call("GET", f"{self.url}/v1/openapi.json")["paths"]

    def every(self, **idents: str) -> Iterator[tuple[str, str, bool]]:
        """Yield method, path and whether a token is demanded

        ``idents`` stand where paths have names in braces, others are of nothing.
        """
        for path, methods in self._paths.items():
            parts = [
                idents.get(part[1:-1], str(uuid.UUID(int=4 << 76)))
                if part.startswith("{")
                else part
                for part in path.split("/")
            ]
            for method, told in methods.items():
                if method != "parameters":
                    yield method.upper(), "/".join(parts), told.get("security") != []

    def send(
        self, method: str, path: str, token: str | None, body: Any = None
    ) -> requests.Response:
        """Send a request at the latest version"""
        headers = {"OpenStack-API-Version": "infra-optim latest"}
        if token is not None:
            headers["X-Auth-Token"] = token
        more = {} if method in ("GET", "DELETE") else {"json": body or {}}
        return requests.request(
            method, self.url + path, headers=headers, timeout=60, **more
        )
