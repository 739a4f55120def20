"""A small daemon for tests: the shared parts and one server; tells what it does."""

import sys
import time

from watcher import service
from watcher.cmd.wiring import Wiring


def say(*words):
    """Print a line at once"""
    print(*words, flush=True)


class Endpoint:
    """Answers calls of the decision engine"""

    def get_data_model_info(self, ctx, data_model_type, audit):
        """Return what it was asked"""
        return {"context": [data_model_type, audit]}


class Worker:
    """A part that works for a while when it is stopped"""

    name = "worker"

    def __init__(self, seconds):
        self._seconds = seconds

    def start(self):
        """Begin"""
        say("work begins")

    def stop(self, deadline):
        """Reach a safe point, at most until the deadline"""
        time.sleep(min(self._seconds, max(0, deadline - time.monotonic())))
        say("work ends")

    def reload(self, conf):
        """Tell the new options"""
        say("reloaded", conf.periodic_interval)


def build(conf):
    """Return the daemon"""
    wiring = Wiring(conf, "watcher-applier")
    wiring.lease.on_gained.append(lambda claim: say("gained", claim.epoch))
    wiring.lease.on_lost.append(lambda claim: say("lost", claim.epoch))
    topic = conf.watcher_decision_engine.conductor_topic
    parts = [wiring.rpc.server(topic, [Endpoint()]), Worker(0.5)]
    return wiring.daemon(parts, sections={"Test": lambda: "a section of the test"})


if __name__ == "__main__":
    sys.exit(service.main("watcher-applier", build))
