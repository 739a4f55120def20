"""Reads the compute model from Nova and Placement: complete, or not at all."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from oslo_log import log

from watcher import exception
from watcher.clients.protocols import Clients
from watcher.clients.records import (
    Hypervisor,
    Inventory,
    Migration,
    Offer,
    Server,
)
from watcher.cluster.collector import compute_events, values
from watcher.cluster.collector.base import (
    BaseClusterDataModelCollector,
    BaseModelBuilder,
)
from watcher.cluster.collector.event import Effect, Event
from watcher.cluster.collector.merge import Facts, apply, endow, is_gone, settle
from watcher.cluster.model.element import InstanceState
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.scope.compute import ComputeScope

LOG = log.getLogger(__name__)

# Nova stamps a row before it commits it, on clocks that differ a little: what changed
# is asked for from this long before the newest stamp seen.
OVERLAP = datetime.timedelta(seconds=120)

# Providers whose usage is asked for one by one; of more, one request tells at once.
FEW = 20

# Task states of servers that are changing their host.
IN_TRANSIT = ("migrating", "resize_", "rebuild")


class ComputeCollector(BaseClusterDataModelCollector):
    """Keeps the model of compute nodes and servers"""

    SCHEMA: ClassVar[Mapping[str, Any] | None] = ComputeScope.SCHEMA

    def execute(self) -> ModelRoot:
        """Read everything"""
        return ComputeModelBuilder(self.osc, self.reading).execute()

    def refresh(self, model: Any) -> ModelRoot | None:
        """Read what changed"""
        if not isinstance(model, ModelRoot) or not model:
            return None
        return ComputeModelBuilder(self.osc, self.reading).refresh(model)

    def wants(self, publisher: str, kind: str) -> bool:
        """Tell whether an event is one of Nova's that may change the model"""
        return compute_events.wanted(publisher, kind)

    def follow(self, model: Any, event: Event) -> Effect:
        """Bring the model up to date with an event"""
        return compute_events.follow(model, event)

    def get_audit_scope_handler(self, audit_scope: Any) -> ComputeScope:
        """Return the handler of compute rules"""
        return ComputeScope(audit_scope, self.config)

    @property
    def notification_endpoints(self) -> Sequence[Any]:
        """None: ``follow`` takes events without them"""
        return []


