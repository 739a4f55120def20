"""Rows that a notification tells about besides its own, read once per transaction."""

from typing import Any, TypeVar

from sqlalchemy import orm

from watcher.db import action_plans, audits, goals, rows, strategies
from watcher.db.changes import RELATED
from watcher.domain.records import ActionPlan, Audit, Goal, Strategy

R = TypeVar("R")


def goal(tx: orm.Session, goal_id: int | None) -> Goal | None:
    """Return the goal with this id, deleted or not"""
    return _cached(tx, goals.NOUN, goal_id)


def strategy(tx: orm.Session, strategy_id: int | None) -> Strategy | None:
    """Return the strategy with this id, deleted or not"""
    return _cached(tx, strategies.NOUN, strategy_id)


def audit(tx: orm.Session, audit_id: int | None) -> Audit | None:
    """Return the audit with this id, deleted or not"""
    return _cached(tx, audits.NOUN, audit_id)


def plan(tx: orm.Session, plan_id: int | None) -> ActionPlan | None:
    """Return the plan with this id, deleted or not"""
    return _cached(tx, action_plans.NOUN, plan_id)


def _cached(tx: orm.Session, noun: rows.Noun[R], ident: int | None) -> R | None:
    if ident is None:
        return None
    cache: dict[tuple[str, int], Any] = tx.info.setdefault(RELATED, {})
    key = (noun.kind, ident)
    if key not in cache:
        cache[key] = rows.one(tx, noun, noun.id == ident)
    found: R | None = cache[key]
    return found
