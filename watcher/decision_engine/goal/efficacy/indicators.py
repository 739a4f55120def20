"""The indicators that ship; their names are part of the API."""

import abc
import json
from typing import Any

import jsonschema

from watcher import exception

COUNT = {"type": "integer", "minimum": 0}
AMOUNT = {"type": "number", "minimum": 0}


class IndicatorSpecification(abc.ABC):
    """Name, meaning and allowed values of one indicator"""

    def __init__(
        self,
        name: str,
        description: str | None = None,
        unit: str | None = None,
        required: bool = True,
    ) -> None:
        self.name = name
        self.description = description
        self.unit = unit
        self.required = required

    @property
    @abc.abstractmethod
    def schema(self) -> dict[str, Any]:
        """JSON schema of the value"""

    @classmethod
    def validate(cls, solution: Any) -> None:
        """Refuse a solution whose attribute of this name has a forbidden value"""
        spec = cls()  # type: ignore[call-arg]  # every concrete class names itself
        value = getattr(solution, spec.name, None)
        if value is None and not spec.required:
            return
        try:
            jsonschema.Draft4Validator(spec.schema).validate(value)
        except jsonschema.ValidationError:
            raise exception.InvalidIndicatorValue(
                name=spec.name, value=value, spec_type=json.dumps(spec.schema)
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """Return the indicator as the API shows it: the schema is JSON text"""
        return {
            "name": self.name,
            "description": self.description,
            "unit": self.unit,
            "schema": json.dumps(self.schema, sort_keys=True) if self.schema else None,
        }

    def __str__(self) -> str:
        return json.dumps(self.to_dict())


class _Count(IndicatorSpecification):
    @property
    def schema(self) -> dict[str, Any]:
        return dict(COUNT)


class _Amount(IndicatorSpecification):
    @property
    def schema(self) -> dict[str, Any]:
        return dict(AMOUNT)


class ComputeNodesCount(_Count):
    """Enabled compute nodes that were considered"""

    def __init__(self) -> None:
        super().__init__(
            "compute_nodes_count", "The total number of enabled compute nodes."
        )


class ReleasedComputeNodesCount(_Count):
    """Compute nodes that the plan empties"""

    def __init__(self) -> None:
        super().__init__(
            "released_compute_nodes_count",
            "The number of compute nodes to be released.",
        )


class InstanceMigrationsCount(_Count):
    """Migrations of servers in the plan"""

    def __init__(self) -> None:
        super().__init__(
            "instance_migrations_count", "The number of VM migrations to be performed."
        )


class InstancesCount(_Count):
    """Servers in the audit's scope"""

    def __init__(self) -> None:
        super().__init__(
            "instances_count",
            "The total number of audited instances in strategy.",
            required=False,
        )


class StandardDeviationValue(_Amount):
    """Imbalance that is left after the plan"""

    def __init__(self) -> None:
        super().__init__(
            "standard_deviation_after_audit",
            "The value of resulted standard deviation.",
            required=False,
        )


class OriginalStandardDeviationValue(_Amount):
    """Imbalance that was measured before"""

    def __init__(self) -> None:
        super().__init__(
            "standard_deviation_before_audit",
            "The value of original standard deviation.",
            required=False,
        )


class LiveInstanceMigrateCount(_Count):
    """Servers that could be live migrated"""

    def __init__(self) -> None:
        super().__init__(
            "live_migrate_instance_count",
            "The number of instances that can be live migrated.",
        )


class PlannedLiveInstanceMigrateCount(_Count):
    """Live migrations in the plan"""

    def __init__(self) -> None:
        super().__init__(
            "planned_live_migrate_instance_count",
            "The number of instances planned to be live migrated.",
        )


class ColdInstanceMigrateCount(_Count):
    """Servers that could be cold migrated"""

    def __init__(self) -> None:
        super().__init__(
            "cold_migrate_instance_count",
            "The number of instances that can be cold migrated.",
        )


class PlannedColdInstanceMigrateCount(_Count):
    """Cold migrations in the plan"""

    def __init__(self) -> None:
        super().__init__(
            "planned_cold_migrate_instance_count",
            "The number of instances planned to be cold migrated.",
        )


class VolumeMigrateCount(_Count):
    """Volumes that could be moved"""

    def __init__(self) -> None:
        super().__init__(
            "volume_migrate_count", "The number of volumes that can be migrated."
        )


class PlannedVolumeMigrateCount(_Count):
    """Volumes that the plan moves"""

    def __init__(self) -> None:
        super().__init__(
            "planned_volume_migrate_count",
            "The number of volumes planned to be migrated.",
        )


class VolumeUpdateCount(_Count):
    """Same value as VolumeMigrateCount, under its older name"""

    def __init__(self) -> None:
        super().__init__(
            "volume_update_count", "The number of attached volumes to be migrated."
        )


class PlannedVolumeUpdateCount(_Count):
    """Same value as PlannedVolumeMigrateCount, under its older name"""

    def __init__(self) -> None:
        super().__init__(
            "planned_volume_update_count",
            "The number of attached volumes planned to be migrated.",
        )
