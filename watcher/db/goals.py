"""Goals: what audits pursue; their rows come from the installed plugins."""

import builtins
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import rows
from watcher.db.models import Goal as Table
from watcher.db.query import ListQuery
from watcher.domain.records import Goal

_table: sa.Table = Table.__table__  # type: ignore[assignment]


def _record(row: rows.Row) -> Goal:
    return Goal(
        **rows.base_of(row),
        uuid=rows.uuid_of(row, "goals"),
        name=row.name,
        display_name=row.display_name,
        efficacy_specification=row.efficacy_specification,
    )


NOUN: rows.Noun[Goal] = rows.Noun(
    kind="goal",
    table=_table,
    select=sa.select(*_table.c),
    records=lambda tx, found: [_record(row) for row in found],
    not_found=lambda ident: exception.GoalNotFound(goal=ident),
    taken=lambda values: exception.GoalAlreadyExists(
        uuid=values.get("uuid") or values.get("name")
    ),
    filters=rows.filterable(_table, "name", "display_name"),
    sort_keys=rows.own_columns(
        _table, "name", "display_name", "efficacy_specification"
    ),
    by_name=True,
    system_texts=frozenset({"display_name"}),
)


def get(tx: orm.Session, ident: str | int, *, show_deleted: bool = False) -> Goal:
    """Return the goal with UUID, id or name ``ident``"""
    return rows.get(tx, NOUN, ident, show_deleted=show_deleted)


def list(tx: orm.Session, query: ListQuery) -> builtins.list[Goal]:
    """Return one page of goals"""
    return rows.listed(tx, NOUN, query)


def create(tx: orm.Session, **values: Any) -> Goal:
    """Insert a goal"""
    return rows.insert(tx, NOUN, values)


def update(tx: orm.Session, uuid: str, /, **changes: Any) -> Goal:
    """Change columns of a live goal"""
    return rows.updated(tx, NOUN, uuid, changes)


def soft_delete(tx: orm.Session, uuid: str) -> None:
    """Hide a goal; whatever names it keeps its row"""
    rows.soft_delete(tx, NOUN, uuid)
