"""What every noun does alike: look up, list, insert, replace under conditions, delete.

A row is replaced in four steps inside one transaction: lock it, read it, UPDATE it with
every condition in the statement, read it again. The conditions decide; the rows before
and after are for history and notifications, which must tell what really happened.
"""

import dataclasses
import datetime
import re
import uuid as uuids
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc, orm

from watcher import exception
from watcher.db import changes, errors, names, query, texts
from watcher.db.models import utcnow
from watcher.db.query import Column, ListQuery

R = TypeVar("R")
Row = Any
MAX_ID = 2**31 - 1
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
# Rows of long ago may have no UUID; theirs is derived from table and id.
_NAMESPACE = uuids.UUID("5f0fe0a5-2f7b-4f5c-9d0e-6c1f6f0a3d57")
MADE_UP = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noun(Generic[R]):
    """How one table is read: its joins, its record and its errors"""

    kind: str
    table: sa.Table
    select: sa.Select[Any]
    records: Callable[[orm.Session, Sequence[Row]], list[R]]
    not_found: Callable[[Any], Exception]
    taken: Callable[[Mapping[str, Any]], Exception]
    filters: Mapping[str, Column]
    sort_keys: Mapping[str, Column]
    by_name: bool = False
    # False: several live rows may have one name.
    own_names: bool = True
    # System text is cut to its column; longer user text is refused.
    system_texts: frozenset[str] = frozenset()

    @property
    def id(self) -> Column:
        """The primary key"""
        return self.table.c.id


def own_columns(table: sa.Table, *names: str) -> dict[str, Column]:
    """Columns every noun can be sorted and filtered by, and ``names``"""
    common = ("id", "uuid", "created_at", "updated_at", "deleted_at")
    return {name: table.c[name] for name in (*common, *names) if name in table.c}


def filterable(table: sa.Table, *names: str, **joined: Column) -> dict[str, Column]:
    """Fields that lists can be filtered by; ``deleted`` asks for ``deleted_at``"""
    return {**own_columns(table, *names), "deleted": table.c.deleted_at, **joined}


def live(table: Any, column: Column) -> Column:
    """``column`` of a joined row, NULL once that row is deleted"""
    return sa.case((table.c.deleted_at.is_(None), column))


def made_up_uuid(table: str, ident: int) -> str:
    """UUID of a row that has none: always the same one"""
    return str(uuids.uuid5(_NAMESPACE, f"{table}:{ident}"))


def uuid_of(row: Row, table: str) -> str:
    """The row's UUID, made up when it has none"""
    return row.uuid or made_up_uuid(table, row.id)


def base_of(row: Row) -> dict[str, Any]:
    """Arguments of ``records.Row`` from a database row"""
    names = ("id", "created_at", "updated_at", "deleted_at")
    return {name: getattr(row, name) for name in names}


# Reading ------------------------------------------------------------------------------


def one(tx: orm.Session, noun: Noun[R], *where: Column) -> R | None:
    """Return the first row that satisfies ``where``"""
    rows = tx.execute(noun.select.where(*where).order_by(noun.id).limit(1)).all()
    return noun.records(tx, rows)[0] if rows else None


def id_of(tx: orm.Session, noun: Noun[R], uuid: str, *, show_deleted: bool) -> int:
    """Return the primary key of the row with ``uuid``"""
    found = _find_id(tx, noun, uuid, show_deleted=show_deleted)
    if found is None:
        raise noun.not_found(uuid)
    return found


def _find_id(
    tx: orm.Session, noun: Noun[R], uuid: str, *, show_deleted: bool
) -> int | None:
    table = noun.table
    seen = [] if show_deleted else [table.c.deleted_at.is_(None)]
    found = tx.scalar(sa.select(table.c.id).where(table.c.uuid == uuid, *seen))
    if found is None and table.c.uuid.nullable:
        without = sa.select(table.c.id).where(table.c.uuid.is_(None), *seen)
        for ident in tx.scalars(without):
            if made_up_uuid(table.name, ident) == uuid:
                return int(ident)
    return None if found is None else int(found)


def get(
    tx: orm.Session, noun: Noun[R], ident: str | int, *, show_deleted: bool = False
) -> R:
    """Return the row with UUID or name ``ident``; a number is a row's id

    A live row is preferred to a deleted one. What looks like a UUID and is nobody's may
    still be a name.
    """
    table = noun.table
    seen = [] if show_deleted else [table.c.deleted_at.is_(None)]
    found: R | None = None
    if isinstance(ident, int):
        if ident <= MAX_ID:
            found = one(tx, noun, table.c.id == ident, *seen)
    elif _UUID.fullmatch(ident) or not noun.by_name:
        found = _by_uuid(tx, noun, ident, show_deleted=show_deleted)
    if found is None and noun.by_name and isinstance(ident, str):
        found = _by_name(tx, noun, ident, seen)
    if found is None:
        raise noun.not_found(ident)
    return found


