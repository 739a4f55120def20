"""What people and Nova do to servers, one call for each; each waits for its end."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from tests import servers
from tests.cloud.plane import Plane

STILL = ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED", "RESCUE", "ERROR", "VERIFY_RESIZE",
         "SHELVED_OFFLOADED", "SOFT_DELETED")  # fmt: skip
# vCPUs, memory in MB, root disk and ephemeral disk in GB, swap in MB
FLAVORS = {"tiny": (1, 512, 1, 0, 0), "small": (1, 2048, 10, 0, 0),
           "large": (2, 4096, 20, 0, 0), "odd": (3, 1000, 2, 1, 1500),
           # No host is so big.
           "huge": (64, 1 << 20, 10, 0, 0)}  # fmt: skip


class Operations:
    """Asks Nova as administrator"""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        plane.lift_quotas()
        self.flavors = self._flavors()
        self.image = plane.image()

    def _flavors(self) -> dict[str, str]:
        nova = self.plane.nova
        known = {f["name"]: f["id"] for f in nova("GET", "/flavors")["flavors"]}
        for name, (vcpus, ram, disk, ephemeral, swap) in FLAVORS.items():
            if name not in known:
                body = {"name": name, "vcpus": vcpus, "ram": ram, "disk": disk,
                        "OS-FLV-EXT-DATA:ephemeral": ephemeral, "swap": swap}  # fmt: skip
                made = nova("POST", "/flavors", {"flavor": body})["flavor"]
                known[name] = made["id"]
        return known

    def server(self, ident: str) -> dict[str, Any]:
        """Return a server with its details"""
        found: dict[str, Any] = self.plane.nova("GET", f"/servers/{ident}")["server"]
        return found

    def settled(self, ident: str, *statuses: str, seconds: float = 60) -> str:
        """Wait until nothing is being done to a server; return its status"""
        seen: dict[str, Any] = {}

        def still() -> bool:
            seen.update(self.server(ident))
            return seen["OS-EXT-STS:task_state"] is None and seen["status"] in (
                statuses or STILL
            )

        try:
            servers.wait_until(still, seconds, f"server {ident}")
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {seen}") from error
        return str(seen["status"])

    def create(self, name: str, flavor: str = "tiny", wait: bool = True,
               hints: Any = None, **fields: Any) -> str:  # fmt: skip
        """Make a server; return its id"""
        body = {"server": {
            "name": name, "imageRef": self.image, "networks": "none",
            "flavorRef": self.flavors[flavor], **fields}}  # fmt: skip
        if hints:
            body["os:scheduler_hints"] = hints
        ident = str(self.plane.nova("POST", "/servers", body)["server"]["id"])
        if wait:
            self.settled(ident)
        return ident

    def act(self, ident: str, action: str, arguments: Any = None, *ends: str) -> None:
        """Ask for an action on a server and wait until it stands in one of ``ends``"""
        self.plane.nova("POST", f"/servers/{ident}/action", {action: arguments})
        self.settled(ident, *ends)

    def delete(self, ident: str) -> None:
        """Delete a server and wait until it is gone"""
        self.plane.nova("DELETE", f"/servers/{ident}")
        self.gone(ident)

    def gone(self, ident: str) -> None:
        """Wait until Nova knows a server no more"""
        servers.wait_until(
            lambda: ident not in {s["id"] for s in self.plane.servers()},
            60,
            f"end of server {ident}",
        )

    def live_migrate(self, ident: str, host: str | None = None, *ends: str) -> None:
        """Move a running server"""
        where = {"host": host, "block_migration": "auto"}
        self.act(ident, "os-migrateLive", where, *ends)

    def resize(self, ident: str, flavor: str) -> None:
        """Give a server another size, up to the question whether to keep it"""
        self.act(ident, "resize", {"flavorRef": self.flavors[flavor]}, "VERIFY_RESIZE")

    def migrate(self, ident: str, host: str | None = None) -> None:
        """Move a server cold, up to the question whether to keep it"""
        self.act(ident, "migrate", {"host": host} if host else None, "VERIFY_RESIZE")

    def metadata(self, ident: str, **values: str) -> None:
        """Add metadata to a server"""
        path = f"/servers/{ident}/metadata"
        self.plane.nova("POST", path, {"metadata": values})

    # Hosts ------------------------------------------------------------------------

    def service(self, host: str, **fields: Any) -> None:
        """Change a compute service: status, disabled_reason, forced_down"""
        (found,) = self.plane.services(host=host)
        self.plane.nova("PUT", f"/os-services/{found['id']}", fields)

    def aggregate(self, name: str, *hosts: str, **metadata: str) -> int:
        """Make an aggregate; return its id"""
        body = {"aggregate": {"name": name}}
        ident = self.plane.nova("POST", "/os-aggregates", body)["aggregate"]["id"]
        for host in hosts:
            self.in_aggregate(ident, add_host={"host": host})
        if metadata:
            self.in_aggregate(ident, set_metadata={"metadata": metadata})
        return int(ident)

    def in_aggregate(self, ident: int, **action: Any) -> None:
        """Change an aggregate: add_host, remove_host, set_metadata"""
        self.plane.nova("POST", f"/os-aggregates/{ident}/action", action)

    def drop_aggregate(self, ident: int) -> None:
        """Empty an aggregate and delete it"""
        path = f"/os-aggregates/{ident}"
        for host in self.plane.nova("GET", path)["aggregate"]["hosts"]:
            self.in_aggregate(ident, remove_host={"host": host})
        self.plane.nova("DELETE", path)

    @contextlib.contextmanager
    def control(self, name: str = "default", **wishes: Any) -> Iterator[None]:
        """Steer a hypervisor or a backend for a while"""
        path = self.plane.folder / "control" / f"{name}.json"
        before = path.read_text() if path.exists() else "{}"
        path.write_text(json.dumps(wishes))
        try:
            yield
        finally:
            path.write_text(before)
