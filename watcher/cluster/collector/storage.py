"""Reads the storage model from Cinder: complete, or not at all."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from oslo_log import log

from watcher import exception
from watcher.clients.protocols import Clients
from watcher.clients.records import (
    StoragePool,
    StorageService,
    Volume,
    VolumeTotals,
    VolumeType,
)
from watcher.cluster.collector import storage_events, storage_values
from watcher.cluster.collector.base import (
    BaseClusterDataModelCollector,
    BaseModelBuilder,
)
from watcher.cluster.collector.event import Effect, Event
from watcher.cluster.model.storage import StorageModelRoot, node_name
from watcher.cluster.scope.storage import StorageScope

LOG = log.getLogger(__name__)

# Under either name Keystone lists Cinder.
SERVICE_TYPES = ("block-storage", "volumev3")
# Cinder stamps a row before it commits it, on clocks that differ a little: what changed
# is asked for from this long before the newest stamp seen.
OVERLAP = datetime.timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one reading of the lists said; ``volumes`` may be those that changed only"""

    read_at: datetime.datetime
    services: Sequence[StorageService]
    pools: Sequence[StoragePool]
    types: Sequence[VolumeType]
    volumes: Sequence[Volume]


class StorageCollector(BaseClusterDataModelCollector):
    """Keeps the model of volume services, pools and volumes"""

    SCHEMA: ClassVar[Mapping[str, Any] | None] = StorageScope.SCHEMA

    def __init__(self, config: Any, osc: Any = None) -> None:
        super().__init__(config, osc)
        self._follower = storage_events.Follower()

    def absent(self) -> str | None:
        """Say that Keystone lists no block storage service, or None"""
        builder = StorageModelBuilder(self.osc, self.reading)
        for name in SERVICE_TYPES:
            if builder.call_retry(self.osc.keystone.has_service, name):
                return None
        return f"Keystone lists no enabled service {' or '.join(SERVICE_TYPES)}"

    def execute(self) -> StorageModelRoot:
        """Read everything"""
        return StorageModelBuilder(self.osc, self.reading).execute(
            self._cluster_data_model
        )

    def refresh(self, model: Any) -> StorageModelRoot | None:
        """Read what changed; None when that does not add up to what Cinder has"""
        if not isinstance(model, StorageModelRoot) or not model:
            return None
        return StorageModelBuilder(self.osc, self.reading).refresh(model)

    def wants(self, publisher: str, kind: str) -> bool:
        """Tell whether an event is one of Cinder's that may change the model"""
        return storage_events.wanted(publisher, kind)

    def follow(self, model: Any, event: Event) -> Effect:
        """Bring the model up to date with an event"""
        return self._follower.follow(model, event)

    def get_audit_scope_handler(self, audit_scope: Any) -> StorageScope:
        """Return the handler of storage rules"""
        return StorageScope(audit_scope, self.config)

    @property
    def notification_endpoints(self) -> Sequence[Any]:
        """None: ``follow`` takes events without them"""
        return []


