"""Audits: the queue of the decision engine and its results."""

import builtins
import datetime
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher._i18n import _
from watcher.db import action_plans, aims, history, rows, work
from watcher.db.models import Audit as Table
from watcher.db.models import AuditTemplate, utcnow
from watcher.db.query import Column, ListQuery
from watcher.db.types import UtcNow, utcnow_plus
from watcher.db.work import KEEP, Keep
from watcher.domain import states
from watcher.domain.records import Audit, Claim

_table: sa.Table = Table.__table__  # type: ignore[assignment]
_templates: sa.Table = AuditTemplate.__table__  # type: ignore[assignment]


def _record(row: rows.Row) -> Audit:
    return Audit(
        **rows.base_of(row),
        uuid=rows.uuid_of(row, "audits"),
        name=_old_name(row) if row.name is None else row.name,
        audit_type=row.audit_type or states.ONESHOT,
        state=row.state or states.PENDING,
        **aims.of(row),
        parameters=row.parameters,
        interval=None if row.interval is None else str(row.interval),
        scope=row.scope,
        auto_trigger=bool(row.auto_trigger),
        next_run_time=row.next_run_time,
        hostname=row.hostname,
        start_time=row.start_time,
        end_time=row.end_time,
        force=bool(row.force),
        status_message=row.status_message,
        owner=row.owner,
        owner_epoch=row.owner_epoch,
        triggered_at=row.triggered_at,
        failures=row.failures or 0,
        not_before=row.not_before,
    )


def _old_name(row: rows.Row) -> str:
    """Name of an audit from before audits had one"""
    made = row.created_at.isoformat() if row.created_at else str(row.id)
    return f"{row.strategy_name or row.goal_name or 'audit'}-{made}"[:63]


# Asked for only by lists that are filtered by it, so no join that every list would pay.
_template_name: sa.ColumnElement[Any] = (
    sa.select(_templates.c.name)
    .where(
        _templates.c.uuid == _table.c.audit_template_uuid,
        _templates.c.deleted_at.is_(None),
    )
    .correlate(_table)
    .scalar_subquery()
)
NOUN: rows.Noun[Audit] = rows.Noun(
    kind="audit",
    table=_table,
    select=aims.select(_table),
    records=lambda tx, found: [_record(row) for row in found],
    not_found=lambda ident: exception.AuditNotFound(audit=ident),
    taken=lambda values: exception.AuditAlreadyExists(
        audit=values.get("name") or values.get("uuid")
    ),
    filters=rows.filterable(
        _table,
        *("name", "audit_type", "state", "goal_id", "strategy_id", "hostname"),
        *("auto_trigger", "next_run_time", "start_time", "end_time", "owner"),
        **aims.FILTERS,
        audit_template_uuid=_table.c.audit_template_uuid,
        audit_template_name=_template_name,
    ),
    sort_keys={
        **rows.own_columns(
            _table,
            *("name", "audit_type", "state", "parameters", "interval", "scope"),
            *("goal_id", "strategy_id", "auto_trigger", "next_run_time", "hostname"),
            *("start_time", "end_time", "force", "status_message"),
        ),
        **aims.COLUMNS,
    },
    by_name=True,
    system_texts=frozenset({"status_message", "hostname", "owner"}),
)
WORK = work.Work(
    noun=NOUN,
    table=states.AUDIT,
    running=frozenset({states.ONGOING}),
)
# A trigger is answered at once, or by one further run after the one under way.
STARTABLE = frozenset((states.PENDING, states.SUCCEEDED, states.FAILED))
TRIGGERABLE = STARTABLE | {states.ONGOING}
# An audit that ended may be deleted, a suspended one too; never one that may still run.
DELETABLE = frozenset(
    (states.SUSPENDED, states.FAILED, states.SUCCEEDED, states.CANCELLED)
)


def get(tx: orm.Session, ident: str | int, *, show_deleted: bool = False) -> Audit:
    """Return the audit with UUID, id or name ``ident``"""
    return rows.get(tx, NOUN, ident, show_deleted=show_deleted)


def list(tx: orm.Session, query: ListQuery) -> builtins.list[Audit]:
    """Return one page of audits"""
    return rows.listed(tx, NOUN, query)


def create(tx: orm.Session, **values: Any) -> Audit:
    """Insert an audit, PENDING unless told otherwise"""
    return rows.insert(tx, NOUN, {"state": states.PENDING, **values})


def update(
    tx: orm.Session, uuid: str, /, *, claim: Claim | None = None, **changes: Any
) -> Audit:
    """Change columns of a live audit; with ``claim`` only while it is ours"""
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
) -> Audit:
    """Move an audit from state ``old`` to ``new``, or raise StateChanged or LeaseLost"""
    if new == states.CANCELLED:
        # Whoever cancels does not want the run that was asked for before.
        columns.update(triggered_at=None, not_before=None)
    return work.step(
        tx, WORK, uuid, old, new, message=message, claim=claim, reason=reason, **columns
    )


