"""The planner that orders types of actions by the operator's weights."""

from collections.abc import Callable, Mapping
from typing import Any

from oslo_config import cfg
from oslo_log import log

from watcher import exception
from watcher.decision_engine.planner import base, dependencies
from watcher.decision_engine.solution import BaseSolution
from watcher.domain.records import NewAction

LOG = log.getLogger(__name__)

WEIGHTS = {
    "nop": 70,
    "volume_migrate": 60,
    "change_nova_service_state": 50,
    "sleep": 40,
    "shelve": 37,
    "stop": 35,
    "delete": 33,
    "migrate": 30,
    "resize": 20,
    "unshelve": 16,
    "start": 15,
    "turn_host_to_acpi_s3_state": 10,
    "change_node_power_state": 9,
}
PARALLELIZATION = {
    "turn_host_to_acpi_s3_state": 2,
    "resize": 2,
    "stop": 2,
    "shelve": 2,
    "delete": 2,
    "start": 2,
    "unshelve": 2,
    "migrate": 2,
    "sleep": 1,
    "change_nova_service_state": 1,
    "nop": 1,
    "change_node_power_state": 2,
    "volume_migrate": 2,
}
# Types nobody gave a weight run last: what they do is unknown, what precedes them is not.
UNLISTED_WEIGHT = 0


class WeightPlanner(base.BasePlanner):
    """Types of a higher weight come first; inside a type only real dependencies hold"""

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of group ``watcher_planners.weight``"""
        return [
            cfg.DictOpt(
                "weights",
                default=WEIGHTS,
                help="Order of action types: those with the highest number run first, "
                "equal numbers run side by side. A type that is not listed keeps its "
                "shipped weight, one that has none runs last.",
            ),
            cfg.DictOpt(
                "parallelization",
                default=PARALLELIZATION,
                help="Actions of each type that one plan may run at the same time.",
            ),
        ]

    def plan(
        self, solution: BaseSolution, new_uuid: Callable[[], str]
    ) -> list[NewAction]:
        """Return the solution's actions with their parents, each under a new UUID

        :raises ConfigInvalid: a configured weight is not a number
        """
        actions = solution.actions
        weights = self._weights({action["action_type"] for action in actions})
        parents = dependencies.of(actions, getattr(solution, "model_before", None))
        ranks = _ranks([weights[a["action_type"]] for a in actions], parents)
        _order_between(ranks, parents)
        reasons = getattr(solution, "reasons", None) or [None] * len(actions)
        uuids = [new_uuid() for _ in actions]
        return [
            NewAction(
                uuid=uuids[index],
                action_type=action["action_type"],
                input_parameters=action["input_parameters"],
                parents=[uuids[parent] for parent in sorted(parents[index])],
                reason=reasons[index],
            )
            for index, action in enumerate(actions)
        ]

    def _weights(self, types: set[str]) -> Mapping[str, float]:
        chosen = {
            kind: _number(kind, text)
            for kind, text in getattr(self.config, "weights", {}).items()
        }
        weights: dict[str, float] = {}
        for kind in sorted(types):
            if kind not in chosen and kind not in WEIGHTS:
                LOG.warning(
                    "Action type %s without a weight runs last; list it in "
                    "[watcher_planners.weight] weights",
                    kind,
                )
            weights[kind] = chosen.get(kind, WEIGHTS.get(kind, UNLISTED_WEIGHT))
        return weights


def _number(kind: str, text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        raise exception.ConfigInvalid(
            group="watcher_planners.weight",
            option="weights",
            reason=f"the weight of '{kind}' has to be a number, not '{text}'",
        ) from None


def _ranks(weights: list[float], parents: list[set[int]]) -> list[int]:
    """Return each action's place in the order of types, 0 first

    A real dependency wins over the weights: who has to wait for an action of a later
    place moves to that place.
    """
    place = {w: rank for rank, w in enumerate(sorted(set(weights), reverse=True))}
    ranks = [place[weight] for weight in weights]
    for index in _parents_first(parents):
        ranks[index] = max([ranks[index], *(ranks[p] for p in parents[index])])
    return ranks


def _parents_first(parents: list[set[int]]) -> list[int]:
    done: set[int] = set()
    order: list[int] = []
    for start in range(len(parents)):
        stack = [start]
        while stack:
            index = stack[-1]
            waiting = [p for p in sorted(parents[index]) if p not in done]
            if index in done:
                stack.pop()
            elif waiting:
                stack.extend(waiting)
            else:
                done.add(index)
                order.append(index)
                stack.pop()
    return order


def _order_between(ranks: list[int], parents: list[set[int]]) -> None:
    """Let every action wait for the last ones of the place before its own"""
    by_rank: dict[int, list[int]] = {}
    for index, rank in enumerate(ranks):
        by_rank.setdefault(rank, []).append(index)
    inner = {
        parent
        for index, own in enumerate(parents)
        for parent in own
        if ranks[parent] == ranks[index]
    }
    before: list[int] = []
    for rank in sorted(by_rank):
        for index in by_rank[rank]:
            parents[index].update(before)
        before = [index for index in by_rank[rank] if index not in inner]
