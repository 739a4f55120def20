"""CONTINUOUS audits as rows that become due; between two runs nobody owns them.

The claim of a run moves ``next_run_time`` on in the same statement, so a run is given out
once. A row that still has an owner whose lease ended was left in the middle of a run and
is due at once. All moments are those of the database's clock, whatever engines believe.
"""

import datetime
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import audits, history, leases, rows, texts, work
from watcher.db.types import UtcNow
from watcher.domain import schedule, states
from watcher.domain.records import Audit, Claim

_table = audits.NOUN.table
_LIVE = (states.PENDING, states.ONGOING)
# How long a run lets a plan have its way before it looks again, in seconds.
WAIT_S = 10.0


def clock(tx: orm.Session) -> datetime.datetime:
    """Return the moment by which runs are judged: the database's"""
    found: datetime.datetime = tx.execute(sa.select(UtcNow())).scalar_one()
    return found


def due(
    tx: orm.Session,
    now: datetime.datetime,
    *,
    without: Collection[str] = (),
    limit: int = 100,
) -> list[str]:
    """Return UUIDs of audits with something to be done at ``now``, longest due first

    Something: a run, the plan of the first one, or the end of their time. Each way to be
    due is a range of an index, so that those that sleep cost nothing.

    :param without: those that need not be told, at most a few hundred
    """
    column = _table.c
    live = column.state.in_(_LIVE)
    ripe = sa.or_(column.not_before.is_(None), column.not_before <= now)
    waited = column.not_before
    planned = sa.func.coalesce(waited, column.next_run_time)
    ours = column.audit_type == states.CONTINUOUS
    # Not by the index of the type, which would go through all that sleep.
    left = sa.func.coalesce(column.audit_type, "") == states.CONTINUOUS
    ways = (
        (planned, (ours, live, column.next_run_time <= now, ripe)),
        (waited, (ours, live, column.next_run_time.is_(None), ripe)),
        (waited, (ours, column.state.is_(None))),
        (column.end_time, (ours, live, column.end_time < now)),
        (waited, (left, column.state == states.ONGOING, column.owner.is_not(None))),
    )
    others = (column.uuid.not_in(without),) if without else ()
    found = [(moment, (*where, *others)) for moment, where in ways]
    return work.longest_due(tx, _table, found, limit)


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
    if old.not_before is not None and old.not_before > now:
        return None
    try:
        if old.end_time is not None and old.end_time < now:
            _end(tx, old, "its end_time has passed")
            return None
        return _begin(tx, old, claim, host, now)
    except schedule.NoMoment:
        _end(tx, old, f"no moment is left that matches '{old.interval}'")
    except ValueError as error:
        # Rows of other releases may hold what the API would refuse.
        message = f"The interval '{old.interval}' cannot be used: {error}"
        _leave(tx, old, states.FAILED, message)
    return None


def _begin(
    tx: orm.Session, old: Audit, claim: Claim, host: str, now: datetime.datetime
) -> Audit | None:
    interval, start = old.interval or "", old.start_time
    planned = old.next_run_time
    if planned is None or (start is not None and planned < start):
        planned = schedule.first(interval, now, start)
    if start is not None and now < start or old.owner is None and planned > now:
        _plan(tx, old, planned)
        return None
    new = rows.replace(
        tx,
        audits.NOUN,
        old,
        {
            "state": states.ONGOING,
            "owner": claim.owner,
            "owner_epoch": claim.epoch,
            "hostname": host,
            # Who takes a run over leaves the next one where it is.
            "next_run_time": (
                planned if planned > now else _following(interval, planned, now)
            ),
            "not_before": None,
        },
        work.in_state(audits.NOUN, old.state),
        leases.unowned(_table),
        leases.held(claim),
        reason=f"claimed by {claim.owner}",
    )
    if new is not None and old.state == states.ONGOING:
        # Between runs the state stays, but history is to tell who made which run.
        left = f", left by {old.owner}" if old.owner else ""
        _note(tx, new, f"run of {planned} UTC claimed by {claim.owner}{left}")
    return new


def _plan(tx: orm.Session, old: Audit, planned: datetime.datetime) -> None:
    """Write down when the next run is; one that a dead owner left is not made"""
    values = {"next_run_time": planned, "owner": None, "owner_epoch": None}
    if any(getattr(old, name) != value for name, value in values.items()):
        same = work.in_state(audits.NOUN, old.state)
        rows.replace(tx, audits.NOUN, old, values, same, leases.unowned(_table))


def _following(
    interval: str, planned: datetime.datetime, now: datetime.datetime
) -> datetime.datetime | None:
    try:
        return schedule.following(interval, planned, now)
    except schedule.NoMoment:
        return None  # This run is the last.


def _end(tx: orm.Session, old: Audit, reason: str) -> None:
    message = f"It ended because {reason}"
    if old.hostname is None:
        message += ", before it ran once"
    elif old.failures:
        message += f"; {_times(old.failures)} before that"
    _leave(tx, old, states.SUCCEEDED, f"{message}.")


