"""Why and when rows changed their state, and who did it."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db import texts
from watcher.db.models import Action, History, utcnow
from watcher.domain import states


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanEntry(Entry):
    """One step of a plan or of one of its actions, which has a type and parameters"""

    action_type: str | None
    input_parameters: dict[str, Any]


REASON = 4000
# What a step of a plan or an action means when nobody says more.
MEANING: Mapping[tuple[str, str | None, str | None], str] = {
    ("action_plan", None, states.RECOMMENDED): "recommended by its audit",
    ("action_plan", None, states.PENDING): "recommended by its audit, to start at once",
    ("action_plan", None, states.SUCCEEDED): "its audit found nothing to do",
    ("action_plan", states.ONGOING, states.SUCCEEDED): "all of its actions succeeded",
    ("action", states.PENDING, states.ONGOING): "its turn has come",
    ("action", states.PENDING, states.CANCELLED): "its plan was cancelled",
    ("action", states.ONGOING, states.SUCCEEDED): "done",
    ("action", states.ONGOING, states.CANCELLING): "its plan is being cancelled",
    ("action", states.ONGOING, states.CANCELLED): "its plan was cancelled",
    ("action", states.CANCELLING, states.CANCELLED): "stopped, as it was asked to",
    ("action", states.CANCELLING, states.SUCCEEDED): "done before it could be stopped",
}
_DELETED: Mapping[str, str] = {
    "action_plan": "deleted on request",
    "action": "deleted with its plan",
}


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
    if not reason:
        reason = meaning(resource, old, new)
    same = {
        "resource": resource,
        "at": utcnow(),
        "actor": texts.cut(texts.plain(tx.info.get("actor") or "watcher")),
        "old": old,
        "new": new,
        "reason": texts.cut(texts.plain(reason), REASON) if reason else None,
    }
    tx.execute(
        sa.insert(History.__table__),  # type: ignore[arg-type]
        [{**same, "uuid": uuid} for uuid in uuids],
    )


def meaning(resource: str, old: str | None, new: str | None) -> str | None:
    """Return what a step means when nobody says more; None where that says nothing"""
    if new == states.DELETED:
        return _DELETED.get(resource)
    return MEANING.get((resource, old, new))


def of(tx: orm.Session, resource: str, uuid: str) -> list[Entry]:
    """Return the steps of one row, oldest first"""
    table = History.__table__
    rows = tx.execute(
        sa.select(table)
        .where(table.c.resource == resource, table.c.uuid == uuid)
        .order_by(table.c.id)
    )
    return [Entry(**row._mapping) for row in rows]


def of_plan(
    tx: orm.Session, plan_id: int, plan_uuid: str, *, after: int = 0, limit: int | None
) -> list[PlanEntry]:
    """Return the steps of a plan and its actions behind the one with id ``after``

    Oldest first, with two statements: which they are, each half found by an index and
    sorted as bare numbers, and then what they say.
    """
    table: sa.Table = History.__table__  # type: ignore[assignment]
    actions: sa.Table = Action.__table__  # type: ignore[assignment]
    own = sa.select(table.c.id).where(
        table.c.resource == "action_plan", table.c.uuid == plan_uuid
    )
    theirs = (
        sa.select(table.c.id)
        .select_from(actions.join(table, table.c.uuid == actions.c.uuid))
        .where(table.c.resource == "action", actions.c.action_plan_id == plan_id)
    )
    both = sa.union_all(
        own.where(table.c.id > after), theirs.where(table.c.id > after)
    ).subquery()
    chosen = sa.select(both.c.id).order_by(both.c.id)
    idents = tx.scalars(chosen if limit is None else chosen.limit(limit)).all()
    if not idents:
        return []
    of_action = sa.and_(table.c.resource == "action", actions.c.uuid == table.c.uuid)
    found = tx.execute(
        sa.select(*table.c, actions.c.action_type, actions.c.input_parameters)
        .select_from(table.outerjoin(actions, of_action))
        .where(table.c.id.in_(idents))
        .order_by(table.c.id)
    )
    return [PlanEntry(**row._mapping) for row in found]


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
