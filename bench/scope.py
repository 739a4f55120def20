"""What cutting the compute model to a scope costs, from a small cloud to a large one.

The cloud's server groups are there; the aggregate in the scope has ten hosts.
"""

import functools

from measure import Report, best
from measure.cloud import StubCloud

from watcher.clients.records import Aggregate, ServerGroup
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.scope.compute import ComputeScope

SIZES = ((100, 2_000), (1_000, 20_000), (10_000, 200_000))
TEN = "ten"
GROUPED = 10  # every tenth server has two companions in a group


def main() -> None:
    """Measure and print"""
    report = Report(
        "Cutting the compute model", *("hosts", "servers", "to", "left", "CPU ms")
    )
    for hosts, servers in SIZES:
        model = _model(hosts, servers)
        zone = next(iter(model.nodes_data.values()))["zone"]
        excluded = [{"projects": [{"uuid": "nobody's"}]}]
        for name, rule in (
            ("an aggregate of 10 hosts", {"host_aggregates": [{"name": TEN}]}),
            ("its zone", {"availability_zones": [{"name": zone}]}),
            ("all, servers flagged", {"exclude": excluded}),
        ):
            handler = ComputeScope([rule], None)
            left = len(handler.get_scoped_model(model).instances_data)
            spent = best(functools.partial(handler.get_scoped_model, model), 20)
            report.row(f"{hosts:,}", f"{servers:,}", name, f"{left:,}", 1000 * spent)
        names = [{"uuid": uuid} for uuid in list(model.instances_data)[:10]]
        handler = ComputeScope(
            [{"host_aggregates": [{"name": TEN}]}, {"exclude": [{"instances": names}]}],
            None,
        )
        spent = best(functools.partial(handler.missing, model), 20)
        report.row("", "", "what 11 names lack", 0, 1000 * spent)
    report.show()


def _model(hosts: int, servers: int) -> ModelRoot:
    model = ComputeCollector({}, StubCloud(hosts, servers)).execute()
    names = sorted(model.by_host)[:10]
    uuids = list(model.instances_data)
    model.aggregates = {
        **model.aggregates,
        10**6: Aggregate(id=10**6, name=TEN, hosts=names),
    }
    groups = {
        f"g{i}": ServerGroup(
            id=f"g{i}", policy="anti-affinity", members=uuids[i : i + 3]
        )
        for i in range(0, len(uuids) - 3, GROUPED)
    }
    model.server_groups = {**model.server_groups, **groups}
    return model


if __name__ == "__main__":
    main()
