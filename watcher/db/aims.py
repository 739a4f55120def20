"""What audits and their templates aim at: a goal and a strategy, joined to their rows."""

from typing import Any

import sqlalchemy as sa

from watcher.db import rows
from watcher.db.models import Goal, Strategy
from watcher.db.query import Column

_goals: sa.Table = Goal.__table__  # type: ignore[assignment]
_strategies: sa.Table = Strategy.__table__  # type: ignore[assignment]
# What is told, and sorted by: nothing of a goal or strategy that was deleted.
COLUMNS: dict[str, Column] = {
    "goal_uuid": rows.live(_goals, _goals.c.uuid),
    "goal_name": rows.live(_goals, _goals.c.name),
    "strategy_uuid": rows.live(_strategies, _strategies.c.uuid),
    "strategy_name": rows.live(_strategies, _strategies.c.name),
}
# What is filtered by: deleted ones still find what aimed at them.
FILTERS: dict[str, Column] = {
    "goal_uuid": _goals.c.uuid,
    "goal_name": _goals.c.name,
    "strategy_uuid": _strategies.c.uuid,
    "strategy_name": _strategies.c.name,
}
FIELDS = ("goal_id", "strategy_id", *COLUMNS)


def select(table: sa.Table) -> sa.Select[Any]:
    """Return the statement that reads ``table`` with goals and strategies"""
    joined = table.outerjoin(_goals, table.c.goal_id == _goals.c.id).outerjoin(
        _strategies, table.c.strategy_id == _strategies.c.id
    )
    labelled = (column.label(name) for name, column in COLUMNS.items())
    return sa.select(*table.c, *labelled).select_from(joined)


def of(row: rows.Row) -> dict[str, Any]:
    """Return the arguments of a record that are about goal and strategy"""
    return {name: getattr(row, name) for name in FIELDS}
