"""What it costs to hand a large model to the process of a strategy.

Several processes take part, so time is on the wall here: the best of several runs.
Usage: worker.py [hosts servers]
"""

import datetime
import pickle
import sys
import time
from typing import Any

from measure import Report, best, configuration
from measure.cloud import HOSTS, SERVERS, StubCloud
from measure.probe import Probe

from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.model import delta
from watcher.cluster.scope.compute import ComputeScope
from watcher.decision_engine.decide import Decision, Snapshot, Task
from watcher.decision_engine.goal.goals import SHIPPED
from watcher.decision_engine.worker import proc
from watcher.decision_engine.worker.strategies import Strategies
from watcher.domain.records import Audit
from watcher.plugins import GOALS, SCOPE_HANDLERS, STRATEGIES, Plugins

CHANGED, RUNS = 200, 10


class Engine:
    """Models, and where strategies run"""

    age_s = None  # Nothing is handed over before it is measured.

    def __init__(self, model: Any) -> None:
        self.model = model
        conf = configuration()
        known = {
            GOALS: SHIPPED,
            STRATEGIES: {"probe": Probe},
            SCOPE_HANDLERS: {"compute": ComputeScope},
        }
        self.plugins = Plugins.of(known, conf)
        self.strategies = Strategies(
            conf, self.plugins, self, now=lambda: datetime.datetime(2026, 1, 1)
        )
        self.audit = Audit(
            id=1, uuid="u", name="n", audit_type="ONESHOT", state="ONGOING", goal_id=1
        )

    def compute(self, max_age_s: float | None = None) -> Any:
        """Return the model as an audit gets it"""
        return self.model.copy()

    def run(self) -> dict[str, float]:
        """Run the probe; return its figures and when its snapshot was asked for"""
        decision = Decision()
        task = Task("probe", {}, self.audit)
        start_s = time.monotonic()
        snapshot = Snapshot(self, self.plugins)
        self.strategies.solve(task, snapshot, decision, lambda: None)
        end_s = time.monotonic()
        found = dict(decision.solution.actions[0]["input_parameters"])
        return {**found, "start_s": start_s, "end_s": end_s}


def fastest(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the run whose strategy began first after it was asked for"""
    return min(runs, key=lambda run: run["had_s"] - run["start_s"])


def main(hosts: int = HOSTS, servers: int = SERVERS) -> None:
    """Measure and print"""
    cloud = StubCloud(hosts, servers)
    collector = ComputeCollector({}, cloud)
    engine = Engine(collector.execute())
    report = Report(
        f"Hand-over of {hosts:,} hosts and {servers:,} servers", "", "ms", "KiB", "MiB"
    )
    start_s = time.monotonic()
    process = engine.strategies._current()
    process.ready.wait(60)
    report.row("start of the nursery", 1000 * (time.monotonic() - start_s), "", "")
    sent = len(pickle.dumps(engine.model))
    start_s = time.monotonic()
    process.bring(engine.model.copy())
    report.row("first hand-over", 1000 * (time.monotonic() - start_s), sent / 1024, "")

    old = engine.model.copy()
    engine.run()
    quiet = fastest([engine.run() for _ in range(RUNS)])
    moved = []
    for _ in range(RUNS):
        cloud.change(CHANGED)
        engine.model = collector.refresh(engine.model.copy())
        moved.append(engine.run())
    busy = fastest(moved)
    new = engine.model.copy()
    for name, after in (("nothing new", old), (f"{CHANGED} servers moved", new)):
        before = old if after is old else _before(collector, cloud, engine)
        after = old.copy() if after is old else engine.model.copy()
        ms = 1000 * best(lambda b=before, a=after: delta.between(b, a))
        size = len(pickle.dumps(delta.between(before, after)))
        report.row(f"finding the difference, {name}", ms, size / 1024, "")
    for name, run in (("nothing new", quiet), (f"{CHANGED} servers moved", busy)):
        ms = 1000 * (run["began_s"] - run["start_s"])
        report.row(f"to the first line of a strategy, {name}", ms, "", "")
        ms = 1000 * (run["had_s"] - run["start_s"])
        report.row("  and its own copy of the model", ms, "", "")
        ms = 1000 * (run["end_s"] - run["read_s"])
        report.row("  from its last line to its result", ms, "", "")
    report.row("memory of the nursery", "", "", proc.resident_mb(process.pid))
    report.row("resident in a strategy that read all", "", "", busy["rss_mb"])
    report.row("  of which its own", "", "", busy["private_mb"])
    report.show()
    engine.strategies.stop(time.monotonic() + 10)


def _before(collector: ComputeCollector, cloud: StubCloud, engine: Engine) -> Any:
    before = engine.model.copy()
    cloud.change(CHANGED)
    engine.model = collector.refresh(engine.model.copy())
    return before


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:3]))
