"""What the compute model of a large cloud costs: reading, following, handing it out.

The clients are the real ones; a generated cloud answers them in JSON, at once. Time is CPU
time of all threads, without what the making of the answers took.
"""

import sys

from measure import Report, best, cpu, memory_mb
from measure.web import WebCloud, name

from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.collector.event import Event
from watcher.cluster.collector.kept import Kept
from watcher.cluster.model.simulate import View

SIZES = ((100, 2_000), (1_000, 20_000), (10_000, 200_000))
CHANGED = 200
EVENTS = 2000


def moved(cloud: WebCloud, number: int, step: int) -> Event:
    """Return what Nova tells of a server that was moved"""
    host = f"compute-{(number + step) % cloud.hosts:05}"
    flavor = {
        "vcpus": 1 + number % 4,
        "memory_mb": 1024 * (1 + number % 4),
        "root_gb": 10,
        "extra_specs": {"hw:cpu_policy": "shared"},
    }
    data = {
        "uuid": name("server", number),
        "host": host,
        "node": host,
        "state": "active",
        "task_state": None,
        "display_name": f"vm-{number}",
        "metadata": {"role": "web"},
        "tenant_id": name("project", number % 50),
        "image_uuid": "image",
        "locked": False,
        "created_at": "2026-03-01T12:00:00Z",
        "flavor": {"nova_object.data": flavor},
    }
    return Event(
        publisher="nova-compute:x",
        kind="instance.update",
        payload={"nova_object.version": "1.8", "nova_object.data": data},
        metadata={"timestamp": f"2999-01-01 00:00:{step:02}.{number:06}"},
    )


def measure(report: Report, hosts: int, servers: int) -> None:
    """Measure one size"""
    cloud = WebCloud(hosts, servers)
    size = f"{hosts:,} / {servers:,}"
    collector = ComputeCollector({}, cloud)
    kept = Kept("compute", collector)

    before = memory_mb()
    with cpu() as spent:
        kept.refresh(full=True)
    report.row(
        f"{size}: build", 1000 * (spent.s - cloud.own_s),
        memory_mb() - before, cloud.requests,
    )  # fmt: skip

    for changed in (0, CHANGED):
        cloud.changed = {n: (n + 1) % hosts for n in range(changed)}
        cloud.reset()
        with cpu() as spent:
            kept.refresh()
        spent_s = spent.s - cloud.own_s
        report.row(
            f"{size}: refresh, {changed} moved", 1000 * spent_s, "", cloud.requests
        )

    before = memory_mb()
    copies = [kept.get(None) for _ in range(5)]
    used = (memory_mb() - before) / len(copies)
    report.row(
        f"{size}: model for an audit", 1000 * best(lambda: kept.get(None)), used, 0
    )
    model = copies[0]
    report.row(f"{size}: view of it", 1000 * best(lambda: View(model)), "", 0)

    found = []
    for step in range(1, 6):
        numbers = range(0, servers, max(1, servers // EVENTS))
        told = [moved(cloud, n, step) for n in numbers]
        with cpu() as spent:
            for event in told:
                kept.hear(event)
        found.append(spent.ms / len(told))
    report.row(f"{size}: one notification", min(found), "", 0)


def main() -> None:
    """Measure and print; sizes may be given as hosts:servers"""
    given = [tuple(int(n) for n in arg.split(":")) for arg in sys.argv[1:]]
    report = Report("Compute model", "hosts / servers", "CPU ms", "MB", "requests")
    for hosts, servers in given or SIZES:
        measure(report, hosts, servers)
    report.show()


if __name__ == "__main__":
    main()
