"""Notifications that are committed with their cause and sent afterwards.

An item is taken under the lease of the process that sends it. When that process dies the
item comes back by itself, so it is sent at least once; two living emitters never hold
the same one.
"""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db import leases, texts
from watcher.db.models import Outbox
from watcher.db.types import UtcNow, utcnow_plus
from watcher.domain.records import Claim

_table: sa.Table = Outbox.__table__  # type: ignore[assignment]
LONGEST_PAUSE_S = 300.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One notification to send; ``attempts`` have failed so far"""

    id: int
    event_type: str
    priority: str
    payload: Mapping[str, Any]
    context: Mapping[str, Any]
    created_at: datetime.datetime
    attempts: int


def add(
    tx: orm.Session,
    event_type: str,
    priority: str,
    payload: Mapping[str, Any],
    context: Mapping[str, Any] | None = None,
) -> None:
    """Store a notification that is sent once this transaction is committed"""
    tx.execute(
        sa.insert(_table).values(
            event_type=texts.cut(event_type),
            priority=priority,
            payload=dict(payload),
            context=dict(context or {}),
            created_at=UtcNow(),
        )
    )


def take(tx: orm.Session, claim: Claim, limit: int = 100) -> list[OutboxItem]:
    """Claim the oldest items that are due and that nobody alive holds"""
    due = sa.or_(_table.c.not_before.is_(None), _table.c.not_before <= UtcNow())
    free = leases.unowned(_table)
    idents = tx.scalars(
        sa.select(_table.c.id)
        .where(due, free, leases.held(claim))
        .order_by(_table.c.id)
        .limit(limit)
        .with_for_update()
    ).all()
    if not idents:
        return []
    chosen = _table.c.id.in_(idents)
    tx.execute(
        sa.update(_table)
        .where(chosen, free, leases.held(claim))
        .values(owner=claim.owner, owner_epoch=claim.epoch)
    )
    fields = [field.name for field in dataclasses.fields(OutboxItem)]
    found = tx.execute(
        sa.select(*(_table.c[name] for name in fields))
        .where(
            chosen,
            _table.c.owner == claim.owner,
            _table.c.owner_epoch == claim.epoch,
        )
        .order_by(_table.c.id)
    )
    return [OutboxItem(**row._mapping) for row in found]


def done(tx: orm.Session, ids: Sequence[int]) -> None:
    """Forget items that were sent, or that are given up"""
    if ids:
        tx.execute(sa.delete(_table).where(_table.c.id.in_(sorted(ids))))


def failed(tx: orm.Session, ids: Sequence[int]) -> None:
    """Give items back for a later attempt: 2 s, 4 s ... 5 minutes from now"""
    if not ids:
        return
    found = tx.execute(
        sa.select(_table.c.id, _table.c.attempts)
        .where(_table.c.id.in_(sorted(ids)))
        .order_by(_table.c.id)
        .with_for_update()
    ).all()
    by_attempts: dict[int, list[int]] = {}
    for ident, attempts in found:
        by_attempts.setdefault(attempts + 1, []).append(ident)
    for attempts, idents in sorted(by_attempts.items()):
        pause_s = min(2.0 ** min(attempts, 10), LONGEST_PAUSE_S)
        tx.execute(
            sa.update(_table)
            .where(_table.c.id.in_(idents))
            .values(
                attempts=attempts,
                not_before=utcnow_plus(pause_s),
                owner=None,
                owner_epoch=None,
            )
        )


def release(tx: orm.Session, claim: Claim) -> None:
    """Give back what ``claim`` still holds (clean stop)"""
    tx.execute(
        sa.update(_table)
        .where(_table.c.owner == claim.owner, _table.c.owner_epoch == claim.epoch)
        .values(owner=None, owner_epoch=None)
    )


def size(tx: orm.Session) -> int:
    """Return how many items wait"""
    return tx.scalar(sa.select(sa.func.count()).select_from(_table)) or 0
