"""What a strategy is given; a test passes fakes and patches nothing."""

import datetime
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Models(Protocol):
    """The cluster as data, cut to the audit's scope"""

    def compute(self) -> Any:
        """Return a private copy of the compute model

        :raises ClusterStateNotDefined: there is none yet, and why
        """

    def baremetal(self) -> Any:
        """Return a private copy of the bare-metal model; raises as ``compute`` does"""

    def storage(self) -> Any:
        """Return a private copy of the storage model; raises as ``compute`` does"""


@dataclass(frozen=True, slots=True)
class Stay:
    """Something that a strategy left where it is, and what kept it"""

    uuid: str
    name: str
    reason: str
    rules: Mapping[str, int] = field(default_factory=dict)  # rule -> nodes it ruled out


class Notes:
    """Why things were not done; also what the explanation of an empty plan is made of"""

    def __init__(self) -> None:
        self.stays: list[Stay] = []
        self.remarks: list[str] = []

    def add(
        self, element: Any, reason: str, rules: Mapping[str, int] | None = None
    ) -> None:
        """Note why ``element`` stays; None notes something about the whole run"""
        if element is None:
            self.remarks.append(reason)
            return
        name = getattr(element, "name", None) or getattr(element, "hostname", "")
        self.stays.append(Stay(element.uuid, str(name), reason, dict(rules or {})))

    def by_rule(self) -> dict[str, int]:
        """Return how many of what stays each rule had a part in, most first"""
        counts = Counter(rule for stay in self.stays for rule in stay.rules)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True)
class Handle:
    """Models, readings, clock, notes, chance; ``clients`` are for plugins from elsewhere

    ``chance`` begins anew for each audit: who takes an audit over decides the same.
    """

    models: Models
    readings: Any
    now: Callable[[], datetime.datetime]
    note: Callable[..., None]
    clients: Any = None
    chance: random.Random = field(default_factory=lambda: random.Random(0))
