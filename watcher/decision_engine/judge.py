"""Do the actions, in the order that was planned, keep the rules of the cluster?"""

from collections.abc import Sequence
from typing import Any

from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import Move
from watcher.cluster.verify import verify
from watcher.decision_engine.planner import dependencies
from watcher.domain.records import NewAction


def breaches(model: ModelRoot, actions: Sequence[NewAction]) -> list[str]:
    """Return what is wrong with the plan, in sentences; nothing means good"""
    plain = [
        {"action_type": a.action_type, "input_parameters": a.input_parameters}
        for a in actions
    ]
    moves = dependencies.moves(plain, model)
    earlier = _earlier(actions)
    services = _services(model, actions, earlier, moves)
    place = {index: number for number, index in enumerate(moves)}
    return verify(
        model,
        list(moves.values()),
        before={
            place[index]: [place[other] for other in earlier[index] if other in place]
            for index in moves
        },
        disabled={host: "planned" for host, on in services.items() if not on},
        enabled={host: "planned" for host, on in services.items() if on},
    )


def _earlier(actions: Sequence[NewAction]) -> list[set[int]]:
    """Return for each action all that end before it starts"""
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


def _services(
    model: ModelRoot,
    actions: Sequence[NewAction],
    earlier: Sequence[set[int]],
    moves: dict[int, Move],
) -> dict[str, bool]:
    """Return the hosts whose service is changed before anything moves: enabled or not"""
    found: dict[str, bool] = {}
    for number, action in enumerate(actions):
        if action.action_type != dependencies.SERVICE or earlier[number] & set(moves):
            continue
        if host := _host(model, action.input_parameters):
            found[host] = action.input_parameters.get("state") == "enabled"
    return found


def _host(model: ModelRoot, given: Any) -> str | None:
    if name := given.get("resource_name"):
        return str(name)
    node = model.nodes_data.get(str(given.get("resource_id")))
    return None if node is None else str(node["hostname"])
