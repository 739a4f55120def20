"""Filters, sort and marker paging, shared by every noun and done by the database."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from watcher import exception
from watcher.db import types

Column = sa.ColumnElement[Any]
# Structured text is compared by its beginning: MariaDB sorts by no more than 1,024 bytes,
# and paging must cut exactly where sorting does.
SORTED_TEXT = 255


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """Which rows of a noun, in which order; ``marker`` is the last row already seen"""

    filters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    limit: int | None = None
    marker: str | int | None = None
    sort_key: str = "id"
    sort_dir: str = "asc"
    show_deleted: bool = False


_OPERATORS: Mapping[str, Callable[[Column, Any], Column]] = {
    "eq": lambda column, value: column == value,
    "neq": lambda column, value: column != value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "in": lambda column, value: column.in_(value),
    "notin": lambda column, value: column.notin_(value),
}


def conditions(
    allowed: Mapping[str, Column], filters: Mapping[str, Any]
) -> list[Column]:
    """Turn ``field`` and ``field__op`` filters into SQL; unknown ones are refused"""
    found: list[Column] = []
    for key, value in filters.items():
        field, _, operator = key.partition("__")
        if field not in allowed:
            raise exception.InvalidFilter(name=field, allowed=", ".join(allowed))
        if operator and operator not in _OPERATORS:
            raise exception.InvalidOperator(
                operator=operator, valid_operators=", ".join(_OPERATORS)
            )
        found.append(_condition(field, allowed[field], operator or "eq", value))
    return found


def _condition(field: str, column: Column, operator: str, value: Any) -> Column:
    compare = _OPERATORS[operator]
    if field == "deleted":
        gone = column.is_not(None)
        return gone if bool(value) is (operator != "neq") else ~gone
    if operator in ("in", "notin"):
        values = [value] if isinstance(value, str) else list(value)
        return compare(column, [_value(field, column, one) for one in values])
    value = _value(field, column, value)
    if field.endswith("name") and isinstance(value, str):
        return compare(spelling(column), spelling(sa.literal(value)))
    return compare(column, value)


def spelling(text: Column) -> Column:
    """Return what names are compared by: no capital letters, no spaces at the end"""
    bare: Column = sa.func.lower(sa.func.rtrim(text))
    return bare


def _value(field: str, column: Column, value: Any) -> Any:
    if isinstance(column.type, sa.DateTime) and isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            raise exception.InvalidParameter(parameter=field, parameter_type="date")
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    if isinstance(column.type, sa.Integer) and isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            raise exception.InvalidParameter(parameter=field, parameter_type="int")
    return value


def sortable(column: Column) -> Column:
    """Return ``column`` as something that every engine orders and compares alike"""
    if isinstance(column.type, sa.Boolean):
        return sa.cast(column, sa.Integer)
    if isinstance(column.type, types.JsonDict | types.JsonList | sa.Text):
        text: Column = sa.type_coerce(column, sa.Text)
        start: Column = sa.func.substr(text, 1, SORTED_TEXT)
        return start
    return column


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """Order of a list: the key (rows without one last), then the row's id"""

    key: Column
    id: Column
    descending: bool

    def by(self) -> list[Column]:
        """Clauses for ORDER BY"""
        clauses = [] if self.key is self.id else [self._missing(), self._turn(self.key)]
        return [*clauses, self._turn(self.id)]

    def after(self, key: Any, ident: int) -> Column:
        """Condition for rows behind the one with ``key`` and ``ident``"""
        later = self._beyond(self.id, ident)
        if self.key is self.id:
            return later
        if key is None:
            return sa.and_(self.key.is_(None), later)
        return sa.or_(
            self._beyond(self.key, key),
            sa.and_(self.key == key, later),
            self.key.is_(None),
        )

    def _missing(self) -> Column:
        return sa.case((self.key.is_(None), 1), else_=0)

    def _turn(self, column: Column) -> Column:
        return column.desc() if self.descending else column.asc()

    def _beyond(self, column: Column, value: Any) -> Column:
        beyond: Column = column < value if self.descending else column > value
        return beyond


def order(keys: Mapping[str, Column], query: ListQuery) -> Order:
    """Return the order that ``query`` asks for, or refuse its sort key"""
    if query.sort_key not in keys:
        raise exception.InvalidSortKey(sort_key=query.sort_key)
    if query.sort_dir not in ("asc", "desc"):
        raise exception.Invalid(
            f"Invalid sort direction: {query.sort_dir}. Acceptable values are "
            "'asc' or 'desc'"
        )
    ident = keys["id"]
    key = ident if query.sort_key == "id" else sortable(keys[query.sort_key])
    return Order(key, ident, query.sort_dir == "desc")


def page(
    tx: orm.Session,
    statement: sa.Select[Any],
    *,
    where: Sequence[Column],
    order: Order,
    marker: Column | None,
    limit: int | None,
    not_found: Callable[[], Exception],
) -> Sequence[sa.Row[Any]]:
    """Return one page of ``statement``; ``marker`` picks the last row of the one before

    The marker's row may have been deleted meanwhile: paging goes on behind it.
    """
    if marker is not None:
        cut = statement.with_only_columns(
            order.key, order.id, maintain_column_froms=True
        )
        last = tx.execute(cut.where(marker)).first()
        if last is None:
            raise not_found()
        where = [*where, order.after(last[0], last[1])]
    statement = statement.where(*where).order_by(*order.by())
    if limit is not None:
        statement = statement.limit(limit)
    return tx.execute(statement).all()
