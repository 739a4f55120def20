"""What must hold before a volume is migrated or retyped; all of it before anything is asked.

Each function raises ActionExecutionFailure with the reason. Cinder refuses some of this by
itself, but part of it only after it has begun, and without a word to whoever asked.
"""

from typing import Any

from watcher import exception
from watcher.applier.actions.volume_sight import REPLICATED_NOT, unmovable
from watcher.clients.records import StoragePool, Volume, VolumeType

MOVABLE_SERVERS = ("ACTIVE", "PAUSED")


def fail(volume: Volume, why: str) -> exception.ActionExecutionFailure:
    """Return the error that says why the volume is left alone"""
    return exception.ActionExecutionFailure(f"Volume {volume.uuid}: {why}")


def known_type(clients: Any, name: str) -> VolumeType:
    """Return the volume type of that name"""
    for kind in clients.cinder.volume_types():
        if kind.name == name:
            found: VolumeType = kind
            return found
    raise exception.ActionExecutionFailure(f"There is no volume type named {name}")


def known_pool(clients: Any, name: str) -> StoragePool:
    """Return the one pool of that name"""
    found = [pool for pool in clients.cinder.pools() if pool.name == name]
    if len(found) == 1:
        pool: StoragePool = found[0]
        return pool
    how = f"there are {len(found)} pools" if found else "there is no pool"
    raise exception.ActionExecutionFailure(f"{how} named {name}".capitalize())


def may_migrate(clients: Any, volume: Volume, pool: StoragePool) -> None:
    """Check the volume, its type, its servers and the backend that it shall go to"""
    if why := unmovable(volume):
        raise fail(volume, why)
    if volume.replication_status not in REPLICATED_NOT:
        raise fail(volume, f"it is replicated ({volume.replication_status})")
    _serving(clients, volume, pool)
    if clients.cinder.has_snapshots(volume.uuid):
        raise fail(volume, "it has snapshots, and Cinder migrates none that has")
    if volume.type is not None:
        kind = known_type(clients, volume.type)
        if not pool.suits(kind):
            raise fail(volume, f"pool {pool.name} does not offer what its type "
                               f"{kind.name} demands")  # fmt: skip
    attached(clients, volume)


def may_retype(clients: Any, volume: Volume, kind: VolumeType) -> None:
    """Check the volume, its project and, where it has to move, what moving demands"""
    if why := unmovable(volume):
        raise fail(volume, why)
    cinder = clients.cinder
    if not kind.is_public and volume.project_id not in cinder.type_projects(kind.id):
        raise fail(volume, f"its project may not use the private type {kind.name}")
    many = _meets_many(kind)
    if many != volume.multiattach and volume.status != "available":
        raise fail(volume, "it is attached, and Cinder changes whether a volume may be "
                           "attached many times on available ones only")  # fmt: skip
    encrypted = cinder.is_encrypted(kind.id)
    if many and encrypted:
        raise fail(volume, f"type {kind.name} wants multi-attach and encryption, which "
                           "Cinder does not combine")  # fmt: skip
    pools = [pool for pool in cinder.pools() if pool.suits(kind)]
    if not pools:
        raise fail(volume, f"no pool offers what type {kind.name} demands")
    stays = any(pool.name == volume.host for pool in pools)
    if stays and encrypted == volume.encrypted:
        # Most backends do it in place; those that do not say so themselves.
        return
    if volume.replication_status not in REPLICATED_NOT:
        raise fail(volume, f"it is replicated ({volume.replication_status}) and would "
                           "have to move")  # fmt: skip
    if cinder.has_snapshots(volume.uuid):
        raise fail(volume, "it has snapshots and would have to move to another pool")
    attached(clients, volume, encrypted)


def attached(clients: Any, volume: Volume, becomes_encrypted: bool = False) -> None:
    """Check all servers that have the volume: Nova must copy it under each of them"""
    if not volume.attachments and volume.status == "available":
        return
    if volume.status != "in-use" or not volume.attachments:
        raise fail(volume, f"it is {volume.status} with {len(volume.attachments)} "
                           "attachments, which does not fit")  # fmt: skip
    if len(volume.attachments) > 1:
        raise fail(volume, f"it is attached {len(volume.attachments)} times, and Nova "
                           "moves no volume under several servers")  # fmt: skip
    if volume.encrypted or becomes_encrypted:
        raise fail(volume, "it is attached and encrypted, and Nova moves no encrypted "
                           "volume under a running server")  # fmt: skip
    for attachment in volume.attachments:
        if attachment.server is None:
            raise fail(volume, f"attachment {attachment.id} is of no server of Nova's")
        try:
            server = clients.nova.server(attachment.server)
        except exception.InstanceNotFound:
            raise fail(
                volume, f"it is attached to server {attachment.server}, which is gone"
            ) from None
        if server.status not in MOVABLE_SERVERS or server.task_state:
            state = server.task_state or server.status
            raise fail(volume, f"it is attached to server {server.uuid}, which is {state};"
                               " only an ACTIVE or PAUSED one can go on")  # fmt: skip


def _serving(clients: Any, volume: Volume, pool: StoragePool) -> None:
    host = pool.name.partition("#")[0]
    found = [row for row in clients.cinder.services() if row.host == host]
    if not found:
        # Services in a cluster may go by another name: Cinder judges them.
        return
    if not any(row.state == "up" and row.status == "enabled" for row in found):
        why = found[0].disabled_reason
        state = "down" if found[0].state != "up" else "disabled"
        raise fail(volume, f"the volume service {host} of the destination is {state}"
                           + (f" ({why})" if why else ""))  # fmt: skip


def _meets_many(kind: VolumeType) -> bool:
    value = kind.extra_specs.get("multiattach", "")
    return value.lower().replace("<is>", "").strip() == "true"
