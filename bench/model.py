"""What the compute model of a large cloud costs: building, refreshing, copying it.

Answers of the cloud are objects already: what HTTP and JSON cost comes on top.
"""

from measure import Report, best, cpu, memory_mb
from measure.cloud import StubCloud

from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.model.simulate import View

CHANGED = 200


def main() -> None:
    """Measure and print"""
    cloud = StubCloud()
    hosts, servers = cloud.size
    report = Report(
        f"Compute model of {hosts:,} hosts and {servers:,} servers",
        *("", "CPU ms", "MB", "calls", "HTTP requests"),
    )
    collector = ComputeCollector({}, cloud)

    before = memory_mb()
    with cpu() as spent:
        model = collector.execute()
    kept = memory_mb() - before
    report.row("build", spent.ms, kept, cloud.calls, cloud.requests)

    for changed in (0, CHANGED):
        if changed:
            cloud.change(changed)
        cloud.reset()
        before = memory_mb()
        with cpu() as spent:
            fresh = collector.refresh(model)
        kept = memory_mb() - before
        name = f"refresh, {changed} servers moved"
        report.row(name, spent.ms, kept, cloud.calls, cloud.requests)
        del fresh

    before = memory_mb()
    copies = [model.copy() for _ in range(5)]
    kept = (memory_mb() - before) / len(copies)
    report.row("copy of the model", 1000 * best(model.copy), kept, "", "")
    report.row("view of the model", 1000 * best(lambda: View(model)), "", "", "")
    view = View(model)
    before = memory_mb()
    views = [view.copy() for _ in range(50)]
    kept = (memory_mb() - before) / len(views)
    report.row("copy of a view", 1000 * best(view.copy, 20), kept, "", "")
    report.show()


if __name__ == "__main__":
    main()
