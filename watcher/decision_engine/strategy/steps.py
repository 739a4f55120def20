"""What a strategy can ask for, as values with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DISABLED = "disabled"
ENABLED = "enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action that a strategy wants in the plan"""

    action_type: str
    resource_id: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


def migrate(
    instance: Any, kind: str, source: str, target: str | None, reason: str
) -> Step:
    """Return the migration of ``instance`` between two hosts, named by their services"""
    parameters = {
        "migration_type": kind,
        "source_node": source,
        "resource_name": instance.name,
    }
    if target is not None:
        parameters["destination_node"] = target
    return Step(
        action_type="migrate",
        resource_id=instance.uuid,
        parameters=parameters,
        reason=reason,
    )


def enable(node: Any, reason: str) -> Step:
    """Return the enabling of a node's compute service"""
    return Step(
        action_type="change_nova_service_state",
        resource_id=node.uuid,
        parameters={"state": ENABLED, "resource_name": node.hostname},
        reason=reason,
    )


def disable(node: Any, disabled_reason: str, reason: str) -> Step:
    """Return the disabling of a node's compute service, with the reason Nova shows"""
    return Step(
        action_type="change_nova_service_state",
        resource_id=node.uuid,
        parameters={
            "state": DISABLED,
            "disabled_reason": disabled_reason,
            "resource_name": node.hostname,
        },
        reason=reason,
    )


def stop(instance: Any, reason: str) -> Step:
    """Return the stopping of a server"""
    return Step(action_type="stop", resource_id=instance.uuid, reason=reason)
