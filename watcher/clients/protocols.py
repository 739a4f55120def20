"""What the rest of the program may ask of a cloud, real or simulated.

Every failure is an ``exception.ClientError`` of the service (``http_status`` None when no
answer came), an ``exception.InstanceNotFound`` (``VolumeNotFound``, ``IronicNodeNotFound``
alike), or an ``exception.AuthorizationFailure`` when Keystone did not let us in, in which
case nothing was sent. Changing calls return the request id that the service gave the call.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Protocol

from watcher.clients.records import (
    Aggregate,
    BaremetalNode,
    ComputeService,
    Flavor,
    Hypervisor,
    InstanceAction,
    Inventory,
    Migration,
    Offer,
    Server,
    ServerGroup,
    StoragePool,
    StorageService,
    Volume,
    VolumeTotals,
    VolumeType,
)


class Nova(Protocol):
    """The compute service"""

    def hypervisors(self) -> list[Hypervisor]:
        """Return every hypervisor but those of type ironic"""

    def services(self) -> list[ComputeService]:
        """Return the nova-compute services"""

    def servers(self, changes_since: datetime.datetime | None = None) -> list[Server]:
        """Return the servers of all projects, or what changed, deleted ones included"""

    def server(self, uuid: str) -> Server:
        """Return one server or raise InstanceNotFound"""

    def servers_on(self, host: str) -> list[Server]:
        """Return the servers of a host, stopped ones included"""

    def aggregates(self) -> list[Aggregate]:
        """Return every host aggregate"""

    def server_groups(self) -> list[ServerGroup]:
        """Return the server groups of all projects"""

    def migrations(
        self, server: str, since: datetime.datetime | None = None
    ) -> list[Migration]:
        """Return the server's migrations, newest first, a running one with progress"""

    def in_flight_migrations(self) -> list[Migration]:
        """Return every migration of the cloud that may still hold room on two hosts"""

    def changed_migrations(self, since: datetime.datetime) -> list[Migration] | None:
        """Return migrations whose record changed since then; None: this Nova cannot tell

        A record that was made and not changed yet may be missing.
        """

    def instance_actions(self, server: str) -> list[InstanceAction]:
        """Return what was asked of the server, newest first"""

    def live_migrate(
        self, server: str, host: str | None, request_id: str
    ) -> str | None:
        """Ask for a live migration to a host that the scheduler checks, or picks"""

    def cold_migrate(
        self, server: str, host: str | None, request_id: str
    ) -> str | None:
        """Ask for a cold migration to a host that the scheduler checks, or picks"""

    def confirm_resize(self, server: str, request_id: str) -> str | None:
        """Confirm a cold migration or resize"""

    def revert_resize(self, server: str, request_id: str) -> str | None:
        """Take a cold migration or resize back"""

    def abort_live_migration(
        self, server: str, migration_id: int, request_id: str
    ) -> str | None:
        """Ask that a running live migration be given up"""

    def set_service(
        self, service_id: str, enabled: bool, reason: str | None, request_id: str
    ) -> str | None:
        """Enable a compute service, or disable it with a reason"""

    def flavor(self, name_or_id: str) -> Flavor | None:
        """Return the flavor of that id, else of that name, private ones included"""

    def why_failed(self, server: str, request_id: str) -> str | None:
        """Return why a request failed by Nova's own id of it; None when it does not tell"""

    def resize(self, server: str, flavor_id: str, request_id: str) -> str | None:
        """Ask for another flavor, to be confirmed; the scheduler picks the host"""

    def stop(self, server: str, request_id: str) -> str | None:
        """Ask that a server be shut down"""

    def start(self, server: str, request_id: str) -> str | None:
        """Ask that a stopped server run again"""

    def delete(self, server: str, request_id: str) -> str | None:
        """Ask that a server be deleted, now or, if Nova is set so, after a while"""

    def shelve(self, server: str, request_id: str) -> str | None:
        """Ask that a server be stored as an image and leave its host"""

    def unshelve(self, server: str, request_id: str) -> str | None:
        """Ask that a shelved server run again; the scheduler picks the host"""


class Placement(Protocol):
    """The placement service"""

    def inventories(
        self, providers: Sequence[str]
    ) -> Mapping[str, Mapping[str, Inventory]]:
        """Return provider -> resource class -> inventory; unknown providers are left out"""

    def usages(self, providers: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Return provider -> resource class -> amount used; unknown ones are left out"""

    def offers(self) -> Mapping[str, Offer]:
        """Return what is used, and the traits, of each provider with a free VCPU"""


class Metal(Protocol):
    """What switches machines"""

    # Whether it shows that a machine is being switched.
    tells_progress: bool

    def node(self, uuid: str) -> BaremetalNode:
        """Return one node with what is being done to it, or raise IronicNodeNotFound"""

    def set_power(self, uuid: str, on: bool, request_id: str) -> str | None:
        """Ask that a machine be switched; refused (409) while Ironic works on it"""


class Ironic(Metal, Protocol):
    """The bare-metal service"""

    def nodes(self) -> list[BaremetalNode]:
        """Return every node"""


class Cinder(Protocol):
    """The block storage service"""

    def services(self) -> list[StorageService]:
        """Return the cinder-volume services"""

    def pools(self) -> list[StoragePool]:
        """Return the pools that Cinder's scheduler knows; none while it has just started"""

    def volume_types(self) -> list[VolumeType]:
        """Return every volume type, private ones included"""

    def volumes(self) -> list[Volume]:
        """Return the volumes of all projects, those that migrations made included"""

    def changed_volumes(self, since: datetime.datetime) -> list[Volume] | None:
        """Return volumes whose record changed since then; None: this Cinder cannot tell

        Deleted ones are not among them, nor those whose metadata alone changed.
        """

    def volume_totals(self) -> VolumeTotals | None:
        """Return number and size of all volumes; None: this Cinder cannot tell"""

    def volume(self, uuid: str) -> Volume:
        """Return one volume or raise VolumeNotFound"""

    def shadow(self, uuid: str) -> Volume | None:
        """Return the volume that Cinder copies this one into just now, if there is one"""

    def has_snapshots(self, uuid: str) -> bool:
        """Tell whether the volume has snapshots"""

    def is_encrypted(self, type_id: str) -> bool:
        """Tell whether volumes of the type are encrypted"""

    def type_projects(self, type_id: str) -> list[str]:
        """Return the projects that may use a private type"""

    def migrate_volume(self, uuid: str, pool: str, request_id: str) -> str | None:
        """Ask that a volume be moved to a pool, and kept from its users meanwhile"""

    def retype_volume(self, uuid: str, name: str, request_id: str) -> str | None:
        """Ask that a volume get another type, moved to another pool where that is needed"""


class Keystone(Protocol):
    """The identity service"""

    def has_service(self, service_type: str) -> bool:
        """Tell whether the catalogue has an enabled service of that type"""


class Clients(Protocol):
    """The services of one cloud"""

    @property
    def nova(self) -> Nova:
        """Return the compute service"""

    @property
    def placement(self) -> Placement:
        """Return the placement service"""

    @property
    def ironic(self) -> Ironic:
        """Return the bare-metal service"""

    @property
    def metal(self) -> Metal:
        """Return what switches machines: the bare-metal service, or MAAS in its place"""

    @property
    def cinder(self) -> Cinder:
        """Return the block storage service"""

    @property
    def keystone(self) -> Keystone:
        """Return the identity service"""
