"""What a look at a volume says of its migration or retype; pure.

Cinder writes ``starting`` or ``retyping`` before it answers a request. So once a request
was accepted, a volume at rest has either arrived or will not.
"""

from collections.abc import Mapping
from typing import Any

from watcher.applier.actions.following import Look
from watcher.applier.actions.sight import Sight
from watcher.clients.records import MOVING, Volume

REST = ("available", "in-use")
REPLICATED_NOT = (None, "disabled", "not-capable")


def before(volume: Volume) -> dict[str, Any]:
    """Return what an intent keeps, to tell later whether anything happened"""
    stamp = volume.updated_at.isoformat() if volume.updated_at else None
    return {
        "volume": volume.uuid,
        "source": volume.host,
        "was_type": volume.type,
        "updated": stamp,
        "name_id": volume.name_id,
    }


def arrival(volume: Volume, wanted: Mapping[str, str], kept: Mapping[str, Any],
            accepted: bool) -> Look:  # fmt: skip
    """Judge a volume that shall have all values of ``wanted`` (``host``, ``type``)

    ``kept`` is what ``before`` gave, ``accepted`` that Cinder took the request.
    """
    stamp = volume.updated_at.isoformat() if volume.updated_at else None
    touched = stamp != kept.get("updated")
    facts = {"host": volume.host}
    text = stands(volume)
    if volume.is_moving:
        return Look(Sight.UNDERWAY, text, facts, touched)
    there = all(getattr(volume, name) == value for name, value in wanted.items())
    if there and volume.status in REST:
        return Look(Sight.ARRIVED, text, facts, touched)
    if there and not volume.status.startswith("error"):
        # It is being attached again to its server.
        return Look(Sight.UNDERWAY, text, facts, touched)
    if accepted:
        return Look(Sight.FAILED, f"Cinder ended it without success; {text}", {}, True)
    return Look(Sight.SILENT, text, facts, touched)


def stands(volume: Volume) -> str:
    """Say how and where a volume is"""
    where = volume.host or "no pool"
    text = f"the volume is {volume.status} on {where}, of type {volume.type}"
    if volume.migration_status:
        text += f", migration status '{volume.migration_status}'"
    return text


def left_over(volume: Volume, kept: Mapping[str, Any]) -> list[str]:
    """Return the volumes that a migration may have left to be deleted, by what is known"""
    told = kept.get("progress") or {}
    seen = [
        told.get("shadow") if isinstance(told, Mapping) else None,
        kept.get("shadow"),
    ]
    if volume.name_id and volume.name_id != kept.get("name_id"):
        seen.append(volume.name_id)
    return sorted({str(uuid) for uuid in seen if uuid})


def unmovable(volume: Volume) -> str | None:
    """Return why Cinder would move it at no time, or not now; None when it may"""
    if volume.is_shadow:
        return "it belongs to a migration of another volume"
    if volume.migration_status in MOVING or volume.is_moving:
        return "it is being migrated or retyped already"
    if volume.status not in REST:
        return f"it is {volume.status}, neither available nor in-use"
    if volume.group:
        return f"it belongs to group {volume.group}"
    return None
