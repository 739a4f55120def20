"""The envelope of every payload, and the payloads that several nouns share.

Consumers judge a payload by the major number of its version, so names and fields only
ever grow.
"""

import datetime
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from watcher.domain.records import Goal, Strategy

NAMESPACE = "watcher"
Payload = dict[str, Any]

TIMES = ("created_at", "updated_at", "deleted_at")
GOAL = ("uuid", "name", "display_name", "efficacy_specification", *TIMES)
STRATEGY = ("uuid", "name", "display_name", "parameters_spec", *TIMES)


def wrap(name: str, version: str, data: Mapping[str, Any]) -> Payload:
    """Return ``data`` as the versioned object ``name``"""
    return {
        "watcher_object.namespace": NAMESPACE,
        "watcher_object.name": name,
        "watcher_object.version": version,
        "watcher_object.data": dict(data),
    }


def plain(value: Any) -> Any:
    """Return a field as it travels: times as text in UTC, collections as JSON knows them"""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC)
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


def fields(record: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the named fields of a record"""
    return {name: plain(getattr(record, name)) for name in names}


def goal(record: Goal | None) -> Payload | None:
    """Return the goal of an audit"""
    if record is None:
        return None
    return wrap("GoalPayload", "1.0", fields(record, GOAL))


def strategy(record: Strategy | None) -> Payload | None:
    """Return the strategy of an audit or plan"""
    if record is None:
        return None
    return wrap("StrategyPayload", "1.0", fields(record, STRATEGY))


def state_update(name: str, old: Any, new: Any) -> Payload:
    """Return the step from the row that was replaced; all null when there was none"""
    changed = old is not None and old.state != new.state
    data = {
        "old_state": old.state if changed else None,
        "state": new.state if changed else None,
        "status_message": new.status_message if changed else None,
    }
    return wrap(name, "1.1", data)


def fault(error: BaseException | None) -> Payload | None:
    """Return what went wrong, and in which function it was raised"""
    if error is None:
        return None
    frames = list(traceback.walk_tb(error.__traceback__))
    if frames:
        innermost = frames[-1][0]
        module = str(innermost.f_globals.get("__name__", ""))
        function = innermost.f_code.co_name
    else:
        # Never raised in this process: a failure that was read from a row.
        module, function = type(error).__module__, ""
    data = {
        "module_name": module,
        "function_name": function,
        "exception": type(error).__name__,
        "exception_message": str(error),
    }
    return wrap("ExceptionPayload", "1.0", data)
