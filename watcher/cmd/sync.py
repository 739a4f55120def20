"""watcher-sync: brings goals, strategies and scoring engines into the database."""

import sys
from collections.abc import Sequence

from oslo_config import cfg

from watcher import exception, service
from watcher.cmd import wiring
from watcher.db import migration
from watcher.decision_engine import sync

NAME = "watcher-sync"
PRUNE = cfg.BoolOpt(
    "prune",
    default=False,
    help="Remove goals, strategies and scoring engines that are not installed on this "
    "host, and cancel audits and plans that need them.",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``watcher-sync``; return 0, or 1 when something could not be synchronised"""
    try:
        conf = service.prepare(NAME, argv, tool=True, cli_opts=[PRUNE])
        db = wiring.database(conf, NAME)
        db.ping()
        migration.ensure_current(db.engine)
        report = sync.synchronise(db, wiring.plugins(conf), prune=conf.prune)
    except (exception.WatcherException, cfg.Error) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    for line in sync.summary(report):
        print(line)
    return 1 if report.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
