"""A notification of another service, and what it did to a model."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A notification as it came from the bus; ``kind`` is its event type"""

    publisher: str
    kind: str
    payload: Mapping[str, Any]
    context: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Effect(enum.Enum):
    """What became of an event"""

    IGNORED = "ignored"  # it says nothing about the model
    APPLIED = "applied"  # the model has all that it says
    # It says that something changed but not all of it: read that before deciding.
    INCOMPLETE = "incomplete"
