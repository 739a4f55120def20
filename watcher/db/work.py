"""What audits and plans have in common: states, owners and how they are claimed.

Whoever writes under a claim puts the claim into the statement: the row must still be
owned by it and its lease must be alive by the database's clock. A process that was
stopped for a while finds out there, even when nobody has taken its work yet.
"""

import dataclasses
import datetime
import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import history, leases, rows
from watcher.db.models import utcnow
from watcher.db.query import Column
from watcher.domain import states
from watcher.domain.records import Claim

R = TypeVar("R")


class Keep(enum.Enum):
    """Marks a message that stays as it is"""

    KEEP = 0


KEEP: Final = Keep.KEEP


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work(Generic[R]):
    """A noun whose rows are work: its steps, and the states in which it is owned"""

    noun: rows.Noun[R]
    table: states.Table
    running: frozenset[str]


def allow(table: states.Table, old: str, new: str) -> None:
    """Raise TransitionRefused when ``table`` has no step from ``old`` to ``new``"""
    if not states.allows(table, old, new):
        raise exception.TransitionRefused(old=old, new=new)


def in_state(noun: rows.Noun[Any], state: str) -> Column:
    """Condition: the row is in ``state``; rows of long ago without one are PENDING"""
    column = noun.table.c.state
    if state == states.PENDING:
        return sa.or_(column == state, column.is_(None))
    return column == state


def lost(noun: rows.Noun[Any], uuid: str, claim: Claim) -> exception.LeaseLost:
    """Error of a write under a claim that does not hold any more"""
    return exception.LeaseLost(
        owner=claim.owner, epoch=claim.epoch, kind=noun.kind, ident=uuid
    )


def update(
    tx: orm.Session,
    work: Work[R],
    uuid: str,
    changes: Mapping[str, Any],
    claim: Claim | None,
) -> R:
    """Change columns of a live row, with ``claim`` only while it owns the row"""
    noun = work.noun
    only_if = () if claim is None else (leases.owned(noun.table, claim),)
    new = rows.update(tx, noun, uuid, changes, *only_if)
    if new is None:
        # The row was locked while it was live: nothing but the claim can have failed.
        raise noun.not_found(uuid) if claim is None else lost(noun, uuid, claim)
    return new


def step(
    tx: orm.Session,
    work: Work[R],
    uuid: str,
    old: str,
    new: str,
    *,
    message: str | None | Keep,
    claim: Claim | None,
    reason: str | None,
    **columns: Any,
) -> R:
    """Compare and set the state; a row that leaves its running states loses its owner"""
    noun = work.noun
    allow(work.table, old, new)
    only_if = [in_state(noun, old), noun.table.c.deleted_at.is_(None)]
    if claim is not None:
        only_if.append(leases.owned(noun.table, claim))
    values = {**columns, "state": new}
    if not isinstance(message, Keep):
        values["status_message"] = message
        reason = reason or message
    if new not in work.running:
        values.update(owner=None, owner_epoch=None)
    before = rows.locked(tx, noun, uuid)
    after = rows.replace(tx, noun, before, values, *only_if, reason=reason)
    if after is None:
        if claim is None or before.state != old:  # type: ignore[attr-defined]
            raise exception.StateChanged(kind=noun.kind, ident=uuid, expected=old)
        raise lost(noun, uuid, claim)
    return after


def claim(
    tx: orm.Session,
    work: Work[R],
    uuid: str,
    claim: Claim,
    host: str,
    startable: Callable[[R], bool],
    **columns: Any,
) -> R | None:
    """Start unowned work or adopt running work of a dead owner; None when we may not"""
    noun = work.noun
    try:
        old = rows.locked(tx, noun, uuid)
    except exception.ResourceNotFound:
        return None
    state: str = old.state  # type: ignore[attr-defined]
    owner: str | None = old.owner  # type: ignore[attr-defined]
    adopted = state in work.running
    if not adopted and not startable(old):
        return None
    new = rows.replace(
        tx,
        noun,
        old,
        {
            **columns,
            "state": state if adopted else states.ONGOING,
            "owner": claim.owner,
            "owner_epoch": claim.epoch,
            "hostname": host,
        },
        in_state(noun, state),
        leases.unowned(noun.table),
        leases.held(claim),
        reason=f"claimed by {claim.owner}",
    )
    if new is not None and adopted:
        history.add(
            tx,
            resource=noun.kind,
            uuid=uuid,
            old=state,
            new=state,
            reason=f"taken over by {claim.owner} from {owner or 'nobody'}",
        )
    return new


def claimable(tx: orm.Session, work: Work[Any], where: Column, limit: int) -> list[str]:
    """Return UUIDs of live rows without a living owner, oldest first"""
    table = work.noun.table
    found = tx.execute(
        sa.select(table.c.id, table.c.uuid)
        .where(where, table.c.deleted_at.is_(None), leases.unowned(table))
        .order_by(table.c.id)
        .limit(limit)
    )
    return [rows.uuid_of(row, table.name) for row in found]


def longest_due(
    tx: orm.Session,
    table: sa.Table,
    ways: Sequence[tuple[Column, Sequence[Column]]],
    limit: int,
) -> list[str]:
    """Return UUIDs of live rows without a living owner, those first that waited longest

    :param ways: each the column since when rows wait, NULL for ever, and the conditions
        of one range of an index; one condition with OR would read the whole table
    """
    chosen = [
        sa.select(table.c.id, table.c.uuid, moment.label("since"))
        .where(*where, table.c.deleted_at.is_(None), leases.unowned(table))
        .order_by(*_first(moment), table.c.id)
        .limit(limit)
        .subquery()
        for moment, where in ways
    ]
    each = [sa.select(part.c.id, part.c.uuid, part.c.since) for part in chosen]
    found: dict[int, rows.Row] = {}
    for row in tx.execute(sa.union_all(*each)):
        found.setdefault(row.id, row)
    order = sorted(
        found.values(), key=lambda row: (row.since or datetime.datetime.min, row.id)
    )
    return [rows.uuid_of(row, table.name) for row in order[:limit]]


def _first(moment: Column) -> tuple[Column, ...]:
    """Order by ``moment``, NULL first on every engine"""
    return sa.case((moment.is_(None), 0), else_=1), moment


def release(tx: orm.Session, work: Work[Any], claim: Claim) -> int:
    """Give back what ``claim`` still owns, its state unchanged; return how many rows"""
    table = work.noun.table
    ours = sa.and_(table.c.owner == claim.owner, table.c.owner_epoch == claim.epoch)
    # Everybody locks in the order of ids, so that nobody waits in a circle.
    idents = tx.scalars(
        sa.select(table.c.id).where(ours).order_by(table.c.id).with_for_update()
    ).all()
    if idents:
        tx.execute(
            sa.update(table)
            .where(table.c.id.in_(idents), ours)
            .values(owner=None, owner_epoch=None, updated_at=utcnow())
        )
    return len(idents)
