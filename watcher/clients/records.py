"""What the clients read from the cloud, as frozen values; times are naive UTC."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Statuses of a migration record while it still holds room on two hosts. "finished" is a
# cold migration or resize that waits for its confirmation.
IN_FLIGHT = (
    "queued",
    "accepted",
    "preparing",
    "pre-migrating",
    "migrating",
    "running",
    "post-migrating",
    "running (post-copy)",
    "finished",
    "confirming",
    "reverting",
)

# Statuses after which a migration record does not change any more. Nova calls an
# unfinished evacuation "done" until its source host came back: the server has moved.
ENDED_WELL = ("completed", "confirmed", "done")
ENDED_BADLY = ("error", "failed", "cancelled", "reverted")

# Migration statuses of a volume while Cinder moves it.
MOVING = ("starting", "migrating", "completing")

# Comparisons that extra specs of volume types may begin with.
OPERATORS = ("=", "==", "!=", "<=", ">=", "s==", "s!=", "s<", "s<=", "s>", "s>=",
             "<all-in>")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypervisor:
    """A compute node; its UUID is also that of its Placement provider"""

    uuid: str
    hostname: str  # of the compute service, the name that migrations take
    name: str  # hypervisor_hostname
    state: str = "up"
    status: str = "enabled"
    disabled_reason: str | None = None
    service_id: str | None = None
    vcpus: int | None = None
    memory_mb: int | None = None
    disk_gb: int | None = None
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeService:
    """The nova-compute process of a host"""

    id: str
    host: str
    zone: str | None = None
    status: str = "enabled"
    state: str = "up"
    disabled_reason: str | None = None
    forced_down: bool = False
    updated_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """The size of a server as it was when the server got it, or one that it may get"""

    name: str
    vcpus: int
    memory_mb: int
    disk_gb: int = 0
    ephemeral_gb: int = 0
    swap_mb: int = 0
    extra_specs: Mapping[str, str] = field(default_factory=dict)
    id: str = ""  # a server does not tell that of its own

    def same_size(self, other: "Flavor") -> bool:
        """Tell whether name and sizes agree; extra specs may be changed in place"""
        return self._size == other._size

    @property
    def _size(self) -> tuple[str, int, int, int, int, int]:
        return (
            self.name, self.vcpus, self.memory_mb, self.disk_gb, self.ephemeral_gb,
            self.swap_mb,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server; one in a cell that does not answer has status UNKNOWN and no host"""

    uuid: str
    name: str
    host: str | None = None
    hypervisor: str | None = None
    status: str = "ACTIVE"
    vm_state: str = "active"
    task_state: str | None = None
    power_state: int = 0
    locked: bool = False
    project_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    availability_zone: str | None = None
    # "": free to be in any zone; None: Nova does not tell, as before API 2.96.
    pinned_zone: str | None = None
    flavor: Flavor | None = None
    boots_from_volume: bool = False
    deleted: bool = False
    fault: str | None = None
    fault_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A named set of hosts"""

    id: int
    name: str
    zone: str | None = None
    hosts: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerGroup:
    """Servers that shall, or shall not, share a host"""

    id: str
    policy: str
    members: Sequence[str] = ()
    max_per_host: int | None = None
    name: str = ""
    project_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationProgress:
    """How far the memory copy of a live migration is, in bytes"""

    memory_total: int | None = None
    memory_processed: int | None = None
    memory_remaining: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """Nova's record of a server that changes its host or its size"""

    id: int
    uuid: str | None = None  # unknown to Nova before compute API 2.59
    server: str
    kind: str  # live-migration, migration, resize or evacuation
    status: str
    source_host: str | None = None
    dest_host: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    progress: MigrationProgress | None = None

    @property
    def in_flight(self) -> bool:
        """Whether it may still hold room on both hosts"""
        return self.status in IN_FLIGHT

    @property
    def succeeded(self) -> bool:
        """Whether the server is where it was sent and nothing waits any more"""
        return self.status in ENDED_WELL


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceAction:
    """What somebody asked Nova to do with a server"""

    request_id: str | None  # Nova's own, as it answered the request
    action: str  # live-migration, migrate, confirmResize, ...
    user_id: str | None = None
    message: str | None = None  # "Error" when it failed
    started_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a Placement provider has of one resource class"""

    total: int
    reserved: int = 0
    allocation_ratio: float = 1.0
    used: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A Placement provider that has room, as one request tells of all such providers"""

    used: Mapping[str, int]  # by resource class
    traits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaremetalNode:
    """A machine that Ironic manages"""

    uuid: str
    name: str = ""
    power_state: str | None = None  # None: Ironic has not asked it yet
    maintenance: bool = False
    maintenance_reason: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    # What follows is told of single nodes only, not in the list of all.
    provision_state: str | None = None
    target_power_state: str | None = None  # while it is being switched
    reservation: str | None = None  # the conductor that works on it just now
    last_error: str | None = None
    instance: str | None = None  # the server that Nova deployed on it


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageService:
    """A cinder-volume process; ``host`` has its backend after an @, if it has a name"""

    host: str
    zone: str | None = None
    status: str = "enabled"
    state: str = "up"
    disabled_reason: str | None = None
    updated_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePool:
    """A pool as Cinder's scheduler knows it; GB, where None is unknown and inf unlimited"""

    name: str  # host@backend#pool
    total_gb: float | None = None
    free_gb: float | None = None
    provisioned_gb: float | None = None
    allocated_gb: float | None = None
    total_volumes: int | None = None
    backend_name: str | None = None
    reported_at: datetime.datetime | None = None
    capabilities: Mapping[str, object] = field(default_factory=dict)

    def suits(self, kind: "VolumeType") -> bool:
        """Tell whether volumes of the type may be here, as far as the pool tells

        Extra specs of which the pool says nothing do not count. Those with an operator
        other than <is>, <in> and <or> are left to Cinder's scheduler.
        """
        return all(
            _meets(self.capabilities[name], wanted)
            for key, wanted in kind.extra_specs.items()
            if (name := key.removeprefix("capabilities:")) in self.capabilities
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeType:
    """A volume type with all of its extra specs"""

    id: str
    name: str
    extra_specs: Mapping[str, str] = field(default_factory=dict)
    is_public: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A volume's attachment to a server; without server it is somebody else's"""

    id: str
    server: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume; one that no backend would take has no host, an old one may have no type"""

    uuid: str
    name: str
    size_gb: int
    status: str = "available"
    host: str | None = None  # the pool's name
    type: str | None = None  # the type's name
    project_id: str = ""
    multiattach: bool = False
    bootable: bool = False
    snapshot_id: str | None = None
    attachments: Sequence[Attachment] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    migration_status: str | None = None
    # The volume whose storage it has since a migration; that one is deleted afterwards.
    name_id: str | None = None
    encrypted: bool = False
    replication_status: str | None = None
    group: str | None = None  # told of single volumes only, but for consistency groups
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    @property
    def is_moving(self) -> bool:
        """Whether Cinder is migrating it, or changing its type"""
        busy = self.status in ("retyping", "maintenance")
        return busy or self.migration_status in MOVING

    @property
    def is_shadow(self) -> bool:
        """Whether a migration made it, to copy another volume into or to be removed after"""
        status = self.migration_status or ""
        return status.startswith("target:") or status == "deleting"


def _meets(given: object, wanted: str) -> bool:
    operator, _blank, operand = wanted.strip().partition(" ")
    operand = operand.strip()
    if operator == "<is>":
        return str(given).lower() == operand.lower()
    if operator == "<in>":
        return operand in str(given)
    if operator == "<or>":
        return str(given) in [part.strip() for part in operand.split("<or>")]
    if operator in OPERATORS:
        return True
    return str(given).lower() == wanted.strip().lower()


@dataclass(frozen=True, slots=True)
class VolumeTotals:
    """How many volumes a cloud has, those of migrations included, and their GB"""

    count: int
    size_gb: int
