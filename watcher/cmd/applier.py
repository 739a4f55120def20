"""watcher-applier: carries action plans out."""

import sys
from collections.abc import Sequence

from oslo_config import cfg

from watcher import service
from watcher.applier import service as applier
from watcher.cmd.wiring import Wiring
from watcher.daemon import Daemon


def build(conf: cfg.ConfigOpts) -> Daemon:
    """Return the daemon of this process"""
    return applier.build(conf, Wiring(conf, applier.NAME))


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``watcher-applier``; return its exit status"""
    return service.main(applier.NAME, build, argv)


if __name__ == "__main__":
    sys.exit(main())
