"""Import path kept for strategies packaged outside this tree."""

from watcher.decision_engine.strategy.actuator import Actuator
from watcher.decision_engine.strategy.base import BaseStrategy
from watcher.decision_engine.strategy.basic import BasicConsolidation
from watcher.decision_engine.strategy.dummy import DummyStrategy
from watcher.decision_engine.strategy.dummy_with_resize import DummyWithResize
from watcher.decision_engine.strategy.dummy_with_scorer import DummyWithScorer
from watcher.decision_engine.strategy.host_maintenance import HostMaintenance
from watcher.legacy import doorway

__all__ = (
    "Actuator",
    "BaseStrategy",
    "BasicConsolidation",
    "DummyStrategy",
    "DummyWithResize",
    "DummyWithScorer",
    "HostMaintenance",
)

doorway(
    __name__,
    "watcher.decision_engine.strategy",
    {
        "base": "watcher.decision_engine.strategy.base",
        "basic_consolidation": "watcher.decision_engine.strategy.basic",
        "actuation": "watcher.decision_engine.strategy.actuator",
        "dummy_strategy": "watcher.decision_engine.strategy.dummy",
        "dummy_with_resize": "watcher.decision_engine.strategy.dummy_with_resize",
        "dummy_with_scorer": "watcher.decision_engine.strategy.dummy_with_scorer",
        "host_maintenance": "watcher.decision_engine.strategy.host_maintenance",
    },
)
