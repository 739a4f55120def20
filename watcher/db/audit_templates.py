"""Audit templates: goal, strategy, scope and default parameters under a name."""

import builtins
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import rows
from watcher.db.models import AuditTemplate as Table
from watcher.db.models import Goal, Strategy
from watcher.db.query import ListQuery
from watcher.domain.records import AuditTemplate

_table: sa.Table = Table.__table__  # type: ignore[assignment]
_goals: sa.Table = Goal.__table__  # type: ignore[assignment]
_strategies: sa.Table = Strategy.__table__  # type: ignore[assignment]


def _record(row: rows.Row) -> AuditTemplate:
    return AuditTemplate(
        **rows.base_of(row),
        uuid=rows.uuid_of(row, "audit_templates"),
        name=f"template-{row.id}" if row.name is None else row.name,
        description=row.description,
        goal_id=row.goal_id,
        goal_uuid=row.goal_uuid,
        goal_name=row.goal_name,
        strategy_id=row.strategy_id,
        strategy_uuid=row.strategy_uuid,
        strategy_name=row.strategy_name,
        scope=row.scope,
        default_parameters=row.default_parameters,
    )


_joined = {
    "goal_uuid": rows.live(_goals, _goals.c.uuid),
    "goal_name": rows.live(_goals, _goals.c.name),
    "strategy_uuid": rows.live(_strategies, _strategies.c.uuid),
    "strategy_name": rows.live(_strategies, _strategies.c.name),
}
NOUN: rows.Noun[AuditTemplate] = rows.Noun(
    kind="audit_template",
    table=_table,
    select=sa.select(
        *_table.c, *(column.label(name) for name, column in _joined.items())
    ).select_from(
        _table.outerjoin(_goals, _table.c.goal_id == _goals.c.id).outerjoin(
            _strategies, _table.c.strategy_id == _strategies.c.id
        )
    ),
    records=lambda tx, found: [_record(row) for row in found],
    not_found=lambda ident: exception.AuditTemplateNotFound(audit_template=ident),
    taken=lambda values: exception.AuditTemplateAlreadyExists(
        audit_template=values.get("name") or values.get("uuid")
    ),
    filters=rows.filterable(
        _table,
        *("name", "goal_id", "strategy_id"),
        goal_uuid=_goals.c.uuid,
        goal_name=_goals.c.name,
        strategy_uuid=_strategies.c.uuid,
        strategy_name=_strategies.c.name,
    ),
    sort_keys={
        **rows.own_columns(
            _table,
            *("name", "description", "scope", "default_parameters"),
            *("goal_id", "strategy_id"),
        ),
        **_joined,
    },
    by_name=True,
)


def get(
    tx: orm.Session, ident: str | int, *, show_deleted: bool = False
) -> AuditTemplate:
    """Return the template with UUID, id or name ``ident``"""
    return rows.get(tx, NOUN, ident, show_deleted=show_deleted)


def list(tx: orm.Session, query: ListQuery) -> builtins.list[AuditTemplate]:
    """Return one page of templates"""
    return rows.listed(tx, NOUN, query)


def create(tx: orm.Session, **values: Any) -> AuditTemplate:
    """Insert a template"""
    return rows.insert(tx, NOUN, values)


def update(tx: orm.Session, uuid: str, /, **changes: Any) -> AuditTemplate:
    """Change columns of a live template; audits made from it stay as they are"""
    return rows.updated(tx, NOUN, uuid, changes)


def soft_delete(tx: orm.Session, uuid: str) -> None:
    """Hide a template; audits made from it stay"""
    rows.soft_delete(tx, NOUN, uuid)