class StorageModelBuilder(BaseModelBuilder):
    """One reading of the block storage service"""

    osc: Clients

    def execute(self, model_scope: Any = None) -> StorageModelRoot:
        """Read everything and build a model

        ``model_scope`` may be the model of before, for what Cinder tells in events only.
        """
        read_at = _now()
        cinder = self.osc.cinder
        found = self.in_parallel(
            {
                "services": cinder.services,
                "pools": cinder.pools,
                "types": cinder.volume_types,
                "volumes": cinder.volumes,
            }
        )
        facts = _sane(Facts(read_at=read_at, **found))
        model = StorageModelRoot()
        before = model_scope if isinstance(model_scope, StorageModelRoot) else model
        arrange(model, facts, before)
        merge(model, facts)
        _report(model)
        return model

    def refresh(self, model: StorageModelRoot) -> StorageModelRoot | None:
        """Read what changed since ``model`` was read and build its successor"""
        read_at = _now()
        cinder = self.osc.cinder
        since = (model.changed_at or model.read_at or read_at) - OVERLAP
        found = self.in_parallel(
            {
                "services": cinder.services,
                "pools": cinder.pools,
                "types": cinder.volume_types,
                "volumes": lambda: cinder.changed_volumes(since),
                "totals": cinder.volume_totals,
            }
        )
        totals = found.pop("totals")
        if found["volumes"] is None or totals is None:
            return None
        facts = _sane(Facts(read_at=read_at, **found))
        if {s.host for s in facts.services} != model.nodes_data.keys():
            return None
        if {p.name for p in facts.pools} != model.pools_data.keys():
            return None
        fresh = model.copy()
        arrange(fresh, facts, model)
        merge(fresh, facts)
        if adds_up(fresh, totals):
            return fresh
        return self._once_more(fresh, facts, since)

    def _once_more(
        self, fresh: StorageModelRoot, facts: Facts, since: datetime.datetime
    ) -> StorageModelRoot | None:
        """Look again at what a volume made between two answers does not explain"""
        cinder = self.osc.cinder
        volumes = self.call_retry(cinder.changed_volumes, since)
        totals = self.call_retry(cinder.volume_totals)
        if volumes is None or totals is None:
            return None
        merge(fresh, replace(facts, volumes=volumes))
        # Else volumes have gone, and Cinder does not say which.
        return fresh if adds_up(fresh, totals) else None


def arrange(model: StorageModelRoot, facts: Facts, before: StorageModelRoot) -> None:
    """Bring services, pools and types of a model to what was read"""
    bound = storage_values.bound(facts.types)
    own: dict[str, list[StoragePool]] = {}
    for pool in facts.pools:
        own.setdefault(node_name(pool.name), []).append(pool)
    for service in facts.services:
        model.put_node(storage_values.node(service, own.get(service.host, ()), bound))
    for pool in facts.pools:
        known = before.pools_data.get(pool.name, {})
        model.put_pool(storage_values.pool(pool, known.get("virtual_free", 0)))
        model.place_pool(pool.name)
    model.types = {row.id: row for row in facts.types}


def merge(model: StorageModelRoot, facts: Facts) -> None:
    """Bring volumes of a model to what was read of them"""
    newest = model.changed_at
    shadows = dict(model.shadows)
    for volume in facts.volumes:
        if volume.updated_at and (newest is None or volume.updated_at > newest):
            newest = volume.updated_at
        model.unread.discard(volume.uuid)
        if volume.is_shadow:
            shadows[volume.uuid] = volume.size_gb
            if volume.uuid in model.volumes_data:
                model.remove_volume(volume.uuid)
            continue
        shadows.pop(volume.uuid, None)
        model.put_volume(storage_values.volume(volume))
        model.place_volume(volume.uuid)
    # Events told of them, Cinder does not have them: they are gone again.
    for uuid in model.unread:
        model.remove_volume(uuid)
    model.unread = set()
    model.shadows = shadows
    model.changed_at = newest or facts.read_at
    model.read_at = facts.read_at


def adds_up(model: StorageModelRoot, totals: VolumeTotals) -> bool:
    """Tell whether a model has as many volumes and GB as Cinder counts"""
    shadows = model.shadows
    sizes = sum(data["size"] for data in model.volumes_data.values())
    return (
        len(model.volumes_data) + len(shadows) == totals.count
        and sizes + sum(shadows.values()) == totals.size_gb
    )


def _sane(facts: Facts) -> Facts:
    """Refuse the answer of a scheduler that has just started and knows no pool yet"""
    running = [s for s in facts.services if s.state == "up" and s.status == "enabled"]
    if running and not facts.pools:
        raise exception.CinderClientError(
            reason=f"the scheduler knows no pool, though {len(running)} volume services "
            "are up"
        )
    return facts


def _report(model: StorageModelRoot) -> None:
    lost = len(model.volumes_data) - len(model.volume_places.of)
    if lost:
        LOG.info("%d volumes are in no pool that Cinder's scheduler knows", lost)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
