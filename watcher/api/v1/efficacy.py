"""What a plan was expected to change and what it has changed, side by side."""

from collections.abc import Mapping
from typing import Any

from watcher.domain.records import ActionPlan

_TEXT = {"type": ["string", "null"]}
_VALUE = {"type": ["number", "null"]}


def _numbers(about: str, **more: Any) -> dict[str, Any]:
    properties = {
        "name": {"type": "string"},
        "description": _TEXT,
        "unit": _TEXT,
        "value": _VALUE,
        **more,
    }
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": properties,
            "required": list(properties),
        },
        "description": about,
    }


# Engines may tell more from one release to the next: further keys are no error.
EFFICACY: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "promised": {
            "type": "object",
            "properties": {
                "indicators": _numbers("What the plan was expected to change"),
                "global": _numbers("What that amounts to"),
            },
            "required": ["indicators", "global"],
        },
        "achieved": {
            "type": ["object", "null"],
            "properties": {
                "measured_at": {"type": "string", "format": "date-time"},
                "indicators": _numbers(
                    "The same, measured after the plan's end; null where it cannot be",
                    promised=_VALUE,
                ),
                "global": _numbers("What that amounts to"),
                "actions": {
                    "type": "object",
                    "additionalProperties": {"type": "integer"},
                    "description": "How many actions ended in each state",
                },
                "note": {"type": "string"},
            },
            "required": ["measured_at", "indicators", "global", "actions", "note"],
            "description": "null: not measured, or not yet",
        },
    },
    "required": ["promised", "achieved"],
}


def document(plan: ActionPlan) -> dict[str, Any]:
    """Return both sides of a plan"""
    return {
        "promised": {
            "indicators": [
                {
                    "name": one.name,
                    "description": one.description,
                    "unit": one.unit,
                    "value": one.value,
                }
                for one in plan.efficacy_indicators
            ],
            "global": list(plan.global_efficacy),
        },
        "achieved": dict(plan.achieved_efficacy) or None,
    }
