"""JSON Patch: the three operations that clients may send, applied to a plain document."""

import copy
import enum
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import body, errors
from watcher.api.noun import Noun

ADD, REPLACE, REMOVE = "add", "replace", "remove"
OPERATIONS = (ADD, REPLACE, REMOVE)
INTERNAL = frozenset(("created_at", "updated_at", "deleted_at", "id", "uuid", "links"))
_PATH = re.compile(r"(/[\w-]+)+\Z")
_KEYS = frozenset(("op", "path", "value"))
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}\Z")
MOST = 1000


class _Removed(enum.Enum):
    """Marks a field that was removed, which is not always the same as null"""

    REMOVED = 0

    def __str__(self) -> str:
        return "None"


REMOVED = _Removed.REMOVED


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``path`` is split at its slashes"""

    op: str
    path: Sequence[str]
    value: Any = None

    @property
    def root(self) -> str:
        """Return the field that the operation is about"""
        return self.path[0]


def read(found: Any, internal: Container[str] = INTERNAL) -> list[Operation]:
    """Return the operations of a body

    :raises InvalidInput: it is no list of operations, or touches internal fields
    """
    if not isinstance(found, list):
        raise errors.InvalidInput("patch", found, _("Value is not a valid list"))
    if len(found) > MOST:
        raise errors.InvalidInput(
            "patch", f"{len(found)} operations", _("Too many operations")
        )
    return [_operation(item, internal) for item in found]


def _operation(item: Any, internal: Container[str]) -> Operation:
    if not isinstance(item, dict):
        raise errors.InvalidInput("patch", item, _("Value is not a valid dict"))
    if unknown := sorted(set(item) - _KEYS):
        raise errors.UnknownAttribute(argument="patch", keys=", ".join(unknown))
    for name in ("path", "op"):
        if name not in item:
            raise errors.InvalidInput(name, None, _("Mandatory field missing."))
    op, path = item["op"], item["path"]
    if op not in OPERATIONS:
        raise errors.InvalidInput(
            "op", op, _("Value should be one of: %s") % ", ".join(OPERATIONS)
        )
    if not isinstance(path, str) or not _PATH.match(path):
        raise errors.InvalidInput("path", path, _("Value should be a path like /name"))
    if op != REMOVE and "value" not in item:
        raise errors.InvalidInput("value", None, _("Mandatory field missing."))
    found = Operation(op, path[1:].split("/"), item.get("value"))
    if found.root in internal:
        raise errors.InvalidInput(
            "path",
            path,
            _("'/%s' is an internal attribute and can not be updated") % found.root,
        )
    return found


def apply(
    operations: Sequence[Operation], document: Mapping[str, Any]
) -> dict[str, Any]:
    """Return ``document`` with the operations applied in their order

    :raises PatchError: one cannot be applied
    """
    result: dict[str, Any] = copy.deepcopy(dict(document))
    for operation in operations:
        if operation.root not in document:
            raise refused(
                operations, _("/%s is not a field that can be changed") % operation.root
            )
        try:
            _apply(result, operation)
        except (KeyError, IndexError, TypeError, ValueError):
            path = "/".join(("", *operation.path))
            raise refused(
                operations, _("there is nothing to %s at %s") % (operation.op, path)
            ) from None
    if body.too_deep(result):
        raise refused(operations, _("the result is nested too deeply"))
    return result


def _apply(document: dict[str, Any], operation: Operation) -> None:
    target: Any = document
    for part in operation.path[:-1]:
        target = target[_key(target, part)]
    last = operation.path[-1]
    value = copy.deepcopy(operation.value)
    if isinstance(target, list):
        _apply_to_list(target, operation.op, last, value)
    elif not isinstance(target, dict):
        raise TypeError
    elif operation.op == REMOVE:
        if target is document:
            target[last] = REMOVED
        else:
            del target[last]
    elif operation.op == REPLACE and last not in target:
        raise KeyError(last)
    else:
        target[last] = value


def _apply_to_list(target: list[Any], op: str, last: str, value: Any) -> None:
    if op == ADD:
        index = len(target) if last == "-" else _position(last)
        if index > len(target):
            raise IndexError
        target.insert(index, value)
    elif op == REMOVE:
        del target[_position(last)]
    else:
        target[_position(last)] = value


def _key(target: Any, part: str) -> Any:
    if isinstance(target, list):
        return _position(part)
    if isinstance(target, dict):
        return part
    raise TypeError


def _position(part: str) -> int:
    if not _INDEX.match(part):
        raise ValueError
    return int(part)


def refused(operations: Sequence[Operation], reason: str) -> exception.PatchError:
    """Return the error that says why a patch cannot be applied"""
    shown = [
        {"op": item.op, "path": "/" + "/".join(item.path), "value": item.value}
        for item in operations
    ]
    text = str(shown)
    return exception.PatchError(
        patch=text if len(text) < 500 else text[:500] + "...", reason=reason
    )


def changes(
    noun: Noun, old: Mapping[str, Any], new: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the fields that differ, checked as values of the noun's fields

    :raises InvalidInput: a value is not one of its field
    """
    found = {}
    for name, value in new.items():
        if value == old[name] and type(value) is type(old[name]):
            continue
        field = noun.by_name[name]
        if value is REMOVED and field.removable and not field.mandatory:
            value = field.empty()
        elif value is REMOVED or (value is None and field.mandatory):
            raise errors.InvalidInput(name, None, _("Value must not be null."))
        else:
            value = field.read(value)
        if value != old[name]:
            found[name] = value
    return found
