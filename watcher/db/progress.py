"""How far plans and their actions are; statements do not grow with the actions."""

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db import rows
from watcher.db.actions import NOUN
from watcher.db.models import History, Lease, Operation, utcnow
from watcher.db.query import Column, ListQuery
from watcher.db.types import JsonNumber, UtcNow
from watcher.domain import states
from watcher.domain.progress import RUNNING, Share, Span
from watcher.domain.records import Action, ActionPlan, Claim

_actions: sa.Table = NOUN.table
_operations: sa.Table = Operation.__table__  # type: ignore[assignment]
_history: sa.Table = History.__table__  # type: ignore[assignment]
_leases: sa.Table = Lease.__table__  # type: ignore[assignment]
_OPEN = (states.PENDING, *sorted(RUNNING))
_ENDS = sorted(states.ACTION_FINAL | states.PLAN_FINAL - {states.DELETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The lease under which a plan is carried out"""

    host: str
    alive: bool
    renewed_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an action that began told of its newest operation"""

    since: datetime.datetime
    detail: dict[str, Any]
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A plan as a whole"""

    shares: Sequence[Share]
    span: Span
    holder: Holder | None
    now: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some actions of a plan, and what is known of each by its UUID

    ``open`` are the actions of the plan that others may wait for.
    """

    actions: Sequence[Action]
    spans: dict[str, Span]
    told: dict[str, Told]
    open: Collection[str]


def overview(tx: orm.Session, plan: ActionPlan) -> Overview:
    """Look at a plan, with three statements"""
    spans = _spans(tx, "action_plan", [plan.uuid])
    holder = None
    if plan.owner is not None and plan.owner_epoch is not None:
        holder = _holder(tx, Claim(plan.owner, plan.owner_epoch))
    return Overview(
        shares=_shares(tx, plan), span=spans.get(plan.uuid, Span()), holder=holder,
        now=utcnow(),
    )  # fmt: skip


def page(
    tx: orm.Session, plan: ActionPlan, query: ListQuery, wanted: Collection[str]
) -> Page:
    """Look at those of a plan's actions that are in the states ``wanted``, a page of them

    At most five statements: page, marker, history, operations, what is open.
    """
    filters = {"action_plan_id": plan.id, "state__in": sorted(wanted)}
    found = rows.listed(
        tx, NOUN,
        ListQuery(
            filters=filters, limit=query.limit, marker=query.marker,
            show_deleted=plan.deleted_at is not None,
        ),
    )  # fmt: skip
    begun = [action.uuid for action in found if action.state != states.PENDING]
    waits = any(a.parents for a in found if a.state == states.PENDING)
    return Page(
        actions=found, spans=_spans(tx, "action", begun), told=_told(tx, begun),
        open=_open(tx, plan) if waits else (),
    )  # fmt: skip


def _shares(tx: orm.Session, plan: ActionPlan) -> list[Share]:
    size = sa.func.coalesce(
        JsonNumber(_operations.c.detail, "progress", "memory_total"),
        JsonNumber(_operations.c.detail, "progress", "bytes_total"),
    )
    part = JsonNumber(_operations.c.detail, "progress", "percent")
    seen = (
        sa.select(
            _operations.c.action_uuid,
            sa.func.max(size).label("size"),
            sa.func.max(sa.case((_operations.c.ended_at.is_(None), part))).label(
                "part"
            ),
        )
        .where(_operations.c.plan_uuid == plan.uuid)
        .group_by(_operations.c.action_uuid)
        .subquery()
    )
    state = sa.func.coalesce(_actions.c.state, states.PENDING).label("state")
    done = sa.func.coalesce(seen.c.part, 0.0) / 100.0
    unknown = sa.case((seen.c.size.is_(None), done))
    found = tx.execute(
        sa.select(
            _actions.c.action_type,
            state,
            sa.func.count().label("count"),
            sa.func.count(seen.c.size).label("measured"),
            sa.func.coalesce(sa.func.sum(seen.c.size), 0.0).label("size"),
            sa.func.coalesce(sa.func.sum(seen.c.size * done), 0.0).label("done"),
            sa.func.coalesce(sa.func.sum(unknown), 0.0).label("moved"),
        )
        .select_from(_actions.outerjoin(seen, seen.c.action_uuid == _actions.c.uuid))
        .where(_actions.c.action_plan_id == plan.id, _seen(plan))
        .group_by(_actions.c.action_type, state)
        .order_by(_actions.c.action_type, state)
    )
    return [Share(**row._mapping) for row in found]


def _seen(plan: ActionPlan) -> Column:
    """A deleted plan shows the actions that were deleted with it"""
    if plan.deleted_at is not None:
        return sa.true()
    return _actions.c.deleted_at.is_(None)


def _spans(tx: orm.Session, resource: str, uuids: Sequence[str]) -> dict[str, Span]:
    if not uuids:
        return {}
    table = _history.c
    moved = sa.or_(table.old.is_(None), table.old != table.new)
    began = sa.case((sa.and_(table.new == states.ONGOING, moved), table.at))
    ended = sa.case((sa.and_(table.new.in_(_ENDS), moved), table.at))
    found = tx.execute(
        sa.select(table.uuid, sa.func.min(began), sa.func.max(ended))
        .where(table.resource == resource, table.uuid.in_(uuids))
        .group_by(table.uuid)
    )
    return {uuid: Span(started, over) for uuid, started, over in found}


def _told(tx: orm.Session, uuids: Sequence[str]) -> dict[str, Told]:
    if not uuids:
        return {}
    table = _operations.c
    found = tx.execute(
        sa.select(
            table.action_uuid,
            table.detail,
            table.created_at,
            table.sent_at,
            table.ended_at,
        )  # fmt: skip
        .where(table.action_uuid.in_(uuids))
        .order_by(table.id)
    )
    newest: dict[str, Told] = {}
    for row in found:
        if "progress" in row.detail or row.action_uuid not in newest:
            newest[row.action_uuid] = Told(
                since=row.sent_at or row.created_at, detail=row.detail,
                open=row.ended_at is None,
            )  # fmt: skip
    return newest


def _open(tx: orm.Session, plan: ActionPlan) -> frozenset[str]:
    return frozenset(
        tx.scalars(
            sa.select(_actions.c.uuid).where(
                _actions.c.action_plan_id == plan.id,
                _actions.c.deleted_at.is_(None),
                _actions.c.state.in_(_OPEN),
            )
        )
    )


def _holder(tx: orm.Session, claim: Claim) -> Holder | None:
    alive = sa.case((_leases.c.expires_at > UtcNow(), 1), else_=0)
    row = tx.execute(
        sa.select(_leases.c.host, _leases.c.renewed_at, alive.label("alive")).where(
            _leases.c.epoch == claim.epoch, _leases.c.owner == claim.owner
        )
    ).first()
    if row is None:
        return None
    return Holder(host=row.host, alive=bool(row.alive), renewed_at=row.renewed_at)
