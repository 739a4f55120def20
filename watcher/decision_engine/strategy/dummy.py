"""A strategy for trials: it changes nothing."""

from collections.abc import Iterator
from typing import Any

from watcher._i18n import _
from watcher.cluster.model.simulate import View
from watcher.decision_engine.strategy import base, params
from watcher.decision_engine.strategy.steps import Step


class DummyStrategy(base.DummyBaseStrategy):
    """Two greetings and a short sleep, whatever the cluster looks like"""

    PARAMS = params.of(
        params.number("para1", 3.2, low=1.0, high=10.2, help="seconds to sleep"),
        params.string("para2", "hello", help="text of the second greeting"),
    )

    @classmethod
    def get_name(cls) -> str:
        """Return the strategy's name"""
        return "dummy"

    @classmethod
    def get_display_name(cls) -> str:
        """Return the label in the reader's language"""
        return _("Dummy strategy")

    @classmethod
    def get_translatable_display_name(cls) -> str:
        """Return the English label"""
        return "Dummy strategy"

    def solve(self, view: View, p: Any) -> Iterator[Step]:
        """Yield nop, nop, sleep"""
        yield Step(
            action_type="nop",
            parameters={"message": "hello World"},
            reason="the dummy strategy always greets",
        )
        yield Step(
            action_type="nop",
            parameters={"message": p.para2},
            reason="parameter para2",
        )
        yield Step(
            action_type="sleep",
            parameters={"duration": p.para1},
            reason="parameter para1",
        )
