"""The goals that ship."""

from watcher._i18n import _
from watcher.decision_engine.goal import base
from watcher.decision_engine.goal.efficacy import specs
from watcher.decision_engine.goal.efficacy.base import EfficacySpecification


class _Shipped(base.Goal):
    NAME = ""
    LABEL = ""
    EFFICACY: type[EfficacySpecification] = specs.Unclassified

    @classmethod
    def get_name(cls) -> str:
        return cls.NAME

    @classmethod
    def get_display_name(cls) -> str:
        return _(cls.LABEL)

    @classmethod
    def get_translatable_display_name(cls) -> str:
        return cls.LABEL

    @classmethod
    def get_efficacy_specification(cls) -> EfficacySpecification:
        return cls.EFFICACY()


class Unclassified(_Shipped):
    """No particular aim: for strategies that fit nowhere else"""

    NAME = "unclassified"
    LABEL = "Unclassified"


class Dummy(_Shipped):
    """For trials"""

    NAME = "dummy"
    LABEL = "Dummy goal"


class ServerConsolidation(_Shipped):
    """Fewer compute nodes for the same servers"""

    NAME = "server_consolidation"
    LABEL = "Server Consolidation"
    EFFICACY = specs.ServerConsolidation


class ThermalOptimization(_Shipped):
    """Cooler compute nodes"""

    NAME = "thermal_optimization"
    LABEL = "Thermal Optimization"


class WorkloadBalancing(_Shipped):
    """Even load on compute nodes and storage pools"""

    NAME = "workload_balancing"
    LABEL = "Workload Balancing"
    EFFICACY = specs.WorkloadBalancing


class AirflowOptimization(_Shipped):
    """Even airflow through the compute nodes"""

    NAME = "airflow_optimization"
    LABEL = "Airflow Optimization"


class NoisyNeighborOptimization(_Shipped):
    """Servers that disturb others are moved away"""

    NAME = "noisy_neighbor"
    LABEL = "Noisy Neighbor"


class SavingEnergy(_Shipped):
    """Compute nodes that nobody needs are powered off"""

    NAME = "saving_energy"
    LABEL = "Saving Energy"


class HardwareMaintenance(_Shipped):
    """Servers and volumes leave hardware that is worked on"""

    NAME = "hardware_maintenance"
    LABEL = "Hardware Maintenance"
    EFFICACY = specs.HardwareMaintenance


class ClusterMaintaining(_Shipped):
    """A compute node is emptied for maintenance"""

    NAME = "cluster_maintaining"
    LABEL = "Cluster Maintaining"


SHIPPED: dict[str, type[base.Goal]] = {
    goal.get_name(): goal
    for goal in (
        Unclassified,
        Dummy,
        ServerConsolidation,
        ThermalOptimization,
        WorkloadBalancing,
        AirflowOptimization,
        NoisyNeighborOptimization,
        SavingEnergy,
        HardwareMaintenance,
        ClusterMaintaining,
    )
}
