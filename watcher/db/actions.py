"""Actions: the steps of a plan. Whoever owns the plan owns its actions."""

import builtins
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import leases, rows, work
from watcher.db.models import Action as Table
from watcher.db.models import ActionDescription, ActionPlan, Audit
from watcher.db.query import Column, ListQuery
from watcher.db.work import KEEP, Keep
from watcher.domain import states
from watcher.domain.records import Action, Claim

_table: sa.Table = Table.__table__  # type: ignore[assignment]
_plans: sa.Table = ActionPlan.__table__  # type: ignore[assignment]
_audits: sa.Table = Audit.__table__  # type: ignore[assignment]
_texts: sa.Table = ActionDescription.__table__  # type: ignore[assignment]


def _record(row: rows.Row) -> Action:
    return Action(
        **rows.base_of(row),
        uuid=row.uuid,
        action_plan_id=row.action_plan_id,
        action_plan_uuid=row.action_plan_uuid
        or rows.made_up_uuid("action_plans", row.action_plan_id),
        action_type=row.action_type,
        description=row.description or "",
        input_parameters=row.input_parameters,
        state=row.state or states.PENDING,
        parents=row.parents,
        status_message=row.status_message,
    )


NOUN: rows.Noun[Action] = rows.Noun(
    kind="action",
    table=_table,
    select=sa.select(
        *_table.c,
        _plans.c.uuid.label("action_plan_uuid"),
        rows.live(_texts, _texts.c.description).label("description"),
    ).select_from(
        _table.outerjoin(_plans, _table.c.action_plan_id == _plans.c.id)
        .outerjoin(_audits, _plans.c.audit_id == _audits.c.id)
        .outerjoin(_texts, _table.c.action_type == _texts.c.action_type)
    ),
    records=lambda tx, found: [_record(row) for row in found],
    not_found=lambda ident: exception.ActionNotFound(action=ident),
    taken=lambda values: exception.ActionAlreadyExists(uuid=values.get("uuid")),
    filters=rows.filterable(
        _table,
        *("state", "action_plan_id", "action_type"),
        action_plan_uuid=_plans.c.uuid,
        audit_uuid=_audits.c.uuid,
    ),
    sort_keys={
        **rows.own_columns(
            _table,
            *("action_plan_id", "action_type", "input_parameters", "state"),
            *("parents", "status_message"),
        ),
        "action_plan_uuid": _plans.c.uuid,
    },
    system_texts=frozenset({"status_message"}),
)


def get(tx: orm.Session, ident: str | int, *, show_deleted: bool = False) -> Action:
    """Return the action with UUID ``ident``"""
    return rows.get(tx, NOUN, ident, show_deleted=show_deleted)


def list(tx: orm.Session, query: ListQuery) -> builtins.list[Action]:
    """Return one page of actions"""
    return rows.listed(tx, NOUN, query)


def of_plan(tx: orm.Session, plan_uuid: str) -> builtins.list[Action]:
    """Return the live actions of a plan in the order in which they were stored"""
    return rows.listed(tx, NOUN, ListQuery(filters={"action_plan_uuid": plan_uuid}))


def of_plans(tx: orm.Session, plans: Sequence[int]) -> dict[int, builtins.list[Action]]:
    """Return the live actions of plans with these ids, with one statement"""
    found: dict[int, builtins.list[Action]] = {}
    if plans:
        query = ListQuery(filters={"action_plan_id__in": plans})
        for action in rows.listed(tx, NOUN, query):
            found.setdefault(action.action_plan_id, []).append(action)
    return found


def some_of_plan(
    tx: orm.Session,
    plan_uuid: str,
    *,
    types: Collection[str] = (),
    in_states: Collection[str] = (),
) -> builtins.list[Action]:
    """Return the live actions of a plan that are of certain types, in certain states"""
    filters: dict[str, Any] = {"action_plan_uuid": plan_uuid}
    if types:
        filters["action_type__in"] = sorted(types)
    if in_states:
        filters["state__in"] = sorted(in_states)
    return rows.listed(tx, NOUN, ListQuery(filters=filters))


