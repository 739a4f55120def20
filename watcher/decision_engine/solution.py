"""What a strategy hands over: actions in the order of their making, each with a reason."""

import abc
import json
from collections.abc import Mapping
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.decision_engine.efficacy import Indicator
from watcher.legacy import doorway
from watcher.plugins import Options

LOG = log.getLogger(__name__)

RESOURCE_ID = "resource_id"


def reject_reserved(input_parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that bring their own resource id

    :raises ReservedWord: ``resource_id`` is among them
    """
    if RESOURCE_ID in input_parameters:
        raise exception.ReservedWord(name=RESOURCE_ID)


def _as_list(found: Indicator | list[Indicator] | None) -> list[dict[str, Any]]:
    if found is None:
        return []
    several = found if isinstance(found, list | tuple) else [found]
    return [entry.to_dict() for entry in several]


class BaseSolution(abc.ABC):
    """An unordered plan"""

    def __init__(self, goal: Any, strategy: Any) -> None:
        self.goal = goal
        self.strategy = strategy
        self.origin: Any = None
        self.model: Any = None
        self.efficacy_indicators: list[dict[str, Any]] = []
        self.global_efficacy: list[dict[str, Any]] = []
        self._values: dict[str, Any] = {}

    @property
    @abc.abstractmethod
    def actions(self) -> list[dict[str, Any]]:
        """Actions as {action_type, input_parameters}, in the order of adding"""

    @abc.abstractmethod
    def add_action(
        self,
        action_type: str,
        input_parameters: Mapping[str, Any] | None = None,
        resource_id: str | None = None,
    ) -> None:
        """Add an action unless the very same one is there already"""

    def set_efficacy_indicators(self, **indicators: Any) -> None:
        """Merge indicator values; they are judged when the efficacy is computed"""
        self._values.update(indicators)

    def compute_global_efficacy(self) -> None:
        """Judge the indicator values and work out what they amount to

        :raises InvalidIndicatorValue: a value is forbidden or a required one missing
        :raises GlobalEfficacyComputationError: the goal does not know an indicator
        """
        specification = self.goal.efficacy_specification
        specification.validate_efficacy_indicators(self._values)
        known = {spec.name: spec for spec in specification.indicators_specs}
        if unknown := sorted(set(self._values) - set(known)):
            raise exception.GlobalEfficacyComputationError(
                f"The goal '{self.goal.name}' has no indicator {', '.join(unknown)}, "
                f"which the strategy '{self.strategy.name}' set"
            )
        self.efficacy_indicators = [
            Indicator(name, known[name].description, known[name].unit, value).to_dict()
            for name, value in self._values.items()
        ]
        try:
            total = specification.get_global_efficacy_indicator(Options(self._values))
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
            raise exception.GlobalEfficacyComputationError(
                goal=self.goal.name, strategy=self.strategy.name
            ) from error
        self.global_efficacy = _as_list(total)


class DefaultSolution(BaseSolution):
    """The one that strategies are given"""

    def __init__(self, goal: Any, strategy: Any) -> None:
        super().__init__(goal, strategy)
        self._actions: list[dict[str, Any]] = []
        self._known: set[str] = set()
        self.reasons: list[str | None] = []

    @property
    def actions(self) -> list[dict[str, Any]]:
        """Actions as {action_type, input_parameters}, in the order of adding"""
        return self._actions

    def add_action(
        self,
        action_type: str,
        input_parameters: Mapping[str, Any] | None = None,
        resource_id: str | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        """Add an action unless the very same one is there already

        ``resource_id`` is stored among the parameters; ``reason`` goes to the plan's
        explanation.
        """
        parameters = dict(input_parameters or {})
        reject_reserved(parameters)
        if resource_id is not None:
            parameters[RESOURCE_ID] = resource_id
        key = json.dumps([action_type, parameters], sort_keys=True, default=repr)
        if key in self._known:
            LOG.warning("Identical action dropped: %s", key)
            return
        self._known.add(key)
        self._actions.append(
            {"action_type": action_type, "input_parameters": parameters}
        )
        self.reasons.append(reason)

    def __str__(self) -> str:
        return "\n".join(str(action) for action in self._actions)


class BaseSolutionComparator(abc.ABC):
    """Kept for outside packages: tells which of two solutions is better"""

    @abc.abstractmethod
    def compare(self, sol1: BaseSolution, sol2: BaseSolution) -> Any:
        """Compare two solutions"""


class BaseSolutionEvaluator(abc.ABC):
    """Kept for outside packages: tells what a solution is worth"""

    @abc.abstractmethod
    def evaluate(self, solution: BaseSolution) -> Any:
        """Return the worth of ``solution``"""


# The published package ``watcher.decision_engine.solution`` had these modules.
doorway(
    __name__,
    "watcher.decision_engine",
    {
        "base": "watcher.decision_engine.solution",
        "default": "watcher.decision_engine.solution",
        "efficacy": "watcher.decision_engine.efficacy",
    },
)
