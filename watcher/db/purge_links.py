"""How the rows that can be purged hang together, and the SQL that follows the links."""

import dataclasses
import datetime
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db.models import (
    Action,
    ActionPlan,
    Audit,
    AuditTemplate,
    EfficacyIndicator,
    ExecutionRules,
    Explanation,
    Goal,
    History,
    Operation,
    Slot,
    Strategy,
)
from watcher.domain import states

Ids = set[int]
Table = Any
# Keys in one IN (...): SQLite takes 32766 parameters, older ones 999.
IN_LIMIT = 500
# Live rows that are being carried out are nobody's orphans, whatever became of parents.
BUSY_AUDIT = (states.ONGOING,)
BUSY_PLAN = (states.PENDING, states.ONGOING, states.CANCELLING)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A table, and the columns that point at its parents"""

    table: Table
    parents: "tuple[tuple[Kind, Any], ...]" = ()
    busy: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the table"""
        return str(self.table.__tablename__)


GOALS = Kind(Goal)
STRATEGIES = Kind(Strategy, ((GOALS, Strategy.goal_id),))
TEMPLATES = Kind(
    AuditTemplate,
    ((GOALS, AuditTemplate.goal_id), (STRATEGIES, AuditTemplate.strategy_id)),
)
AUDITS = Kind(
    Audit, ((GOALS, Audit.goal_id), (STRATEGIES, Audit.strategy_id)), BUSY_AUDIT
)
PLANS = Kind(
    ActionPlan,
    ((AUDITS, ActionPlan.audit_id), (STRATEGIES, ActionPlan.strategy_id)),
    BUSY_PLAN,
)
ACTIONS = Kind(Action, ((PLANS, Action.action_plan_id),))
KINDS = (GOALS, STRATEGIES, TEMPLATES, AUDITS, PLANS, ACTIONS)
# What our own rows call those that they are about.
RESOURCES = {
    TEMPLATES: "audit_template",
    AUDITS: "audit",
    PLANS: "action_plan",
    ACTIONS: "action",
}


def chunks(ids: Collection[int], size: int = IN_LIMIT) -> Iterator[list[int]]:
    """Cut the keys into lists that fit one statement"""
    ordered = sorted(ids)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def deleted(
    tx: orm.Session,
    kind: Kind,
    going: Mapping[str, Ids],
    kept: Mapping[str, Ids],
    latest: datetime.datetime | None,
    goals: Collection[int] | None,
) -> Ids:
    """Soft-deleted rows: old enough ones of the goals, and any below a row that goes"""
    table = kind.table
    old = _of_goals(kind, goals).where(table.deleted_at.isnot(None))
    if latest is not None:
        old = old.where(table.deleted_at <= latest)
    if kind is ACTIONS:
        # Those of a plan that goes are counted and deleted with it; those of a plan that
        # was taken back stay whole with their plan.
        plans = going[PLANS.name] | kept[PLANS.name]
        loose = tx.execute(old.add_columns(table.action_plan_id))
        return {key for key, plan in loose if plan not in plans}
    found = set(tx.scalars(old))
    for parent, column in kind.parents:
        for ids in chunks(going[parent.name]):
            found.update(
                tx.scalars(
                    sa.select(table.id).where(
                        table.deleted_at.isnot(None), column.in_(ids)
                    )
                )
            )
    return found


def orphans(
    tx: orm.Session,
    kind: Kind,
    going: Mapping[str, Ids],
    goals: Collection[int] | None,
) -> Ids:
    """Live rows whose parent goes or does not exist, unless they are being carried out"""
    table, found = kind.table, set[int]()
    idle = [table.deleted_at.is_(None)]
    if kind.busy:
        idle.append(sa.func.coalesce(table.state, "").notin_(kind.busy))
    below = _of_goals(kind, goals).where(*idle)
    for parent, column in kind.parents:
        above = parent.table
        exists = sa.exists().where(above.id == column).correlate(table)
        found.update(tx.scalars(below.where(column.isnot(None), ~exists)))
        if kind is ACTIONS:
            continue
        for ids in chunks(going[parent.name]):
            found.update(tx.scalars(below.where(column.in_(ids))))
    return found


def held(
    tx: orm.Session,
    kind: Kind,
    column: Any,
    parents: Ids,
    going: Mapping[str, Ids],
    with_orphans: bool,
) -> Ids:
    """Those parents that a row of ``kind`` which stays refers to"""
    found: Ids = set()
    if kind is ACTIONS:
        live = sa.select(column).where(Action.deleted_at.is_(None)).distinct()
        for ids in chunks(() if with_orphans else parents):
            found.update(tx.scalars(live.where(column.in_(ids))))
        return found
    query = sa.select(kind.table.id, column)
    for ids in chunks(parents):
        for key, parent in tx.execute(query.where(column.in_(ids))):
            if key not in going[kind.name]:
                found.add(parent)
    return found


