"""What the applier answers on the bus."""

from collections.abc import Callable
from typing import Any


class ApplierEndpoint:
    """Wakes the scanner; the row of the plan is the queue, the message only hurries"""

    def __init__(self, wake: Callable[[], None]):
        self._wake = wake

    def launch_action_plan(self, context: Any, action_plan_uuid: str) -> str:
        """Look for plans now"""
        self._wake()
        return action_plan_uuid
