"""Nova's versioned notifications, applied to the compute model without any request.

An event tells how a server was when it was sent. The stamp of the change that it carries
is that of the change before, so the moment of sending decides which of two events, or of
an event and a reading, is newer. Clocks differ a little: what is too close to call is read
before the next decision.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from watcher.clients.http import moment
from watcher.cluster.collector import values
from watcher.cluster.collector.event import Effect, Event
from watcher.cluster.collector.merge import GONE
from watcher.cluster.model import demands
from watcher.cluster.model.element import Instance, ServiceState
from watcher.cluster.model.model_root import ModelRoot

IN_TRANSIT = ("migrating", "resize_")

# Events after which a server is as their payload says.
SNAPSHOTS = frozenset(
    f"instance.{name}"
    for name in (
        *("create.end", "update", "lock", "unlock", "pause.end", "unpause.end"),
        *("power_off.end", "power_on.end", "shutdown.end", "suspend.end"),
        *("resume.end", "restore.end", "shelve.end", "shelve_offload.end"),
        *("unshelve.end", "rebuild.end", "rescue.end", "unrescue.end"),
        *("resize_finish.end", "resize_confirm.end", "resize_revert.end"),
        *("live_migration_post_dest.end", "live_migration_force_complete.end"),
    )
)
DELETED = "instance.delete.end"
SOFT_DELETED = "instance.soft_delete.end"
# They change nothing that a model has.
IDLE = frozenset(
    f"instance.{name}"
    for name in (
        *("exists", "trigger_crash_dump", "reboot", "snapshot", "evacuate.start"),
        *("volume_attach", "volume_detach", "volume_swap", "interface_attach"),
        *("interface_detach", "share_attach", "share_detach"),
    )
)
# What else Nova tells of these: something that only reading shows.
HINTS = ("instance.", "service.", "aggregate.", "server_group.")

NEVER = datetime.datetime.max
# How far clocks of Nova's hosts and ours may be apart.
SKEW = datetime.timedelta(seconds=5)
# Between two of Nova's processes on different hosts, which share a source of time.
CLOSE = datetime.timedelta(seconds=1)
# Servers heard of since the last reading; with more, the model is read instead.
HEARD = 100_000
# More of anything is a fault of the sender.
LARGEST = 2**53
# Payloads are somebody else's; the model is read again when one is not as expected.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


def wanted(publisher: str, kind: str) -> bool:
    """Tell whether an event is one of Nova's that may change the compute model"""
    return publisher.startswith("nova-") and kind.startswith(HINTS)


def follow(model: ModelRoot, event: Event) -> Effect:
    """Apply an event to ``model``, in place, or say that something is to be read"""
    kind = event.kind
    if kind.removesuffix(".start").removesuffix(".end") in IDLE:
        return Effect.IGNORED
    if len(model.heard) > HEARD:
        return Effect.INCOMPLETE
    try:
        if kind in SNAPSHOTS or kind == SOFT_DELETED:
            return _snapshot(model, event)
        if kind == DELETED:
            return _deleted(model, event)
        if kind.startswith("service."):
            return _service(model, kind, _data(event))
    except MALFORMED:
        return Effect.INCOMPLETE
    return Effect.INCOMPLETE


def _deleted(model: ModelRoot, event: Event) -> Effect:
    uuid = _word(_data(event)["uuid"])
    # No server ever comes back under its UUID.
    model.heard[uuid] = (NEVER, event.publisher)
    if uuid in model.instances_data:
        _place(model, uuid, None, None)
    return Effect.APPLIED


def _snapshot(model: ModelRoot, event: Event) -> Effect:
    data = _data(event)
    uuid = _word(data["uuid"])
    known = model.instances_data.get(uuid)
    fresh = _values(data, known)
    gone = not fresh["host"] or fresh["state"] in GONE
    same = gone if known is None else fresh == known
    newer, sure = _order(model, uuid, event)
    if newer and same:
        _heard(model, uuid, event)
    if same or not newer:
        return Effect.IGNORED if same or sure else Effect.INCOMPLETE
    if gone:
        _place(model, uuid, None, None)
    else:
        node = _node(model, fresh)
        if node is None:
            # Its host is one that the model does not know (yet).
            return Effect.INCOMPLETE
        if known is None and not sure:
            # The last reading may have seen it go.
            return Effect.INCOMPLETE
        moves = _moves(fresh) or (known is not None and _moves(known))
        special = demands.special(fresh["flavor_extra_specs"])
        if special:
            # What Placement counts of other classes is in no event.
            here = model.node_of(uuid)
            model.unsettled |= {node} if here is None else {node, here}
        _place(model, uuid, fresh, node)
        # Nor is what a migration holds elsewhere, nor the zone of a new server.
        if known is None or moves or special or uuid in model.migrations:
            sure = False
    _heard(model, uuid, event)
    return Effect.APPLIED if sure else Effect.INCOMPLETE


