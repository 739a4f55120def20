"""The plan that takes a plan back: the inverse of what was really done, in a safe order.

Pure: rows go in, actions come out. Each thing goes back at once from where it is to where
it was at first. Listed and ordered it is the reverse of what happened, but hosts are
switched on and opened before anything arrives there, and closed and switched off last.
Only what really depends waits: see ``_parents``.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.domain import effects
from watcher.domain.effects import Change, Kept
from watcher.domain.needs import MIGRATE, POWER, SERVICE
from watcher.domain.records import Action, NewAction, Operation

# Why nobody brings some things back.
NO_WAY = "there is no way back from {} to {}"


@dataclass(frozen=True, slots=True)
class Step:
    """One action of the way back, and the change that it takes back"""

    action_type: str
    input_parameters: Mapping[str, Any]
    reason: str
    change: Change

    def is_(self, kind: str, state: str | None = None) -> bool:
        """Tell whether it is of this type, and sets this state"""
        return self.action_type == kind and (
            state is None or self.input_parameters.get("state") == state
        )


@dataclass(frozen=True, slots=True)
class Undo:
    """The way back: ``parents`` are indexes of earlier steps; and what stays done"""

    steps: Sequence[Step]
    parents: Sequence[Sequence[int]]
    kept: Sequence[Kept]

    def actions(self, new_uuid: Callable[[], str]) -> list[NewAction]:
        """Return the steps as actions of a new plan"""
        uuids = [new_uuid() for _ in self.steps]
        return [
            NewAction(
                uuid=own, action_type=step.action_type, reason=step.reason,
                input_parameters=step.input_parameters,
                parents=[uuids[parent] for parent in parents],
            )
            for own, step, parents in zip(uuids, self.steps, self.parents, strict=True)
        ]  # fmt: skip


def of(actions: Sequence[Action], operations: Sequence[Operation]) -> Undo:
    """Return what takes these actions back, by what their operations say was done"""
    found = effects.effects_of(actions, operations)
    kept = list(found.kept)
    steps: list[Step] = []
    for change in sorted(found.changes, key=lambda one: -one.at):
        back = _back(change)
        if back:
            steps += back
        else:
            why = NO_WAY.format(change.after, change.before)
            kept.append(Kept(change.action, why))
    steps.sort(key=_rank)
    return Undo(steps, _parents(steps), kept)


# One change each ----------------------------------------------------------------------


def _back(change: Change) -> list[Step]:
    """Return the steps that take one change back, in their order"""
    make = _BACK[change.what]
    return [
        Step(kind, given, reason, change)
        for kind, given, reason in make(change, change.action.input_parameters)
    ]


Given = Mapping[str, Any]
Made = list[tuple[str, dict[str, Any], str]]


def _named(change: Change, given: Given, **more: Any) -> dict[str, Any]:
    name = given.get("resource_name")
    return {
        "resource_id": change.resource,
        **({"resource_name": name} if name else {}),
        **more,
    }


def _place(change: Change, given: Given) -> Made:
    parameters = _named(
        change, given, migration_type=given["migration_type"],
        source_node=change.after, destination_node=change.before,
    )  # fmt: skip
    return [(MIGRATE, parameters, f"it was on {change.before} before")]


def _service(change: Change, given: Given) -> Made:
    (was, was_reason), (_now, reason) = change.before, change.after
    parameters = {"resource_id": given["resource_id"], "resource_name": change.resource}
    if was == effects.ENABLED:
        # Whoever disables it for another reason meanwhile has the last word.
        more = {"state": was, "if_disabled_reason": reason}
        return [(SERVICE, {**parameters, **more}, "it was enabled before")]
    text = f" ({was_reason})" if was_reason else ""
    more = {"state": was, **({"disabled_reason": was_reason} if was_reason else {})}
    return [(SERVICE, {**parameters, **more}, f"it was disabled before{text}")]


def _flavor(change: Change, given: Given) -> Made:
    parameters = {"resource_id": change.resource, "flavor": change.before}
    return [("resize", parameters, f"it had flavor {change.before} before")]


_RUNS: Mapping[tuple[str, str], Sequence[str]] = {
    (effects.STOPPED, effects.RUNNING): ("start",),
    (effects.SHELVED, effects.RUNNING): ("unshelve",),
    (effects.SHELVED, effects.STOPPED): ("unshelve", "stop"),
    (effects.RUNNING, effects.STOPPED): ("stop",),
    (effects.RUNNING, effects.SHELVED): ("shelve",),
    (effects.STOPPED, effects.SHELVED): ("shelve",),
}


def _run(change: Change, given: Given) -> Made:
    kinds = _RUNS[change.after, change.before]
    reason = f"it was {change.before} before"
    return [(kind, {"resource_id": change.resource}, reason) for kind in kinds]


def _power(change: Change, given: Given) -> Made:
    parameters = _named(change, given, state=change.before)
    return [(POWER, parameters, f"it was {change.before} before")]


def _pool(change: Change, given: Given) -> Made:
    parameters = _named(
        change, given, migration_type="migrate", destination_node=change.before
    )
    return [("volume_migrate", parameters, f"it was in {change.before} before")]


def _type(change: Change, given: Given) -> Made:
    parameters = _named(
        change, given, migration_type="retype", destination_type=change.before
    )
    return [("volume_migrate", parameters, f"it was of type {change.before} before")]


_BACK: Mapping[str, Callable[[Change, Given], Made]] = {
    effects.PLACE: _place,
    effects.HOST: _service,
    effects.FLAVOR: _flavor,
    effects.RUN: _run,
    effects.NODE: _power,
    effects.POOL: _pool,
    effects.TYPE: _type,
}


# The order ----------------------------------------------------------------------------


def _rank(step: Step) -> int:
    """Return the step's place: opening hosts, the rest as it comes, closing hosts"""
    if step.is_(POWER):
        return 0 if step.input_parameters["state"] == "on" else 4
    if step.is_(SERVICE):
        return 1 if step.input_parameters["state"] == effects.ENABLED else 3
    return 2


