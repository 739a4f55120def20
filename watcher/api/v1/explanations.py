"""What an explanation looks like; decision engines write it, clients read it."""

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": ["string", "null"]}


def _rows(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": properties,
            "required": list(required),
        },
    }


_COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}
# Engines may tell more from one release to the next: further keys are no error.
EXPLANATION: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "strategy": {**_TEXT, "description": "Name of the strategy that ran"},
        "summary": {"type": "string", "description": "The outcome in a few sentences"},
        "actions": {
            **_rows(
                uuid={"type": "string", "format": "uuid"},
                action_type={"type": "string"},
                resource_id=_TEXT,
                resource_name=_TEXT,
                reason=_TEXT,
            ),
            "description": "Each action of the plan, and why it is there",
        },
        "stays": {
            **_rows(instance=_TEXT, name=_TEXT, reason=_TEXT, rules=_COUNTS),
            "description": "What stays as it is, why, and how often each rule said so",
        },
        "rules": {**_COUNTS, "description": "How many each rule kept where they are"},
        "remarks": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What else the strategy had to say",
        },
    },
    "required": ["summary"],
}
