"""watcher-db-manage: makes, upgrades, checks and purges the database.

Results go to standard output, logs and errors to standard error. What the operator can put
right is one line; a traceback is printed with --debug only.
"""

import argparse
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa
from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy import exc

from watcher import conf as config
from watcher import exception
from watcher.cmd import dbpurge
from watcher.db import engine as engines
from watcher.db import migration
from watcher.db.session import Database

PROGRAM = "watcher-db-manage"

# RuntimeError: a driver misses a library that the server's way to log in needs.
OPERATORS_ERRORS = (
    exception.WatcherException,
    cfg.Error,
    exc.SQLAlchemyError,
    OSError,
    RuntimeError,
)

Command = Callable[[cfg.ConfigOpts, sa.Engine], int]


def _upgrade(conf: cfg.ConfigOpts, engine: sa.Engine) -> int:
    migration.upgrade(
        engine, conf.command.revision, mysql_engine=conf.database.mysql_engine
    )
    return 0


def _downgrade(conf: cfg.ConfigOpts, engine: sa.Engine) -> int:
    migration.downgrade(engine, conf.command.revision)
    return 0


def _stamp(conf: cfg.ConfigOpts, engine: sa.Engine) -> int:
    migration.stamp(engine, conf.command.revision)
    return 0


def _revision(conf: cfg.ConfigOpts, engine: sa.Engine) -> int:
    path = migration.revision(
        engine, conf.command.message, autogenerate=conf.command.autogenerate
    )
    print(path)
    return 0


def _version(conf: cfg.ConfigOpts, engine: sa.Engine) -> int:
    print(migration.version(engine))
    return 0


def _create_schema(conf: cfg.ConfigOpts, engine: sa.Engine) -> int:
    migration.create_schema(engine, mysql_engine=conf.database.mysql_engine)
    return 0


def _check(conf: cfg.ConfigOpts, engine: sa.Engine) -> int:
    lines = migration.check(engine)
    for line in lines:
        print(line)
    if not lines:
        print(f"The schema is as this release expects it ({migration.head()})")
    return 1 if lines else 0


def _purge(conf: cfg.ConfigOpts, engine: sa.Engine) -> int:
    migration.ensure_current(engine)
    return dbpurge.run(conf, Database(conf, actor=PROGRAM))


COMMANDS: Mapping[str, Command] = {
    "upgrade": _upgrade,
    "downgrade": _downgrade,
    "stamp": _stamp,
    "revision": _revision,
    "version": _version,
    "create_schema": _create_schema,
    "check": _check,
    "purge": _purge,
}


def _add_parsers(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = subparsers.add_parser(
        "upgrade", help="Bring the schema to a revision, by default the newest."
    )
    parser.add_argument("--revision", nargs="?", help="Stop at this revision.")
    parser = subparsers.add_parser(
        "downgrade", help="Take the schema back to a revision, by default to nothing."
    )
    parser.add_argument("--revision", nargs="?", help="Stop at this revision.")
    parser = subparsers.add_parser(
        "stamp", help="Write a revision into the database without migrating."
    )
    parser.add_argument("revision", nargs="?", help="By default the newest.")
    parser = subparsers.add_parser(
        "revision", help="For developers: write a new, empty revision file."
    )
    parser.add_argument("-m", "--message", help="What the revision does.")
    parser.add_argument(
        "--autogenerate",
        action="store_true",
        help="Fill it by comparing with the models.",
    )
    subparsers.add_parser("version", help="Print the revision of the database.")
    subparsers.add_parser(
        "create_schema", help="Create all tables in a database without a revision."
    )
    subparsers.add_parser(
        "check", help="Compare the tables with what this release expects."
    )
    dbpurge.add_arguments(
        subparsers.add_parser("purge", help="Remove soft-deleted objects for good.")
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that the command line names; return the exit status"""
    words = list(sys.argv[1:] if argv is None else argv)
    if not any(word in COMMANDS for word in words):
        words.append("upgrade")
    debug = False
    try:
        conf = _configure(words)
        debug = conf.debug
        return _run(conf)
    except OPERATORS_ERRORS as error:
        if debug:
            traceback.print_exc()
        print(f"{PROGRAM}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return 130


def _run(conf: cfg.ConfigOpts) -> int:
    engine = engines.create(conf)
    try:
        return COMMANDS[conf.command.name](conf, engine)
    except exc.DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise exception.DatabaseUnavailable(
            f"{where}: {_driver_text(error)}"
        ) from error
    finally:
        engine.dispose()


def _configure(argv: Sequence[str]) -> cfg.ConfigOpts:
    command = cfg.SubCommandOpt(
        "command",
        title="Commands",
        help="Without one: upgrade.",
        handler=_add_parsers,
    )
    conf = config.load(PROGRAM, argv, cli_opts=[command])
    # Standard output belongs to the results.
    conf.set_override("use_stderr", True)
    logging.setup(conf, "watcher", config.version())
    return conf


def _driver_text(error: exc.DBAPIError) -> str:
    """What the driver said, without the statement and the link to a manual"""
    number, *rest = (error.orig.args if error.orig is not None else ()) or ("",)
    if rest and isinstance(number, int):
        return f"{' '.join(map(str, rest))} ({number})"
    return str(error.orig)
