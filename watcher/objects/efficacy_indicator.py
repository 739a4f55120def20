"""Indicators as classic planners make them."""

from typing import Any, ClassVar

from watcher.objects import base


class EfficacyIndicator(base.Collected):
    """One number that tells what a plan is worth"""

    action_plan_id: Any
    fields: ClassVar = {
        "action_plan_id": None,
        "name": None,
        "description": None,
        "unit": None,
        "value": None,
    }

    def create(self) -> None:
        """Add the indicator to its plan"""
        super().create()
        base.plan_of(self.action_plan_id).indicators.append(self)
