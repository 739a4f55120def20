"""Action plans: the queue of the applier, stored as a whole or not at all."""

import builtins
import datetime
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import bulk, efficacy, explanations, rows, slots, work
from watcher.db.models import Action, Audit, Strategy
from watcher.db.models import ActionPlan as Table
from watcher.db.query import ListQuery
from watcher.db.work import KEEP, Keep
from watcher.domain import states
from watcher.domain.records import ActionPlan, Claim, NewPlan

_table: sa.Table = Table.__table__  # type: ignore[assignment]
_actions: sa.Table = Action.__table__  # type: ignore[assignment]
_audits: sa.Table = Audit.__table__  # type: ignore[assignment]
_strategies: sa.Table = Strategy.__table__  # type: ignore[assignment]


def _records(tx: orm.Session, found: Any) -> builtins.list[ActionPlan]:
    indicators = efficacy.of_plans(tx, [row.id for row in found])
    return [
        ActionPlan(
            **rows.base_of(row),
            uuid=rows.uuid_of(row, "action_plans"),
            audit_id=row.audit_id,
            audit_uuid=_audit_uuid(row),
            strategy_id=row.strategy_id,
            strategy_uuid=row.strategy_uuid,
            strategy_name=row.strategy_name,
            state=row.state or states.PENDING,
            global_efficacy=row.global_efficacy,
            efficacy_indicators=indicators.get(row.id, ()),
            hostname=row.hostname,
            status_message=row.status_message,
            owner=row.owner,
            owner_epoch=row.owner_epoch,
            paused=bool(row.paused),
            achieved_efficacy=row.achieved_efficacy,
            undoes=row.undoes,
        )
        for row in found
    ]


def _audit_uuid(row: rows.Row) -> str | None:
    if row.live_audit_id is None:
        return None
    return row.audit_uuid or rows.made_up_uuid("audits", row.live_audit_id)


_joined = {
    "audit_uuid": rows.live(_audits, _audits.c.uuid),
    "strategy_uuid": rows.live(_strategies, _strategies.c.uuid),
    "strategy_name": rows.live(_strategies, _strategies.c.name),
}
NOUN: rows.Noun[ActionPlan] = rows.Noun(
    kind="action_plan",
    table=_table,
    select=sa.select(
        *_table.c,
        *(column.label(name) for name, column in _joined.items()),
        rows.live(_audits, _audits.c.id).label("live_audit_id"),
    ).select_from(
        _table.outerjoin(_audits, _table.c.audit_id == _audits.c.id).outerjoin(
            _strategies, _table.c.strategy_id == _strategies.c.id
        )
    ),
    records=_records,
    not_found=lambda ident: exception.ActionPlanNotFound(action_plan=ident),
    taken=lambda values: exception.ActionPlanAlreadyExists(uuid=values.get("uuid")),
    filters=rows.filterable(
        _table,
        *("state", "audit_id", "strategy_id", "hostname", "owner"),
        # A deleted audit is told nowhere, but its plans can be asked for.
        audit_uuid=_audits.c.uuid,
        strategy_uuid=_strategies.c.uuid,
        strategy_name=_strategies.c.name,
    ),
    sort_keys={
        **rows.own_columns(
            _table,
            *("audit_id", "strategy_id", "state", "global_efficacy", "hostname"),
            "status_message",
        ),
        **_joined,
    },
    system_texts=frozenset({"status_message", "hostname", "owner"}),
)
# Plans that one transaction supersedes at most, in the order of their age.
BATCH = 100
# How messages of plans begin that may not begin anything.
WAITS = "Waiting: "
OUTDATED = "The plan does not hold any more: "
EXPIRED = "Nobody started the plan in time; the cluster has changed since then."
WORK = work.Work(
    noun=NOUN,
    table=states.PLAN,
    running=frozenset({states.ONGOING, states.CANCELLING}),
)


def get(tx: orm.Session, ident: str | int, *, show_deleted: bool = False) -> ActionPlan:
    """Return the plan with UUID ``ident``"""
    return rows.get(tx, NOUN, ident, show_deleted=show_deleted)


def list(tx: orm.Session, query: ListQuery) -> builtins.list[ActionPlan]:
    """Return one page of plans"""
    return rows.listed(tx, NOUN, query)


def create(tx: orm.Session, **values: Any) -> ActionPlan:
    """Insert a plan without actions, PENDING unless told otherwise"""
    return rows.insert(tx, NOUN, {"state": states.PENDING, **values})


