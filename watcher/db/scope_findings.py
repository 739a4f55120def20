"""What was last told about scopes: a row for each that named, or names, what is not there.

Two engines look at the same scopes. A row changes from what its teller had read of it, and
never by a model that is older than the one that was judged by before: one of them tells.
"""

import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, orm

from watcher.db import audit_templates, audits, rows
from watcher.db.models import ScopeFinding
from watcher.domain import states
from watcher.domain.records import Audit, AuditTemplate

_table: sa.Table = ScopeFinding.__table__  # type: ignore[assignment]
_audits = audits.NOUN.table
# EVENT audits are triggered again however they ended; keys in one IN (...).
LIVE = (states.PENDING, states.ONGOING, states.SUSPENDED)
REARMED = (*LIVE, states.SUCCEEDED, states.FAILED)
IN_LIMIT = 500

Key = tuple[str, str]  # resource, UUID


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a scope; an empty ``digest``: all is well again

    ``found_at`` is when the model that says so was read, naive UTC.
    """

    id: int
    digest: str
    found_at: datetime.datetime


def templates(tx: orm.Session, after: int, limit: int) -> list[AuditTemplate]:
    """Return live templates with a scope, by id"""
    return _page(tx, audit_templates.NOUN, after, limit)


def repeating(tx: orm.Session, after: int, limit: int) -> list[Audit]:
    """Return audits with a scope that will run again, by id"""
    runs = sa.or_(
        sa.and_(_audits.c.audit_type == states.CONTINUOUS, _audits.c.state.in_(LIVE)),
        sa.and_(_audits.c.audit_type == states.EVENT, _audits.c.state.in_(REARMED)),
    )
    return _page(tx, audits.NOUN, after, limit, runs)


def _page(
    tx: orm.Session, noun: rows.Noun[Any], after: int, limit: int, *where: Any
) -> list[Any]:
    table = noun.table
    found = tx.execute(
        noun.select.where(
            table.c.deleted_at.is_(None),
            table.c.id > after,
            sa.type_coerce(table.c.scope, sa.Text) != "[]",
            *where,
        )
        .order_by(table.c.id)
        .limit(limit)
    ).all()
    return noun.records(tx, found)


def told(tx: orm.Session) -> dict[Key, Told]:
    """Return everything that was told"""
    names = ("resource", "uuid", "id", "digest", "found_at")
    found = tx.execute(sa.select(*(_table.c[name] for name in names)))
    return {(r.resource, r.uuid): Told(r.id, r.digest, r.found_at) for r in found}


def tell(
    tx: orm.Session,
    key: Key,
    before: Told | None,
    *,
    missing: Sequence[Mapping[str, str]],
    digest: str,
    found_at: datetime.datetime,
) -> bool:
    """Note what is told now; False when somebody else was faster"""
    values = {"missing": list(missing), "digest": digest, "found_at": found_at}
    if before is not None:
        changed: Any = tx.execute(
            sa.update(_table)
            .where(
                _table.c.id == before.id,
                _table.c.digest == before.digest,
                _table.c.found_at <= found_at,
            )
            .values(**values)
        )
        return bool(changed.rowcount)
    resource, uuid = key
    try:
        with tx.begin_nested():
            tx.execute(sa.insert(_table).values(resource=resource, uuid=uuid, **values))
    except exc.IntegrityError:
        return False
    return True


def forget(tx: orm.Session, idents: Collection[int]) -> None:
    """Remove rows of what has no scope any more, or will not run again"""
    for chunk in _chunks(sorted(idents)):
        tx.execute(sa.delete(_table).where(_table.c.id.in_(chunk)))


def _chunks(idents: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(idents), IN_LIMIT):
        yield idents[start : start + IN_LIMIT]
