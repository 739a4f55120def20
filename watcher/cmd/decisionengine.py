"""watcher-decision-engine: turns audits into action plans."""

import sys
from collections.abc import Sequence

from oslo_config import cfg

from watcher import service
from watcher.cmd.wiring import Wiring
from watcher.daemon import Daemon
from watcher.decision_engine import service as decision_engine


def build(conf: cfg.ConfigOpts) -> Daemon:
    """Return the daemon of this process"""
    return decision_engine.build(conf, Wiring(conf, decision_engine.NAME))


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``watcher-decision-engine``; return its exit status"""
    return service.main(decision_engine.NAME, build, argv)


if __name__ == "__main__":
    sys.exit(main())
