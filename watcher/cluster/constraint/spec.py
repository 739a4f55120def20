"""Extra specs of flavors: a wanted value may be an expression."""

import operator
from collections.abc import Callable, Mapping

_NUMBERS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.ge,  # Nova's own reading: at least
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s>=": operator.ge,
    "s>": operator.gt,
    "s<=": operator.le,
    "s<": operator.lt,
    "<in>": lambda value, part: part in value,
}


def matches(value: str, wanted: str) -> bool:
    """Tell whether a host's value is what an extra spec wants

    >>> matches("ssd", "<or> ssd <or> nvme")
    True
    """
    words = wanted.split()
    if not words:
        return value == wanted
    first, rest = words[0], words[1:]
    if first == "<or>":
        return value in rest[::2]
    if first == "<all-in>":
        return all(word in value for word in rest)
    if first in _TEXTS and rest:
        return _TEXTS[first](value, rest[0])
    if first in _NUMBERS and rest:
        try:
            return _NUMBERS[first](float(value), float(rest[0]))
        except ValueError:
            return False
    return value == wanted
