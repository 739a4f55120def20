"""Applies Cinder's notifications to a storage model: no request, the same cost at any size.

Events may come late, twice and in the wrong order, and describe volumes that are gone or
that Cinder made for a migration only. What cannot be told from a payload is left to the
next reading, which the answer INCOMPLETE asks for.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from watcher.cluster.collector import storage_values as values
from watcher.cluster.collector.event import Effect, Event
from watcher.cluster.model.element import Volume
from watcher.cluster.model.storage import StorageModelRoot

CAPACITY = "capacity.pool"
# The payload shows the volume as it is afterwards, and nothing else has changed.
ALTERED = frozenset({"volume.update.end", "volume.attach.end", "volume.detach.end"})
# The pool has changed, too.
RESIZED = frozenset({"volume.create.end", "volume.resize.end"})
GONE = frozenset({"volume.delete.end", "volume.unmanage.end"})
# Sent with values of before, or without those that changed.
HINTS = frozenset(
    {
        "volume.retype",
        "volume.manage_existing.end",
        "volume.reset_status.end",
        "volume.transfer.accept.end",
        "volume.revert.end",
    }
)
VOLUMES = ALTERED | RESIZED | GONE | HINTS

ALLOCATED = "allocated_capacity_gb"

# Volumes known to be gone, so that no late event brings them back; the oldest is
# forgotten first.
REMEMBERED = 100_000


def wanted(publisher: str, kind: str) -> bool:
    """Tell whether an event is one of Cinder's that may change the storage model"""
    if kind == CAPACITY:
        return publisher.startswith("capacity")
    return kind in VOLUMES and publisher.startswith("volume")


class Follower:
    """Applies events, and remembers which volumes are gone for good"""

    def __init__(self) -> None:
        self._gone: dict[str, None] = {}

    def follow(self, model: StorageModelRoot, event: Event) -> Effect:
        """Bring a model up to date, in place; never raises for what a payload holds"""
        payload: Any = event.payload
        if not isinstance(payload, Mapping) or event.kind in HINTS:
            return Effect.INCOMPLETE
        try:
            if event.kind == CAPACITY:
                return _capacity(model, payload)
            if event.kind in VOLUMES:
                return self._volume(model, event)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            # Not what Cinder sends: something changed, and only a reading can tell what.
            return Effect.INCOMPLETE
        return Effect.IGNORED

    def _volume(self, model: StorageModelRoot, event: Event) -> Effect:
        uuid = event.payload["volume_id"]
        if not isinstance(uuid, str) or not uuid:
            return Effect.INCOMPLETE
        if event.kind in GONE:
            return self._delete(model, uuid)
        if uuid in self._gone:
            return Effect.IGNORED
        if uuid in model.shadows:
            # Cinder's own copy of a volume that is on its way to another pool.
            return Effect.INCOMPLETE
        told = values.told_of_volume(event.payload, model.types)
        sent_at = values.stamp(event.metadata.get("timestamp"))
        known = model.volumes_data.get(uuid)
        if known is None:
            return _appear(model, uuid, told, sent_at)
        known_at = known.get("known_at")
        if sent_at and known_at and sent_at < known_at:
            # Late, or clocks differ.
            return Effect.INCOMPLETE
        if sent_at:
            told["known_at"] = sent_at
        changed = {k: v for k, v in told.items() if known.get(k) != v}
        if changed:
            model.put_volume({**known, **changed})
        placed = model.place_volume(uuid)
        whole = placed and _typed(model, event.payload)
        return Effect.APPLIED if whole and event.kind in ALTERED else Effect.INCOMPLETE

    def _delete(self, model: StorageModelRoot, uuid: str) -> Effect:
        self._gone[uuid] = None
        while len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]
        if uuid not in model.volumes_data:
            return Effect.IGNORED
        model.remove_volume(uuid)
        model.unread.discard(uuid)
        return Effect.INCOMPLETE


def _appear(
    model: StorageModelRoot,
    uuid: str,
    told: dict[str, Any],
    sent_at: datetime.datetime | None,
) -> Effect:
    """Add a volume that was never read: it may be Cinder's copy made for a migration"""
    if sent_at:
        told["known_at"] = sent_at
    model.put_volume({**Volume.defaults, **told, "uuid": uuid})
    model.place_volume(uuid)
    model.unread.add(uuid)
    return Effect.INCOMPLETE


def _typed(model: StorageModelRoot, payload: Mapping[str, Any]) -> bool:
    kind = payload.get("volume_type")
    return not kind or kind in model.types


def _capacity(model: StorageModelRoot, payload: Mapping[str, Any]) -> Effect:
    name = payload["name_to_id"]
    if not isinstance(name, str) or "#" not in name:
        return Effect.INCOMPLETE
    told = values.told_of_pool(payload)
    reported_at = values.stamp(payload.get("reported_at"))
    known = model.pools_data.get(name)
    if known is None:
        model.put_pool({"virtual_free": 0, "capabilities": {}, **told, "name": name})
        model.place_pool(name)
        return Effect.INCOMPLETE
    if reported_at:
        if known.get("reported_at", reported_at) > reported_at:
            return Effect.IGNORED
        told["reported_at"] = reported_at
    model.put_pool({**known, **told})
    # Of a migration nothing is told but that its two pools hold other volumes than before.
    moved = told.get(ALLOCATED) != known.get(ALLOCATED)
    return Effect.INCOMPLETE if moved else Effect.APPLIED