class ComputeModelBuilder(BaseModelBuilder):
    """One reading of the compute services"""

    osc: Clients

    def execute(self, model_scope: Any = None) -> ModelRoot:
        """Read everything and build a model"""
        facts = self._read(None)
        known = {hypervisor.hostname for hypervisor in facts.hypervisors}
        strangers = {s.host for s in facts.servers if s.host and not is_gone(s)} - known
        if strangers & set(facts.services):
            # A host joined between two of the lists, or its servers are bare metal.
            again = self.call_retry(self.osc.nova.hypervisors)
            facts = replace(facts, hypervisors=again)
        providers = [hypervisor.uuid for hypervisor in facts.hypervisors]
        found = self.in_parallel(
            {
                "inventories": lambda: self.osc.placement.inventories(providers),
                "offers": self._offers,
            }
        )
        model = ModelRoot(extended_attributes=self.reading.extended_attributes)
        for hypervisor in facts.hypervisors:
            self._add(model, hypervisor, facts, found["inventories"])
        apply(model, facts)
        self._settle(model, providers, found["offers"])
        return model

    def refresh(self, model: ModelRoot) -> ModelRoot:
        """Read what changed since ``model`` was read and build its successor"""
        facts = self._read(model)
        fresh = model.copy()
        facts = self._hosts(fresh, facts)
        columns = fresh.node_columns
        before = columns.used.copy()
        held = columns.held.any(axis=1)
        for hypervisor in facts.hypervisors:
            wanted = values.state(hypervisor, facts.services.get(hypervisor.hostname))
            data = fresh.nodes_data[hypervisor.uuid]
            changed = {k: v for k, v in wanted.items() if data.get(k) != v}
            if changed:
                fresh.change_node(hypervisor.uuid, changed)
        apply(fresh, facts)
        # Placement is asked again only where something came or went, or was promised.
        touched = held | (before != columns.used).any(axis=1)
        moving = {h for m in facts.migrations for h in (m.source_host, m.dest_host)}
        providers = [
            uuid
            for uuid, row in columns.row.items()
            if touched[row]
            or uuid in fresh.unsettled
            or fresh.nodes_data[uuid]["hostname"] in moving
        ]
        offers: Mapping[str, Offer] = {}
        strange = any(fresh.nodes_data[u].get("traits") is None for u in providers)
        if strange or len(providers) > FEW:
            offers = self.call_retry(self._offers)
        self._settle(fresh, providers, offers)
        return fresh

    def _hosts(self, model: ModelRoot, facts: Facts) -> Facts:
        """Bring the nodes of a model to the hosts there are; few change at a time"""
        now = {hypervisor.uuid: hypervisor for hypervisor in facts.hypervisors}
        for uuid, data in list(model.nodes_data.items()):
            if uuid not in now or now[uuid].hostname != data["hostname"]:
                for instance in list(model.uuids_on(uuid)):
                    model.remove_instance(instance)
                model.remove_node(uuid)
        new = [uuid for uuid in now if uuid not in model.nodes_data]
        if not new:
            return facts
        inventories = self.call_retry(self.osc.placement.inventories, new)
        for uuid in new:
            self._add(model, now[uuid], facts, inventories)
        model.unsettled |= set(new)
        # Servers on them may not have changed for long.
        whole = self.call_retry(self.osc.nova.servers)
        return self._settled(replace(facts, servers=[*facts.servers, *_heard(whole)]))

    def _add(
        self,
        model: ModelRoot,
        hypervisor: Hypervisor,
        facts: Facts,
        inventories: Mapping[str, Mapping[str, Inventory]],
    ) -> None:
        inventory = inventories.get(hypervisor.uuid, {})
        if not inventory:
            LOG.warning("Placement knows no inventory of %s", hypervisor.hostname)
        service = facts.services.get(hypervisor.hostname)
        model.put_node(values.node(hypervisor, service, inventory))

    def _offers(self) -> Mapping[str, Offer]:
        """Return what one request tells of all providers with room

        Nothing is told of others, nor by a Placement that does not let us ask.
        """
        try:
            return self.osc.placement.offers()
        except exception.PlacementClientError as error:
            if error.http_status is None:
                raise
            LOG.warning("Placement does not tell what hosts offer: %s", error)
            return {}

    def _settle(
        self, model: ModelRoot, providers: Sequence[str], offers: Mapping[str, Offer]
    ) -> None:
        usages = {uuid: offers[uuid].used for uuid in providers if uuid in offers}
        if rest := [uuid for uuid in providers if uuid not in offers]:
            usages.update(self.call_retry(self.osc.placement.usages, rest))
        endow(model, {uuid: offer.traits for uuid, offer in offers.items()})
        settle(model, usages)

    def _read(self, before: ModelRoot | None) -> Facts:
        nova = self.osc.nova
        read_at = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        since = None if before is None else before.changed_at
        start = None if since is None else since - OVERLAP
        calls: dict[str, Callable[[], Any]] = {
            "servers": lambda: nova.servers(start),
            "hypervisors": nova.hypervisors,
            "services": nova.services,
            "server_groups": nova.server_groups,
            "aggregates": nova.aggregates,
        }
        if start is not None:
            calls["migrations"] = lambda: self._migrations(before, start)
        found = self.in_parallel(calls)
        if start is None:
            # Lately is meant by Nova's clock, which only its rows tell.
            stamps = [s.updated_at for s in found["servers"] if s.updated_at]
            newest = max(stamps, default=read_at) - OVERLAP
            found["migrations"] = self.call_retry(self._migrations, None, newest)
        found["services"] = {s.host: s for s in found["services"]}
        _heard(found["servers"])
        return self._settled(Facts(read_at=read_at, **found))

    def _migrations(
        self, before: ModelRoot | None, since: datetime.datetime
    ) -> list[Migration]:
        """Return what may hold room on two hosts, as far as its record changed lately

        What began before is known from the last reading, or found by the state of its
        server, as is a record too new to count as changed. To ask for every status that a
        migration can be in takes a dozen requests.
        """
        nova = self.osc.nova
        changed = nova.changed_migrations(since)
        if changed is None:
            return nova.in_flight_migrations()
        found = {} if before is None else {m.id: m for m in before.migrations.values()}
        found.update((m.id, m) for m in changed)
        return [m for _id, m in sorted(found.items()) if m.in_flight]

    def _settled(self, facts: Facts) -> Facts:
        """Read again what moved from one list to the other while both were read

        A server that says it is on its way, of which no migration is known, would hold no
        room where it goes.
        """
        flying = {m.server for m in facts.migrations}
        odd = [s for s in facts.servers if _on_its_way(s) and s.uuid not in flying]
        if not odd:
            return facts
        again = self.call_retry(self.osc.nova.in_flight_migrations)
        flying |= {m.server for m in again}
        fresh = {s.uuid: self._server(s) for s in odd if s.uuid not in flying}
        return replace(
            facts,
            migrations=[*facts.migrations, *again],
            servers=[fresh.get(s.uuid, s) for s in facts.servers],
        )

    def _server(self, old: Server) -> Server:
        def ask() -> Server:
            try:
                return self.osc.nova.server(old.uuid)
            except exception.InstanceNotFound:
                return replace(old, deleted=True)

        return self.call_retry(ask)


def _heard(servers: Sequence[Server]) -> Sequence[Server]:
    """Return the servers, or refuse an answer in which a cell is missing"""
    silent = [s for s in servers if s.status == "UNKNOWN" and not s.deleted]
    if silent:
        raise exception.NovaClientError(
            reason=f"{len(silent)} servers are in a cell that does not answer"
        )
    return servers


def _on_its_way(server: Server) -> bool:
    if is_gone(server):
        return False
    # A resized server waits for its confirmation, with room on both hosts.
    busy = (server.task_state or "").startswith(IN_TRANSIT)
    return busy or server.vm_state == InstanceState.RESIZED
