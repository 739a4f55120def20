"""Errors as plain data, and back: what an operator is told is the same."""

import json
import traceback
from typing import Any

from watcher import exception

# Whatever an error holds, this much of it is enough.
LONGEST_TEXT, LONGEST_TRACE = 10_000, 100_000
# About the claim on an audit: only the engine itself may come to that conclusion.
_OURS_ALONE = (
    exception.StateChanged,
    exception.LeaseLost,
    exception.DatabaseUnavailable,
)


class Trace(Exception):
    """Shows in the log where in another process an error came from"""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


class Foreign(Exception):
    """An error of another process; those that are raised have its class's name"""


def encode(error: BaseException) -> dict[str, Any]:
    """Return an error as plain data"""
    trace = "".join(traceback.format_exception(error))
    known = _known(error)
    return {
        "class": type(error).__name__,
        "known": known,
        "text": _text(error, known)[:LONGEST_TEXT],
        "kwargs": _plain(getattr(error, "kwargs", {})) if known else {},
        "trace": trace[-LONGEST_TRACE:],
    }


def decode(document: dict[str, Any]) -> Exception:
    """Return an error of the same class when it is one of ours, else of the same name"""
    text = str(document.get("text", ""))
    cls = getattr(exception, str(document.get("known")), None)
    if isinstance(cls, type) and issubclass(cls, exception.WatcherException):
        kwargs = dict(document.get("kwargs") or {})
        kwargs.pop("message", None)
        ours: Exception = cls(text, **kwargs)
        return ours
    name = str(document.get("class", "Exception"))
    error: Exception = type(name, (Foreign,), {})(text)
    error.__cause__ = Trace(document.get("trace", ""))
    return error


def _known(error: BaseException) -> str | None:
    """Return the name of the nearest class that the engine has too"""
    if isinstance(error, _OURS_ALONE):
        return None
    for cls in type(error).__mro__:
        if (
            issubclass(cls, exception.WatcherException)
            and getattr(exception, cls.__name__, None) is cls
        ):
            return cls.__name__
    return None


def _text(error: BaseException, known: str | None) -> str:
    try:
        if known and isinstance(error, exception.WatcherException):
            return error.format_message()
        return str(error)
    except Exception as other:  # errors of other packages do whatever they like
        return f"({type(other).__name__} in its text)"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in values.items():
        try:
            if len(json.dumps(value)) <= LONGEST_TEXT:
                kept[name] = value
        except (TypeError, ValueError, RecursionError):
            continue
    return kept
