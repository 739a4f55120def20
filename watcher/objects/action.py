"""Actions as classic planners make them."""

from typing import Any, ClassVar

from watcher.domain import states
from watcher.objects import base


class State:
    """Names of the states of actions"""

    PENDING = states.PENDING
    ONGOING = states.ONGOING
    FAILED = states.FAILED
    SUCCEEDED = states.SUCCEEDED
    DELETED = states.DELETED
    CANCELLED = states.CANCELLED
    CANCELLING = states.CANCELLING
    SKIPPED = states.SKIPPED


class Action(base.Collected):
    """One step of a plan"""

    action_plan_id: Any
    fields: ClassVar = {
        "action_plan_id": None,
        "action_type": None,
        "input_parameters": {},
        "state": State.PENDING,
        "parents": [],
        "status_message": None,
    }

    def create(self) -> None:
        """Add the action to its plan"""
        super().create()
        base.plan_of(self.action_plan_id).actions.append(self)
