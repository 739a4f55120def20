"""Audit templates: goal, strategy, scope and default parameters under a name."""

import builtins
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import aims, rows
from watcher.db.models import AuditTemplate as Table
from watcher.db.query import ListQuery
from watcher.domain.records import AuditTemplate

_table: sa.Table = Table.__table__  # type: ignore[assignment]


def _record(row: rows.Row) -> AuditTemplate:
    return AuditTemplate(
        **rows.base_of(row),
        uuid=rows.uuid_of(row, "audit_templates"),
        name=f"template-{row.id}" if row.name is None else row.name,
        description=row.description,
        **aims.of(row),
        scope=row.scope,
        default_parameters=row.default_parameters,
    )


NOUN: rows.Noun[AuditTemplate] = rows.Noun(
    kind="audit_template",
    table=_table,
    select=aims.select(_table),
    records=lambda tx, found: [_record(row) for row in found],
    not_found=lambda ident: exception.AuditTemplateNotFound(audit_template=ident),
    taken=lambda values: exception.AuditTemplateAlreadyExists(
        audit_template=values.get("name") or values.get("uuid")
    ),
    filters=rows.filterable(
        _table,
        *("name", "goal_id", "strategy_id"),
        **aims.FILTERS,
    ),
    sort_keys={
        **rows.own_columns(
            _table,
            *("name", "description", "scope", "default_parameters"),
            *("goal_id", "strategy_id"),
        ),
        **aims.COLUMNS,
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