def count_actions(tx: orm.Session, plans: Collection[int]) -> int:
    """Number of actions of the plans"""
    count = sa.select(sa.func.count()).select_from(Action)
    return sum(
        tx.scalar(count.where(Action.action_plan_id.in_(ids))) or 0
        for ids in chunks(plans)
    )


def by_goal(tx: orm.Session, chosen: Mapping[str, Ids]) -> dict[int, dict[str, Ids]]:
    """The chosen keys by the goal that they belong to; 0 = its audit or plan is lost"""
    groups: dict[int, dict[str, Ids]] = {}
    for kind in KINDS:
        goal = _goal_of(kind)
        for ids in chunks(chosen[kind.name]):
            query = sa.select(kind.table.id, goal).where(kind.table.id.in_(ids))
            for key, owner in tx.execute(query):
                empty: dict[str, Ids] = {each.name: set() for each in KINDS}
                groups.setdefault(owner or 0, empty)[kind.name].add(key)
    return groups


def _goal_of(kind: Kind) -> Any:
    """The goal of a row, as a column or a subquery"""
    if kind is GOALS:
        return Goal.id
    if kind is PLANS:
        audit = sa.select(Audit.goal_id).where(Audit.id == ActionPlan.audit_id)
        return audit.scalar_subquery()
    if kind is ACTIONS:
        plan = sa.select(Audit.goal_id).join(
            ActionPlan, ActionPlan.audit_id == Audit.id
        )
        return plan.where(ActionPlan.id == Action.action_plan_id).scalar_subquery()
    return kind.table.goal_id


def _of_goals(kind: Kind, goals: Collection[int] | None) -> sa.Select[Any]:
    query = sa.select(kind.table.id)
    return query if goals is None else query.where(_goal_of(kind).in_(sorted(goals)))


def delete(tx: orm.Session, kind: Kind, ids: Collection[int]) -> dict[str, int]:
    """Delete the rows with what belongs to them; return how many of each kind went"""
    table = kind.table
    query = sa.select(table.id).where(table.id.in_(ids)).with_for_update()
    # Much may have happened since the choice: somebody started it, or refers to it.
    for column in _children(kind):
        query = query.where(~sa.exists().where(column == table.id).correlate(table))
    if kind.busy:
        idle = sa.func.coalesce(table.state, "").notin_(kind.busy)
        query = query.where(sa.or_(table.deleted_at.isnot(None), idle))
    keys = tx.scalars(query.order_by(table.id)).all()
    gone: dict[str, int] = {}
    if kind is PLANS:
        below = Action.action_plan_id.in_(keys)
        _forget(tx, ACTIONS, below)
        gone[ACTIONS.name] = _delete(tx, sa.delete(Action).where(below))
        _delete(
            tx,
            sa.delete(EfficacyIndicator).where(
                EfficacyIndicator.action_plan_id.in_(keys)
            ),
        )
    chosen = table.id.in_(keys)
    _forget(tx, kind, chosen)
    gone[kind.name] = _delete(tx, sa.delete(table).where(chosen))
    return gone


def _children(kind: Kind) -> Iterator[Any]:
    """Columns that point at the kind, those of actions aside: they go with their plan"""
    for child in KINDS:
        for parent, column in child.parents:
            if parent is kind and child is not ACTIONS:
                yield column


def _forget(tx: orm.Session, kind: Kind, chosen: Any) -> None:
    """Delete our own rows about the chosen ones; no foreign key leads there"""
    about: dict[Kind, tuple[tuple[Any, Any], ...]] = {
        AUDITS: ((Explanation, Explanation.audit_uuid),),
        PLANS: (
            (Explanation, Explanation.plan_uuid),
            (Operation, Operation.plan_uuid),
            (Slot, Slot.plan_uuid),
        ),
        ACTIONS: ((Operation, Operation.action_uuid),),
    }
    resource = RESOURCES.get(kind)
    if resource is None:
        return
    uuids = sa.select(kind.table.uuid).where(chosen, kind.table.uuid.isnot(None))
    for table, column in about.get(kind, ()):
        _delete(tx, sa.delete(table).where(column.in_(uuids)))
    for named in (History, ExecutionRules):
        _delete(
            tx,
            sa.delete(named).where(named.resource == resource, named.uuid.in_(uuids)),
        )


def _delete(tx: orm.Session, statement: sa.Delete) -> int:
    statement = statement.execution_options(synchronize_session=False)
    return int(tx.connection().execute(statement).rowcount)