def _by_uuid(
    tx: orm.Session, noun: Noun[R], text: str, *, show_deleted: bool
) -> R | None:
    # One spelling is stored; some databases would find others too, so all do.
    uuid = str(uuids.UUID(text)) if _UUID.fullmatch(text) else text
    table = noun.table
    seen = [] if show_deleted else [table.c.deleted_at.is_(None)]
    found = one(tx, noun, table.c.uuid == uuid, *seen)
    if found is None:
        key = _find_id(tx, noun, uuid, show_deleted=show_deleted)
        found = None if key is None else one(tx, noun, table.c.id == key)
    return found


def _by_name(
    tx: orm.Session, noun: Noun[R], name: str, seen: Sequence[Column]
) -> R | None:
    table = noun.table
    # The index answers the exact name; other spellings are asked for only on a miss, or
    # when a live row with another spelling counts more than a deleted one with this.
    exact = [table.c.name == name] if seen else []
    for condition in (*exact, names.same(table.c.name, name)):
        try:
            found = tx.execute(noun.select.where(condition, *seen)).all()
        except exc.DBAPIError as error:
            _unknown(error)
            return None
        if found:
            best = min(
                found,
                key=lambda r: (r.deleted_at is not None, r.name != name, -r.id),
            )
            return noun.records(tx, [best])[0]
    return None


def listed(tx: orm.Session, noun: Noun[R], wanted: ListQuery) -> list[R]:
    """Return one page of the noun"""
    where = query.conditions(noun.filters, wanted.filters)
    if not wanted.show_deleted:
        where.append(noun.table.c.deleted_at.is_(None))
    marker = None if wanted.marker is None else _marked(tx, noun, wanted.marker)
    try:
        rows = query.page(
            tx,
            noun.select,
            where=where,
            order=query.order(noun.sort_keys, wanted),
            marker=marker,
            limit=wanted.limit,
            not_found=lambda: noun.not_found(wanted.marker),
        )
    except exc.DBAPIError as error:
        _unknown(error)
        if marker is not None:
            raise noun.not_found(wanted.marker) from None
        return []
    return noun.records(tx, rows)


def _marked(tx: orm.Session, noun: Noun[R], marker: str | int) -> Column:
    """Return the condition for the row with a UUID, or an id where rows have no UUID"""
    table = noun.table
    if "uuid" not in table.c:
        return table.c.id == marker
    text = str(marker)
    # Made up UUIDs tell so by their version, which costs the others no statement.
    if _UUID.fullmatch(text) and uuids.UUID(text).version == MADE_UP:
        ident = _find_id(tx, noun, text, show_deleted=True)
        if ident is not None:
            return table.c.id == ident
    return table.c.uuid == marker


def _unknown(error: exc.DBAPIError) -> None:
    """Return when no row can hold what was looked for; raise other errors

    MariaDB does not even compare its three-byte columns with a character of four bytes.
    """
    if errors.kind(error) is not errors.Kind.DATA:
        raise error


# Writing ------------------------------------------------------------------------------


