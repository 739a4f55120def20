"""Nova's versioned notifications, applied to the compute model without any request.

An event tells how a server was at some moment. It counts when it is newer than what the
model knows, by Nova's own stamp of the change, and within the same second by the moment
at which it was sent.
"""

import datetime
from collections import OrderedDict
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
REMOVALS = frozenset(("instance.delete.end", "instance.soft_delete.end"))
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
# Servers that went, of which a late event may still come.
GRAVES = 20_000
# Payloads are somebody else's; the model is read again when one is not as expected.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)

AsOf = tuple[datetime.datetime | None, str]


def wanted(publisher: str, kind: str) -> bool:
    """Tell whether an event is one of Nova's that may change the compute model"""
    return publisher.startswith("nova-") and kind.startswith(HINTS)


class Follower:
    """Applies events; remembers which servers went, so that no late event revives one"""

    def __init__(self) -> None:
        self._graves: OrderedDict[str, AsOf] = OrderedDict()

    def follow(self, model: ModelRoot, event: Event) -> Effect:
        """Apply an event to ``model``, in place, or say that something is to be read"""
        kind = event.kind
        if kind.removesuffix(".start").removesuffix(".end") in IDLE:
            return Effect.IGNORED
        try:
            if kind in SNAPSHOTS:
                return self._snapshot(model, _data(event), _sent(event))
            if kind in REMOVALS:
                return self._removal(model, event)
            if kind.startswith("service."):
                return _service(model, kind, _data(event))
        except MALFORMED:
            return Effect.INCOMPLETE
        return Effect.INCOMPLETE

    def _removal(self, model: ModelRoot, event: Event) -> Effect:
        data = _data(event)
        uuid = str(data["uuid"])
        as_of = _as_of(data, _sent(event))
        if event.kind == "instance.delete.end":
            as_of = (NEVER, "")
        elif _older(as_of, model.instances_data.get(uuid)):
            return Effect.IGNORED
        self._bury(uuid, as_of)
        if uuid in model.instances_data:
            _place(model, uuid, None, None)
        return Effect.APPLIED

    def _bury(self, uuid: str, as_of: AsOf) -> None:
        self._graves[uuid] = as_of
        self._graves.move_to_end(uuid)
        while len(self._graves) > GRAVES:
            self._graves.popitem(last=False)

    def _snapshot(self, model: ModelRoot, data: Mapping[str, Any], sent: str) -> Effect:
        uuid = str(data["uuid"])
        known = model.instances_data.get(uuid)
        as_of = _as_of(data, sent)
        if known is None:
            return self._newcomer(model, uuid, data, as_of)
        if _older(as_of, known):
            return Effect.IGNORED
        fresh = _values(data, known, as_of)
        if not fresh["host"] or fresh["state"] in GONE:
            self._bury(uuid, as_of)
            _place(model, uuid, None, None)
            return Effect.APPLIED
        node = _node(model, fresh)
        if node is None:
            # Its host is one that the model does not know (yet).
            return Effect.INCOMPLETE
        sure = _sure(as_of, known) or _alike(fresh, known)
        moves = _moves(fresh) or _moves(known) or uuid in model.migrations
        special = demands.special(fresh["flavor_extra_specs"])
        if special:
            # What Placement counts of other classes is in no event.
            here = model.node_of(uuid)
            model.unsettled |= {node} if here is None else {node, here}
        _place(model, uuid, fresh, node)
        # Nor is what a migration holds elsewhere.
        whole = sure and not moves and not special
        return Effect.APPLIED if whole else Effect.INCOMPLETE

    def _newcomer(
        self, model: ModelRoot, uuid: str, data: Mapping[str, Any], as_of: AsOf
    ) -> Effect:
        grave = self._graves.get(uuid)
        if grave is not None and (as_of[0] is None or as_of <= grave):
            return Effect.IGNORED
        fresh = _values(data, None, as_of)
        if not fresh["host"] or fresh["state"] in GONE:
            return Effect.IGNORED
        stamp, base = as_of[0], model.changed_at
        if stamp is None or (base is not None and stamp <= base):
            # The last reading should have seen it: it may have gone since.
            return Effect.INCOMPLETE
        if (node := _node(model, fresh)) is not None:
            _place(model, uuid, fresh, node)
        # Its zone, for one, is in no event.
        return Effect.INCOMPLETE


def _data(event: Event) -> Mapping[str, Any]:
    data: Mapping[str, Any] = event.payload["nova_object.data"]
    return data


def _sent(event: Event) -> str:
    return str(event.metadata.get("timestamp") or "")


def _as_of(data: Mapping[str, Any], sent: str) -> AsOf:
    # A server that never changed since it was made has no stamp of a change.
    return moment(data.get("updated_at") or data.get("created_at")), sent


def _older(as_of: AsOf, known: Mapping[str, Any] | None) -> bool:
    before: AsOf | None = known.get("as_of") if known else None
    if before is None or before[0] is None or as_of[0] is None:
        return False
    if as_of[0] != before[0]:
        return as_of[0] < before[0]
    return bool(as_of[1]) and bool(before[1]) and as_of[1] <= before[1]


def _sure(as_of: AsOf, known: Mapping[str, Any]) -> bool:
    """Tell whether an event that is not older is surely newer than what is known"""
    before: AsOf | None = known.get("as_of")
    if before is None or before[0] is None or as_of[0] is None:
        return False
    return as_of[0] > before[0] or bool(as_of[1] and before[1])


def _alike(fresh: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    return all(
        known.get(name) == value for name, value in fresh.items() if name != "as_of"
    )


def _moves(data: Mapping[str, Any]) -> bool:
    return (data.get("task_state") or "").startswith(IN_TRANSIT)


def _values(
    data: Mapping[str, Any], known: Mapping[str, Any] | None, as_of: AsOf
) -> dict[str, Any]:
    """Return the values of an instance; what no event tells stays as it is known"""
    flavor = data["flavor"]["nova_object.data"]
    image = data.get("image_uuid")
    fresh = dict(known or Instance.defaults)
    fresh.update(
        uuid=str(data["uuid"]),
        name=data.get("display_name") or "",
        state=data["state"].lower(),
        task_state=data.get("task_state"),
        metadata=dict(data.get("metadata") or {}),
        project_id=data.get("tenant_id") or "",
        host=data.get("host") or "",
        hypervisor_hostname=data.get("node") or "",
        vcpus=_count(flavor["vcpus"]),
        memory=_count(flavor["memory_mb"]),
        disk=values.local_disk_gb(
            _count(flavor.get("root_gb") or 0) if image else 0,
            _count(flavor.get("ephemeral_gb") or 0),
            _count(flavor.get("swap") or 0),
        ),
        as_of=as_of,
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
    if number < 0:
        raise ValueError(value)
    return number


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
        "disabled_reason": data.get("disabled_reason"),
    }
    if down:
        wanted_values["state"] = ServiceState.OFFLINE.value
    known = model.nodes_data[node]
    changed = {k: v for k, v in wanted_values.items() if known.get(k) != v}
    if changed:
        model.get_node_by_uuid(node).update(changed)
    # Whether a service is alive is not told, nor which of two events came last.
    revived = not down and known.get("state") == ServiceState.OFFLINE
    return Effect.INCOMPLETE if changed or revived else Effect.APPLIED
