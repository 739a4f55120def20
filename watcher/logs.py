"""What log lines are about: the plan and the action that a thread is working at."""

import contextlib
import contextvars
import logging
import types
from collections.abc import Iterator, Mapping

_subject: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar(
    "watcher_log_subject", default=types.MappingProxyType({})
)


@contextlib.contextmanager
def about(**named: str) -> Iterator[None]:
    """Name what this thread works at in every line that it logs inside

    ``about(plan=uuid)`` and, within it, ``about(action=uuid)`` give
    "[plan <uuid> action <uuid>] " before the messages, also those of libraries.
    """
    token = _subject.set({**_subject.get(), **named})
    try:
        yield
    finally:
        _subject.reset(token)


def subject() -> str:
    """Return what this thread works at, as it stands in log lines"""
    named = _subject.get()
    return " ".join(f"{kind} {name}" for kind, name in named.items())


class Subject(logging.Filter):
    """Puts the subject where oslo.log's formats have the "instance" of a record"""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through"""
        named = _subject.get()
        if named:
            # Where records are written as JSON this is found under "extra".
            record.extra = {**getattr(record, "extra", {}), **named}
            if not getattr(record, "instance", None):
                record.instance = f"[{subject()}] "
        return True


def install() -> None:
    """Let the handlers that are set up now name the subject"""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, Subject) for known in handler.filters):
            handler.addFilter(Subject())
