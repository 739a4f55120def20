"""Why and when rows changed their state, and who did it."""

import dataclasses
import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db import texts
from watcher.db.models import History, utcnow


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step of a row; ``old`` is None at its creation"""

    id: int
    resource: str
    uuid: str
    at: datetime.datetime
    actor: str | None
    old: str | None
    new: str | None
    reason: str | None


REASON = 4000


def add(
    tx: orm.Session,
    *,
    resource: str,
    uuid: str,
    old: str | None,
    new: str | None,
    reason: str | None = None,
) -> None:
    """Write down one step, by the actor of the transaction"""
    add_many(tx, resource=resource, uuids=[uuid], old=old, new=new, reason=reason)


def add_many(
    tx: orm.Session,
    *,
    resource: str,
    uuids: list[str],
    old: str | None,
    new: str | None,
    reason: str | None = None,
) -> None:
    """Write down the same step of several rows"""
    if not uuids:
        return
    same = {
        "resource": resource,
        "at": utcnow(),
        "actor": texts.cut(tx.info.get("actor") or "watcher"),
        "old": old,
        "new": new,
        "reason": texts.cut(texts.plain(reason), REASON) if reason else None,
    }
    tx.execute(
        sa.insert(History.__table__),  # type: ignore[arg-type]
        [{**same, "uuid": uuid} for uuid in uuids],
    )


def of(tx: orm.Session, resource: str, uuid: str) -> list[Entry]:
    """Return the steps of one row, oldest first"""
    table = History.__table__
    rows = tx.execute(
        sa.select(table)
        .where(table.c.resource == resource, table.c.uuid == uuid)
        .order_by(table.c.id)
    )
    return [Entry(**row._mapping) for row in rows]


def trim(
    tx: orm.Session, after: int, limit: datetime.datetime, batch: int = 2000
) -> tuple[int, bool]:
    """Remove notes from before ``limit`` that tell of no other state, as each run leaves one

    Steps from one state to another stay as long as their row. Looks at the next ``batch``
    entries after the one with id ``after``.

    :return: the id up to which it looked, and whether there is more to look at
    """
    table = History.__table__
    found = tx.execute(
        sa.select(table.c.id, table.c.at, table.c.old, table.c.new)
        .where(table.c.id > after)
        .order_by(table.c.id)
        .limit(batch)
    ).all()
    aged = [row for row in found if row.at < limit]
    if gone := [row.id for row in aged if row.old is not None and row.old == row.new]:
        tx.execute(sa.delete(table).where(table.c.id.in_(gone)))  # type: ignore[arg-type]
    last = aged[-1].id if aged else after
    return last, len(aged) == batch
