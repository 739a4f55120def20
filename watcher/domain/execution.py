"""Execution rules: what an operator says of carrying plans out, and what that means.

They are kept for a template, an audit or a plan, and count key by key: what is said of
the plan, else of its audit, else of the template that this was made from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from watcher.domain import windows
from watcher.domain.windows import Window

TEMPLATE, AUDIT, PLAN = "audit_template", "audit", "action_plan"
# What counts most stands first.
RESOURCES = (PLAN, AUDIT, TEMPLATE)
STOP, OFFER, RUN = "stop", "offer", "run"
MOST = 100_000
MOST_WINDOWS = 50

_COUNT = {"type": "integer", "minimum": 1, "maximum": MOST}
_WINDOW = {
    "type": "object",
    "properties": {
        "days": {
            "type": "array",
            "items": {"enum": [*windows.DAYS]},
            "minItems": 1,
            "uniqueItems": True,
            "description": "Days on which it opens; every day when left out",
        },
        "from": {"type": "string", "pattern": windows.TIME},
        "to": {
            "type": "string",
            "pattern": windows.TIME,
            "description": "On the next day when it is not later than from",
        },
        "timezone": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "description": "Name in the IANA database; UTC when left out",
        },
    },
    "required": ["from", "to"],
    "additionalProperties": False,
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "max_moves": {
            **_COUNT,
            "description": "Servers and volumes that a plan moves at most; the moves "
            "after that are skipped",
        },
        "window": {
            "anyOf": [
                _WINDOW,
                {
                    "type": "array",
                    "items": _WINDOW,
                    "minItems": 1,
                    "maxItems": MOST_WINDOWS,
                },
            ],
            "description": "Hours in which a plan may begin something",
        },
        "on_failure": {
            "enum": [STOP, OFFER, RUN],
            "description": "What follows a plan that failed: nothing, a plan that takes "
            "back what was done and waits for somebody to start it, or one that runs",
        },
        "limits": {
            "type": "object",
            "properties": {
                "running": {
                    **_COUNT,
                    "description": "Actions of the plan that run at the same time",
                },
                "moves_from_node": {
                    **_COUNT,
                    "description": "Servers that leave one node at the same time",
                },
                "moves_to_node": {
                    **_COUNT,
                    "description": "Servers that come to one node at the same time",
                },
                "types": {
                    "type": "object",
                    "maxProperties": 50,
                    "propertyNames": {"pattern": "^[A-Za-z0-9_.-]{1,64}$"},
                    "additionalProperties": _COUNT,
                    "description": "Actions of each type that run at the same time",
                },
            },
            "additionalProperties": False,
            "description": "They tighten the applier's own limits, and never widen them",
        },
    },
    "additionalProperties": False,
}

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What was said, ready for use; None and nothing where nothing was said"""

    max_moves: int | None = None
    windows: Sequence[Window] = ()
    on_failure: str | None = None
    running: int | None = None
    moves_from_node: int | None = None
    moves_to_node: int | None = None
    types: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Rules":
        """Read a document that fits ``SCHEMA``

        :raises ValueError: a window cannot be understood, with a sentence that names it
        """
        limits = document.get("limits", _NOTHING)
        return cls(
            max_moves=_int(document.get("max_moves")),
            windows=_windows(document.get("window", ())),
            on_failure=document.get("on_failure"),
            running=_int(limits.get("running")),
            moves_from_node=_int(limits.get("moves_from_node")),
            moves_to_node=_int(limits.get("moves_to_node")),
            types={kind: int(n) for kind, n in limits.get("types", _NOTHING).items()},
        )


def _int(value: float | None) -> int | None:
    """Return a whole number that JSON may spell 3.0"""
    return None if value is None else int(value)


def _windows(given: Any) -> tuple[Window, ...]:
    if isinstance(given, Mapping):
        return (_window("window", given),)
    return tuple(_window(f"window.{n}", each) for n, each in enumerate(given))


def _window(where: str, given: Mapping[str, Any]) -> Window:
    try:
        return Window.of(given)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def merged(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return one document out of those of plan, audit and template"""
    whole: dict[str, Any] = {}
    for resource in reversed(RESOURCES):
        whole.update(documents.get(resource, _NOTHING))
    return whole
