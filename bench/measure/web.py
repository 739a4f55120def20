"""Nova and Placement of a generated cloud, answering the real clients in JSON, at once.

The CPU time of making the answers is kept apart, so that what is left is ours: asking,
parsing, building.
"""

import json
import math
import threading
import time
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from watcher.clients.nova import Nova
from watcher.clients.placement import Placement

PAGE = 1000
NOON = "2026-03-01T12:00:00Z"


def name(kind: str, number: int) -> str:
    """Return a stable UUID"""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {number}"))


class WebCloud:
    """Clients of a cloud of ``hosts`` and ``servers``; counts requests and bytes"""

    def __init__(self, hosts: int, servers: int) -> None:
        self.hosts, self.servers = hosts, servers
        self.changed: dict[int, int] = {}  # server -> its new host
        self._lock = threading.Lock()
        self.reset()
        self.nova = Nova(self._service(self._nova))  # type: ignore[arg-type]
        self.placement = Placement(self._service(self._placement))  # type: ignore[arg-type]
        self.keystone = types.SimpleNamespace(has_service=lambda _type: False)
        self._numbers = {name("host", n): n for n in range(hosts)}

    def reset(self) -> None:
        """Count from zero"""
        self.requests, self.bytes, self.own_s = 0, 0, 0.0

    def _service(self, answer: Callable[..., Any]) -> Any:
        def get(path: str, version: str | None = None, **params: Any) -> Any:
            start = time.thread_time()
            text = json.dumps(answer(path, **params))
            spent = time.thread_time() - start
            with self._lock:
                self.requests += 1
                self.bytes += len(text)
                self.own_s += spent
            return json.loads(text)

        data = types.SimpleNamespace(max_microversion=(2, 100))
        adapter = types.SimpleNamespace(get_endpoint_data=lambda: data)
        return types.SimpleNamespace(get=get, adapter=adapter, guard=lambda fn: fn())

    # Nova -------------------------------------------------------------------------------

    def _nova(self, path: str, **params: Any) -> Any:
        since = "changes-since" in params
        if path == "/servers/detail":
            chosen = sorted(self.changed) if since else range(self.servers)
            return self._page("servers", self._server, list(chosen), params)
        if path == "/os-hypervisors/detail":
            return self._page(
                "hypervisors", self._hypervisor, list(range(self.hosts)), params
            )
        if path == "/os-services":
            return {"services": [self._service_row(n) for n in range(self.hosts)]}
        if path == "/os-migrations":
            return {"migrations": []}
        if path == "/os-server-groups":
            return {"server_groups": []}
        if path == "/os-aggregates":
            return {"aggregates": list(self._aggregates())}
        raise AssertionError(path)

    def _page(
        self,
        noun: str,
        make: Callable[[int], dict[str, Any]],
        numbers: list[int],
        params: dict[str, Any],
    ) -> Any:
        start = 0
        if marker := params.get("marker"):
            kind = {"servers": "server", "hypervisors": "host"}[noun]
            start = next(
                i + 1 for i, n in enumerate(numbers) if name(kind, n) == marker
            )
        rows = [make(n) for n in numbers[start : start + PAGE]]
        more = start + PAGE < len(numbers)
        return {noun: rows, f"{noun}_links": [{"rel": "next"}] if more else []}

    def _server(self, number: int) -> dict[str, Any]:
        host = f"compute-{self.changed.get(number, number % self.hosts):05}"
        stamp = "2026-03-01T13:00:00Z" if number in self.changed else NOON
        return {
            "id": name("server", number),
            "name": f"vm-{number}",
            "status": "ACTIVE",
            "tenant_id": name("project", number % 50),
            "user_id": name("user", number % 50),
            "metadata": {"role": "web"},
            "hostId": "0" * 56,
            "image": {
                "id": name("image", 1),
                "links": [{"rel": "self", "href": "x" * 80}],
            },
            "flavor": {
                "vcpus": 1 + number % 4,
                "ram": 1024 * (1 + number % 4),
                "disk": 10,
                "ephemeral": 0,
                "swap": 0,
                "original_name": "m1",
                "extra_specs": {"hw:cpu_policy": "shared"},
            },
            "created": NOON,
            "updated": stamp,
            "addresses": {
                "private": [
                    {"addr": "10.0.0.1", "version": 4, "OS-EXT-IPS:type": "fixed"}
                ]
            },
            "links": [{"rel": "self", "href": "x" * 100}] * 2,
            "OS-DCF:diskConfig": "MANUAL",
            "OS-EXT-AZ:availability_zone": "nova",
            "OS-EXT-SRV-ATTR:host": host,
            "OS-EXT-SRV-ATTR:hypervisor_hostname": host,
            "OS-EXT-SRV-ATTR:instance_name": f"instance-{number:08x}",
            "OS-EXT-STS:vm_state": "active",
            "OS-EXT-STS:task_state": None,
            "OS-EXT-STS:power_state": 1,
            "key_name": None,
            "security_groups": [{"name": "default"}],
            "os-extended-volumes:volumes_attached": [],
            "locked": False,
            "pinned_availability_zone": None,
        }

    def _hypervisor(self, number: int) -> dict[str, Any]:
        host = f"compute-{number:05}"
        return {
            "id": name("host", number),
            "hypervisor_hostname": host,
            "hypervisor_type": "QEMU",
            "state": "up",
            "status": "enabled",
            "vcpus": 64,
            "memory_mb": 262_144,
            "local_gb": 4000,
            "cpu_info": {"features": ["f"] * 60},
            "service": {"host": host, "id": name("service", number)},
        }

    def _service_row(self, number: int) -> dict[str, Any]:
        return {
            "id": name("service", number),
            "binary": "nova-compute",
            "host": f"compute-{number:05}",
            "zone": "nova",
            "status": "enabled",
            "state": "up",
            "updated_at": NOON,
        }

    def _aggregates(self) -> Iterator[dict[str, Any]]:
        for number in range(math.ceil(self.hosts / 50)):
            first = number * 50
            members = range(first, min(first + 50, self.hosts))
            yield {
                "id": number,
                "name": f"rack-{number}",
                "availability_zone": None,
                "hosts": [f"compute-{n:05}" for n in members],
                "metadata": {"rack": str(number)},
            }

    # Placement --------------------------------------------------------------------------

    def _placement(self, path: str, **params: Any) -> Any:
        if path == "/allocation_candidates":
            return {
                "allocation_requests": [],
                "provider_summaries": {
                    uuid_: {
                        "resources": {
                            key: {"capacity": 4 * total, "used": used}
                            for key, (total, used) in self._amounts(n).items()
                        },
                        "traits": ["COMPUTE_NODE", "HW_CPU_X86_AVX2"],
                    }
                    for uuid_, n in self._numbers.items()
                },
            }
        _empty, _providers, provider, what = path.split("/")
        amounts = self._amounts(self._numbers[provider])
        if what == "usages":
            return {"usages": {key: used for key, (_total, used) in amounts.items()}}
        return {
            "inventories": {
                key: {"total": total, "reserved": 0, "allocation_ratio": 4.0}
                for key, (total, _used) in amounts.items()
            }
        }

    def _amounts(self, number: int) -> dict[str, tuple[int, int]]:
        mine = [
            1 + n % 4 for n in range(number, self.servers, self.hosts)
        ]  # as _server has it
        return {
            "VCPU": (64, sum(mine)),
            "MEMORY_MB": (262_144, 1024 * sum(mine)),
            "DISK_GB": (4000, 10 * len(mine)),
        }
