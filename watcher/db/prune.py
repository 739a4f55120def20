"""Removes goals, strategies and scoring engines that are installed nowhere any more.

Only what has not ended is cancelled: finished audits and plans keep their state, and a
plan that is being carried out is left to finish.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import (
    action_plans,
    audit_templates,
    audits,
    goals,
    rows,
    scoring_engines,
    strategies,
)
from watcher.db.models import utcnow
from watcher.db.query import Column
from watcher.domain import states

_audits = audits.NOUN.table
_plans = action_plans.NOUN.table


def remove(tx: orm.Session, missing: Iterable[str]) -> list[str]:
    """Soft-delete the rows named "<kind> <name>" and what that entails; return them"""
    removed = []
    # Strategies before their goals, so that a reason names what really was used.
    for entry in sorted(missing, key=lambda entry: not entry.startswith("strategy ")):
        kind, _, name = entry.partition(" ")
        if kind == "strategy":
            _strategy(tx, name)
        elif kind == "goal":
            _goal(tx, name)
        else:
            engine = scoring_engines.get(
                tx, _uuid(tx, scoring_engines.NOUN.table, name)
            )
            rows.soft_delete(tx, scoring_engines.NOUN, engine.uuid)
        removed.append(entry)
    return removed


def _strategy(tx: orm.Session, name: str) -> None:
    old = strategies.get(tx, _uuid(tx, strategies.NOUN.table, name))
    why = f"strategy {name} was removed"
    templates = audit_templates.NOUN.table
    tx.execute(
        sa.update(templates)
        .where(templates.c.strategy_id == old.id, templates.c.deleted_at.is_(None))
        .values(strategy_id=None, updated_at=utcnow())
    )
    _cancel_audits(tx, _audits.c.strategy_id == old.id, why)
    _cancel_plans(tx, old.id, why)
    rows.soft_delete(tx, strategies.NOUN, old.uuid)


def _goal(tx: orm.Session, name: str) -> None:
    old = goals.get(tx, _uuid(tx, goals.NOUN.table, name))
    _cancel_audits(tx, _audits.c.goal_id == old.id, f"goal {name} was removed")
    rows.soft_delete(tx, goals.NOUN, old.uuid)


def _uuid(tx: orm.Session, table: sa.Table, name: str) -> str:
    """UUID by exact name: the name may look like an id, or differ by capitals"""
    row = tx.execute(
        sa.select(table.c.id, table.c.uuid)
        .where(table.c.name == name, table.c.deleted_at.is_(None))
        .order_by(table.c.id.desc())
        .limit(1)
    ).one()
    return rows.uuid_of(row, table.name)


def _cancel_audits(tx: orm.Session, where: Column, why: str) -> None:
    open_states = (states.PENDING, states.ONGOING, states.SUSPENDED)
    found = tx.execute(
        sa.select(_audits.c.id, _audits.c.uuid, _audits.c.state)
        .where(where, _audits.c.state.in_(open_states), _audits.c.deleted_at.is_(None))
        .order_by(_audits.c.id)
    ).all()
    for row in found:
        try:
            audits.step(
                tx,
                rows.uuid_of(row, "audits"),
                row.state,
                states.CANCELLED,
                message=why,
            )
        except exception.StateChanged:
            # It ended this very moment, which is as good.
            continue


def _cancel_plans(tx: orm.Session, strategy_id: int, why: str) -> None:
    waiting = (states.RECOMMENDED, states.PENDING)
    found = tx.execute(
        sa.select(_plans.c.id, _plans.c.uuid, _plans.c.state)
        .where(
            _plans.c.strategy_id == strategy_id,
            _plans.c.state.in_(waiting),
            _plans.c.deleted_at.is_(None),
        )
        .order_by(_plans.c.id)
    ).all()
    for row in found:
        uuid = rows.uuid_of(row, "action_plans")
        try:
            action_plans.cancel(tx, uuid, row.state, message=why)
        except exception.StateChanged:
            # An applier took it: it is left to finish.
            continue
