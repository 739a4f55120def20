"""Import path kept for strategies packaged outside this tree."""

from watcher.decision_engine.strategy.base import StrategyLevel

__all__ = ("StrategyLevel",)
