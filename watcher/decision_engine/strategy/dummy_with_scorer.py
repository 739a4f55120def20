"""A strategy for trials of scoring engines: it changes nothing."""

import json
import random
from collections.abc import Iterator
from typing import Any

from watcher._i18n import _
from watcher.cluster.model.simulate import View
from watcher.decision_engine.scoring import scoring_factory
from watcher.decision_engine.strategy import base, params
from watcher.decision_engine.strategy.steps import Step

MIB, GIB = 1024**2, 1024**3
MEMORY = 32 * GIB
AVERAGED = 20


class DummyWithScorer(base.DummyBaseStrategy):
    """Scores numbers that it makes up, says what came out, and sleeps for 5 s

    :raises KeyError: one of the two scoring engines is not installed
    """

    PARAMS = params.of(
        params.number("param1", 3.2, low=1.0, high=10.2, help="not used"),
        params.string("param2", "hello", help="text of the greeting"),
    )

    def __init__(self, config: Any, osc: Any = None) -> None:
        super().__init__(config, osc)
        self._scorer = scoring_factory.get_scoring_engine("dummy_scorer")
        self._mean = scoring_factory.get_scoring_engine("dummy_avg_scorer")

    @classmethod
    def get_name(cls) -> str:
        """Return the strategy's name"""
        return "dummy_with_scorer"

    @classmethod
    def get_display_name(cls) -> str:
        """Return the label in the reader's language"""
        return _("Dummy Strategy using sample Scoring Engines")

    @classmethod
    def get_translatable_display_name(cls) -> str:
        """Return the English label"""
        return "Dummy Strategy using sample Scoring Engines"

    def solve(self, view: View, p: Any) -> Iterator[Step]:
        """Yield a greeting, the workload, the average, sleep"""
        chance = self.handle.chance
        yield _say(p.param2, "parameter param2")
        workload = self._workload(_telemetry(chance))
        yield _say(f"Detected workload: {workload}", "what dummy_scorer says")
        values = [chance.randint(0, 100) for _number in range(AVERAGED)]
        (average,) = json.loads(self._mean.calculate_score(json.dumps(values)))
        yield _say(f"Average: {average:.2f}", "what dummy_avg_scorer says")
        yield Step(
            action_type="sleep",
            parameters={"duration": 5.0},
            reason="the strategy always sleeps",
        )

    def _workload(self, telemetry: list[float]) -> str:
        score = json.loads(self._scorer.calculate_score(json.dumps(telemetry)))
        names = json.loads(self._scorer.get_metainfo())["workloads"]
        return str(names[str(score[0])])


def _say(message: str, reason: str) -> Step:
    return Step(action_type="nop", parameters={"message": message}, reason=reason)


def _telemetry(chance: random.Random) -> list[float]:
    """Return made-up values of one host, in the order that dummy_scorer takes"""
    limits = (100, 2000, 2000, 100 * MIB, 100 * MIB, 10 * MIB, 10 * MIB)
    cpu, *rates = (round(chance.uniform(0, limit), 2) for limit in limits)
    return [cpu, MEMORY, chance.randint(0, MEMORY), *rates]
