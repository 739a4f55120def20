"""Efficacy indicators of plans.

``data`` counts. ``value`` is written too, for the reference, whose column holds ten
digits and no fraction on MariaDB; numbers that are no numbers are stored as none.
"""

import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db import texts
from watcher.db.models import EfficacyIndicator as Table
from watcher.db.models import new_uuid, utcnow
from watcher.domain.records import EfficacyIndicator

_table: sa.Table = Table.__table__  # type: ignore[assignment]
LARGEST_VALUE = 10**10 - 1


def of_plans(
    tx: orm.Session, plan_ids: Sequence[int]
) -> dict[int, list[EfficacyIndicator]]:
    """Return the indicators of many plans with one statement, in the order stored"""
    found: dict[int, list[EfficacyIndicator]] = {}
    if not plan_ids:
        return found
    for row in tx.execute(
        sa.select(
            _table.c.action_plan_id,
            _table.c.name,
            _table.c.description,
            _table.c.unit,
            _table.c.value,
            _table.c.data,
        )
        .where(_table.c.action_plan_id.in_(plan_ids))
        .order_by(_table.c.id)
    ):
        found.setdefault(row.action_plan_id, []).append(
            EfficacyIndicator(
                name=row.name or "",
                description=row.description,
                unit=row.unit,
                value=row.data if row.data is not None else row.value,
            )
        )
    return found


def insert(
    tx: orm.Session, plan_id: int, indicators: Sequence[EfficacyIndicator]
) -> None:
    """Store the indicators of a new plan"""
    if not indicators:
        return
    now = utcnow()
    tx.execute(
        sa.insert(_table),
        [
            {
                "uuid": new_uuid(),
                "created_at": now,
                "deleted": 0,
                "action_plan_id": plan_id,
                "name": texts.cut(one.name, 63),
                "description": _cut(one.description, 255),
                "unit": _cut(one.unit, 63),
                **_number(one.value),
            }
            for one in indicators
        ],
    )


def soft_delete(tx: orm.Session, plan_id: int) -> None:
    """Hide the indicators of a plan"""
    tx.execute(
        sa.update(_table)
        .where(_table.c.action_plan_id == plan_id, _table.c.deleted_at.is_(None))
        .values(deleted=_table.c.id, deleted_at=utcnow())
    )


def _number(value: float | None) -> dict[str, Any]:
    if value is None or not math.isfinite(value):
        return {"data": None, "value": None}
    whole = abs(value) < LARGEST_VALUE
    return {"data": float(value), "value": value if whole else None}


def _cut(text: str | None, limit: int) -> str | None:
    return None if text is None else texts.cut(text, limit)
