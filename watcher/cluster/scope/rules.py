"""Reading the rules of a scope, as several handlers do it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from watcher import exception
from watcher.cluster.scope.schemas import ANY

Rules = Sequence[Mapping[str, Any]]


def values(items: Iterable[Mapping[str, Any]] | None, key: str) -> list[Any]:
    """Return what items that have ``key`` have there"""
    return [item[key] for item in items or () if key in item]


def alone(names: Sequence[Any], resource: str) -> bool:
    """Tell whether everything is meant

    :raises WildcardCharacterIsUsed: the wildcard stands beside other values
    """
    if ANY not in names:
        return False
    if len(names) > 1:
        raise exception.WildcardCharacterIsUsed(resource=resource)
    return True
