"""One number that tells what a plan is worth."""

import math
import numbers
from dataclasses import asdict, dataclass
from typing import Any

from watcher import exception


@dataclass(frozen=True)
class Indicator:
    """A named value of a plan; ``unit`` is free text or None"""

    name: str
    description: str | None
    unit: str | None
    value: Any

    def __post_init__(self) -> None:
        number = isinstance(self.value, numbers.Real) and math.isfinite(self.value)
        if not number or isinstance(self.value, bool):
            raise exception.InvalidIndicatorValue(
                name=self.name, value=self.value, spec_type="number"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the indicator as the API shows it"""
        return asdict(self)
