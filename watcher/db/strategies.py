"""Strategies: the algorithms; their rows come from the installed plugins."""

import builtins
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import rows
from watcher.db.models import Goal
from watcher.db.models import Strategy as Table
from watcher.db.query import ListQuery
from watcher.domain.records import Strategy

_table: sa.Table = Table.__table__  # type: ignore[assignment]
_goals: sa.Table = Goal.__table__  # type: ignore[assignment]


def _record(row: rows.Row) -> Strategy:
    return Strategy(
        **rows.base_of(row),
        uuid=rows.uuid_of(row, "strategies"),
        name=row.name,
        display_name=row.display_name,
        goal_id=row.goal_id,
        goal_uuid=row.goal_uuid,
        goal_name=row.goal_name,
        parameters_spec=row.parameters_spec,
    )


_joined = {
    "goal_uuid": rows.live(_goals, _goals.c.uuid),
    "goal_name": rows.live(_goals, _goals.c.name),
}
NOUN: rows.Noun[Strategy] = rows.Noun(
    kind="strategy",
    table=_table,
    select=sa.select(
        *_table.c, *(column.label(name) for name, column in _joined.items())
    ).select_from(_table.outerjoin(_goals, _table.c.goal_id == _goals.c.id)),
    records=lambda tx, found: [_record(row) for row in found],
    not_found=lambda ident: exception.StrategyNotFound(strategy=ident),
    taken=lambda values: exception.StrategyAlreadyExists(
        uuid=values.get("uuid") or values.get("name")
    ),
    filters=rows.filterable(
        _table,
        *("name", "display_name", "goal_id"),
        goal_uuid=_goals.c.uuid,
        goal_name=_goals.c.name,
    ),
    sort_keys={
        **rows.own_columns(
            _table, "name", "display_name", "goal_id", "parameters_spec"
        ),
        **_joined,
    },
    by_name=True,
    system_texts=frozenset({"display_name"}),
)


def get(tx: orm.Session, ident: str | int, *, show_deleted: bool = False) -> Strategy:
    """Return the strategy with UUID, id or name ``ident``"""
    return rows.get(tx, NOUN, ident, show_deleted=show_deleted)


def list(tx: orm.Session, query: ListQuery) -> builtins.list[Strategy]:
    """Return one page of strategies"""
    return rows.listed(tx, NOUN, query)


def create(tx: orm.Session, **values: Any) -> Strategy:
    """Insert a strategy"""
    return rows.insert(tx, NOUN, values)


def update(tx: orm.Session, uuid: str, /, **changes: Any) -> Strategy:
    """Change columns of a live strategy"""
    return rows.updated(tx, NOUN, uuid, changes)


def soft_delete(tx: orm.Session, uuid: str) -> None:
    """Hide a strategy; whatever names it keeps its row"""
    rows.soft_delete(tx, NOUN, uuid)
