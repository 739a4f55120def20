"""Import path kept for planners packaged outside this tree."""

from watcher.objects import (
    action,
    action_plan,
    audit,
    efficacy_indicator,
    strategy,
)
from watcher.objects.action import Action
from watcher.objects.action_plan import ActionPlan
from watcher.objects.efficacy_indicator import EfficacyIndicator
from watcher.objects.strategy import Strategy


def register_all() -> None:
    """Nothing to register; outside tests call it"""


__all__ = (
    "Action",
    "ActionPlan",
    "EfficacyIndicator",
    "Strategy",
    "action",
    "action_plan",
    "audit",
    "efficacy_indicator",
    "register_all",
    "strategy",
)
