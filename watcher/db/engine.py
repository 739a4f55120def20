"""Engines: the same promises from SQLite, MariaDB and PostgreSQL.

SQLite locks at BEGIN IMMEDIATE, so that a writer never finds at its last statement that
somebody else was faster. The two servers run at READ COMMITTED: every check that matters
is part of the statement that writes, never of an earlier read.
"""

import importlib.util
import logging
import os
from typing import Any

import sqlalchemy
from oslo_config import cfg
from sqlalchemy import engine as sa_engine
from sqlalchemy import event, exc, pool

from watcher import exception

# Milliseconds that a SQLite writer waits for another one.
BUSY_TIMEOUT_MS = 20_000
# Seconds that a statement on MariaDB or PostgreSQL waits for a lock. Their own defaults go
# from most of a minute for a row to a day, or for ever, for a table.
LOCK_WAIT_S = 20
CONNECT_TIMEOUT_S = 10
# Execution option of connections that promise not to write.
READER = "watcher_reader"

_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
_DEBUG_LEVELS = ((100, logging.DEBUG), (50, logging.INFO), (1, logging.WARNING))


def url_of(text: str, parameters: str = "") -> sa_engine.URL:
    """Parse a connection URL, choosing drivers that this program ships with"""
    try:
        url = sa_engine.make_url(text)
        if parameters:
            url = url.update_query_string(parameters, append=True)
    except (exc.ArgumentError, ValueError) as error:
        raise _invalid(str(error)) from error
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.drivername == "postgresql+psycopg2" and not _installed("psycopg2"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername.endswith("+mysqldb") and not _installed("MySQLdb"):
        url = url.set(drivername=url.drivername.replace("+mysqldb", "+pymysql"))
    return url


def is_memory(url: sa_engine.URL) -> bool:
    """Tell whether ``url`` names a database that lives in this process only"""
    if url.get_backend_name() != "sqlite":
        return False
    return url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"


def create(conf: cfg.ConfigOpts, url_text: str | None = None) -> sqlalchemy.Engine:
    """Return an engine for ``[database] connection``; nothing is connected yet"""
    options = conf.database
    text = url_text or options.connection
    if not text:
        raise _invalid("no database is configured")
    url = url_of(text, options.connection_parameters or "")
    arguments: dict[str, Any] = {
        "pool_recycle": options.connection_recycle_time,
        "pool_pre_ping": True,
        "connect_args": {},
    }
    backend = url.get_backend_name()
    if is_memory(url):
        arguments["poolclass"] = pool.StaticPool
        del arguments["pool_recycle"]
    else:
        arguments.update(poolclass=pool.QueuePool, **_pool_sizes(options))
    if backend == "sqlite":
        arguments["connect_args"]["check_same_thread"] = False
        arguments["pool_pre_ping"] = False
    else:
        arguments["isolation_level"] = "READ COMMITTED"
        if "connect_timeout" not in url.query:
            arguments["connect_args"]["connect_timeout"] = CONNECT_TIMEOUT_S
        if url.get_driver_name() == "pymysql" and "read_timeout" not in url.query:
            # Its connect_timeout ends before the server's greeting, for which it would
            # wait for ever. Statements may take longer, see ``_mysql``.
            arguments["connect_args"]["read_timeout"] = CONNECT_TIMEOUT_S
    try:
        engine = sqlalchemy.create_engine(url, **arguments)
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError) as error:
        raise _invalid(str(error)) from error
    _listen(engine, backend, options)
    return engine


def _pool_sizes(options: Any) -> dict[str, Any]:
    sizes = {
        "pool_size": options.max_pool_size,
        "max_overflow": options.max_overflow,
        "pool_timeout": options.pool_timeout,
    }
    return {name: value for name, value in sizes.items() if value is not None}


def _listen(engine: sqlalchemy.Engine, backend: str, options: Any) -> None:
    for least, level in _DEBUG_LEVELS:
        if options.connection_debug >= least:
            logging.getLogger("sqlalchemy.engine").setLevel(level)
            break
    _guard_forks(engine)
    if backend == "sqlite":
        _sqlite(engine, options.sqlite_synchronous)
    elif backend in ("mysql", "mariadb"):
        _mysql(engine, options.mysql_sql_mode, options.mysql_wsrep_sync_wait)
    elif backend == "postgresql":
        _postgresql(engine)


def _guard_forks(engine: sqlalchemy.Engine) -> None:
    """Give a forked child connections of its own"""

    @event.listens_for(engine, "connect")
    def note_process(connection: Any, record: Any) -> None:
        record.info["pid"] = os.getpid()

    @event.listens_for(engine, "checkout")
    def refuse_foreign(connection: Any, record: Any, proxy: Any) -> None:
        if record.info["pid"] != os.getpid():
            # Closing it here would say good-bye on the parent's socket.
            record.dbapi_connection = proxy.dbapi_connection = None
            raise exc.DisconnectionError("the connection belongs to another process")


def _sqlite(engine: sqlalchemy.Engine, synchronous: bool) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        # The driver's own BEGIN comes too late (at the first write): take it over.
        connection.isolation_level = None
        # Its own one leaves all but ASCII letters as they are.
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        if not synchronous:
            cursor.execute("PRAGMA synchronous = OFF")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: sqlalchemy.Connection) -> None:
        reads = connection.get_execution_options().get(READER, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _mysql(engine: sqlalchemy.Engine, sql_mode: str | None, sync: int | None) -> None:
    greeting = engine.driver == "pymysql" and "read_timeout" not in engine.url.query

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        if greeting:
            # No public way: the driver looks at it before each packet.
            connection._read_timeout = None
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET SESSION lock_wait_timeout = {LOCK_WAIT_S}, "
                f"SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S}"
            )
            if sql_mode is not None:
                cursor.execute("SET SESSION sql_mode = %s", [sql_mode])
            if sync is not None:
                cursor.execute("SET SESSION wsrep_sync_wait = %s", [sync])


def _postgresql(engine: sqlalchemy.Engine) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_WAIT_S}s'")
        # A setting made in a transaction goes with it.
        connection.commit()


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _invalid(reason: str) -> exception.ConfigInvalid:
    return exception.ConfigInvalid(group="database", option="connection", reason=reason)
