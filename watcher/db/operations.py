"""Operations: what is about to be done to a cloud, written down before it is done.

A process that dies leaves its intent behind; whoever takes its plan over looks there and
in the cloud before it does anything itself.
"""

import builtins
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import leases
from watcher.db.models import ActionPlan
from watcher.db.models import Operation as Table
from watcher.db.types import UtcNow
from watcher.domain.records import Claim, Operation

_table: sa.Table = Table.__table__  # type: ignore[assignment]
_plans: sa.Table = ActionPlan.__table__  # type: ignore[assignment]
_FIELDS = (
    *("id", "action_uuid", "kind", "owner", "owner_epoch", "request_id", "remote_id"),
    *("outcome", "detail", "created_at", "sent_at", "ended_at"),
)


def begin(
    tx: orm.Session,
    *,
    action_uuid: str,
    plan_uuid: str,
    claim: Claim,
    kind: str,
    request_id: str,
    detail: Mapping[str, Any] | None = None,
) -> Operation:
    """Write the intent down, or raise LeaseLost when the plan is not ours any more"""
    # A shared lock: actions of a plan begin side by side, a taker of the plan waits.
    held = tx.scalar(
        sa.select(_plans.c.id)
        .where(
            _plans.c.uuid == plan_uuid,
            _plans.c.deleted_at.is_(None),
            leases.owned(_plans, claim),
        )
        .with_for_update(read=True)
    )
    if held is None:
        raise exception.LeaseLost(
            owner=claim.owner, epoch=claim.epoch, kind="action plan", ident=plan_uuid
        )
    result: Any = tx.execute(
        sa.insert(_table).values(
            action_uuid=action_uuid,
            plan_uuid=plan_uuid,
            kind=kind,
            owner=claim.owner,
            owner_epoch=claim.epoch,
            request_id=request_id,
            detail=dict(detail or {}),
            created_at=UtcNow(),
        )
    )
    return get(tx, int(result.inserted_primary_key[0]))


def sent(
    tx: orm.Session,
    id: int,
    remote_id: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Operation:
    """Note that the call was made, and how the other side names it"""
    values: dict[str, Any] = {"sent_at": sa.func.coalesce(_table.c.sent_at, UtcNow())}
    if remote_id is not None:
        values["remote_id"] = remote_id
    return _change(tx, id, values, detail)


def finish(
    tx: orm.Session, id: int, outcome: str, detail: Mapping[str, Any] | None = None
) -> Operation:
    """Note how the operation ended; the first word stands"""
    ended = _table.c.ended_at.is_not(None)
    values = {
        "outcome": sa.case((ended, _table.c.outcome), else_=outcome),
        "ended_at": sa.func.coalesce(_table.c.ended_at, UtcNow()),
    }
    return _change(tx, id, values, detail)


def get(tx: orm.Session, id: int) -> Operation:
    """Return one operation"""
    found = _read(tx, _table.c.id == id)
    if not found:
        raise exception.ResourceNotFound(name="operation", id=id)
    return found[0]


def of_action(tx: orm.Session, action_uuid: str) -> builtins.list[Operation]:
    """Return the operations of an action, oldest first"""
    return _read(tx, _table.c.action_uuid == action_uuid)


def of_plan(tx: orm.Session, plan_uuid: str) -> builtins.list[Operation]:
    """Return the operations of all actions of a plan, oldest first"""
    return _read(tx, _table.c.plan_uuid == plan_uuid)


def _change(
    tx: orm.Session,
    id: int,
    values: dict[str, Any],
    detail: Mapping[str, Any] | None,
) -> Operation:
    locked = tx.execute(
        sa.select(_table.c.detail).where(_table.c.id == id).with_for_update()
    ).first()
    if locked is None:
        raise exception.ResourceNotFound(name="operation", id=id)
    if detail is not None:
        values["detail"] = {**locked.detail, **detail}
    # MariaDB assigns from left to right: outcome is judged before ended_at is set.
    ordered = [(_table.c[name], values[name]) for name in _FIELDS if name in values]
    tx.execute(sa.update(_table).where(_table.c.id == id).ordered_values(*ordered))
    return get(tx, id)


def _read(tx: orm.Session, where: sa.ColumnElement[bool]) -> builtins.list[Operation]:
    found = tx.execute(
        sa.select(*(_table.c[name] for name in _FIELDS))
        .where(where)
        .order_by(_table.c.id)
    )
    return [Operation(**row._mapping) for row in found]
