"""Why a plan holds what it holds, or why there is none."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db.models import Explanation

_table: sa.Table = Explanation.__table__  # type: ignore[assignment]


def save(
    tx: orm.Session,
    *,
    audit_uuid: str,
    plan_uuid: str | None = None,
    document: Mapping[str, Any],
) -> None:
    """Store the explanation of one run of an audit"""
    tx.execute(
        sa.insert(_table).values(
            audit_uuid=audit_uuid, plan_uuid=plan_uuid, document=dict(document)
        )
    )


def for_plan(tx: orm.Session, uuid: str) -> dict[str, Any] | None:
    """Return the explanation of a plan"""
    return _newest(tx, _table.c.plan_uuid == uuid)


def for_audit(tx: orm.Session, uuid: str) -> dict[str, Any] | None:
    """Return the explanation of an audit's last run"""
    return _newest(tx, _table.c.audit_uuid == uuid)


def _newest(tx: orm.Session, where: sa.ColumnElement[bool]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = tx.scalar(
        sa.select(_table.c.document).where(where).order_by(_table.c.id.desc()).limit(1)
    )
    return found
