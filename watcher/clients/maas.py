"""MAAS, the deprecated way to switch machines: what Ironic is asked for, in MAAS's words.

MAAS takes requests signed by OAuth 1 in plain text, which is a header without arithmetic.
"""

import time
import urllib.parse
import uuid as uuids
from collections.abc import Mapping
from typing import Any

from keystoneauth1 import adapter as ks_adapter
from keystoneauth1 import plugin
from keystoneauth1 import session as ks_session
from oslo_config import cfg

from watcher import exception
from watcher.clients.http import Service
from watcher.clients.records import BaremetalNode

# Ironic's words for what MAAS tells.
POWER = {"on": "power on", "off": "power off", "error": "error"}
BROKEN = "broken"
# Statuses in which MAAS works on a machine, as Ironic's provision states.
BUSY = {
    "commissioning": "inspecting",
    "testing": "inspecting",
    "deploying": "deploying",
    "releasing": "deleting",
    "disk erasing": "cleaning",
    "entering rescue mode": "rescuing",
    "exiting rescue mode": "unrescuing",
}


class OAuth(plugin.BaseAuthPlugin):
    """Signs requests with an API key of MAAS: consumer, token and secret"""

    def __init__(self, api_key: str) -> None:
        super().__init__()
        parts = (api_key or "").split(":")
        if len(parts) != 3:
            raise exception.ConfigInvalid(
                group="maas_client", option="api_key",
                reason="it does not consist of three parts with colons between them",
            )  # fmt: skip
        self._consumer, self._token, self._secret = parts

    def get_headers(self, session: Any, **kwargs: Any) -> dict[str, str]:
        """Return the signature, a new one each time"""
        values = {
            "oauth_version": "1.0",
            "oauth_signature_method": "PLAINTEXT",
            "oauth_consumer_key": self._consumer,
            "oauth_token": self._token,
            "oauth_signature": f"&{self._secret}",
            "oauth_nonce": uuids.uuid4().hex,
            "oauth_timestamp": str(int(time.time())),
        }
        text = ", ".join(
            f'{name}="{urllib.parse.quote(value, safe="")}"'
            for name, value in values.items()
        )
        return {"Authorization": f"OAuth {text}"}


class Maas:
    """See ``protocols.Metal`` for what each method promises"""

    tells_progress = False

    def __init__(self, service: Service) -> None:
        self._http = service

    @classmethod
    def of(cls, conf: cfg.ConfigOpts) -> "Maas":
        """Build it from ``[maas_client]``"""
        own = conf.maas_client
        address = own.url.rstrip("/")
        if not address.endswith("/api/2.0"):
            address += "/api/2.0"
        link = ks_adapter.Adapter(
            ks_session.Session(
                auth=OAuth(own.api_key),
                timeout=own.timeout,
                app_name="watcher",
            ),
            endpoint_override=address,
            raise_exc=False,
        )
        return cls(Service(link, "MAAS", exception.ClientError))

    def node(self, uuid: str) -> BaremetalNode:
        """Return one machine, its power as its controller says just now"""
        path = f"/machines/{urllib.parse.quote(uuid, safe='')}/"
        try:
            row = self._http.get(path)
            now = self._http.get(path, op="query_power_state")
        except exception.ClientError as error:
            raise self._missing(uuid, error) from error
        return _node({**row, "power_state": now.get("state")})

    def set_power(self, uuid: str, on: bool, request_id: str) -> str | None:
        """Ask that a machine be switched; refused (409) while MAAS works on it"""
        begun = time.monotonic()
        path = f"/machines/{urllib.parse.quote(uuid, safe='')}/"
        path += "?op=power_on" if on else "?op=power_off"
        try:
            self._http.change("POST", path, None, None, request_id, begun=begun)
        except exception.ClientError as error:
            raise self._missing(uuid, error) from error
        return request_id

    def _missing(self, uuid: str, error: exception.ClientError) -> Exception:
        if error.http_status == 404:
            return exception.IronicNodeNotFound(uuid=uuid)
        return error


def _node(row: Mapping[str, Any]) -> BaremetalNode:
    status = str(row.get("status_name") or "").lower()
    return BaremetalNode(
        uuid=str(row["system_id"]),
        name=row.get("fqdn") or row.get("hostname") or "",
        power_state=POWER.get(str(row.get("power_state"))),
        maintenance=status == BROKEN,
        maintenance_reason=row.get("error_description") or None,
        provision_state=BUSY.get(status, status or None),
    )