def _leave(tx: orm.Session, old: Audit, state: str, message: str) -> None:
    """Let the audit end, unless somebody else ended it at this moment"""
    columns = {"next_run_time": None, "not_before": None}
    try:
        audits.step(tx, old.uuid, old.state, state, message=message, **columns)
    except exception.StateChanged:
        return


# How a run ends ----------------------------------------------------------------------------


def rest(tx: orm.Session, uuid: str, claim: Claim) -> Audit:
    """End a run of ours that worked: the audit stays ONGOING and waits for its next one

    :raises LeaseLost: it is not ours any more
    """
    return _rest(
        tx, rows.locked(tx, audits.NOUN, uuid), claim, status_message=None, failures=0
    )


def fail(
    tx: orm.Session, uuid: str, claim: Claim, message: str, now: datetime.datetime
) -> Audit:
    """End a run of ours that failed: say why, and run again later than otherwise

    :raises LeaseLost: it is not ours any more
    """
    old = rows.locked(tx, audits.NOUN, uuid)
    failures = old.failures + 1
    later = _retry(old, now, failures)
    when = f"runs again at {later:%Y-%m-%d %H:%M:%S} UTC" if later else "runs again"
    said = f"; {_times(failures)}; {when}"
    text = texts.cut(message.strip().rstrip("."), texts.STATUS_MESSAGE - len(said))
    return _rest(
        tx,
        old,
        claim,
        status_message=text + said,
        failures=failures,
        next_run_time=later,
    )


def wait(
    tx: orm.Session, uuid: str, claim: Claim, message: str, now: datetime.datetime
) -> Audit:
    """Give a run of ours back because a plan is in its way; it stays due

    :raises LeaseLost: it is not ours any more
    """
    old = rows.locked(tx, audits.NOUN, uuid)
    return _rest(
        tx,
        old,
        claim,
        status_message=message,
        next_run_time=_preceding(old.interval, old.next_run_time, now),
        not_before=now + datetime.timedelta(seconds=WAIT_S),
    )


def postpone(tx: orm.Session, uuid: str, message: str, now: datetime.datetime) -> bool:
    """Let a due run that nobody has claimed wait for a plan; False: there is none

    It is news once: listeners, readers and history do not hear that it still waits.
    """
    try:
        old = rows.locked(tx, audits.NOUN, uuid)
    except exception.ResourceNotFound:
        return False
    planned = old.next_run_time
    if old.state != states.ONGOING or old.owner or planned is None or planned > now:
        return False
    if old.end_time is not None and old.end_time < now:
        return False
    later = {"not_before": now + datetime.timedelta(seconds=WAIT_S)}
    if old.status_message != message:
        rows.replace(tx, audits.NOUN, old, {**later, "status_message": message})
        return True
    same = {"updated_at": _table.c.updated_at}
    tx.execute(sa.update(_table).where(_table.c.id == old.id).values({**later, **same}))
    return True


def _rest(tx: orm.Session, old: Audit, claim: Claim, **columns: Any) -> Audit:
    new = rows.replace(
        tx,
        audits.NOUN,
        old,
        {**columns, "owner": None, "owner_epoch": None},
        work.in_state(audits.NOUN, states.ONGOING),
        leases.owned(_table, claim),
    )
    if new is None:
        raise work.lost(audits.NOUN, old.uuid, claim)
    return new


def _retry(
    old: Audit, now: datetime.datetime, failures: int
) -> datetime.datetime | None:
    """Return when to run again; None: it is planned anew, with what it is planned by now"""
    if old.next_run_time is None:
        return None
    try:
        return schedule.retry(old.interval or "", old.next_run_time, now, failures)
    except ValueError:
        return None


def _preceding(
    interval: str | None, planned: datetime.datetime | None, now: datetime.datetime
) -> datetime.datetime | None:
    if planned is None:
        return None
    try:
        return schedule.preceding(interval or "", planned, now)
    except ValueError:
        return None


def _times(failures: int) -> str:
    return "its run failed" if failures == 1 else f"{failures} runs in a row failed"


def _note(tx: orm.Session, audit: Audit, reason: str) -> None:
    history.add(
        tx,
        resource=audits.NOUN.kind,
        uuid=audit.uuid,
        old=audit.state,
        new=audit.state,
        reason=reason,
    )


def give_back(tx: orm.Session, claim: Claim) -> None:
    """Let the runs that ``claim`` began and could not end be due again at once"""
    now = clock(tx)
    column = _table.c
    ours = (
        column.audit_type == states.CONTINUOUS,
        column.owner == claim.owner,
        column.owner_epoch == claim.epoch,
    )
    chosen = sa.select(column.id, column.interval, column.next_run_time).where(*ours)
    for row in tx.execute(chosen.order_by(column.id).with_for_update()).all():
        due_again = _preceding(row.interval, row.next_run_time, now)
        tx.execute(
            sa.update(_table)
            .where(column.id == row.id, *ours)
            .values(next_run_time=due_again, updated_at=column.updated_at)
        )
