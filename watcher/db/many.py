"""Steps and intents of many actions of one plan, in one transaction.

The number of statements does not grow with the actions. The plan's row is locked, shared,
before its actions: whoever takes the plan over waits until we are done.
"""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import actions, changes, history, leases, texts, work
from watcher.db.models import ActionPlan, utcnow
from watcher.db.models import Operation as OperationTable
from watcher.db.work import KEEP, Keep
from watcher.domain import states
from watcher.domain.records import Action, Claim, Operation

_plans: sa.Table = ActionPlan.__table__  # type: ignore[assignment]
_operations: sa.Table = OperationTable.__table__  # type: ignore[assignment]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An action, in the state that it is known in, and the state it is to get"""

    action: Action
    new: str
    message: str | None | Keep = KEEP
    reason: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What an action is about to do"""

    action_uuid: str
    kind: str
    request_id: str
    detail: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Stepped:
    """What became of one step: the row after it, or why it was not made"""

    before: Action
    after: Action | None = None
    error: exception.WatcherException | None = None


_CLAIM = Claim(sa.bindparam("holder"), sa.bindparam("era"))  # type: ignore[arg-type]
# Built once: putting a statement together takes longer than having it executed.
_HELD = (
    sa.select(sa.func.coalesce(_plans.c.state, states.PENDING))
    .where(
        _plans.c.uuid == sa.bindparam("plan"),
        _plans.c.deleted_at.is_(None),
        leases.owned(_plans, _CLAIM),
    )
    .with_for_update(read=True)
)


def held(tx: orm.Session, plan_uuid: str, claim: Claim) -> str:
    """Return the state of a plan that is ours until the transaction ends, or LeaseLost"""
    given = {"plan": plan_uuid, "holder": claim.owner, "era": claim.epoch}
    state = tx.scalar(_HELD, given)
    if state is None:
        raise exception.LeaseLost(
            owner=claim.owner, epoch=claim.epoch, kind="action plan", ident=plan_uuid
        )
    return str(state)


# Actions ------------------------------------------------------------------------------


def step(
    tx: orm.Session, claim: Claim, steps: Sequence[Step]
) -> list[Stepped]:  # fmt: skip
    """Compare and set the state of each action; call ``held`` before

    History is written and the observer told. One that is not in the state in which it is
    known gets an error of its own and stays as it is.

    :raises LeaseLost: nothing is done
    """
    table = actions.NOUN.table
    steps = [_fitting(one) for one in steps]
    found = tx.execute(
        sa.select(table.c.id, table.c.state, table.c.status_message)
        .where(
            table.c.id.in_(sorted(one.action.id for one in steps)),
            table.c.deleted_at.is_(None),
        )
        .order_by(table.c.id)
        .with_for_update()
    )
    rows = {row.id: row for row in found}
    now = utcnow()
    # Taken out: the second step of one action in the same breath comes too late.
    done = [_stepped(one, rows.pop(one.action.id, None), now) for one in steps]
    groups: dict[tuple[str, str, str | None | Keep, str | None], list[Action]] = {}
    for one, result in zip(steps, done, strict=True):
        if result.error is None:
            key = (one.action.state, one.new, one.message, one.reason)
            groups.setdefault(key, []).append(one.action)
    for (old, new, message, reason), some in groups.items():
        _write(tx, claim, some, old, new, message, now)
        history.add_many(
            tx, resource="action", uuids=[action.uuid for action in some], old=old,
            new=new, reason=reason or (message if isinstance(message, str) else None),
        )  # fmt: skip
    if changes.observed(tx):
        for result in done:
            if result.after is not None:
                change = changes.Change("action", "update", result.before, result.after)
                changes.tell(tx, change)
    return done


def _fitting(one: Step) -> Step:
    if not isinstance(one.message, str):
        return one
    return dataclasses.replace(one, message=texts.cut(one.message))


def _stepped(one: Step, row: Any, now: datetime.datetime) -> Stepped:
    if row is None:
        missing = exception.ActionNotFound(action=one.action.uuid)
        return Stepped(one.action, None, missing)
    if (row.state or states.PENDING) != one.action.state:
        changed = exception.StateChanged(
            kind="action", ident=one.action.uuid, expected=one.action.state
        )
        return Stepped(one.action, None, changed)
    if not states.allows(states.ACTION, one.action.state, one.new):
        refused = exception.TransitionRefused(old=one.action.state, new=one.new)
        return Stepped(one.action, None, refused)
    before = dataclasses.replace(one.action, status_message=row.status_message)
    text = row.status_message if isinstance(one.message, Keep) else one.message
    after = dataclasses.replace(
        before, state=one.new, status_message=text, updated_at=now
    )
    return Stepped(before, after)


def _write(
    tx: orm.Session, claim: Claim, some: Sequence[Action], old: str, new: str,
    message: str | None | Keep, now: datetime.datetime,
) -> None:  # fmt: skip
    table = actions.NOUN.table
    values: dict[str, Any] = {"state": new, "updated_at": now}
    if not isinstance(message, Keep):
        values["status_message"] = message
    mine = sa.exists().where(
        _plans.c.id == table.c.action_plan_id, leases.owned(_plans, claim)
    )
    hit: Any = tx.execute(
        sa.update(table)
        .where(
            table.c.id.in_([action.id for action in some]),
            work.in_state(actions.NOUN, old),
            mine.correlate(table),
        )
        .values(values)
    )
    if hit.rowcount != len(some):
        # The rows are locked and as they were: nothing but the claim can have ended.
        raise work.lost(actions.NOUN, some[0].uuid, claim)


# Intents ------------------------------------------------------------------------------


def begin(
    tx: orm.Session, plan_uuid: str, claim: Claim, intents: Sequence[Intent]
) -> list[Operation]:
    """Write intents down, or raise LeaseLost when the plan is not ours any more"""
    held(tx, plan_uuid, claim)
    now = utcnow()
    same = {
        "plan_uuid": plan_uuid,
        "owner": claim.owner,
        "owner_epoch": claim.epoch,
        "created_at": now,
    }
    rows = [
        {
            **same, "action_uuid": one.action_uuid, "kind": one.kind,
            "request_id": one.request_id, "detail": dict(one.detail),
        }
        for one in intents
    ]  # fmt: skip
    tx.execute(sa.insert(_operations), rows)
    uuids = sorted({one.action_uuid for one in intents})
    idents: dict[tuple[str, str], int] = {}
    for row in tx.execute(
        sa.select(_operations.c.id, _operations.c.action_uuid, _operations.c.request_id)
        .where(_operations.c.action_uuid.in_(uuids))
        .order_by(_operations.c.id)
    ):
        idents[row.action_uuid, row.request_id] = row.id
    return [
        Operation(
            id=idents[one.action_uuid, one.request_id], action_uuid=one.action_uuid,
            kind=one.kind, owner=claim.owner, owner_epoch=claim.epoch,
            request_id=one.request_id, detail=dict(one.detail), created_at=now,
        )
        for one in intents
    ]  # fmt: skip


_c = _operations.c
_ended = _c.ended_at.is_not(None)
# MariaDB assigns from left to right: outcome is judged before ended_at is set.
_NOTE = (
    sa.update(_operations)
    .where(_c.id == sa.bindparam("ident"))
    .ordered_values(
        (_c.remote_id, sa.func.coalesce(sa.bindparam("remote"), _c.remote_id)),
        (_c.outcome, sa.case((_ended, _c.outcome), else_=sa.bindparam("ended_as"))),
        (_c.detail, sa.bindparam("numbers", type_=_c.detail.type)),
        (_c.sent_at, sa.func.coalesce(_c.sent_at, sa.bindparam("sent"))),
        (_c.ended_at, sa.func.coalesce(_c.ended_at, sa.bindparam("ended"))),
    )
)


def note(tx: orm.Session, operations: Sequence[Operation]) -> None:
    """Write down how far operations are and how they ended; the first end stands"""
    if not operations:
        return
    now = utcnow()
    tx.execute(
        _NOTE,
        [
            {
                "ident": one.id,
                "remote": one.remote_id,
                "ended_as": one.outcome,
                "numbers": dict(one.detail),
                "sent": one.sent_at,
                "ended": now if one.outcome else None,
            }
            for one in sorted(operations, key=lambda one: one.id)
        ],
    )
