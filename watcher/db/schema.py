"""Compares the schema of a live database with the tables of ``models``.

The order of columns is of no matter: databases that grew over the years have another one
than fresh ones, and every statement names its columns.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl
from sqlalchemy.dialects import mysql

from watcher.db.models import Base

Columns = Mapping[str, Any]


def differences(connection: sa.Connection) -> list[str]:
    """One line per point where the database is not as this release expects it"""
    look = sa.inspect(connection)
    dialect = connection.dialect
    kind = DefaultImpl.get_by_dialect(dialect)
    impl = kind(dialect, connection, False, None, None, {})
    there = set(look.get_table_names())
    found: list[str] = []
    for table in Base.metadata.sorted_tables:
        if table.name not in there:
            found.append(f"table {table.name} is missing")
            continue
        found += _columns(look, impl, table)
        found += _keys(look, table)
    return found


def _columns(look: sa.Inspector, impl: DefaultImpl, table: sa.Table) -> Iterator[str]:
    there: dict[str, Columns] = {
        column["name"]: column for column in look.get_columns(table.name)
    }
    for column in table.columns:
        name = f"{table.name}.{column.name}"
        live = there.get(column.name)
        if live is None:
            yield f"column {name} is missing"
            continue
        if _is_other_type(impl, live["type"], column):
            wanted = column.type.compile(impl.dialect)
            yield f"column {name} has type {live['type']!s} instead of {wanted}"
        if live["nullable"] != column.nullable:
            word = "allows" if live["nullable"] else "does not allow"
            yield f"column {name} {word} NULL"


def _is_other_type(
    impl: DefaultImpl, live: sa.types.TypeEngine[Any], column: sa.Column[Any]
) -> bool:
    wanted = column.type.dialect_impl(impl.dialect)
    # Alembic does not look at the digits of seconds, on which leases depend.
    if isinstance(wanted, mysql.DATETIME) and wanted.fsp != getattr(live, "fsp", None):
        return True
    reflected: sa.Column[Any] = sa.Column(column.name, live)
    return bool(impl.compare_type(reflected, column))


def _keys(look: sa.Inspector, table: sa.Table) -> Iterator[str]:
    keys = [_names(key) for key in look.get_unique_constraints(table.name)]
    indexes = look.get_indexes(table.name)
    uniques = [set(key) for key in keys]
    uniques += [set(_names(index)) for index in indexes if index["unique"]]
    starts = keys + [_names(index) for index in indexes]
    points = {
        (tuple(key["constrained_columns"]), key["referred_table"])
        for key in look.get_foreign_keys(table.name)
    }
    for key in table.constraints:
        if not isinstance(key, sa.UniqueConstraint | sa.ForeignKeyConstraint):
            continue
        names = [column.name for column in key.columns]
        if isinstance(key, sa.UniqueConstraint):
            if set(names) not in uniques:
                yield f"{table.name}: ({', '.join(names)}) is not unique"
        elif (tuple(names), key.referred_table.name) not in points:
            target = key.referred_table.name
            yield f"{table.name}: {', '.join(names)} does not refer to {target}"
    for index in table.indexes:
        names = [column.name for column in index.columns]
        if not any(start[: len(names)] == names for start in starts):
            yield f"{table.name}: no index on ({', '.join(names)})"


def _names(key: Any) -> list[str]:
    return list(key["column_names"])
