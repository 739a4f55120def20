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
MYSQL = ("mysql", "mariadb")
# Rows per statement; a thousand actions stay far below a packet of 16 MiB.
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
    # What is alike in all rows is part of the text: drivers handle each value of each row.
    same = {
        "created_at": utcnow().isoformat(" ", "microseconds"),
        "deleted": 0,
        "action_plan_id": plan_id,
        "state": states.PENDING,
    }
    values = [
        {
            "uuid": action.uuid,
            "action_type": action.action_type,
            "input_parameters": action.input_parameters,
            "parents": action.parents,
        }
        for action in plan.actions
    ]
    many = _in_batches if tx.get_bind().dialect.name in MYSQL else _in_one
    try:
        many(tx, actions.NOUN.table, same, values)
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            raise exception.ActionAlreadyExists(uuid="of the plan") from error
        raise
    if changes.observed(tx):
        for new in actions.of_plan(tx, plan.uuid):
            changes.tell(tx, changes.Change("action", "create", None, new))


def _in_one(
    tx: orm.Session,
    table: sa.Table,
    same: Mapping[str, Any],
    values: Sequence[Mapping[str, Any]],
) -> None:
    """Insert with one statement that the driver executes for all rows"""
    fixed: dict[str, Any] = {
        name: sa.literal_column(repr(value)) for name, value in same.items()
    }
    open_: dict[str, Any] = {name: sa.bindparam(name) for name in values[0]}
    tx.execute(sa.insert(table).values({**fixed, **open_}), values)


def _in_batches(
    tx: orm.Session,
    table: sa.Table,
    same: Mapping[str, Any],
    values: Sequence[Mapping[str, Any]],
) -> None:
    """Insert many rows per statement

    The drivers of MariaDB send one statement per row when a row holds anything but
    values, and spend most of their time on values that are alike.
    """
    dialect = tx.get_bind().dialect
    names = [*values[0]]
    encode = {
        name: getattr(table.c[name].type, "process_bind_param", None) for name in names
    }
    row = ", ".join(["%s"] * len(names) + [repr(value) for value in same.values()])
    head = f"INSERT INTO {table.name} ({', '.join([*names, *same])}) VALUES "
    for start in range(0, len(values), BATCH):
        batch = values[start : start + BATCH]
        flat = tuple(
            one[name] if coder is None else coder(one[name], dialect)
            for one in batch
            for name, coder in encode.items()
        )
        text = head + ", ".join([f"({row})"] * len(batch))
        tx.connection().exec_driver_sql(text, flat)


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
    # Locked in the order of ids, as everybody does, and before they are read. Once they
    # are locked nobody else moves them in or out of ``where``.
    locked = sa.select(table.c.id).where(ours).order_by(table.c.id).with_for_update()
    if not tx.scalars(locked).all():
        return
    before = noun.records(
        tx, tx.execute(noun.select.where(ours).order_by(table.c.id)).all()
    )
    tx.execute(sa.update(table).where(ours).values(updated_at=utcnow(), **values))
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
    if not changes.observed(tx):
        return
    all_rows = tx.execute(noun.select.where(table.c.action_plan_id == plan.id)).all()
    after: dict[int, Action] = {one.id: one for one in noun.records(tx, all_rows)}
    for action in before:
        changes.tell(
            tx, changes.Change(noun.kind, verb, action, after[action.id], reason)
        )
