"""Steps of revisions that do nothing when their work is already done.

Databases arrive half-built (DDL of MariaDB is not transactional, the reference stops on
SQLite in mid-air) or made at once by ``create_schema``; both are recognised by looking.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations
from sqlalchemy.util import OrderedSet

from watcher import exception
from watcher.db import types


def inspector() -> sa.Inspector:
    """A fresh look at the database, nothing cached"""
    return sa.inspect(op.get_bind())


def engine_name() -> str:
    """``sqlite``, ``postgresql`` or ``mysql`` (MariaDB included)"""
    name = op.get_bind().dialect.name
    return "mysql" if name == "mariadb" else name


def has_table(table: str) -> bool:
    """Tell whether the table exists"""
    return inspector().has_table(table)


def columns(table: str) -> dict[str, Any]:
    """Columns of the table as they are now, by name"""
    return {column["name"]: column for column in inspector().get_columns(table)}


def bookkeeping() -> tuple[sa.Column, ...]:
    """The four columns that every published table begins with"""
    return (
        sa.Column("created_at", sa.DateTime(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.Column("deleted", sa.Integer(), nullable=True),
    )


def create_table(name: str, *parts: Any, **options: Any) -> None:
    """Create the table unless it is there"""
    if has_table(name):
        return
    if engine_name() == "mysql":
        options |= _table_options()
    op.create_table(name, *parts, **options)


def _table_options() -> dict[str, Any]:
    """Charset and collation of the oldest table

    A database that was moved to another server often has another default now, and MariaDB
    refuses to compare columns of two collations.
    """
    options = {"mysql_engine": op.get_context().opts.get("mysql_engine") or "InnoDB"}
    collation = op.get_bind().scalar(
        sa.text(
            "SELECT table_collation FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name = 'goals'"
        )
    )
    if collation:
        options["mysql_charset"] = collation.split("_")[0]
        options["mysql_collate"] = collation
    return options


def drop_table(name: str) -> None:
    """Drop the table if it is there"""
    if has_table(name):
        op.drop_table(name)


def changing(table: str) -> AbstractContextManager[BatchOperations]:
    """Collect changes of the table; SQLite gets a new table with the old rows

    Its parts come in a fixed order there, so that equal schemas are equal to the letter.
    """
    if engine_name() != "sqlite":
        return op.batch_alter_table(table)
    live = sa.Table(table, sa.MetaData(), autoload_with=op.get_bind())
    live.constraints = OrderedSet(
        sorted(filter(_is_kept, live.constraints), key=_rank_of_constraint)
    )
    live.indexes = OrderedSet(sorted(live.indexes, key=lambda index: str(index.name)))
    return op.batch_alter_table(table, copy_from=live)


def _is_kept(constraint: sa.Constraint) -> bool:
    # Old SQLAlchemy guarded booleans by a nameless CHECK, which ends with its column.
    return not isinstance(constraint, sa.CheckConstraint) or bool(constraint.name)


def _rank_of_constraint(constraint: sa.Constraint) -> tuple[str, str, str]:
    names = getattr(constraint, "column_keys", None) or [
        column.name for column in constraint.columns
    ]
    return type(constraint).__name__, str(constraint.name or ""), ",".join(names)


def add_columns(table: str, *wanted: sa.Column) -> None:
    """Add those of the columns that are missing"""
    there = columns(table)
    for column in wanted:
        if column.name not in there:
            op.add_column(table, column)


def drop_columns(table: str, *names: str) -> None:
    """Drop those of the columns that are there, with the keys they are part of"""
    there = columns(table)
    present = [name for name in names if name in there]
    if not present:
        return
    for index in inspector().get_indexes(table):
        if not index.get("duplicates_constraint") and _touches(index, present):
            op.drop_index(index["name"], table_name=table)
    with changing(table) as batch:
        for name in present:
            batch.drop_column(name)


def _touches(key: Any, names: Iterable[str]) -> bool:
    return any(column in names for column in key["column_names"])


def create_index(name: str, table: str, *names: str) -> None:
    """Create the index unless one that starts with the same columns is there"""
    if not is_indexed(inspector(), table, names):
        op.create_index(name, table, list(names))


def drop_index(name: str, table: str) -> None:
    """Drop the index if it is there"""
    if any(index["name"] == name for index in inspector().get_indexes(table)):
        op.drop_index(name, table_name=table)


def is_indexed(look: sa.Inspector, table: str, names: Iterable[str]) -> bool:
    """Tell whether some index or key of the table starts with these columns"""
    wanted = list(names)
    keys = [index["column_names"] for index in look.get_indexes(table)]
    keys += [key["column_names"] for key in look.get_unique_constraints(table)]
    keys.append(look.get_pk_constraint(table)["constrained_columns"])
    return any(list(key)[: len(wanted)] == wanted for key in keys)


def is_unique(look: sa.Inspector, table: str, names: Iterable[str]) -> bool:
    """Tell whether exactly these columns are unique together"""
    wanted = set(names)
    keys = [key["column_names"] for key in look.get_unique_constraints(table)]
    keys += [key["column_names"] for key in look.get_indexes(table) if key["unique"]]
    return any(set(key) == wanted for key in keys)


def create_unique(name: str, table: str, *names: str) -> None:
    """Make the columns unique together unless they are"""
    if not is_unique(inspector(), table, names):
        with changing(table) as batch:
            batch.create_unique_constraint(name, list(names))


def drop_unique(name: str, table: str) -> None:
    """Drop the unique key if it is there"""
    keys = inspector().get_unique_constraints(table)
    if any(key["name"] == name for key in keys):
        with changing(table) as batch:
            batch.drop_constraint(name, type_="unique")


def alter_type(
    table: str, column: str, new: sa.types.TypeEngine, using: str = ""
) -> None:
    """Give the column another type; NULL stays allowed or not as it was"""
    now = columns(table)[column]
    options = {"postgresql_using": using} if using else {}
    with changing(table) as batch:
        batch.alter_column(
            column,
            type_=new,
            existing_type=now["type"],
            existing_nullable=now["nullable"],
            **options,
        )


def allow_null(table: str, column: str) -> None:
    """Let the column be NULL"""
    now = columns(table)[column]
    if not now["nullable"]:
        with changing(table) as batch:
            batch.alter_column(
                column,
                nullable=True,
                existing_type=now["type"],
                existing_nullable=False,
            )


def interval_to_text() -> None:
    """Make room for cron expressions in ``audits.interval``"""
    if isinstance(columns("audits")["interval"]["type"], sa.Integer):
        alter_type("audits", "interval", sa.String(36), '"interval"::varchar(36)')


def interval_to_number() -> None:
    """Make ``audits.interval`` an integer again, unless it holds cron expressions"""
    if isinstance(columns("audits")["interval"]["type"], sa.Integer):
        return
    audits = sa.table("audits", sa.column("interval", sa.String))
    chosen = (
        sa.select(audits.c.interval).where(audits.c.interval.isnot(None)).distinct()
    )
    found = op.get_bind().scalars(chosen)
    cron = [text for text in found if not text.strip().isdecimal()]
    if cron:
        refuse(
            f"Audits with a cron expression as interval ({cron[0]}) have no place below"
            " revision d098df6021e2"
        )
    alter_type("audits", "interval", sa.Integer(), '"interval"::integer')


def refuse_while_in_use() -> None:
    """Stop the migration when processes of ours work on the database

    MariaDB cannot take a step back, so every downgrade of ours asks before it begins.
    """
    if not has_table("leases"):
        return
    leases = sa.table("leases", sa.column("owner"), sa.column("expires_at"))
    living = op.get_bind().scalar(
        sa.select(sa.func.count()).where(leases.c.expires_at > types.UtcNow())
    )
    if living:
        refuse(f"{living} processes work on this database; stop them first")


def refuse(reason: str) -> None:
    """Stop the migration with one clear line"""
    raise exception.MigrationRefused(reason=reason)
