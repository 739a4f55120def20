"""Scoring engines; their rows come from the installed plugins."""

import builtins
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import rows
from watcher.db.models import ScoringEngine as Table
from watcher.db.query import ListQuery
from watcher.domain.records import ScoringEngine

_table: sa.Table = Table.__table__  # type: ignore[assignment]


def _record(row: rows.Row) -> ScoringEngine:
    return ScoringEngine(
        **rows.base_of(row),
        uuid=row.uuid,
        name=row.name,
        description=row.description,
        metainfo=row.metainfo,
    )


NOUN: rows.Noun[ScoringEngine] = rows.Noun(
    kind="scoring_engine",
    table=_table,
    select=sa.select(*_table.c),
    records=lambda tx, found: [_record(row) for row in found],
    not_found=lambda ident: exception.ScoringEngineNotFound(scoring_engine=ident),
    taken=lambda values: exception.ScoringEngineAlreadyExists(
        uuid=values.get("uuid") or values.get("name")
    ),
    filters=rows.filterable(_table, "name", "description"),
    sort_keys=rows.own_columns(_table, "name", "description", "metainfo"),
    by_name=True,
    system_texts=frozenset({"description"}),
)


def get(
    tx: orm.Session, ident: str | int, *, show_deleted: bool = False
) -> ScoringEngine:
    """Return the scoring engine with UUID, id or name ``ident``"""
    return rows.get(tx, NOUN, ident, show_deleted=show_deleted)


def list(tx: orm.Session, query: ListQuery) -> builtins.list[ScoringEngine]:
    """Return one page of scoring engines"""
    return rows.listed(tx, NOUN, query)


def create(tx: orm.Session, **values: Any) -> ScoringEngine:
    """Insert a scoring engine"""
    return rows.insert(tx, NOUN, values)


def update(tx: orm.Session, uuid: str, /, **changes: Any) -> ScoringEngine:
    """Change columns of a live scoring engine"""
    return rows.updated(tx, NOUN, uuid, changes)


def soft_delete(tx: orm.Session, uuid: str) -> None:
    """Hide a scoring engine"""
    rows.soft_delete(tx, NOUN, uuid)
