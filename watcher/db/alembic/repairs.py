"""What rows and columns of older databases need before every release can rely on them.

Everything here may run again on a database that has seen it before, because the way back
(``stamp f56ba02662b4``) leaves the schema as it is while the reference writes new rows.
"""

import datetime
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from watcher.db.alembic import steps

LOG = logging.getLogger(__name__)

NAME_LENGTH = 63
BATCH = 1000
WITH_OPTIONAL_UUID = (
    "goals",
    "strategies",
    "audit_templates",
    "audits",
    "action_plans",
    "efficacy_indicators",
)

goals = sa.table("goals", sa.column("id"), sa.column("name"))
strategies = sa.table("strategies", sa.column("id"), sa.column("name"))
audits = sa.table(
    "audits",
    sa.column("id", sa.Integer),
    sa.column("uuid", sa.String),
    sa.column("name", sa.String),
    sa.column("goal_id", sa.Integer),
    sa.column("strategy_id", sa.Integer),
    sa.column("created_at", sa.DateTime),
    sa.column("deleted_at", sa.DateTime),
    sa.column("deleted", sa.Integer),
    sa.column("force", sa.Boolean),
)
indicators = sa.table(
    "efficacy_indicators", sa.column("value", sa.Numeric), sa.column("data", sa.Double)
)


def give_uuids() -> None:
    """Rows without a UUID cannot be named by a client: give them one"""
    for name in WITH_OPTIONAL_UUID:
        table = sa.table(name, sa.column("id"), sa.column("uuid"))
        for rows in _batches(sa.select(table.c.id).where(table.c.uuid.is_(None))):
            for row in rows:
                LOG.warning("Row %d of %s had no UUID and was given one", row.id, name)
                op.get_bind().execute(
                    sa.update(table)
                    .where(table.c.id == row.id)
                    .values(uuid=str(uuid.uuid4()))
                )


def settle_flags() -> None:
    """``force`` and ``deleted`` say what their NULL meant"""
    bind = op.get_bind()
    unknown = audits.c.force.is_(None)
    bind.execute(sa.update(audits).where(unknown).values(force=False))
    live = audits.c.deleted_at.is_(None)
    bind.execute(
        sa.update(audits).where(live, audits.c.deleted.is_(None)).values(deleted=0)
    )
    bind.execute(
        sa.update(audits)
        .where(~live, sa.func.coalesce(audits.c.deleted, 0) == 0)
        .values(deleted=audits.c.id)
    )


def name_audits() -> None:
    """Audits older than the column get the name that would be generated today"""
    nameless = (
        sa.select(
            audits.c.id,
            audits.c.created_at,
            sa.func.coalesce(strategies.c.name, goals.c.name).label("origin"),
        )
        .select_from(
            audits.outerjoin(
                strategies, strategies.c.id == audits.c.strategy_id
            ).outerjoin(goals, goals.c.id == audits.c.goal_id)
        )
        .where(audits.c.name.is_(None))
    )
    for rows in _batches(nameless):
        for row in rows:
            name = generated_name(row.origin, row.created_at, row.id)
            _rename(row.id, name)
            LOG.info("Audit %d had no name and is called %s now", row.id, name)


def generated_name(origin: str | None, at: datetime.datetime | None, key: int) -> str:
    """Origin and time, as names are generated; the time survives the cut"""
    tail = f"-{at.isoformat()}" if at else f"-{key}"
    return (origin or "audit")[: NAME_LENGTH - len(tail)] + tail


def tell_apart() -> None:
    """Audits of one name get their key appended, but for the oldest of them

    Which names are equal is the database's matter (case, accents), so it is asked.
    """
    bind = op.get_bind()
    shared = (
        sa.select(sa.func.min(audits.c.id).label("oldest"), audits.c.deleted)
        .where(audits.c.name.isnot(None), audits.c.deleted.isnot(None))
        .group_by(audits.c.name, audits.c.deleted)
        .having(sa.func.count() > 1)
    )
    oldest = audits.alias("oldest")
    while groups := bind.execute(shared).all():
        for group in groups:
            twins = (
                sa.select(audits.c.id, audits.c.uuid, audits.c.name)
                .join(oldest, oldest.c.name == audits.c.name)
                .where(
                    oldest.c.id == group.oldest,
                    audits.c.id != group.oldest,
                    audits.c.deleted == group.deleted,
                )
            )
            for row in bind.execute(twins).all():
                tail = f"-{row.id}"
                name = row.name[: NAME_LENGTH - len(tail)] + tail
                if name == row.name:
                    name = str(uuid.uuid4())
                _rename(row.id, name)
                LOG.warning(
                    "Audit %s shared the name %s with another and is called %s now",
                    row.uuid,
                    row.name,
                    name,
                )


def widen_indicators() -> None:
    """Efficacy is kept in double precision, in one column that is always filled"""
    kind = steps.columns("efficacy_indicators")["data"]["type"]
    if isinstance(kind, mysql.FLOAT):
        steps.alter_type("efficacy_indicators", "data", mysql.DOUBLE())
        # Single precision holds seven digits: 0.1 must not become 0.10000000149.
        digits = 6 - sa.func.floor(sa.func.log10(sa.func.abs(indicators.c.data)))
        op.get_bind().execute(
            sa.update(indicators)
            .where(indicators.c.data != sa.func.round(indicators.c.data))
            .values(data=sa.func.round(indicators.c.data, digits))
        )
    op.get_bind().execute(
        sa.update(indicators)
        .where(indicators.c.data.is_(None), indicators.c.value.isnot(None))
        .values(data=indicators.c.value)
    )


def _rename(key: int, name: str) -> None:
    op.get_bind().execute(sa.update(audits).where(audits.c.id == key).values(name=name))


def _batches(query: sa.Select[Any]) -> Iterator[list[Any]]:
    """Rows of a query whose rows drop out of it as they are repaired"""
    while rows := list(op.get_bind().execute(query.limit(BATCH)).all()):
        yield rows
