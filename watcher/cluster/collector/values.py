"""Turns what clients read into values of elements."""

import math
from collections.abc import Mapping
from typing import Any

from watcher.clients.records import ComputeService, Hypervisor, Inventory, Server
from watcher.cluster.model.element import Instance, ServiceState

# Resource class -> fields for total, reserved and ratio, and the hypervisor's own number.
CLASSES = (
    ("VCPU", "vcpus", "vcpu_reserved", "vcpu_ratio", "vcpus"),
    ("MEMORY_MB", "memory", "memory_mb_reserved", "memory_ratio", "memory_mb"),
    ("DISK_GB", "disk", "disk_gb_reserved", "disk_ratio", "disk_gb"),
)


def state(hypervisor: Hypervisor, service: ComputeService | None) -> dict[str, Any]:
    """Return the values of a node that change without anybody buying hardware"""
    down = hypervisor.state != ServiceState.ONLINE or (
        service is not None
        and (service.forced_down or service.state != ServiceState.ONLINE)
    )
    return {
        "hostname": hypervisor.hostname,
        "hypervisor": hypervisor.name,
        "state": ServiceState.OFFLINE.value if down else ServiceState.ONLINE.value,
        "status": service.status if service else hypervisor.status,
        "disabled_reason": (
            service.disabled_reason if service else hypervisor.disabled_reason
        ),
        "service_id": service.id if service else hypervisor.service_id,
        "zone": (service.zone if service else None) or "",
    }


def node(
    hypervisor: Hypervisor,
    service: ComputeService | None,
    inventory: Mapping[str, Inventory],
) -> dict[str, Any]:
    """Return all values of a node; what nobody knows is 0, so that nothing is put there"""
    values = {"uuid": hypervisor.uuid, **state(hypervisor, service)}
    for resource, total, reserved, ratio, own in CLASSES:
        found = inventory.get(resource)
        if found is None:
            found = Inventory(total=getattr(hypervisor, own) or 0)
        values[total] = found.total
        values[reserved] = found.reserved
        values[ratio] = found.allocation_ratio
    known = {row[0] for row in CLASSES}
    values["traits"] = None
    values["other_resources"] = {
        resource: ((of.total - of.reserved) * of.allocation_ratio, 0)
        for resource, of in inventory.items()
        if resource not in known
    }
    return values


def others(
    known: Mapping[str, tuple[float, int]], usages: Mapping[str, int]
) -> dict[str, tuple[float, int]]:
    """Return (capacity, used) of a node's other resource classes by newer usages"""
    return {
        resource: (capacity, int(usages.get(resource, 0)))
        for resource, (capacity, _used) in known.items()
    }


def instance(server: Server) -> dict[str, Any]:
    """Return the values of an instance; memory in MB, local disk in GB"""
    values = {
        **Instance.defaults,
        "uuid": server.uuid,
        "name": server.name,
        "state": server.vm_state.lower(),
        "task_state": server.task_state,
        "metadata": dict(server.metadata),
        "project_id": server.project_id,
        "locked": server.locked,
        "host": server.host or "",
        "hypervisor_hostname": server.hypervisor or "",
        "pinned_az": server.pinned_zone or "",
        "pinned_zone": server.pinned_zone,
        "flavor_extra_specs": {},
    }
    if server.created_at is not None:
        values["created"] = server.created_at
    if (flavor := server.flavor) is not None:
        values["vcpus"] = flavor.vcpus
        values["memory"] = flavor.memory_mb
        values["disk"] = local_disk_gb(
            0 if server.boots_from_volume else flavor.disk_gb,
            flavor.ephemeral_gb,
            flavor.swap_mb,
        )
        values["flavor_extra_specs"] = dict(flavor.extra_specs)
    return values


def claimed(usages: Mapping[str, int]) -> tuple[int, int, int]:
    """Return what Placement counts as used: vCPUs, MB, GB"""
    vcpu, memory, disk = (int(usages.get(row[0], 0)) for row in CLASSES)
    return vcpu, memory, disk


def local_disk_gb(root_gb: int, ephemeral_gb: int, swap_mb: int) -> int:
    """Return what a server takes of its node's disk; ``root_gb`` is 0 on a volume"""
    return root_gb + ephemeral_gb + math.ceil(swap_mb / 1024)