def trigger(tx: orm.Session, uuid: str, *, remember: bool = True) -> Audit:
    """Ask for one run of an EVENT audit that begins after this moment

    Any number of triggers before a run begins make one run. ``remember`` False: nothing
    is written down, because the engines there are go by the message alone.

    :raises TriggerRefused: it is of another type, or its state does not allow a run
    """
    audit = rows.locked(tx, NOUN, uuid)
    if audit.audit_type != states.EVENT:
        raise exception.TriggerRefused(
            reason=_("its type is %s; only EVENT audits can be triggered")
            % audit.audit_type
        )
    if audit.state not in TRIGGERABLE:
        raise exception.TriggerRefused(
            reason=_("its state is %(state)s; it must be one of: %(allowed)s")
            % {"state": audit.state, "allowed": ", ".join(sorted(TRIGGERABLE))}
        )
    _check_window(audit)
    if not remember or audit.triggered_at is not None:
        return audit
    # The row is locked, so the conditions above hold. It did not change for its readers.
    tx.execute(
        sa.update(_table)
        .where(_table.c.id == audit.id)
        .values(triggered_at=UtcNow(), updated_at=_table.c.updated_at)
    )
    history.add(
        tx,
        resource=NOUN.kind,
        uuid=audit.uuid,
        old=audit.state,
        new=audit.state,
        reason="triggered",
    )
    return get(tx, audit.uuid)


def _check_window(audit: Audit) -> None:
    now = utcnow()
    if audit.start_time is not None and now < audit.start_time:
        raise exception.TriggerRefused(
            reason=_("it must not run before %s UTC") % audit.start_time
        )
    if audit.end_time is not None and now > audit.end_time:
        raise exception.TriggerRefused(
            reason=_("it must not run after %s UTC") % audit.end_time
        )


def postpone(tx: orm.Session, uuid: str, message: str, wait_s: float) -> None:
    """Let an EVENT audit that is to run wait, its trigger written down, and say for what

    ``claimable`` does not name it for ``wait_s`` seconds, and then behind all others.
    """
    try:
        audit = rows.locked(tx, NOUN, uuid)
    except exception.AuditNotFound:
        return
    ended = audit.triggered_at is None and audit.state != states.PENDING
    if audit.state not in STARTABLE or ended:
        return
    values = {
        "triggered_at": sa.func.coalesce(_table.c.triggered_at, UtcNow()),
        "not_before": utcnow_plus(wait_s),
    }
    if audit.status_message != message:
        rows.replace(tx, NOUN, audit, {**values, "status_message": message})
        return
    # Only that it still waits: nothing that readers or listeners would want to hear.
    same = {"updated_at": _table.c.updated_at}
    change = sa.update(_table).where(_table.c.id == audit.id)
    tx.execute(change.values({**values, **same}))


def claim(
    tx: orm.Session, uuid: str, claim: Claim, host: str, *, told: bool = False
) -> Audit | None:
    """Make the audit ours and ONGOING; None when somebody else has it or it ended

    An EVENT audit needs a trigger, which is answered by this. ``told``: a message came for
    it. A message alone starts one that has never run, since APIs of other releases leave
    no other trace; for one that ended it is a duplicate.
    """

    def startable(audit: Audit) -> bool:
        if audit.audit_type != states.EVENT:
            return audit.state == states.PENDING
        if audit.triggered_at is None:
            return told and audit.state == states.PENDING
        return audit.state in STARTABLE

    fresh = {"triggered_at": None, "not_before": None}
    return work.claim(tx, WORK, uuid, claim, host, startable, **fresh)


def claimable(
    tx: orm.Session, now: datetime.datetime | None = None, limit: int = 100
) -> builtins.list[str]:
    """Return UUIDs of audits that lost their engine or wait for one, longest first

    Not those that at ``now``, by default the database's, let a plan have its way.
    """
    column = _table.c
    ripe = sa.or_(
        column.not_before.is_(None),
        column.not_before <= (UtcNow() if now is None else now),
    )
    once = column.audit_type.in_((states.ONESHOT, states.EVENT))
    ways: tuple[tuple[Column, tuple[Column, ...]], ...] = (
        (column.not_before, (once, column.state == states.ONGOING)),
        (
            column.created_at,
            (column.audit_type == states.ONESHOT, column.state == states.PENDING),
        ),
        (
            sa.func.coalesce(column.not_before, column.triggered_at),
            (
                column.audit_type == states.EVENT,
                column.triggered_at.is_not(None),
                column.state.in_(sorted(STARTABLE)),
                ripe,
            ),
        ),
    )
    return work.longest_due(tx, _table, ways, limit)


def release(tx: orm.Session, claim: Claim) -> int:
    """Give back every audit that is still ours; return how many"""
    return work.release(tx, WORK, claim)


def supersede(
    tx: orm.Session, audit_uuid: str, *, keep: str | None = None
) -> Sequence[str]:
    """Cancel the RECOMMENDED plans of an audit but ``keep``; return their UUIDs"""
    return action_plans.supersede(tx, audit_uuid, keep=keep)


def soft_delete(tx: orm.Session, uuid: str) -> None:
    """Hide an audit that cannot run any more; its plans stay"""
    rows.soft_delete(tx, NOUN, uuid, DELETABLE)
