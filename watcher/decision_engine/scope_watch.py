"""Looks now and then whether everything that scopes name is still there, and tells once.

The models answer; one that follows no events is read again before, by a few requests. The cost
grows with the scopes.
"""

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from oslo_log import log

from watcher.db import scope_findings
from watcher.decision_engine.existence import Existence, Findings
from watcher.domain.records import Audit, AuditTemplate
from watcher.notifications import scopes

LOG = log.getLogger(__name__)

PAGE = 1000
# Seconds between two looks at the option while there is nothing to do.
PAUSE_S = 60.0
SHOWN = 5
WELL = ""
Subject = Audit | AuditTemplate


class ScopeWatch:
    """Re-validates the scopes of templates and of audits that run again and again"""

    def __init__(
        self,
        db: Any,
        existence: Existence,
        tell: Callable[..., None],
        now: Callable[[], datetime.datetime],
    ) -> None:
        self._db = db
        self._existence = existence
        self._tell = tell
        self._now = now
        self._unread: set[scope_findings.Key] = set()

    def look(self) -> None:
        """Look at all scopes once"""
        self._existence.renew()
        told = self._db.read(scope_findings.told)
        left = dict(told)
        for subject in self._subjects():
            key = _key(subject)
            left.pop(key, None)
            self._judge(subject, key, told.get(key))
        if left:
            idents = [item.id for item in left.values()]
            self._db.write(scope_findings.forget, idents)

    def _subjects(self) -> Iterator[Subject]:
        for read in (scope_findings.templates, scope_findings.repeating):
            after = 0
            while page := self._db.read(read, after, PAGE):
                yield from page
                after = page[-1].id

    def _judge(self, subject: Subject, key: scope_findings.Key, told: Any) -> None:
        try:
            found = self._existence.now(subject.scope)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # Rows of other releases may hold anything; the other scopes are looked at.
            if key not in self._unread:
                self._unread.add(key)
                LOG.warning(
                    "The scope of %s is none: %s", _called(subject, key[0]), error
                )
            return
        at = self._now() - datetime.timedelta(seconds=found.age_s)
        if found.unknown or at < _written(subject) or (told and at < told.found_at):
            return  # by a newer model, at the next look
        missing = [dataclasses.asdict(item) for item in found.missing]
        digest = _digest(missing)
        if digest == (told.digest if told else WELL):
            return
        if self._db.write(self._note, subject, key, told, missing, digest, at):
            _log(subject, key[0], found)

    def _note(
        self,
        tx: Any,
        subject: Subject,
        key: scope_findings.Key,
        told: Any,
        missing: list[Mapping[str, str]],
        digest: str,
        at: datetime.datetime,
    ) -> bool:
        noted = scope_findings.tell(
            tx, key, told, missing=missing, digest=digest, found_at=at
        )
        if noted:
            event = scopes.INVALID if missing else scopes.VALID
            self._tell(tx, event, subject, missing=missing)
        return noted


def _key(subject: Subject) -> scope_findings.Key:
    kind = "audit" if isinstance(subject, Audit) else "audit_template"
    return kind, subject.uuid


def _written(subject: Subject) -> datetime.datetime:
    """Return since when the scope is what it is, as far as can be told

    Every run of an audit changes its row, which says nothing about its scope.
    """
    changed = None if isinstance(subject, Audit) else subject.updated_at
    return changed or subject.created_at or datetime.datetime.min


def _digest(missing: list[Any]) -> str:
    if not missing:
        return WELL
    return hashlib.sha256(json.dumps(missing, sort_keys=True).encode()).hexdigest()


def _called(subject: Subject, kind: str) -> str:
    return f"{kind.replace('_', ' ')} {subject.name} ({subject.uuid})"


def _log(subject: Subject, kind: str, found: Findings) -> None:
    what = _called(subject, kind)
    if not found.missing:
        LOG.info("Everything that the scope of %s names is there again", what)
        return
    names = [f"{item.what} {item.name}" for item in found.missing]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    LOG.warning(
        "The scope of %s names what is not there any more: %s%s",
        what, ", ".join(names[:SHOWN]), more,
    )  # fmt: skip
