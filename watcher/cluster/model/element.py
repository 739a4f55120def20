"""Elements of the models: fields, their units and their defaults."""

import enum
from collections.abc import Mapping
from typing import Any

from watcher.cluster.model import demands
from watcher.cluster.model.field import (
    Element,
    Field,
    amount,
    count,
    flag,
    gigabytes,
    listing,
    mapping,
    text,
    text_or_none,
    time,
)

# Position of each resource in the columns.
VCPU, MEMORY, DISK = 0, 1, 2


class ServiceState(enum.StrEnum):
    """Words for the state and the status of a compute service"""

    ONLINE = "up"
    OFFLINE = "down"
    ENABLED = "enabled"
    DISABLED = "disabled"


class InstanceState(enum.StrEnum):
    """Vm states of a server"""

    ACTIVE = "active"
    BUILDING = "building"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    RESCUED = "rescued"
    RESIZED = "resized"
    SHELVED = "shelved"
    SOFT_DELETED = "soft-delete"
    DELETED = "deleted"
    ERROR = "error"


class VolumeState(enum.StrEnum):
    """Statuses of a volume"""

    CREATING = "creating"
    AVAILABLE = "available"
    ATTACHING = "attaching"
    IN_USE = "in-use"
    DELETING = "deleting"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"
    BACKING_UP = "backing-up"
    RESTORING_BACKUP = "restoring-backup"
    ERROR_RESTORING = "error_restoring"
    ERROR_EXTENDING = "error_extending"


class ComputeNode(Element):
    """A hypervisor; memory in MB, disk in GB"""

    uuid = text()
    hostname = text()
    status = text(ServiceState.ENABLED.value)
    disabled_reason = text_or_none()
    state = text(ServiceState.ONLINE.value)
    memory = count()
    memory_mb_reserved = count()
    disk = count()
    disk_gb_reserved = count()
    vcpus = count()
    vcpu_reserved = count()
    memory_ratio = amount()
    vcpu_ratio = amount()
    disk_ratio = amount()
    zone = text("", published=False)
    service_id = text_or_none(None, published=False)
    hypervisor = text("", published=False)
    # Of its Placement provider; None: nobody told.
    traits: Field[Any] = Field(frozenset, None, nullable=True, published=False)
    # Other resource classes than VCPU, MEMORY_MB and DISK_GB: (capacity, used).
    other_resources: Field[Any] = Field(dict, {}, published=False)

    @property
    def vcpu_capacity(self) -> float:
        """VCPUs that may be promised to servers"""
        return (self.vcpus - self.vcpu_reserved) * self.vcpu_ratio

    @property
    def memory_mb_capacity(self) -> float:
        """Memory that may be promised to servers"""
        return (self.memory - self.memory_mb_reserved) * self.memory_ratio

    @property
    def disk_gb_capacity(self) -> float:
        """Local disk that may be promised to servers"""
        return (self.disk - self.disk_gb_reserved) * self.disk_ratio

    @property
    def usable(self) -> bool:
        """Whether the scheduler would place a server here"""
        return usable(self._data)


def usable(values: Mapping[str, Any]) -> bool:
    """Tell from its values whether the scheduler would place a server on a node"""
    up, enabled = ServiceState.ONLINE, ServiceState.ENABLED
    return bool(values["state"] == up and values["status"] == enabled)


class Instance(Element):
    """A server; memory in MB, local disk in GB"""

    uuid = text()
    watcher_exclude = flag(False)
    name = text()
    state = text(InstanceState.ACTIVE.value)
    memory = count()
    disk = count()
    vcpus = count()
    metadata = mapping()
    project_id = text()
    locked = flag(False)
    host = text(published=False)
    hypervisor_hostname = text(published=False)
    created = time(published=False)
    pinned_az = text("")
    flavor_extra_specs = mapping({})
    task_state = text_or_none(None, published=False)

    @property
    def numa_nodes(self) -> int:
        """Over how many NUMA nodes the server is spread; 0: it has no topology"""
        return demands.numa_nodes(self._data.get("flavor_extra_specs") or {})

    # None: Nova does not tell, as before API 2.96. Empty: the server is in no zone by wish.
    pinned_zone = text_or_none(None, published=False)


class IronicNode(Element):
    """A bare-metal machine; ``extra["compute_node_id"]`` is the hypervisor that runs on it"""

    uuid = text()
    human_id = text("")
    # None: Ironic has not asked the machine yet.
    power_state = text_or_none(None)
    maintenance = flag(False)
    maintenance_reason = text_or_none(None)
    extra = mapping({})


class StorageNode(Element):
    """A volume service with its backend; ``volume_type`` are names of the types bound to it"""

    KEY = "host"

    uuid = text("")
    human_id = text("")
    host = text()
    zone = text("")
    status = text(ServiceState.ENABLED.value)
    state = text(ServiceState.ONLINE.value)
    volume_type = listing([])
    disabled_reason = text_or_none(None, published=False)


class Pool(Element):
    """A storage pool; a capacity that its backend does not know is not set"""

    KEY = "name"

    name = text()
    total_volumes = count()
    total_capacity_gb = gigabytes()
    free_capacity_gb = gigabytes()
    provisioned_capacity_gb = gigabytes()
    allocated_capacity_gb = gigabytes()
    virtual_free = gigabytes(0)
    # What the backend says of itself, for rules that compare it with extra specs.
    capabilities = mapping({}, published=False)
    reported_at = time(published=False)


class Volume(Element):
    """A volume; ``host`` is the name of its pool, None when no backend took it"""

    uuid = text()
    name = text()
    size = count()
    status = text(VolumeState.AVAILABLE.value)
    attachments = listing([])
    multiattach = flag(False)
    snapshot_id = text_or_none(None)
    project_id = text("")
    metadata = mapping({})
    bootable = flag(False)
    host = text_or_none(None)
    volume_type = text_or_none(None)
    created_at = time()
    migration_status = text_or_none(None, published=False)
    # By the clock of Cinder: the newest of what was read and of what events told.
    known_at = time(published=False)