def checked(noun: Noun[R], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` as the columns take them, or refuse them"""
    unknown = sorted(set(values) - set(noun.table.c.keys()))
    if unknown:
        raise exception.IllegalArgumentException(
            f"{noun.kind} has no column {', '.join(unknown)}"
        )
    return {
        name: _fitting(noun, noun.table.c[name], value)
        for name, value in values.items()
    }


def _fitting(noun: Noun[R], column: sa.Column[Any], value: Any) -> Any:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    limit = getattr(column.type, "length", None)
    if isinstance(value, str) and limit is not None:
        if column.name in noun.system_texts:
            return texts.cut(value, limit)
        if len(value) > limit:
            raise texts.too_long(column.name, limit)
    return value


def insert_row(tx: orm.Session, noun: Noun[R], values: Mapping[str, Any]) -> int:
    """Insert a row and return its id, or raise the noun's "already exists" error"""
    if noun.own_names and names.is_taken(tx, noun.table, values.get("name")):
        raise noun.taken(values)
    try:
        result = tx.execute(sa.insert(noun.table).values(**checked(noun, values)))
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            raise noun.taken(values) from error
        raise
    key = result.inserted_primary_key  # type: ignore[attr-defined]
    return int(key[0])


def insert(tx: orm.Session, noun: Noun[R], values: Mapping[str, Any]) -> R:
    """Insert a row and return it; history and observer hear of it"""
    new = one(tx, noun, noun.id == insert_row(tx, noun, values))
    assert new is not None
    changes.announce(tx, changes.Change(noun.kind, "create", None, new))
    return new


def lock(tx: orm.Session, noun: Noun[R], *where: Column) -> R | None:
    """Lock one row until the transaction ends and return it as it is now"""
    table = noun.table
    if tx.get_bind().dialect.name != "sqlite":
        # A statement of its own: locking the joined read would lock the parents too.
        ident = tx.scalar(sa.select(table.c.id).where(*where).with_for_update())
        if ident is None:
            return None
        where = (table.c.id == ident,)
    return one(tx, noun, *where)


def replace(
    tx: orm.Session,
    noun: Noun[R],
    old: R,
    values: Mapping[str, Any],
    *only_if: Column,
    reason: str | None = None,
    verb: str = "update",
) -> R | None:
    """Compare and set: replace the locked row ``old`` when ``only_if`` holds, else None"""
    ident: int = old.id  # type: ignore[attr-defined]
    settings = {"updated_at": utcnow(), **checked(noun, values)}
    others = noun.id != ident
    if noun.own_names and names.is_taken(tx, noun.table, values.get("name"), others):
        raise noun.taken(values)
    try:
        hit = tx.execute(
            sa.update(noun.table)
            .where(noun.id == ident, *only_if)
            .values({noun.table.c[name]: value for name, value in settings.items()})
        )
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            raise noun.taken(values) from error
        raise
    if not hit.rowcount:  # type: ignore[attr-defined]
        return None
    new = one(tx, noun, noun.id == ident)
    changes.announce(tx, changes.Change(noun.kind, verb, old, new, reason))
    return new


def locked(tx: orm.Session, noun: Noun[R], uuid: str) -> R:
    """Lock the live row with ``uuid`` and return it"""
    table = noun.table
    old = lock(tx, noun, table.c.uuid == uuid, table.c.deleted_at.is_(None))
    if old is None:
        key = id_of(tx, noun, uuid, show_deleted=False)
        old = lock(tx, noun, table.c.id == key, table.c.deleted_at.is_(None))
    if old is None:
        raise noun.not_found(uuid)
    return old


def update(
    tx: orm.Session,
    noun: Noun[R],
    uuid: str,
    values: Mapping[str, Any],
    *only_if: Column,
) -> R | None:
    """Change columns of a live row; its state is changed by ``step`` alone"""
    if "uuid" in values and values["uuid"] != uuid:
        raise exception.Invalid(f"Cannot overwrite UUID for an existing {noun.kind}.")
    for name in ("id", "state", "owner", "owner_epoch", "deleted", "deleted_at"):
        if name in values:
            raise exception.IllegalArgumentException(
                f"{name} of a {noun.kind} is not changed by update()"
            )
    visible = noun.table.c.deleted_at.is_(None)
    return replace(tx, noun, locked(tx, noun, uuid), values, visible, *only_if)


def updated(tx: orm.Session, noun: Noun[R], uuid: str, values: Mapping[str, Any]) -> R:
    """Change columns of a live row and return it"""
    new = update(tx, noun, uuid, values)
    if new is None:
        raise noun.not_found(uuid)
    return new


def gone(noun: Noun[R], old: R) -> dict[str, Any]:
    """Values that hide the row ``old``"""
    values: dict[str, Any] = {
        "deleted": old.id,  # type: ignore[attr-defined]
        "deleted_at": utcnow(),
    }
    if "state" in noun.table.c:
        values["state"] = "DELETED"
    return values


def soft_delete(
    tx: orm.Session,
    noun: Noun[R],
    uuid: str,
    allowed: frozenset[str] | None = None,
) -> R:
    """Hide a live row that is in an ``allowed`` state; its name becomes free"""
    old = locked(tx, noun, uuid)
    state = getattr(old, "state", None)
    if allowed is not None and state not in allowed:
        raise exception.DeleteError(state=state)
    visible = noun.table.c.deleted_at.is_(None)
    new = replace(tx, noun, old, gone(noun, old), visible, verb="delete")
    if new is None:
        raise noun.not_found(uuid)
    return new
