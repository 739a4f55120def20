"""Actions of a plan as the rules of the cluster see them: moves, and hosts that open or close."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import COLD, LIVE, Move
from watcher.cluster.verify import verify
from watcher.domain.needs import MIGRATE, POWER, SERVICE, SLEEP_STATE


class Action(Protocol):
    """An action, planned or stored"""

    @property
    def uuid(self) -> str:
        """Its name among the parents of others"""

    @property
    def action_type(self) -> str:
        """The name of its type"""

    @property
    def input_parameters(self) -> Mapping[str, Any]:
        """What it is to work on"""

    @property
    def parents(self) -> Sequence[str]:
        """The actions that end before it starts"""


# Strategies for trials make plans about servers that never were.
TRIALS = "dummy"


def is_trial(strategy: str | None) -> bool:
    """Tell whether the rules of the cluster do not matter for plans of that strategy"""
    return (strategy or "").startswith(TRIALS)


def breaches(model: ModelRoot, actions: Sequence[Action]) -> list[str]:
    """Return what is wrong with the plan, in sentences; nothing means good"""
    found = {
        index: move
        for index, action in enumerate(actions)
        if (move := move_of(model, action.action_type, action.input_parameters))
    }
    before = earlier(actions)
    services = opened(model, actions, before, found)
    place = {index: number for number, index in enumerate(found)}
    return verify(
        model,
        list(found.values()),
        before={
            place[index]: [place[other] for other in before[index] if other in place]
            for index in found
        },
        disabled={host: "planned" for host, on in services.items() if not on},
        enabled={host: "planned" for host, on in services.items() if on},
    )


def move_of(model: ModelRoot, kind: str, given: Mapping[str, Any]) -> Move | None:
    """Return the move that an action is; None unless it migrates to a target it names"""
    server, target = given.get("resource_id"), given.get("destination_node")
    if kind != MIGRATE or not target or not server:
        return None
    return Move(
        instance=str(server),
        source=str(given.get("source_node") or model.host_of(server)),
        target=str(target),
        kind=COLD if given.get("migration_type") == COLD else LIVE,
    )


def earlier(actions: Sequence[Action]) -> list[set[int]]:
    """Return for each action all that end before it starts

    :raises KeyError: a parent is not among the actions
    """
    index = {action.uuid: number for number, action in enumerate(actions)}
    found: dict[int, set[int]] = {}

    def collect(start: int) -> None:
        stack = [start]
        while stack:
            number = stack[-1]
            parents = [index[uuid] for uuid in actions[number].parents]
            if waiting := [p for p in parents if p not in found]:
                stack.extend(waiting)
                continue
            stack.pop()
            found[number] = set(parents).union(*(found[p] for p in parents))

    for number in range(len(actions)):
        if number not in found:
            collect(number)
    return [found[number] for number in range(len(actions))]


def opened(
    model: ModelRoot,
    actions: Sequence[Action],
    before: Sequence[set[int]],
    moves: Mapping[int, Move],
) -> dict[str, bool]:
    """Return the hosts whose service is changed before anything moves: enabled or not"""
    found: dict[str, bool] = {}
    for number, action in enumerate(actions):
        if action.action_type != SERVICE or before[number] & set(moves):
            continue
        if host := host_of(model, action):
            found[host] = action.input_parameters.get("state") == "enabled"
    return found


def closing(model: ModelRoot, actions: Sequence[Action]) -> Iterator[tuple[int, str]]:
    """Yield the actions that close a host or switch it off, by index, and the host"""
    for number, action in enumerate(actions):
        state = action.input_parameters.get("state")
        closes = (action.action_type, state) in (
            (SERVICE, "disabled"),
            (POWER, "off"),
        ) or action.action_type == SLEEP_STATE
        if closes and (host := host_of(model, action)):
            yield number, host


def host_of(model: ModelRoot, action: Action) -> str | None:
    """Return the host that an action on a host is about, None when nobody knows it"""
    given = action.input_parameters
    if name := given.get("resource_name"):
        return str(name)
    node = model.nodes_data.get(str(given.get("resource_id")))
    return None if node is None else str(node["hostname"])
