"""A strategy for trials of plans with several types of actions."""

from collections.abc import Iterator
from typing import Any

from watcher._i18n import _
from watcher.cluster.model.simulate import View
from watcher.decision_engine.strategy import base, params
from watcher.decision_engine.strategy.steps import Step

# Servers that are in no real cloud.
FIRST = "b199db0c-1408-4d52-b5a5-5ca14de0ff36"
SECOND = "8db1b3c1-7938-4c34-8c03-6de14b874f8f"
SOURCE, TARGET = "compute2", "compute3"
FLAVOR = "x2"
WHY = "the strategy always asks for it"


class DummyWithResize(base.DummyBaseStrategy):
    """Two greetings, a sleep, two migrations and a resize of servers that do not exist

    For tests of plans only: whoever carries the plan out skips what concerns the servers.
    """

    PARAMS = params.of(
        params.number("para1", 3.2, low=1.0, high=10.2, help="not used"),
        params.string("para2", "hello", help="not used"),
    )

    @classmethod
    def get_name(cls) -> str:
        """Return the strategy's name"""
        return "dummy_with_resize"

    @classmethod
    def get_display_name(cls) -> str:
        """Return the label in the reader's language"""
        return _("Dummy strategy with resize")

    @classmethod
    def get_translatable_display_name(cls) -> str:
        """Return the English label"""
        return "Dummy strategy with resize"

    def solve(self, view: View, p: Any) -> Iterator[Step]:
        """Yield nop, nop, sleep, migrate, migrate, resize"""
        for message in ("hello World", "Welcome"):
            yield Step(action_type="nop", parameters={"message": message}, reason=WHY)
        yield Step(action_type="sleep", parameters={"duration": 5.0}, reason=WHY)
        for server in (FIRST, SECOND):
            yield Step(
                action_type="migrate",
                resource_id=server,
                parameters={
                    "migration_type": "live",
                    "source_node": SOURCE,
                    "destination_node": TARGET,
                },
                reason=WHY,
            )
        yield Step(
            action_type="resize",
            resource_id=SECOND,
            parameters={"flavor": FLAVOR},
            reason=WHY,
        )
