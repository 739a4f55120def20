"""Which action of a solution really has to wait for which other, and why.

Pure: actions and the model as it was before go in, indexes come out. Everything else may
run side by side, up to the applier's limits. Whatever is found here is needed by the rule
of ``domain.needs``, too, by which the applier tells it from the order of types.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watcher.cluster import occupancy, planned
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import Move, View
from watcher.domain.needs import MIGRATE, POWER, SERVICE

Action = Mapping[str, Any]

LEAVING = frozenset((MIGRATE, "stop", "shelve", "delete"))


def of(actions: Sequence[Action], model: ModelRoot | None = None) -> list[set[int]]:
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


def moves(actions: Sequence[Action], model: ModelRoot) -> dict[int, Move]:
    """Return the migrations that name their target, by the index of their action"""
    return {
        index: move
        for index, action in enumerate(actions)
        if (
            move := planned.move_of(
                model, action["action_type"], action["input_parameters"]
            )
        )
    }


def _room(actions: Sequence[Action], model: ModelRoot) -> Iterator[tuple[int, int]]:
    """An arrival that fits only when somebody has left waits for those who leave"""
    view = View(model)
    known = {
        index: move
        for index, move in moves(actions, model).items()
        if move.instance in model.instances_data
    }
    place = list(known)
    for arrival, earlier in occupancy.room_order(view, list(known.values())).items():
        for departure in earlier:
            yield place[arrival], place[departure]
