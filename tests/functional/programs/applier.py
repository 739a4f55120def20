"""An applier whose cloud is simulated by another process.

Usage: applier.py <configuration file> <address of the cloud>
"""

import sys
import types
from multiprocessing.managers import BaseManager

from watcher import service
from watcher.applier import service as applier
from watcher.cmd.wiring import Wiring
from watcher.daemon import Daemon

KEY = b"simulated"


class Cloud(BaseManager):
    """Where the simulated cloud is found; ``nova`` is its compute service"""


Cloud.register("nova")


def build(conf, address) -> Daemon:
    """Return the daemon"""
    cloud = Cloud(address=address, authkey=KEY)
    cloud.connect()
    clients = types.SimpleNamespace(nova=cloud.nova())
    return applier.build(conf, Wiring(conf, applier.NAME, clients=clients))


def main(config: str, address: str) -> int:
    """Run until a signal ends it"""
    conf = service.prepare(applier.NAME, ["--config-file", config])
    return build(conf, address).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
