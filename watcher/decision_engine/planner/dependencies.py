"""Which action of a solution really has to wait for which other, and why.

Pure: actions and the model as it was before go in, indexes come out. Everything else may
run side by side, up to the applier's limits.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watcher import exception

Action = Mapping[str, Any]
Size = tuple[float, float, float]  # vCPUs, memory in MB, disk in GB

MIGRATE = "migrate"
SERVICE = "change_nova_service_state"
POWER = "change_node_power_state"
LEAVING = frozenset((MIGRATE, "stop", "shelve", "delete"))


def of(actions: Sequence[Action], model: Any = None) -> list[set[int]]:
    """Return for each action the indexes of those that it has to wait for"""
    parents: list[set[int]] = [set() for _ in actions]
    for finder in (_same_resource, _service_before_arrival, _empty_before_off):
        for child, parent in finder(actions):
            parents[child].add(parent)
    if model is not None:
        for child, parent in _room(actions, model):
            parents[child].add(parent)
    return parents


def _parameter(action: Action, name: str) -> Any:
    return action["input_parameters"].get(name)


def _same_resource(actions: Sequence[Action]) -> Iterator[tuple[int, int]]:
    """Several actions of one type on one thing keep the order that they were given in"""
    last: dict[tuple[str, Any], int] = {}
    for index, action in enumerate(actions):
        resource = _parameter(action, "resource_id")
        if not isinstance(resource, str):
            continue
        key = (action["action_type"], resource)
        if key in last:
            yield index, last[key]
        last[key] = index


def _service_before_arrival(actions: Sequence[Action]) -> Iterator[tuple[int, int]]:
    """Nova lets a server onto a host only when the host's service is enabled"""
    enables = defaultdict(list)
    for index, action in enumerate(actions):
        if (
            action["action_type"] == SERVICE
            and _parameter(action, "state") == "enabled"
        ):
            enables[_parameter(action, "resource_name")].append(index)
    for index, action in enumerate(actions):
        if action["action_type"] == MIGRATE:
            for enable in enables.get(_parameter(action, "destination_node"), ()):
                yield index, enable


def _empty_before_off(actions: Sequence[Action]) -> Iterator[tuple[int, int]]:
    """A host is powered off after what leaves it has left"""
    leaving = defaultdict(list)
    for index, action in enumerate(actions):
        if action["action_type"] in LEAVING:
            leaving[_parameter(action, "source_node")].append(index)
    for index, action in enumerate(actions):
        off = action["action_type"] == POWER and _parameter(action, "state") == "off"
        if off:
            for move in leaving.get(_parameter(action, "resource_name"), ()):
                yield index, move


def _size(model: Any, server: Any) -> Size | None:
    try:
        instance = model.get_instance_by_uuid(server)
    except exception.ComputeResourceNotFound:
        return None
    return instance.vcpus, instance.memory, instance.disk


def _free(model: Any, host: str) -> Size | None:
    try:
        free = model.get_node_free_resources(model.get_node_by_name(host))
    except exception.ComputeResourceNotFound:
        return None
    return free["vcpu"], free["memory"], free["disk"]


def _room(actions: Sequence[Action], model: Any) -> Iterator[tuple[int, int]]:
    """An arrival that fits only when somebody has left waits for as many as it takes"""
    room: dict[str, list[float]] = {}
    departures: dict[str, list[tuple[int, Size]]] = defaultdict(list)
    awaited: dict[str, list[int]] = defaultdict(list)
    for index, action in enumerate(actions):
        if action["action_type"] != MIGRATE:
            continue
        size = _size(model, _parameter(action, "resource_id"))
        source = _parameter(action, "source_node")
        target = _parameter(action, "destination_node")
        if size is None:
            continue
        if target and (free := room.get(target) or _room_at(model, target)):
            room[target] = free
            for axis in range(3):
                free[axis] -= size[axis]
            # Who left earlier in the solution is credited only as far as it is needed.
            while min(free) < 0 and departures[target]:
                gone, given = departures[target].pop(0)
                awaited[target].append(gone)
                for axis in range(3):
                    free[axis] += given[axis]
            for gone in awaited[target]:
                yield index, gone
        if source:
            departures[source].append((index, size))


def _room_at(model: Any, host: str) -> list[float] | None:
    free = _free(model, host)
    return None if free is None else list(free)
