"""Plans and all their actions at once; statements do not grow with the actions."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc, orm

from watcher import exception
from watcher.db import actions, changes, errors, history, rows
from watcher.db.models import utcnow
from watcher.db.query import Column
from watcher.domain import states
from watcher.domain.records import Action, ActionPlan, NewPlan

R = TypeVar("R")
# Rows per statement of a bulk insert.
BATCH = 1000


def insert_plan(
    tx: orm.Session, noun: rows.Noun[Any], values: Mapping[str, Any]
) -> int:
    """Insert the plan's row and return its id; it is announced when it is complete"""
    return rows.insert_row(tx, noun, values)


def announce(tx: orm.Session, noun: rows.Noun[R], ident: int) -> R:
    """Tell history and observer of a new, complete row and return it"""
    new = rows.one(tx, noun, noun.id == ident)
    assert new is not None
    changes.announce(tx, changes.Change(noun.kind, "create", None, new))
    return new


def insert_actions(tx: orm.Session, plan_id: int, plan: NewPlan) -> None:
    """Insert the actions of a new plan; the observer hears of each when there is one"""
    if not plan.actions:
        return
    table = actions.NOUN.table
    now = utcnow()
    same = {
        "created_at": now,
        "deleted": 0,
        "action_plan_id": plan_id,
        "state": states.PENDING,
    }
    values = [
        {
            **same,
            "uuid": action.uuid,
            "action_type": action.action_type,
            "input_parameters": action.input_parameters,
            "parents": [*action.parents],
        }
        for action in plan.actions
    ]
    try:
        tx.execute(sa.insert(table), values)
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            raise exception.ActionAlreadyExists(uuid="of the plan") from error
        raise
    if changes.observed(tx):
        for new in actions.of_plan(tx, plan.uuid):
            changes.tell(tx, changes.Change("action", "create", None, new))


def step_actions(
    tx: orm.Session,
    plan: ActionPlan,
    new: str,
    only: Sequence[str],
    *,
    reason: str | None = None,
) -> None:
    """Move all actions of ``plan`` that are in one of the states ``only`` to ``new``"""
    table = actions.NOUN.table
    _replace(
        tx,
        plan,
        {"state": new},
        sa.and_(table.c.state.in_(only), table.c.deleted_at.is_(None)),
        "update",
        reason,
    )


def delete_actions(tx: orm.Session, plan: ActionPlan) -> None:
    """Hide all actions of ``plan``"""
    table = actions.NOUN.table
    values = {
        "state": states.DELETED,
        "deleted": table.c.id,
        "deleted_at": utcnow(),
    }
    _replace(tx, plan, values, table.c.deleted_at.is_(None), "delete", None)


def _replace(
    tx: orm.Session,
    plan: ActionPlan,
    values: Mapping[str, Any],
    where: Column,
    verb: str,
    reason: str | None,
) -> None:
    noun = actions.NOUN
    table = noun.table
    ours = sa.and_(table.c.action_plan_id == plan.id, where)
    # Locked in the order of ids, as everybody does, and before they are read.
    idents = tx.scalars(
        sa.select(table.c.id).where(ours).order_by(table.c.id).with_for_update()
    ).all()
    if not idents:
        return
    chosen = sa.and_(table.c.action_plan_id == plan.id, table.c.id.in_(idents))
    before = noun.records(
        tx, tx.execute(noun.select.where(chosen).order_by(table.c.id)).all()
    )
    tx.execute(
        sa.update(table).where(chosen, where).values(updated_at=utcnow(), **values)
    )
    by_state: dict[str, list[str]] = {}
    for action in before:
        by_state.setdefault(action.state, []).append(action.uuid)
    for old, uuids in sorted(by_state.items()):
        history.add_many(
            tx,
            resource=noun.kind,
            uuids=uuids,
            old=old,
            new=str(values["state"]),
            reason=reason,
        )
    if changes.observed(tx):
        after: dict[int, Action] = {
            action.id: action
            for action in noun.records(
                tx, tx.execute(noun.select.where(table.c.id.in_(idents))).all()
            )
        }
        for action in before:
            changes.tell(
                tx, changes.Change(noun.kind, verb, action, after[action.id], reason)
            )
