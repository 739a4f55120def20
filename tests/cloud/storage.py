"""Types and volumes of a control plane's Cinder."""

from typing import Any

from tests import servers
from tests.cloud import configs
from tests.cloud.plane import Plane

STILL = ("available", "in-use", "error")


class Storage:
    """Asks Cinder as administrator"""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; return the JSON answer, if any"""
        return self._plane.call(
            method,
            self._plane.url("cinder", f"/v3{path}"),
            body,
            **{"OpenStack-API-Version": "volume 3.70"},
        )

    def seed(self, *sizes_gb: int) -> list[str]:
        """Make a type for each kind of backend, and volumes of them in turn"""
        kinds = sorted(set(configs.BACKENDS.values()))
        servers.wait_until(
            lambda: (
                {pool["name"].split("@")[1].split("#")[0] for pool in self.pools()}
                == set(configs.BACKENDS)
            ),
            60,
            "backends of Cinder",
        )
        known = {each["name"] for each in self.call("GET", "/types")["volume_types"]}
        for kind in kinds:
            if kind not in known:
                self.call("POST", "/types", {"volume_type": {
                    "name": kind, "extra_specs": {"volume_backend_name": kind}}})  # fmt: skip
        return [
            self.create(kinds[number % len(kinds)], size)
            for number, size in enumerate(sizes_gb)
        ]

    def create(self, kind: str, size_gb: int, **fields: Any) -> str:
        """Make a volume; return its id"""
        made = self.call("POST", "/volumes", {"volume": {
            "name": f"{kind}-{size_gb}", "size": size_gb, "volume_type": kind,
            **fields}})  # fmt: skip
        ident = str(made["volume"]["id"])
        self.settled(ident)
        return ident

    def volumes(self) -> list[dict[str, Any]]:
        """Return every volume with its details"""
        found: list[dict[str, Any]] = self.call(
            "GET", "/volumes/detail?all_tenants=true"
        )["volumes"]
        return found

    def volume(self, ident: str) -> dict[str, Any]:
        """Return one volume"""
        found: dict[str, Any] = self.call("GET", f"/volumes/{ident}")["volume"]
        return found

    def pools(self) -> list[dict[str, Any]]:
        """Return every pool with its capabilities"""
        found: list[dict[str, Any]] = self.call(
            "GET", "/scheduler-stats/get_pools?detail=true"
        )["pools"]
        return found

    def act(self, ident: str, action: str, **arguments: Any) -> None:
        """Ask for an action on a volume and wait for its end"""
        self.call("POST", f"/volumes/{ident}/action", {action: arguments})
        self.settled(ident)

    def settled(self, ident: str) -> dict[str, Any]:
        """Wait until nothing is being done to a volume; return it"""
        found: dict[str, Any] = {}

        def still() -> bool:
            found.update(self.volume(ident))
            return found["status"] in STILL and found["migration_status"] in (
                None, "success", "error")  # fmt: skip

        servers.wait_until(still, 60, f"volume {ident}")
        return found
