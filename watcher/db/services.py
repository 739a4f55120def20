"""Services: daemons as their heartbeats show them.

Heartbeats are stamped by the database's clock, so that hosts whose clocks differ are not
taken for dead. The last heartbeat of a clean stop is moved into the past: every reader,
the reference's API too, shows the service as FAILED at once.
"""

import builtins
import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, orm

from watcher import exception
from watcher.db import changes, errors, names, rows
from watcher.db.models import Service as Table
from watcher.db.query import ListQuery
from watcher.db.types import UtcNow, utcnow_plus
from watcher.domain.records import Service

_table: sa.Table = Table.__table__  # type: ignore[assignment]
# How far a clean stop moves the last heartbeat back, in seconds; more than any sensible
# [DEFAULT] service_down_time.
STOPPED_S = 86_400.0


def _record(row: rows.Row) -> Service:
    return Service(
        **rows.base_of(row),
        name=row.name,
        host=row.host,
        last_seen_up=row.last_seen_up,
        runtime=row.runtime,
    )


NOUN: rows.Noun[Service] = rows.Noun(
    kind="service",
    table=_table,
    select=sa.select(*_table.c),
    records=lambda tx, found: [_record(row) for row in found],
    not_found=lambda ident: exception.ServiceNotFound(service=ident),
    taken=lambda values: exception.ServiceAlreadyExists(
        name=values.get("name"), host=values.get("host")
    ),
    filters=rows.filterable(_table, "name", "host", "last_seen_up", "runtime"),
    sort_keys=rows.own_columns(_table, "name", "host", "last_seen_up"),
    by_name=True,
    own_names=False,
)


def get(tx: orm.Session, ident: str | int, *, show_deleted: bool = False) -> Service:
    """Return the service with id or name ``ident``; the last seen one of several hosts"""
    if isinstance(ident, str) and _is_id(ident):
        ident = int(ident)
    if isinstance(ident, int):
        return rows.get(tx, NOUN, ident, show_deleted=show_deleted)
    seen = [] if show_deleted else [_table.c.deleted_at.is_(None)]
    found = tx.execute(
        NOUN.select.where(names.same(_table.c.name, ident), *seen)
        .order_by(
            sa.case((_table.c.deleted_at.is_(None), 0), else_=1),
            sa.case((_table.c.last_seen_up.is_(None), 1), else_=0),
            _table.c.last_seen_up.desc(),
            _table.c.id,
        )
        .limit(1)
    ).first()
    if found is None:
        raise NOUN.not_found(ident)
    return _record(found)


def _is_id(text: str) -> bool:
    short = len(text) < 20
    return short and text.isascii() and text.isdecimal() and str(int(text)) == text


def list(tx: orm.Session, query: ListQuery) -> builtins.list[Service]:
    """Return one page of services"""
    return rows.listed(tx, NOUN, query)


def ages(tx: orm.Session, name: str) -> builtins.list[tuple[Service, float]]:
    """Return the services ``name`` with the seconds since their last sign of life"""
    found = tx.execute(
        sa.select(*_table.c, UtcNow().label("now")).where(
            _table.c.name == name, _table.c.deleted_at.is_(None)
        )
    )
    rows_found = [(row.now, _record(row)) for row in found]
    return [
        (record, (now - _seen(record)).total_seconds()) for now, record in rows_found
    ]


def _seen(record: Service) -> datetime.datetime:
    seen = record.last_seen_up or record.updated_at or record.created_at
    return seen or datetime.datetime(1970, 1, 1)


def model_age(tx: orm.Session, alive_s: float) -> float | None:
    """Return the seconds since a decision engine last read all of its compute model

    The newest reading counts, by the database's clock, among the engines that gave a sign
    of life in ``alive_s`` seconds; None when none of them has a model.
    """
    seen = sa.func.coalesce(
        _table.c.last_seen_up, _table.c.updated_at, _table.c.created_at
    )
    found = tx.execute(
        sa.select(_table.c.model_read_at, UtcNow().label("now"))
        .where(
            _table.c.model_read_at.is_not(None),
            _table.c.deleted_at.is_(None),
            seen > utcnow_plus(-alive_s),
        )
        .order_by(_table.c.model_read_at.desc())
        .limit(1)
    ).first()
    if found is None:
        return None
    age_s: float = (found.now - found.model_read_at).total_seconds()
    return max(0.0, age_s)


def beat(
    tx: orm.Session,
    name: str,
    host: str,
    *,
    runtime: str,
    stopped: bool = False,
    model_age_s: float | None = None,
) -> Service:
    """Record a heartbeat of our daemon ``name`` on ``host``; ``runtime`` marks it ours

    ``model_age_s``: seconds since its compute model was read as a whole; None: it has none.
    """
    clock = utcnow_plus(-STOPPED_S) if stopped else UtcNow()
    read_at = sa.null() if model_age_s is None else utcnow_plus(-model_age_s)
    mine = sa.and_(
        _table.c.name == name, _table.c.host == host, _table.c.deleted_at.is_(None)
    )
    row = tx.execute(
        sa.select(*_table.c, clock.label("clock"), UtcNow().label("now")).where(mine)
    ).first()
    if row is None:
        return _first_beat(tx, name, host, runtime, clock, read_at)
    values = {"last_seen_up": row.clock, "updated_at": row.now, "runtime": runtime}
    tx.execute(
        sa.update(_table)
        .where(_table.c.id == row.id)
        .values(**values, model_read_at=read_at)
    )
    old = _record(row)
    new = dataclasses.replace(old, **values)
    if stopped:
        changes.tell(tx, changes.Change("service", "update", old, new, "stopped"))
    return new


def _first_beat(
    tx: orm.Session,
    name: str,
    host: str,
    runtime: str,
    clock: sa.ColumnElement[datetime.datetime],
    read_at: sa.ColumnElement[Any],
) -> Service:
    values = {
        "name": name,
        "host": host,
        "runtime": runtime,
        "last_seen_up": clock,
        "model_read_at": read_at,
        "created_at": UtcNow(),
        "deleted": 0,
    }
    try:
        result = tx.execute(sa.insert(_table).values(**values))
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            raise errors.Again from error
        raise
    ident = result.inserted_primary_key[0]  # type: ignore[attr-defined]
    new = rows.one(tx, NOUN, _table.c.id == ident)
    assert new is not None
    changes.tell(tx, changes.Change("service", "create", None, new))
    return new


def foreign(tx: orm.Session, alive_s: float) -> builtins.list[Service]:
    """Return daemons of the reference that gave a sign of life in ``alive_s`` seconds"""
    seen = sa.func.coalesce(
        _table.c.last_seen_up, _table.c.updated_at, _table.c.created_at
    )
    found = tx.execute(
        NOUN.select.where(
            _table.c.runtime.is_(None),
            _table.c.deleted_at.is_(None),
            seen > utcnow_plus(-alive_s),
        ).order_by(_table.c.id)
    )
    return [_record(row) for row in found]


def soft_delete(tx: orm.Session, ident: int) -> None:
    """Hide the row of a host that is not coming back"""
    old = rows.lock(tx, NOUN, _table.c.id == ident, _table.c.deleted_at.is_(None))
    if old is None:
        raise NOUN.not_found(ident)
    rows.replace(tx, NOUN, old, rows.gone(NOUN, old), verb="delete")
