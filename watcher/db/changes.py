"""Tells the history table and one observer what changed, inside the same transaction."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import orm

from watcher.db import history

R = TypeVar("R")


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One row that was created, replaced or soft-deleted"""

    kind: str
    verb: str
    old: Any
    new: Any
    reason: str | None = None


# What observers hear of.
KINDS = frozenset(("audit", "action_plan", "action", "service"))
# Where a transaction remembers rows for notifications; a change forgets the row.
RELATED = "related"
Observer = Callable[[orm.Session, Change], None]


def observed(tx: orm.Session) -> bool:
    """Tell whether anybody wants to hear of changes"""
    return tx.info.get("observer") is not None


def announce(tx: orm.Session, change: Change) -> None:
    """Record a change of state and tell the observer of the change"""
    old = getattr(change.old, "state", None)
    new = getattr(change.new, "state", None)
    if old != new:
        history.add(
            tx,
            resource=change.kind,
            uuid=(change.new or change.old).uuid,
            old=old,
            new=new,
            reason=change.reason,
        )
    tell(tx, change)


def retell(tx: orm.Session, kind: str, row: R) -> R:
    """Return ``row``, which a request left as it is; listeners always heard of requests"""
    tell(tx, Change(kind, "update", row, row))
    return row


def tell(tx: orm.Session, change: Change) -> None:
    """Tell the observer alone: history was written in bulk, or there is none"""
    row = change.new or change.old
    tx.info.get(RELATED, {}).pop((change.kind, row.id), None)
    observer: Observer | None = tx.info.get("observer")
    if observer is not None and change.kind in KINDS:
        observer(tx, change)
