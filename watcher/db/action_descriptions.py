"""What each action type does, in words; refreshed by every applier that starts."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import exc, orm

from watcher.db import errors, texts
from watcher.db.models import ActionDescription, utcnow

_table: sa.Table = ActionDescription.__table__  # type: ignore[assignment]


def sync(tx: orm.Session, descriptions: Mapping[str, str]) -> None:
    """Store the text of each action type; types that are not named stay as they are"""
    known = {
        row.action_type: row
        for row in tx.execute(
            sa.select(_table).where(_table.c.action_type.in_(sorted(descriptions)))
        )
    }
    now = utcnow()
    for kind, text in sorted(descriptions.items()):
        text = texts.cut(text)
        row = known.get(kind)
        if row is None:
            _insert(tx, {"action_type": kind, "description": text})
        elif row.description != text or row.deleted_at is not None:
            # The type alone is unique: a deleted row is in the way and comes back.
            tx.execute(
                sa.update(_table)
                .where(_table.c.id == row.id)
                .values(description=text, deleted=0, deleted_at=None, updated_at=now)
            )


def all(tx: orm.Session) -> dict[str, str]:
    """Return the text of every action type"""
    found = tx.execute(
        sa.select(_table.c.action_type, _table.c.description)
        .where(_table.c.deleted_at.is_(None))
        .order_by(_table.c.action_type)
    )
    return {row.action_type: row.description for row in found}


def _insert(tx: orm.Session, values: Mapping[str, str]) -> None:
    try:
        tx.execute(sa.insert(_table).values(**values))
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            # Another applier starts at this moment: look again.
            raise errors.Again from error
        raise
