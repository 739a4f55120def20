"""What the indicators of each goal amount to."""

from collections.abc import Sequence
from typing import Any

from watcher.decision_engine.efficacy import Indicator
from watcher.decision_engine.goal.efficacy import base, indicators


def _percent(part: float | None, whole: float | None) -> float:
    return part / whole * 100 if part and whole else 0.0


class Unclassified(base.EfficacySpecification):
    """Nothing is measured"""

    def get_indicators_specifications(
        self,
    ) -> Sequence[indicators.IndicatorSpecification]:
        """Return no indicator"""
        return ()

    def get_global_efficacy_indicator(
        self, indicators_map: Any = None
    ) -> list[Indicator] | None:
        """Return nothing"""
        return None


class ServerConsolidation(base.EfficacySpecification):
    """Share of the compute nodes that the plan empties"""

    def get_indicators_specifications(
        self,
    ) -> Sequence[indicators.IndicatorSpecification]:
        """Return nodes, released nodes and migrations"""
        return (
            indicators.ComputeNodesCount(),
            indicators.ReleasedComputeNodesCount(),
            indicators.InstanceMigrationsCount(),
        )

    def get_global_efficacy_indicator(
        self, indicators_map: Any = None
    ) -> list[Indicator] | None:
        """Return released nodes over all nodes"""
        values = indicators_map or {}
        return [
            Indicator(
                name="released_nodes_ratio",
                description="Ratio of released compute nodes divided by the total "
                "number of enabled compute nodes.",
                unit="%",
                value=_percent(
                    values.get("released_compute_nodes_count"),
                    values.get("compute_nodes_count"),
                ),
            )
        ]


class WorkloadBalancing(base.EfficacySpecification):
    """Share of the servers that the plan moves"""

    def get_indicators_specifications(
        self,
    ) -> Sequence[indicators.IndicatorSpecification]:
        """Return migrations, servers, and imbalance after and before"""
        return (
            indicators.InstanceMigrationsCount(),
            indicators.InstancesCount(),
            indicators.StandardDeviationValue(),
            indicators.OriginalStandardDeviationValue(),
        )

    def get_global_efficacy_indicator(
        self, indicators_map: Any = None
    ) -> list[Indicator] | None:
        """Return migrations over servers"""
        values = indicators_map or {}
        return [
            Indicator(
                name="live_migrations_count",
                description="Ratio of migrated virtual machines to audited virtual "
                "machines",
                unit="%",
                value=_percent(
                    values.get("instance_migrations_count"),
                    values.get("instances_count"),
                ),
            )
        ]


class HardwareMaintenance(base.EfficacySpecification):
    """How much of what stands on the hardware the plan moves away"""

    RATIOS = (
        (
            "live_instance_migrate_ratio",
            "Ratio of actual live migrated instances to planned live migrate instances.",
            "planned_live_migrate_instance_count",
            "live_migrate_instance_count",
        ),
        (
            "cold_instance_migrate_ratio",
            "Ratio of actual cold migrated instances to planned cold migrate instances.",
            "planned_cold_migrate_instance_count",
            "cold_migrate_instance_count",
        ),
        (
            "volume_migrate_ratio",
            "Ratio of actual detached volumes migrated to planned detached volumes "
            "migrate.",
            "planned_volume_migrate_count",
            "volume_migrate_count",
        ),
        (
            "volume_update_ratio",
            "Ratio of actual attached volumes migrated to planned attached volumes "
            "migrate.",
            "planned_volume_update_count",
            "volume_update_count",
        ),
    )

    def get_indicators_specifications(
        self,
    ) -> Sequence[indicators.IndicatorSpecification]:
        """Return candidates and planned ones of servers and volumes"""
        return (
            indicators.LiveInstanceMigrateCount(),
            indicators.PlannedLiveInstanceMigrateCount(),
            indicators.ColdInstanceMigrateCount(),
            indicators.PlannedColdInstanceMigrateCount(),
            indicators.VolumeMigrateCount(),
            indicators.PlannedVolumeMigrateCount(),
            indicators.VolumeUpdateCount(),
            indicators.PlannedVolumeUpdateCount(),
        )

    def get_global_efficacy_indicator(
        self, indicators_map: Any = None
    ) -> list[Indicator] | None:
        """Return planned over candidates, four times"""
        values = indicators_map or {}
        return [
            Indicator(
                name=name,
                description=description,
                unit="%",
                value=_percent(values.get(part), values.get(whole)),
            )
            for name, description, part, whole in self.RATIOS
        ]