def update(
    tx: orm.Session, uuid: str, /, *, claim: Claim | None = None, **changes: Any
) -> ActionPlan:
    """Change columns of a live plan; with ``claim`` only while it is ours"""
    return work.update(tx, WORK, uuid, changes, claim)


def step(
    tx: orm.Session,
    uuid: str,
    old: str,
    new: str,
    *,
    message: str | None | Keep = KEEP,
    claim: Claim | None = None,
    reason: str | None = None,
    **columns: Any,
) -> ActionPlan:
    """Move a plan from state ``old`` to ``new``, or raise StateChanged or LeaseLost

    A plan that ends has nothing any more of what plans share.
    """
    if new not in WORK.running:
        columns["paused"] = None
    if isinstance(message, Keep) and new in states.PLAN_FINAL:
        # It waits for nothing any more.
        told = _table.c.status_message
        columns["status_message"] = sa.case((told.like(f"{WAITS}%"), None), else_=told)
    stored = work.step(
        tx, WORK, uuid, old, new, message=message, claim=claim, reason=reason, **columns
    )
    if old in WORK.running and new not in WORK.running:
        slots.free_plan(tx, uuid)
    return stored


def claim(tx: orm.Session, uuid: str, claim: Claim, host: str) -> ActionPlan | None:
    """Make the plan ours and ONGOING, or adopt it from a dead applier as it is"""

    def startable(plan: ActionPlan) -> bool:
        return plan.state == states.PENDING

    return work.claim(tx, WORK, uuid, claim, host, startable)


def claimable(tx: orm.Session, limit: int = 100) -> builtins.list[str]:
    """Return UUIDs of plans that wait for an applier or lost theirs, oldest first"""
    waiting = _table.c.state.in_((states.PENDING, *sorted(WORK.running)))
    return work.claimable(tx, WORK, waiting, limit)


def release(tx: orm.Session, claim: Claim) -> int:
    """Give back every plan that is still ours; return how many"""
    return work.release(tx, WORK, claim)


def ongoing(tx: orm.Session) -> builtins.list[ActionPlan]:
    """Return the plans that an applier is carrying out, oldest first"""
    return rows.listed(tx, NOUN, ListQuery(filters={"state": states.ONGOING}))


def save(tx: orm.Session, plan: NewPlan) -> ActionPlan:
    """Store a plan with its actions, indicators and reasons

    A plan without actions has nothing left to do and is SUCCEEDED at once.
    """
    audit = tx.execute(
        sa.select(_audits.c.id, _audits.c.goal_id).where(
            _audits.c.uuid == plan.audit_uuid
        )
    ).first()
    if audit is None:
        raise exception.AuditNotFound(audit=plan.audit_uuid)
    strategy_id = tx.scalar(
        sa.select(_strategies.c.id).where(
            _strategies.c.name == plan.strategy_name,
            _strategies.c.deleted_at.is_(None),
        )
    )
    if strategy_id is None:
        raise exception.StrategyNotFound(strategy=plan.strategy_name)
    values = {
        "uuid": plan.uuid,
        "audit_id": audit.id,
        "strategy_id": strategy_id,
        "state": plan.state if plan.actions else states.SUCCEEDED,
        "global_efficacy": [*plan.global_efficacy],
    }
    ident = bulk.insert_plan(tx, NOUN, values)
    efficacy.insert(tx, ident, plan.efficacy_indicators)
    bulk.insert_actions(tx, ident, plan)
    if plan.explanation:
        explanations.save(
            tx,
            audit_uuid=plan.audit_uuid,
            plan_uuid=plan.uuid,
            document=plan.explanation,
        )
    return bulk.announce(tx, NOUN, ident)


def cancel(
    tx: orm.Session,
    uuid: str,
    old: str,
    *,
    message: str | None = None,
    reason: str | None = None,
) -> ActionPlan:
    """Cancel a plan that has not begun, together with its PENDING actions"""
    new = step(
        tx,
        uuid,
        old,
        states.CANCELLED,
        message=KEEP if message is None else message,
        reason=reason,
    )
    bulk.step_actions(
        tx, new, states.CANCELLED, (states.PENDING,), reason=message or reason
    )
    return new