def count_of_plan(
    tx: orm.Session, plan_id: int, types: Collection[str], in_states: Collection[str]
) -> int:
    """Return how many live actions of a plan are of certain types, in certain states"""
    count = sa.select(sa.func.count()).select_from(_table)
    return int(
        tx.scalar(
            count.where(
                _table.c.action_plan_id == plan_id,
                _table.c.deleted_at.is_(None),
                _table.c.action_type.in_(sorted(types)),
                _table.c.state.in_(sorted(in_states)),
            )
        )
        or 0
    )


def create(tx: orm.Session, **values: Any) -> Action:
    """Insert one action, PENDING unless told otherwise"""
    return rows.insert(tx, NOUN, {"state": states.PENDING, **values})


def update(
    tx: orm.Session,
    uuid: str,
    /,
    *,
    claim: Claim | None = None,
    plan_states: tuple[str, ...] | None = None,
    **changes: Any,
) -> Action:
    """Change columns of a live action; with ``claim`` only while its plan is ours

    With ``plan_states`` only while the plan is in one of these states.
    """
    only_if = [] if claim is None else [_claimed(claim)]
    if plan_states is not None:
        _lock_plan(tx, uuid)
        only_if.append(_of_plan(_plans.c.state.in_(plan_states)))
    new = rows.update(tx, NOUN, uuid, changes, *only_if)
    if new is None:
        if plan_states is not None:
            expected = " or ".join(plan_states)
            raise exception.StateChanged(kind="plan of", ident=uuid, expected=expected)
        raise NOUN.not_found(uuid) if claim is None else work.lost(NOUN, uuid, claim)
    return new


def step(
    tx: orm.Session,
    uuid: str,
    old: str,
    new: str,
    *,
    message: str | None | Keep = KEEP,
    claim: Claim | None = None,
    reason: str | None = None,
    plan_states: tuple[str, ...] | None = None,
    **columns: Any,
) -> Action:
    """Move an action from state ``old`` to ``new``; ``claim`` is that of its plan

    With ``plan_states`` only while the plan is in one of these states.
    """
    work.allow(states.ACTION, old, new)
    only_if = [work.in_state(NOUN, old), _table.c.deleted_at.is_(None)]
    if claim is not None:
        only_if.append(_claimed(claim))
    if plan_states is not None:
        only_if.append(_of_plan(_plans.c.state.in_(plan_states)))
    values = {**columns, "state": new}
    if not isinstance(message, Keep):
        values["status_message"] = message
        reason = reason or message
    if plan_states is not None:
        _lock_plan(tx, uuid)
    before = rows.locked(tx, NOUN, uuid)
    after = rows.replace(tx, NOUN, before, values, *only_if, reason=reason)
    if after is None:
        if claim is None or before.state != old:
            raise exception.StateChanged(kind=NOUN.kind, ident=uuid, expected=old)
        raise work.lost(NOUN, uuid, claim)
    return after


def soft_delete(tx: orm.Session, uuid: str) -> None:
    """Hide an action"""
    rows.soft_delete(tx, NOUN, uuid)


def _of_plan(*where: Column) -> Column:
    mine = _plans.c.id == _table.c.action_plan_id
    return sa.exists().where(mine, *where).correlate(_table)


def _claimed(claim: Claim) -> Column:
    return _of_plan(leases.owned(_plans, claim))


def _lock_plan(tx: orm.Session, uuid: str) -> None:
    # Plans before actions, like everybody: a plan that starts now waits for us.
    plan_id = tx.scalar(sa.select(_table.c.action_plan_id).where(_table.c.uuid == uuid))
    if plan_id is not None:
        tx.execute(
            sa.select(_plans.c.id).where(_plans.c.id == plan_id).with_for_update()
        )
