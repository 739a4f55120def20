"""Options of [database]: those of oslo.db, and one of ours."""

import copy

from oslo_config import cfg
from oslo_db import options as db_options

DEFAULT_URL = "sqlite:///$state_path/watcher.sqlite"

OPTS = [
    cfg.StrOpt(
        "mysql_engine",
        default="InnoDB",
        help="MySQL storage engine of new tables.",
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``"""
    # Copies: another program in this process may have its own defaults on the originals.
    library = copy.deepcopy(db_options.database_opts)
    conf.register_opts(library, "database")
    conf.register_opts(OPTS, "database")
    conf.set_default("connection", DEFAULT_URL, "database")
