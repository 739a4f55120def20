"""A decision engine on a simulated cloud.

Usage: engine.py <database url> <host name> [<transport url>]

Without a transport it is told nothing over the bus, and is slow.
"""

import random
import sys
import time

from oslo_utils import timeutils

from watcher import service
from watcher.clients.simulated import SimulatedCloud
from watcher.cluster.collector.cache import Models
from watcher.cmd.wiring import Wiring
from watcher.daemon import Daemon
from watcher.decision_engine import service as decision_engine
from watcher.decision_engine.worker.strategies import Strategies

HOSTS, SERVERS, SEED = 12, 80, 5


class Slow(Models):
    """Gives a killer time to strike while an audit runs"""

    def compute(self, *args, **kwargs):
        """Return the model after a while"""
        time.sleep(random.uniform(0.5, 2.0))
        return super().compute(*args, **kwargs)


def build(conf, kind=Slow) -> Daemon:
    """Return the daemon"""
    cloud = SimulatedCloud(SEED, hosts=HOSTS, servers=SERVERS)
    wiring = Wiring(conf, decision_engine.NAME, clients=cloud.clients())
    models = kind(conf, wiring.plugins, wiring.clients)
    strategies = Strategies(conf, wiring.plugins, models, now=timeutils.utcnow)
    return Daemon(
        conf,
        decision_engine.NAME,
        [
            *wiring.first_parts(),
            *decision_engine.parts(conf, wiring, models=models, strategies=strategies),
        ],
        checks=[*wiring.checks(), *decision_engine.checks(wiring)],
    )


def main(url: str, host: str, transport: str = "fake://") -> int:
    """Run until a signal ends it"""
    conf = service.prepare(
        decision_engine.NAME,
        [],
        overrides={
            ("database", "connection"): url,
            (None, "host"): host,
            (None, "transport_url"): transport,
            ("watcher_decision_engine", "max_audit_workers"): 4,
            ("watcher_decision_engine", "work_scan_interval"): 1,
        },
    )
    return build(conf, Slow if transport == "fake://" else Models).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
