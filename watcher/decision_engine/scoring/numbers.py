"""Reads what scoring engines are given: numbers as JSON text."""

import json
import math


def read(features: str, *, count: int | None = None) -> list[float]:
    """Return the numbers of a JSON list; ``count`` of them, or at least one

    :raises ValueError: it is something else
    """
    try:
        found = json.loads(features)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the features are not JSON: {error}") from None
    if not isinstance(found, list) or not all(map(_is_number, found)):
        raise ValueError("the features must be a JSON list of numbers")
    if count is not None and len(found) != count:
        raise ValueError(f"{count} numbers are needed, {len(found)} are given")
    if not found:
        raise ValueError("at least one number is needed")
    return found


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
