"""What Nova and Placement say of hosts and servers, and whether a model says the same."""

import math
from collections.abc import Iterator, Set
from typing import Any

from tests.cloud.plane import Plane
from watcher.cluster.model.model_root import ModelRoot

Table = dict[str, dict[str, Any]]
# What the API of the model shows, under these names.
SHOWN_NODE = {"state", "status", "disabled_reason", "vcpus", "memory", "disk"}
SHOWN_SERVER = {
    "host",
    "state",
    "vcpus",
    "memory",
    "disk",
    "name",
    "locked",
    "metadata",
}
# Whether a service is alive is told by nobody: it has to be asked for.
LIVENESS = {"state"}


def nodes(plane: Plane) -> Table:
    """Return every host as Nova and Placement tell it, by its name"""
    services = {s["host"]: s for s in plane.services()}
    on: dict[str, list[dict[str, Any]]] = {}
    for server in servers(plane).values():
        on.setdefault(server["host"], []).append(server)
    found = {}
    for each in plane.nova("GET", "/os-hypervisors/detail", version="2.53")[
        "hypervisors"
    ]:
        service = services.get(each["service"]["host"])
        if service is None:
            continue
        held = plane.call(
            "GET",
            plane.url("placement", f"/resource_providers/{each['id']}/inventories"),
        )["inventories"]
        down = "down" in (service["state"], each["state"]) or service["forced_down"]
        here = on.get(service["host"], [])
        found[service["host"]] = {
            "state": "down" if down else "up",
            "status": service["status"],
            "disabled_reason": service["disabled_reason"],
            "vcpus": held["VCPU"]["total"],
            "memory": held["MEMORY_MB"]["total"],
            "memory_mb_reserved": held["MEMORY_MB"]["reserved"],
            "disk": held["DISK_GB"]["total"],
            "vcpu_ratio": held["VCPU"]["allocation_ratio"],
            "used": [sum(s[n] for s in here) for n in ("vcpus", "memory", "disk")],
        }
    return found


def servers(plane: Plane) -> Table:
    """Return every server that is on a host as Nova tells it, by UUID"""
    found = {}
    for each in plane.servers():
        flavor = each["flavor"]
        if not each["OS-EXT-SRV-ATTR:host"]:
            continue
        root = flavor["disk"] if each["image"] else 0
        found[each["id"]] = {
            "host": each["OS-EXT-SRV-ATTR:host"],
            "state": each["OS-EXT-STS:vm_state"],
            "vcpus": flavor["vcpus"],
            "memory": flavor["ram"],
            "disk": root + flavor["ephemeral"] + math.ceil(flavor["swap"] / 1024),
            "name": each["name"],
            "locked": each["locked"],
            "metadata": each["metadata"],
            "project_id": each["tenant_id"],
            "task_state": each["OS-EXT-STS:task_state"],
        }
    return found


def nodes_of(model: ModelRoot) -> Table:
    """Return the nodes of a model in the same form"""
    columns = model.node_columns
    return {
        str(data["hostname"]): {
            **data,
            "used": columns.used[columns.row[uuid]].tolist(),
        }
        for uuid, data in model.nodes_data.items()
    }


def servers_of(model: ModelRoot) -> Table:
    """Return the servers of a model in the same form"""
    return {
        uuid: {**data, "host": model.host_of(uuid)}
        for uuid, data in model.instances_data.items()
    }


def shown(rows: list[dict[str, Any]]) -> tuple[Table, Table]:
    """Return nodes and servers out of what the API of the model shows"""
    found_nodes: Table = {}
    found_servers: Table = {}
    for row in rows:
        host = row["node_hostname"]
        found_nodes[host] = {
            k.removeprefix("node_"): v for k, v in row.items() if k.startswith("node_")
        }
        if "server_uuid" in row:
            found_servers[row["server_uuid"]] = {"host": host} | {
                k.removeprefix("server_"): v
                for k, v in row.items()
                if k.startswith("server_")
            }
    return found_nodes, found_servers


def shown_wrong(plane: Plane, rows: list[dict[str, Any]]) -> list[str]:
    """Return what the rows of the API say otherwise than Nova"""
    there, seen = shown(rows)
    return [
        *differences(nodes(plane), there, SHOWN_NODE),
        *differences(servers(plane), seen, SHOWN_SERVER),
    ]


def differences(
    told: Table,
    seen: Table,
    fields: set[str] | None = None,
    but: Set[str] = frozenset(),
) -> list[str]:
    """Return a line for each thing that is not the same in both"""
    return list(_lines(told, seen, fields, but))


def _lines(
    told: Table, seen: Table, fields: set[str] | None, but: Set[str]
) -> Iterator[str]:
    for key in sorted(told.keys() | seen.keys()):
        if key not in seen:
            yield f"{key} is missing: {told[key]}"
        elif key not in told:
            yield f"{key} is not there: {seen[key]}"
        else:
            for name, value in told[key].items():
                if name in but or (fields is not None and name not in fields):
                    continue
                if seen[key].get(name) != value:
                    yield f"{key} {name}: {value!r}, not {seen[key].get(name)!r}"