def _parents(steps: Sequence[Step]) -> list[list[int]]:
    """Return for each step those before it that it has to wait for

    What was done to one server or volume is taken back in reverse. Nothing arrives at a
    host that is not on and enabled yet; none is closed or switched off before what goes
    from there has gone. Where the plan let a server arrive only after another had left,
    it now leaves before the other one comes back. All of these are needed by the rule of
    ``domain.needs`` as well.
    """
    parents: list[set[int]] = [set() for _ in steps]
    last: dict[str, int] = {}
    opened: dict[str, list[int]] = defaultdict(list)
    left: dict[str, list[int]] = defaultdict(list)
    closed: dict[str, list[int]] = defaultdict(list)
    room = _Room(steps)
    for index, step in enumerate(steps):
        given = step.input_parameters
        host = str(given.get("resource_name") or given["resource_id"])
        if step.is_(SERVICE, effects.ENABLED) or step.is_(POWER, "on"):
            parents[index].update(opened[host])
            opened[host].append(index)
        elif step.is_(SERVICE) or step.is_(POWER):
            parents[index].update(left[host], closed[host])
            closed[host].append(index)
        else:
            resource = str(given["resource_id"])
            if resource in last:
                parents[index].add(last[resource])
            last[resource] = index
        if step.is_(MIGRATE):
            parents[index].update(opened[given["destination_node"]], room.of(index))
            left[given["source_node"]].append(index)
    return [sorted(found) for found in parents]


class _Room:
    """Which departures an arrival waits for, as the plan waited the other way round"""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._of_action: dict[str, int] = {}
        self._behind: dict[str, list[int]] = defaultdict(list)
        self._off_plan: dict[str, list[int]] = defaultdict(list)
        for index, step in enumerate(steps):
            if not step.is_(MIGRATE):
                continue
            for action in step.change.actions:
                for parent in action.parents:
                    self._behind[parent].append(index)
            if not step.change.planned:
                self._off_plan[step.input_parameters["source_node"]].append(index)

    def of(self, index: int) -> set[int]:
        """Return the departures that make room for the arrival ``index``"""
        step = self._steps[index]
        host = step.input_parameters["destination_node"]
        # Where a server went that the plan sent elsewhere, or nowhere, nobody counted.
        found = set(self._off_plan[host])
        for action in step.change.actions:
            found.update(self._behind[action.uuid])
        return {
            other
            for other in found
            if other < index
            and self._steps[other].input_parameters["source_node"] == host
        }
