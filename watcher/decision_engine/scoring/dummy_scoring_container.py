"""Scoring engines for trials that one plugin offers together."""

import json
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from watcher._i18n import _
from watcher.decision_engine.scoring import base, numbers

Function = Callable[[Sequence[float]], float]


class SimpleFunctionScorer(base.ScoringEngine):
    """Scores any number of numbers by a function of them all"""

    def __init__(self, config: Any, name: str, description: str, function: Function):
        super().__init__(config)
        self._name = name
        self._description = description
        self._function = function

    def get_name(self) -> str:
        """Return the name that strategies ask for"""
        return self._name

    def get_description(self) -> str:
        """Return what the engine is for"""
        return self._description

    def get_metainfo(self) -> str:
        """Return nothing: there is nothing to be known"""
        return ""

    def calculate_score(self, features: str) -> str:
        """Return a JSON list of one number

        :raises ValueError: ``features`` is not a JSON list of one number or more
        """
        return json.dumps([self._function(numbers.read(features))])


class DummyScoringContainer(base.ScoringEngineContainer):
    """Offers the least, the greatest and the mean of some numbers"""

    @classmethod
    def get_scoring_engine_list(cls) -> list[base.ScoringEngine]:
        """Return the engines, always the same"""
        return [
            SimpleFunctionScorer(None, "dummy_min_scorer", _("The least of all"), min),
            SimpleFunctionScorer(
                None, "dummy_max_scorer", _("The greatest of all"), max
            ),
            SimpleFunctionScorer(
                None, "dummy_avg_scorer", _("The mean of all"), statistics.fmean
            ),
        ]
