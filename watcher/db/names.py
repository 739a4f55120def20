"""Names: the same on every engine when they differ in spelling only.

The production database takes capital letters, and spaces at the end, for no difference.
So do the others here, when a name is looked for and when a new one might be taken.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher.db.query import Column, spelling


def same(column: Column, name: str) -> Column:
    """Return the condition that ``column`` holds ``name``, however it is spelled"""
    return spelling(column) == spelling(sa.literal(name))


def is_taken(
    tx: orm.Session, table: sa.Table, name: Any, *others: sa.ColumnElement[bool]
) -> bool:
    """Tell whether a live row of ``others`` has ``name`` in some spelling

    Always False on MariaDB, whose unique index refuses such a row by itself.
    """
    engine = tx.get_bind().dialect.name
    if not isinstance(name, str) or engine not in ("sqlite", "postgresql"):
        return False
    if engine == "postgresql":
        # Of two that take one name at the same time the second waits, and sees it taken.
        key = sa.func.hashtext(spelling(sa.literal(name)))
        lock = sa.func.pg_advisory_xact_lock(sa.func.hashtext(table.name), key)
        tx.execute(sa.select(sa.cast(lock, sa.Text)))
    visible = table.c.deleted_at.is_(None)
    found = sa.select(table.c.id).where(same(table.c.name, name), visible, *others)
    return tx.scalar(found.limit(1)) is not None
