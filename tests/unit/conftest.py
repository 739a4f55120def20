"""Fixtures shared by unit tests: a small cloud, described in a line per thing."""

import datetime
from dataclasses import dataclass, field, replace

import pytest

from watcher import exception
from watcher.clients.records import (
    Aggregate,
    ComputeService,
    Flavor,
    Hypervisor,
    Inventory,
    Migration,
    Offer,
    Server,
    ServerGroup,
)
from watcher.cluster.collector import merge, values
from watcher.cluster.collector.merge import Facts
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import View

NOON = datetime.datetime(2026, 3, 1, 12)


@dataclass
class Cloud:
    """A cloud as its services would describe it; ``model`` is what a collector makes of it

    cloud.node("a", vcpus=4).server("s1", on="a", vcpus=2)
    """

    hypervisors_by_name: dict = field(default_factory=dict)
    services_by_host: dict = field(default_factory=dict)
    inventories_by_host: dict = field(default_factory=dict)
    servers_by_name: dict = field(default_factory=dict)
    groups: list = field(default_factory=list)
    host_aggregates: list = field(default_factory=list)
    flights: list = field(default_factory=list)
    # By node UUID: what Placement knows of hosts; the full ones are nobody's candidates.
    traits: dict = field(default_factory=dict)
    full: set = field(default_factory=set)

    def node(
        self,
        name,
        vcpus=16,
        memory=65536,
        disk=1000,
        *,
        ratio=1.0,
        reserved=(0, 0, 0),
        zone="nova",
        status="enabled",
        state="up",
        reason=None,
    ):
        """Add a node whose UUID is node-<name>; memory in MB, disk in GB"""
        self.hypervisors_by_name[name] = Hypervisor(
            uuid=f"node-{name}",
            hostname=name,
            name=f"{name}.local",
            state=state,
            status=status,
            disabled_reason=reason,
            service_id=f"service-{name}",
            vcpus=vcpus,
            memory_mb=memory,
            disk_gb=disk,
            type="QEMU",
        )
        self.services_by_host[name] = ComputeService(
            id=f"service-{name}",
            host=name,
            zone=zone,
            status=status,
            state=state,
            disabled_reason=reason,
        )
        self.inventories_by_host[name] = {
            resource: Inventory(total=total, reserved=kept, allocation_ratio=ratio)
            for resource, total, kept in zip(
                ("VCPU", "MEMORY_MB", "DISK_GB"),
                (vcpus, memory, disk),
                reserved,
                strict=True,
            )
        }
        return self

    def server(
        self,
        name,
        on,
        vcpus=1,
        memory=1024,
        disk=10,
        *,
        specs=None,
        swap=0,
        ephemeral=0,
        state="active",
        project="p",
        at=NOON,
        **more,
    ):
        """Add a server whose UUID is its name"""
        self.servers_by_name[name] = Server(
            uuid=name,
            name=name.upper(),
            host=on,
            hypervisor=on and f"{on}.local",
            vm_state=state,
            status=state.upper(),
            project_id=project,
            flavor=Flavor(
                name="f",
                vcpus=vcpus,
                memory_mb=memory,
                disk_gb=disk,
                ephemeral_gb=ephemeral,
                swap_mb=swap,
                extra_specs=specs or {},
            ),
            created_at=at,
            updated_at=at,
            **more,
        )
        return self

    def change(self, name, **changes):
        """Change a server, as Nova would report it from now on"""
        old = self.servers_by_name[name]
        changes.setdefault(
            "updated_at", old.updated_at + datetime.timedelta(minutes=10)
        )
        if "host" in changes:
            changes["hypervisor"] = changes["host"] and f"{changes['host']}.local"
        self.servers_by_name[name] = replace(old, **changes)
        return self

    def group(self, policy, *members, most=None):
        """Put servers into a server group"""
        self.groups.append(
            ServerGroup(
                id=f"group-{len(self.groups)}",
                policy=policy,
                members=list(members),
                max_per_host=most,
            )
        )
        return self

    def aggregate(self, name, *hosts, zone=None, **metadata):
        """Put hosts into an aggregate; ids count from 1"""
        number = len(self.host_aggregates) + 1
        self.host_aggregates.append(
            Aggregate(
                id=number, name=name, zone=zone, hosts=list(hosts), metadata=metadata
            )
        )
        return self

    def migration(self, server, to, status="running", kind="live-migration"):
        """Let a server be under way to another host"""
        source = self.servers_by_name[server].host
        self.flights.append(
            Migration(
                id=len(self.flights) + 1,
                server=server,
                kind=kind,
                status=status,
                source_host=source,
                dest_host=to,
            )
        )
        return self

    @property
    def model(self):
        """A fresh model of everything described so far"""
        model = ModelRoot()
        for name, hypervisor in self.hypervisors_by_name.items():
            service = self.services_by_host[name]
            inventory = self.inventories_by_host[name]
            model.put_node(values.node(hypervisor, service, inventory))
        facts = Facts(
            read_at=NOON,
            hypervisors=list(self.hypervisors_by_name.values()),
            services=self.services_by_host,
            servers=list(self.servers_by_name.values()),
            aggregates=self.host_aggregates,
            server_groups=self.groups,
            migrations=self.flights,
        )
        merge.apply(model, facts)
        known = (u for u in model.nodes_data if u not in self.full)
        merge.endow(model, {u: frozenset(self.traits.get(u, ())) for u in known})
        merge.settle(model, {})
        return model

    @property
    def clients(self):
        """Clients of this cloud that count calls and fail on request"""
        return FakeClients(self)

    @property
    def view(self):
        """A fresh view of a fresh model"""
        return View(self.model)