def _heard(model: ModelRoot, uuid: str, event: Event) -> None:
    if (sent := _sent(event)) is not None:
        model.heard[uuid] = (sent, event.publisher)


def _order(model: ModelRoot, uuid: str, event: Event) -> tuple[bool, bool]:
    """Tell whether an event is newer than what is known of a server, and if that is sure

    Known is what the last event said, or else the last reading.
    """
    sent, base = _sent(event), model.read_at
    if (last := model.heard.get(uuid)) is not None:
        if sent is None:
            return False, False
        when, publisher = last
        sure = publisher == event.publisher or when == NEVER or abs(sent - when) > CLOSE
        return sent > when, sure
    if sent is None or base is None:
        return True, False
    # A message from long before the reading is late; what it told has been read. But who
    # is so far off may have a wrong clock.
    return sent > base, sent > base + SKEW


def _data(event: Event) -> Mapping[str, Any]:
    data: Mapping[str, Any] = event.payload["nova_object.data"]
    return data


def _sent(event: Event) -> datetime.datetime | None:
    return moment(event.metadata.get("timestamp"))


def _moves(data: Mapping[str, Any]) -> bool:
    return (data.get("task_state") or "").startswith(IN_TRANSIT)


def _values(data: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values of an instance; what no event tells stays as it is known"""
    flavor = data["flavor"]["nova_object.data"]
    image = data.get("image_uuid")
    fresh = dict(known or Instance.defaults)
    fresh.update(
        uuid=_word(data["uuid"]),
        name=_text(data.get("display_name")) or "",
        state=_word(data["state"]).lower(),
        task_state=_text(data.get("task_state")),
        metadata=dict(data.get("metadata") or {}),
        project_id=_text(data.get("tenant_id")) or "",
        host=_text(data.get("host")) or "",
        hypervisor_hostname=_text(data.get("node")) or "",
        vcpus=_count(flavor["vcpus"]),
        memory=_count(flavor["memory_mb"]),
        disk=values.local_disk_gb(
            _count(flavor.get("root_gb") or 0) if image else 0,
            _count(flavor.get("ephemeral_gb") or 0),
            _count(flavor.get("swap") or 0),
        ),
    )
    if "locked" in data:
        fresh["locked"] = bool(data["locked"])
    if "extra_specs" in flavor:
        fresh["flavor_extra_specs"] = dict(flavor["extra_specs"] or {})
    if created := moment(data.get("created_at")):
        fresh["created"] = created
    return fresh


def _count(value: Any) -> int:
    number = int(value)
    if not 0 <= number < LARGEST:
        raise ValueError(value)
    return number


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(value)


def _word(value: Any) -> str:
    found = _text(value)
    if not found:
        raise ValueError(value)
    return found


def _node(model: ModelRoot, data: Mapping[str, Any]) -> str | None:
    uuid = model.node_named(data["host"])
    if uuid is None:
        return None
    hypervisor = model.nodes_data[uuid].get("hypervisor")
    # A service may drive several hypervisors; which one is told by reading.
    return uuid if hypervisor == data["hypervisor_hostname"] else None


def _place(
    model: ModelRoot, uuid: str, data: dict[str, Any] | None, node: str | None
) -> None:
    """Put a server on a node, or take it out (None), its claim going along

    Placement's count follows the server, so that what else a node must keep free stays.
    """
    nodes, instances = model.node_columns, model.instance_columns
    old = model.node_of(uuid)
    size = None if old is None else instances.size[instances.row[uuid]].copy()
    if data is None or node is None:
        model.remove_instance(uuid)
    else:
        model.put_instance(data)
        model.map_instance(uuid, node)
        now = instances.size[instances.row[uuid]]
        if old == node and bool((size == now).all()):
            return
        nodes.claimed[nodes.row[node]] += now
    if old is not None:
        nodes.claimed[nodes.row[old]] -= size


def _service(model: ModelRoot, kind: str, data: Mapping[str, Any]) -> Effect:
    """Apply what is told of a compute service; those of other binaries say nothing"""
    if data["binary"] != "nova-compute":
        return Effect.IGNORED
    node = model.node_named(str(data["host"]))
    if node is None:
        return Effect.IGNORED if kind == "service.delete" else Effect.INCOMPLETE
    if kind == "service.delete":
        model.remove_node(node)
        return Effect.INCOMPLETE
    down = bool(data.get("forced_down"))
    wanted_values: dict[str, Any] = {
        "status": (
            ServiceState.DISABLED if data["disabled"] else ServiceState.ENABLED
        ).value,
        "disabled_reason": _text(data.get("disabled_reason")),
    }
    if down:
        wanted_values["state"] = ServiceState.OFFLINE.value
    known = model.nodes_data[node]
    changed = {k: v for k, v in wanted_values.items() if known.get(k) != v}
    if changed:
        model.change_node(node, changed)
    # Whether a service is alive is not told, nor which of two events came last.
    revived = not down and known.get("state") == ServiceState.OFFLINE
    return Effect.INCOMPLETE if changed or revived else Effect.APPLIED
