"""Plans that take other plans back, stored as a whole; one at a time for each plan."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import action_plans, actions, bulk, explanations, operations, rows
from watcher.db.models import ActionPlan as Table
from watcher.domain import states, undo
from watcher.domain.effects import Kept, resource_of
from watcher.domain.records import ActionPlan, NewAction, NewPlan

_table: sa.Table = Table.__table__  # type: ignore[assignment]
# While one of these is there, the plan is being taken back, or has been.
COUNTS = (states.RECOMMENDED, states.PENDING, *sorted(action_plans.WORK.running))
ENDED = (states.SUCCEEDED, states.FAILED, states.CANCELLED)
MESSAGE = "Rolls back action plan %s"
# Actions that an explanation lists; a database takes only so much at once.
LISTED = 10_000


def of(tx: orm.Session, plan_uuid: str) -> str | None:
    """Return the plan that takes this one back, or has taken it back; or None"""
    found: str | None = tx.scalar(
        sa.select(_table.c.uuid)
        .where(
            _table.c.undoes == plan_uuid,
            _table.c.state.in_((*COUNTS, states.SUCCEEDED)),
            _table.c.deleted_at.is_(None),
        )
        .order_by(_table.c.id.desc())
        .limit(1)
    )
    return found


def ask(tx: orm.Session, plan_uuid: str) -> ActionPlan:
    """Store what takes an ended plan back, RECOMMENDED

    :raises RollbackRefused: it has not ended, was taken back, or did nothing
    """
    # Locked: of many who ask one gets it.
    plan = rows.locked(tx, action_plans.NOUN, plan_uuid)
    if plan.state not in ENDED:
        raise refused(plan, f"it is {plan.state}; only one that has ended can be")
    return store(tx, plan, states.RECOMMENDED)


def store(tx: orm.Session, plan: ActionPlan, state: str) -> ActionPlan:
    """Store what takes back what ``plan`` has done; nobody else may be doing so

    :raises RollbackRefused: it was taken back, or did nothing that can be
    """
    earlier = of(tx, plan.uuid)
    if earlier is not None:
        raise refused(plan, f"action plan {earlier} does that, or has done it")
    way = undo.of(actions.of_plan(tx, plan.uuid), operations.of_plan(tx, plan.uuid))
    if not way.steps:
        raise refused(plan, _nothing(way.kept))
    made = NewPlan(
        uuid=str(uuid.uuid4()), audit_uuid="", strategy_name="", state=state,
        actions=way.actions(lambda: str(uuid.uuid4())),
    )  # fmt: skip
    values = {
        "uuid": made.uuid,
        "audit_id": plan.audit_id,
        "strategy_id": plan.strategy_id,
        "state": state,
        "global_efficacy": [],
        "undoes": plan.uuid,
        "status_message": MESSAGE % plan.uuid,
    }
    ident = bulk.insert_plan(tx, action_plans.NOUN, values)
    bulk.insert_actions(tx, ident, made)
    # Under no audit: it is not what the audit's last run has to say.
    explanations.save(
        tx, audit_uuid="", plan_uuid=made.uuid,
        document=document(plan, made.actions, way.kept),
    )  # fmt: skip
    return bulk.announce(tx, action_plans.NOUN, ident)


def refused(plan: ActionPlan, reason: str) -> exception.RollbackRefused:
    """Return the error that says why not"""
    return exception.RollbackRefused(uuid=plan.uuid, reason=reason)


def _nothing(kept: Sequence[Kept]) -> str:
    if not kept:
        return "it changed nothing"
    first = kept[0]
    more = f", and {len(kept) - 1} more" if kept[1:] else ""
    return f"nothing of it can be: {_about(first)}: {first.reason}{more}"


def _about(one: Kept) -> str:
    name = one.action.input_parameters.get("resource_name")
    return f"{one.action.action_type} of {name or resource_of(one.action)}"


def document(
    plan: ActionPlan, made: Sequence[NewAction], kept: Sequence[Kept]
) -> Mapping[str, Any]:
    """Return the explanation: why each action is there, and what cannot be taken back"""
    kinds = ", ".join(
        f"{kind} ({count})"
        for kind, count in sorted(Counter(one.action_type for one in made).items())
    )
    summary = f"Rolls back action plan {plan.uuid}: {kinds}."
    if kept:
        summary += f" {len(kept)} of its actions cannot be taken back."
    return {
        "strategy": plan.strategy_name,
        "summary": summary,
        "actions": [
            {
                "uuid": action.uuid,
                "action_type": action.action_type,
                "resource_id": action.input_parameters.get("resource_id"),
                "resource_name": action.input_parameters.get("resource_name"),
                "reason": action.reason,
            }
            for action in made[:LISTED]
        ],
        "stays": [
            {
                "instance": one.action.input_parameters.get("resource_id"),
                "name": one.action.input_parameters.get("resource_name"),
                "reason": one.reason,
                "rules": {},
            }
            for one in kept[:LISTED]
        ],
        "rules": {},
        "remarks": [
            f"{_about(one)} ({one.action.uuid}) cannot be taken back: {one.reason}"
            for one in kept[:LISTED]
        ],
    }
