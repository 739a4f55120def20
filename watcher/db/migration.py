"""Brings the schema of a database to a revision, and tells which one it is at.

Every function takes an engine. On SQLite and PostgreSQL a migration happens as a whole or
not at all; on MariaDB, which commits every change of the schema at once, a migration that
was interrupted is picked up by running it again.
"""

import contextlib
import functools
import logging
import pathlib
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import command, util
from alembic.config import Config
from alembic.script import ScriptDirectory

from watcher import exception
from watcher.db import schema

LOG = logging.getLogger(__name__)

FOLDER = pathlib.Path(__file__).parent / "alembic"
# The newest revision of the published chain: stamp this one for the way back.
REFERENCE_HEAD = "f56ba02662b4"
BASE = "base"
VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))
# Two operators, or two hosts that a tool upgrades, must not migrate at the same time.
LOCK_NAME = "watcher-db-manage"
LOCK_NUMBER = 0x57415443
LOCK_WAIT_S = 600


def head() -> str:
    """Return the revision that this release works with"""
    return _known()[0]


def version(engine: sa.Engine) -> str | None:
    """Return the revision of the database, None when it has none"""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION.name):
            return None
        found = connection.scalars(sa.select(VERSION.c.version_num)).all()
    if len(found) > 1:
        raise exception.MigrationRefused(
            reason=f"The database claims several revisions at once: {', '.join(found)}"
        )
    return str(found[0]) if found else None


def ensure_current(engine: sa.Engine) -> None:
    """Raise SchemaMismatch unless the database is at the revision of this release"""
    found, wanted = version(engine), head()
    if found != wanted:
        _refuse_newer(found)
        raise exception.SchemaMismatch(found=found, wanted=wanted)


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in _known():
        raise exception.SchemaMismatch(
            f"The database is at revision {found}, which this release does not know"
            f" (it needs {head()}); a newer release made it",
            found=found,
            wanted=head(),
        )


def upgrade(
    engine: sa.Engine, revision: str | None = None, *, mysql_engine: str = "InnoDB"
) -> None:
    """Bring the database up to ``revision``, or to the head; no-op when it is there

    :raises SchemaMismatch: a newer release has been here
    """
    _refuse_newer(version(engine))
    with _migrating(engine, mysql_engine) as config:
        command.upgrade(config, revision or "head")


def downgrade(engine: sa.Engine, revision: str | None = None) -> None:
    """Take the database back to ``revision``, or to before the first one"""
    with _migrating(engine) as config:
        command.downgrade(config, revision or BASE)


def stamp(engine: sa.Engine, revision: str | None = None) -> None:
    """Write ``revision``, or the head, into the database without migrating"""
    with _migrating(engine) as config:
        # Purge: the row may name a revision that this release has never heard of.
        command.stamp(config, revision or "head", purge=True)


def create_schema(engine: sa.Engine, *, mysql_engine: str = "InnoDB") -> None:
    """Create all tables in a database that has no revision yet"""
    found = version(engine)
    if found is not None:
        raise exception.MigrationRefused(
            reason=f"The database is under version control already (revision {found});"
            " use upgrade"
        )
    # The same road as an upgrade: there is one schema, whichever command makes it.
    upgrade(engine, mysql_engine=mysql_engine)


def check(engine: sa.Engine) -> list[str]:
    """One line for each difference between the database and what this release expects"""
    found, wanted = version(engine), head()
    lines = []
    if found != wanted:
        lines.append(f"revision is {found} instead of {wanted}")
    with engine.connect() as connection:
        return lines + schema.differences(connection)


def revision(
    engine: sa.Engine, message: str | None = None, *, autogenerate: bool = False
) -> str:
    """Write a new, empty or generated, revision into the source tree; return its path"""
    with _migrating(engine) as config:
        script = command.revision(config, message or "empty", autogenerate=autogenerate)
    return str(getattr(script, "path", script))


@functools.cache
def _known() -> tuple[str, ...]:
    """Ids of all revisions, the newest first"""
    script = ScriptDirectory.from_config(_config())
    return tuple(item.revision for item in script.walk_revisions())


def _config() -> Config:
    # No file: a configuration file would bring logging settings of its own.
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextlib.contextmanager
def _migrating(engine: sa.Engine, mysql_engine: str = "InnoDB") -> Iterator[Config]:
    config = _config()
    config.attributes["mysql_engine"] = mysql_engine
    try:
        with _connected(engine) as connection:
            config.attributes["connection"] = connection
            yield config
    except util.CommandError as error:
        raise exception.MigrationRefused(reason=_one_line(str(error))) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextlib.contextmanager
def _connected(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection in a transaction, locked against other migrations"""
    with engine.connect() as connection:
        kind = engine.dialect.name
        if kind == "sqlite":
            with _sqlite(connection):
                yield connection
        elif kind == "postgresql":
            with connection.begin():
                connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
                lock = sa.func.pg_advisory_xact_lock(LOCK_NUMBER)
                connection.execute(sa.select(lock))
                yield connection
        else:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            # Given up in the middle, an upgrade would have to be done by hand: it waits
            # for tables in use as long as the server lets it.
            for name in ("lock_wait_timeout", "innodb_lock_wait_timeout"):
                connection.execute(sa.text(f"SET SESSION {name} = @@GLOBAL.{name}"))
            with _mysql_lock(connection):
                yield connection


@contextlib.contextmanager
def _sqlite(connection: sa.Connection) -> Iterator[None]:
    """One transaction around everything; tables are rebuilt, so keys are not enforced"""
    driver = connection.connection.driver_connection
    assert driver is not None
    enforced = driver.execute("PRAGMA foreign_keys").fetchone()[0]
    level = driver.isolation_level
    driver.execute("PRAGMA foreign_keys = OFF")
    # The driver would begin at the first INSERT only and leave DDL outside.
    driver.isolation_level = None
    try:
        with connection.begin():
            if not driver.in_transaction:
                driver.execute("BEGIN IMMEDIATE")
            yield
    finally:
        driver.isolation_level = level
        driver.execute(f"PRAGMA foreign_keys = {enforced}")


@contextlib.contextmanager
def _mysql_lock(connection: sa.Connection) -> Iterator[None]:
    # GET_LOCK takes 64 characters at most.
    name = sa.func.left(sa.func.concat(LOCK_NAME, ".", sa.func.database()), 64)
    if not connection.scalar(sa.select(sa.func.get_lock(name, LOCK_WAIT_S))):
        raise exception.MigrationRefused(reason="Another migration is still running")
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(sa.select(sa.func.release_lock(name)))
