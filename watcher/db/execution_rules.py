"""Execution rules: one document for a template, an audit or a plan, or none."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, orm

from watcher.db import errors
from watcher.db.models import ActionPlan, Audit
from watcher.db.models import ExecutionRules as Table
from watcher.domain import execution

_table: sa.Table = Table.__table__  # type: ignore[assignment]
_plans: sa.Table = ActionPlan.__table__  # type: ignore[assignment]
_audits: sa.Table = Audit.__table__  # type: ignore[assignment]


def get(tx: orm.Session, resource: str, uuid: str) -> dict[str, Any] | None:
    """Return what is said of just this row, or None"""
    found: dict[str, Any] | None = tx.scalar(
        sa.select(_table.c.document).where(_is(resource, uuid))
    )
    return found


def put(tx: orm.Session, resource: str, uuid: str, document: Mapping[str, Any]) -> None:
    """Say something of this row, instead of whatever was said before"""
    if tx.scalar(sa.select(_table.c.id).where(_is(resource, uuid)).with_for_update()):
        tx.execute(
            sa.update(_table).where(_is(resource, uuid)).values(document=dict(document))
        )
        return
    try:
        tx.execute(
            sa.insert(_table).values(
                resource=resource, uuid=uuid, document=dict(document)
            )
        )
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            # Somebody was faster: the later word stands.
            raise errors.Again from error
        raise


def delete(tx: orm.Session, resource: str, uuid: str) -> bool:
    """Say nothing of this row any more; False when nothing was said"""
    gone: Any = tx.execute(sa.delete(_table).where(_is(resource, uuid)))
    return bool(gone.rowcount)


def for_plan(tx: orm.Session, plan_uuid: str) -> dict[str, Any]:
    """Return what counts for a plan: said of it, its audit or its template, key by key

    A deleted audit counts: its plans may still wait for their hour.
    """
    row = tx.execute(
        sa.select(_audits.c.uuid, _audits.c.audit_template_uuid)
        .select_from(_plans.join(_audits, _plans.c.audit_id == _audits.c.id))
        .where(_plans.c.uuid == plan_uuid)
    ).first()
    sources = {execution.PLAN: plan_uuid}
    if row is not None and row.uuid:
        sources[execution.AUDIT] = row.uuid
        if row.audit_template_uuid:
            sources[execution.TEMPLATE] = row.audit_template_uuid
    found = tx.execute(
        sa.select(_table.c.resource, _table.c.document).where(
            sa.or_(*(_is(resource, uuid) for resource, uuid in sources.items()))
        )
    )
    return execution.merged({each.resource: each.document for each in found})


def _is(resource: str, uuid: str) -> sa.ColumnElement[bool]:
    return sa.and_(_table.c.resource == resource, _table.c.uuid == uuid)