class FakeClients:
    """Answers as Nova and Placement would

    ``calls`` lists the methods called; ``fails`` maps a method to errors still to raise.
    """

    def __init__(self, cloud):
        self.cloud = cloud
        self.calls = []
        self.fails = {}
        self.claims = {}
        self.nova = self.placement = self

    def _asked(self, name):
        self.calls.append(name)
        if self.fails.get(name):
            raise self.fails[name].pop(0)

    def hypervisors(self):
        self._asked("hypervisors")
        return list(self.cloud.hypervisors_by_name.values())

    def services(self):
        self._asked("services")
        return list(self.cloud.services_by_host.values())

    def servers(self, changes_since=None):
        self._asked("servers" if changes_since is None else "changes")
        return [
            server
            for server in self.cloud.servers_by_name.values()
            if (changes_since is None and not server.deleted)
            or (changes_since is not None and server.updated_at >= changes_since)
        ]

    def server(self, uuid):
        self._asked("server")
        found = self.cloud.servers_by_name.get(uuid)
        if found is None or found.deleted:
            raise exception.InstanceNotFound(name=uuid)
        return found

    def aggregates(self):
        self._asked("aggregates")
        return list(self.cloud.host_aggregates)

    def server_groups(self):
        self._asked("server_groups")
        return list(self.cloud.groups)

    def in_flight_migrations(self):
        self._asked("migrations")
        return list(self.cloud.flights)

    def changed_migrations(self, since):
        return None

    def inventories(self, providers):
        self._asked("inventories")
        hosts = {f"node-{name}": name for name in self.cloud.hypervisors_by_name}
        return {p: self.cloud.inventories_by_host[hosts[p]] for p in providers}

    def usages(self, providers):
        self._asked("usages")
        return {p: self.claims.get(p) or self._claimed(p) for p in providers}

    def offers(self):
        self._asked("offers")
        return {
            uuid: Offer(used=used, traits=frozenset(self.cloud.traits.get(uuid, ())))
            for uuid in map("node-{}".format, self.cloud.hypervisors_by_name)
            if uuid not in self.cloud.full
            for used in [self.claims.get(uuid) or self._claimed(uuid)]
        }

    def _claimed(self, provider):
        model = self.cloud.model
        columns, row = model.node_columns, model.node_columns.row[provider]
        amounts = (columns.used[row] + columns.held[row]).tolist()
        return dict(zip(("VCPU", "MEMORY_MB", "DISK_GB"), amounts, strict=True))


@pytest.fixture
def cloud():
    """An empty cloud to be described"""
    return Cloud()
