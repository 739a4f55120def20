"""Plans as classic planners make them."""

from typing import Any, ClassVar

from watcher.domain import states
from watcher.domain.records import NewAction
from watcher.objects import base


class State:
    """Names of the states of plans"""

    RECOMMENDED = states.RECOMMENDED
    PENDING = states.PENDING
    ONGOING = states.ONGOING
    FAILED = states.FAILED
    SUCCEEDED = states.SUCCEEDED
    DELETED = states.DELETED
    CANCELLED = states.CANCELLED
    SUPERSEDED = states.SUPERSEDED
    CANCELLING = states.CANCELLING


class ActionPlan(base.Collected):
    """A plan, with the actions and indicators that were made for it"""

    fields: ClassVar = {
        "audit_id": None,
        "strategy_id": None,
        "state": State.RECOMMENDED,
        "global_efficacy": [],
        "hostname": None,
        "status_message": None,
    }

    def __init__(self, context: Any = None, **given: Any) -> None:
        super().__init__(context, **given)
        self.actions: list[Any] = []
        self.indicators: list[Any] = []

    def create(self) -> None:
        """Let actions be added"""
        super().create()
        base.remember(self)

    def new_actions(self) -> list[NewAction]:
        """Return the actions as they are stored"""
        return [
            NewAction(
                uuid=action.uuid,
                action_type=action.action_type,
                input_parameters=action.input_parameters,
                parents=tuple(action.parents or ()),
            )
            for action in self.actions
        ]
