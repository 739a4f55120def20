"""Base classes of strategies: one for each goal, and the one that they all share."""

import abc
from typing import Any

from oslo_config import cfg

from watcher.decision_engine.strategy.core import BaseStrategy, StrategyLevel

__all__ = (
    "BaseStrategy",
    "DummyBaseStrategy",
    "HostMaintenanceBaseStrategy",
    "NoisyNeighborBaseStrategy",
    "SavingEnergyBaseStrategy",
    "ServerConsolidationBaseStrategy",
    "StrategyLevel",
    "ThermalOptimizationBaseStrategy",
    "UnclassifiedStrategy",
    "WorkloadStabilizationBaseStrategy",
    "ZoneMigrationBaseStrategy",
)


class _NoOptions(BaseStrategy, abc.ABC):
    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        return []


class DummyBaseStrategy(_NoOptions, abc.ABC):
    """Pursues the goal dummy"""

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "dummy"


class UnclassifiedStrategy(BaseStrategy, abc.ABC):
    """Pursues no particular goal"""

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "unclassified"


class ServerConsolidationBaseStrategy(BaseStrategy, abc.ABC):
    """Frees compute nodes"""

    REASON_FOR_DISABLE = "watcher_disabled"

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "server_consolidation"


class ThermalOptimizationBaseStrategy(BaseStrategy, abc.ABC):
    """Cools compute nodes"""

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "thermal_optimization"


class WorkloadStabilizationBaseStrategy(BaseStrategy, abc.ABC):
    """Evens out load"""

    def __init__(self, config: Any, osc: Any = None) -> None:
        super().__init__(config, osc)
        self._planner = "workload_stabilization"

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "workload_balancing"


class NoisyNeighborBaseStrategy(BaseStrategy, abc.ABC):
    """Moves servers away that disturb others"""

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "noisy_neighbor"


class SavingEnergyBaseStrategy(_NoOptions, abc.ABC):
    """Powers off what nobody needs"""

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "saving_energy"


class ZoneMigrationBaseStrategy(_NoOptions, abc.ABC):
    """Moves servers and volumes off hardware"""

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "hardware_maintenance"


class HostMaintenanceBaseStrategy(_NoOptions, abc.ABC):
    """Empties a compute node"""

    REASON_FOR_MAINTAINING = "watcher_maintaining"

    @classmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal"""
        return "cluster_maintaining"