def supersede(
    tx: orm.Session, audit_uuid: str, *, keep: str | None = None
) -> builtins.list[str]:
    """Cancel the RECOMMENDED plans of an audit but ``keep``; return their UUIDs

    Those that take another one back stay: a new idea does not replace the way back.
    """
    found = rows.listed(
        tx,
        NOUN,
        ListQuery(filters={"audit_uuid": audit_uuid, "state": states.RECOMMENDED}),
    )
    cancelled = []
    for plan in found:
        if plan.uuid == keep or plan.undoes:
            continue
        try:
            cancel(
                tx,
                plan.uuid,
                states.RECOMMENDED,
                reason=f"replaced by plan {keep}" if keep else "replaced",
            )
        except (exception.StateChanged, exception.ResourceNotFound):
            # Started, cancelled or deleted by somebody this very moment.
            continue
        cancelled.append(plan.uuid)
    return cancelled


def expire(tx: orm.Session, older_than: datetime.datetime) -> builtins.list[str]:
    """Supersede RECOMMENDED plans from before ``older_than``; return their UUIDs"""
    query = ListQuery(
        filters={"state": states.RECOMMENDED, "created_at__lt": older_than}, limit=BATCH
    )
    return [
        plan.uuid
        for plan in rows.listed(tx, NOUN, query)
        if _outlived(tx, plan, EXPIRED, "expired")
    ]


def outdate(tx: orm.Session, plan: ActionPlan, reason: str) -> bool:
    """Supersede a plan that cannot be carried out any more; False: somebody was faster"""
    return _outlived(tx, plan, OUTDATED + reason, reason)


def remark(tx: orm.Session, plan: ActionPlan, message: str | None) -> bool:
    """Say something of a plan that stays in its state; False: it is not in that any more"""
    values = {"status_message": message}
    same = work.in_state(NOUN, plan.state)
    return rows.update(tx, NOUN, plan.uuid, values, same) is not None


def _outlived(tx: orm.Session, plan: ActionPlan, message: str, reason: str) -> bool:
    """Supersede a plan in the state in which it was seen, together with its actions"""
    try:
        new = step(
            tx,
            plan.uuid,
            plan.state,
            states.SUPERSEDED,
            message=message,
            reason=reason,
        )
    except (exception.StateChanged, exception.ResourceNotFound):
        # Started, cancelled or deleted by somebody this very moment.
        return False
    bulk.step_actions(tx, new, states.CANCELLED, (states.PENDING,), reason=message)
    return True


def unmeasured(
    tx: orm.Session, since: datetime.datetime, limit: int
) -> builtins.list[ActionPlan]:
    """Return plans that an applier ended since then, and whose effect nobody measured"""
    ends = (states.SUCCEEDED, states.FAILED, states.CANCELLED)
    found = tx.execute(
        NOUN.select.where(
            _table.c.state.in_(ends),
            _table.c.hostname.is_not(None),
            _table.c.achieved_efficacy.is_(None),
            _table.c.updated_at >= since,
            _table.c.deleted_at.is_(None),
        )
        .order_by(_table.c.id)
        .limit(limit)
    ).all()
    return NOUN.records(tx, found)


def measured(tx: orm.Session, uuid: str, document: Mapping[str, Any]) -> None:
    """Store what a plan achieved, unless that was done; nothing else of it changes"""
    tx.execute(
        sa.update(_table)
        .where(_table.c.uuid == uuid, _table.c.achieved_efficacy.is_(None))
        .values(achieved_efficacy=dict(document), updated_at=_table.c.updated_at)
    )


def not_begun(tx: orm.Session, *, after: int, limit: int) -> builtins.list[ActionPlan]:
    """Return plans that no applier carries out yet, in the order of their ids"""
    waiting = (states.RECOMMENDED, states.PENDING)
    filters = {"state__in": waiting, "id__gt": after}
    return rows.listed(tx, NOUN, ListQuery(filters=filters, limit=limit))


def soft_delete(tx: orm.Session, uuid: str) -> None:
    """Hide a plan that is not being carried out, with its actions and indicators"""
    old = rows.locked(tx, NOUN, uuid)
    if old.state not in states.PLAN_DELETABLE:
        raise exception.DeleteError(state=old.state)
    # Listeners hear of the actions first.
    bulk.delete_actions(tx, old)
    efficacy.soft_delete(tx, old.id)
    rows.replace(tx, NOUN, old, rows.gone(NOUN, old), verb="delete")
