"""CONTINUOUS audits as rows that become due; between two runs nobody owns them.

The claim of a run moves ``next_run_time`` on in the same statement, so a run is given out
once. A row that still has an owner whose lease ended was left in the middle of a run and
is due at once.
"""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import audits, leases, rows, work
from watcher.domain import schedule, states
from watcher.domain.records import Audit, Claim

_table = audits.NOUN.table
_LIVE = (states.PENDING, states.ONGOING)


def due(tx: orm.Session, now: datetime.datetime, limit: int = 100) -> list[str]:
    """Return UUIDs of the audits that have something to be done at ``now``

    Something: a run, the plan of the first one, or the end of their time.
    """
    begun = sa.or_(_table.c.start_time.is_(None), _table.c.start_time <= now)
    ripe = sa.or_(
        _table.c.next_run_time.is_(None),
        _table.c.next_run_time <= now,
        _table.c.owner.is_not(None),
    )
    found = tx.execute(
        sa.select(_table.c.id, _table.c.uuid)
        .where(
            _table.c.audit_type == states.CONTINUOUS,
            _table.c.deleted_at.is_(None),
            sa.or_(_table.c.state.in_(_LIVE), _table.c.state.is_(None)),
            sa.or_(sa.and_(begun, ripe), _table.c.end_time < now),
            leases.unowned(_table),
        )
        .order_by(
            sa.case((_table.c.next_run_time.is_(None), 0), else_=1),
            _table.c.next_run_time,
            _table.c.id,
        )
        .limit(limit)
    )
    return [rows.uuid_of(row, _table.name) for row in found]


def claim(
    tx: orm.Session, uuid: str, claim: Claim, host: str, now: datetime.datetime
) -> Audit | None:
    """Make a due run ours; None when there is none, or somebody else has it"""
    try:
        old = rows.locked(tx, audits.NOUN, uuid)
    except exception.ResourceNotFound:
        return None
    if old.audit_type != states.CONTINUOUS or old.state not in _LIVE:
        return None
    if old.end_time is not None and old.end_time < now:
        _end(tx, old)
        return None
    if old.start_time is not None and old.start_time > now:
        return None
    try:
        return _begin(tx, old, claim, host, now)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        # Rows of other releases may hold what the API would refuse.
        message = f"The interval '{old.interval}' cannot be used: {error}"
        audits.step(tx, uuid, old.state, states.FAILED, message=message)
        return None


def _begin(
    tx: orm.Session, old: Audit, claim: Claim, host: str, now: datetime.datetime
) -> Audit | None:
    interval = old.interval or ""
    planned = old.next_run_time
    if old.owner is None:
        if planned is None:
            planned = schedule.first(interval, now)
            if planned > now:
                audits.update(tx, old.uuid, next_run_time=planned)
        if planned > now:
            return None
    return rows.replace(
        tx,
        audits.NOUN,
        old,
        {
            "state": states.ONGOING,
            "owner": claim.owner,
            "owner_epoch": claim.epoch,
            "hostname": host,
            "next_run_time": schedule.following(interval, planned, now),
        },
        work.in_state(audits.NOUN, old.state),
        leases.unowned(_table),
        leases.held(claim),
        reason=f"claimed by {claim.owner}",
    )


def _end(tx: orm.Session, old: Audit) -> None:
    try:
        audits.step(
            tx,
            old.uuid,
            old.state,
            states.SUCCEEDED,
            reason="its end_time has passed",
            next_run_time=None,
        )
    except exception.StateChanged:
        # Ended by somebody else at this moment.
        return


def rest(
    tx: orm.Session, uuid: str, claim: Claim, message: str | None, **columns: Any
) -> Audit:
    """End a run of ours: the audit stays ONGOING and waits for its next one

    :raises LeaseLost: it is not ours any more
    """
    old = rows.locked(tx, audits.NOUN, uuid)
    new = rows.replace(
        tx,
        audits.NOUN,
        old,
        {**columns, "owner": None, "owner_epoch": None, "status_message": message},
        work.in_state(audits.NOUN, states.ONGOING),
        leases.owned(_table, claim),
    )
    if new is None:
        raise work.lost(audits.NOUN, uuid, claim)
    return new


def give_back(tx: orm.Session, claim: Claim) -> None:
    """Let the runs that ``claim`` began and could not end be due again at once"""
    tx.execute(
        sa.update(_table)
        .where(
            _table.c.audit_type == states.CONTINUOUS,
            _table.c.owner == claim.owner,
            _table.c.owner_epoch == claim.epoch,
        )
        .values(
            next_run_time=sa.func.coalesce(_table.c.updated_at, _table.c.created_at)
        )
    )
