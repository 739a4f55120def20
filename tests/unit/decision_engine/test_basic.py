"""Freeing nodes: wholly or not at all, and never on a guess."""

import pytest

from watcher import exception
from watcher.decision_engine.strategy.basic import BasicConsolidation

CONFIG = {"check_optimize_metadata": False}


class Readings:
    """CPU use in percent by host name and server UUID; remembers how it was asked"""

    def __init__(self, hosts, servers=None):
        self.hosts, self.servers = hosts, servers or {}
        self.asked = set()

    def get_host_cpu_usage(self, node, period, aggregate, granularity):
        self.asked.add(("host", period, aggregate, granularity))
        return self.hosts.get(node.hostname)

    def get_instance_cpu_usage(self, instance, period, aggregate, granularity):
        self.asked.add(("server", period, aggregate, granularity))
        return self.servers.get(instance.uuid)


@pytest.fixture
def consolidate(run, cluster):
    def consolidate(hosts, servers=None, config=CONFIG, **given):
        readings = Readings(hosts, servers)
        found = run(BasicConsolidation, cluster, config, readings, **given)
        found.readings = readings
        return found

    return consolidate


def released(found):
    return [
        step["resource_name"]
        for step in found.of("change_nova_service_state")
        if step["state"] == "disabled"
    ]


def indicators(found):
    return {i["name"]: i["value"] for i in found.solution.efficacy_indicators}


def test_the_least_loaded_node_is_emptied_onto_the_busiest(cluster, consolidate):
    cluster.node("h1").node("h2").node("h3")
    cluster.server("a", "h1").server("b", "h2").server("c", "h3")
    found = consolidate({"h1": 60, "h2": 40, "h3": 10})
    # h2 would be next, but a server is not moved to be moved again.
    assert found.moves == {"c": ("live", "h1"), "b": ("live", "h1")}
    assert released(found) == ["h3", "h2"]
    (disable, *_others) = found.of("change_nova_service_state")
    assert disable["disabled_reason"] == "watcher_disabled"
    assert disable["resource_id"] == "node-h3"
    assert indicators(found) == {
        "compute_nodes_count": 3,
        "released_compute_nodes_count": 2,
        "instance_migrations_count": 2,
    }
    (efficacy,) = found.solution.global_efficacy
    assert efficacy["name"] == "released_nodes_ratio"
    assert efficacy["value"] == pytest.approx(200 / 3)
    assert found.breaches == [] and all(found.solution.reasons)


def test_a_node_is_emptied_wholly_or_left_alone(cluster, consolidate):
    cluster.node("h1", vcpus=4).node("h2", vcpus=4)
    cluster.server("a", "h1", 3).server("b", "h2").server("c", "h2", 2)
    found = consolidate({"h1": 60, "h2": 10})
    assert found.solution.actions == []
    assert indicators(found)["released_compute_nodes_count"] == 0
    assert "h2 cannot be freed: capacity: 1 node" in found.stays.values()


def test_nothing_is_guessed_about_a_node_without_metrics(cluster, consolidate):
    cluster.node("h1").node("h2").node("h3")
    cluster.server("a", "h1").server("b", "h2").server("c", "h3")
    found = consolidate({"h1": 60, "h3": 10})
    # h2 neither gives its server nor takes one.
    assert found.moves == {"c": ("live", "h1")}
    assert "h2 is left alone: its CPU use is not known" in found.notes.remarks


def test_without_any_metric_there_is_no_plan_and_a_reason(cluster, consolidate):
    cluster.node("h1").node("h2").server("a", "h1").server("b", "h2")
    found = consolidate({})
    assert found.solution.actions == []
    assert found.notes.remarks[-1] == "No node with servers has a known CPU use."


def test_empty_nodes_take_nothing_and_nodes_that_are_down_do_not_count(
    cluster, consolidate
):
    cluster.node("h1").node("h2").node("h3").node("h4", state="down")
    cluster.server("a", "h1")
    found = consolidate({"h1": 5, "h2": 0, "h3": 0, "h4": 90})
    assert found.solution.actions == []
    assert indicators(found)["compute_nodes_count"] == 3


def test_a_disabled_node_is_emptied_but_takes_nothing(cluster, consolidate):
    cluster.node("h1", status="disabled").node("h2").node("h3")
    cluster.server("a", "h1").server("b", "h2").server("c", "h3")
    found = consolidate({"h1": 10, "h2": 60, "h3": 90})
    assert found.moves == {"a": ("live", "h3"), "b": ("live", "h3")}
    # It is disabled already, and not counted among the enabled ones.
    assert released(found) == ["h2"]
    assert indicators(found)["compute_nodes_count"] == 2


@pytest.mark.parametrize(
    "server", [{"watcher_exclude": True}, {"state": "stopped"}, {"locked": True}]
)
def test_a_server_that_must_stay_keeps_its_node(cluster, consolidate, server):
    cluster.node("h1").node("h2")
    cluster.server("a", "h1").server("b", "h2").server("c", "h2", **server)
    found = consolidate({"h1": 60, "h2": 10})
    assert "c" not in found.moves and "h2" not in released(found)


def test_only_tagged_servers_are_moved_when_the_operator_wants_that(
    cluster, consolidate
):
    cluster.node("h1").node("h2").node("h3")
    cluster.server("a", "h1", metadata={"optimize": "true"})
    cluster.server("b", "h2", metadata={"role": "db"}).server("c", "h3")
    hosts = {"h1": 10, "h2": 20, "h3": 60}
    found = consolidate(hosts, config={"check_optimize_metadata": True})
    assert found.moves == {"a": ("live", "h3")}
    assert "h2 cannot be freed: servers on it are not tagged for optimisation" in (
        found.notes.remarks
    )


def test_the_search_ends_after_some_failures_in_a_row(cluster, consolidate):
    for number in range(1, 7):
        cluster.node(f"h{number}", vcpus=2).server(f"s{number}", f"h{number}", 2)
    hosts = {f"h{number}": 10 * number for number in range(1, 7)}
    found = consolidate(hosts, migration_attempts=2)
    assert found.solution.actions == []
    assert set(found.stays) == {"s1", "s2", "s3"}
    assert "3 nodes in a row could not be freed: search ended" in found.notes.remarks
    assert len(consolidate(hosts).stays) == 6


def test_metrics_are_asked_for_as_the_parameters_say(cluster, consolidate):
    cluster.node("h1").node("h2").server("a", "h1").server("b", "h2")
    methods = {"instance": "max", "compute_node": "min", "node": ""}
    found = consolidate(
        {"h1": 60, "h2": 10}, period=60, granularity=30, aggregation_method=methods
    )
    assert found.readings.asked == {
        ("host", 60, "min", 30),
        ("server", 60, "max", 30),
    }
    old = consolidate({"h1": 60, "h2": 10}, aggregation_method={"node": "count"})
    assert ("host", 7200, "count", 300) in old.readings.asked


def test_busy_servers_are_placed_first(cluster, consolidate):
    cluster.node("h1", vcpus=4).node("h2", vcpus=4).node("h3", vcpus=4)
    cluster.server("x", "h1", 3).server("y", "h2", 3)
    cluster.server("a", "h3").server("b", "h3")
    found = consolidate({"h1": 90, "h2": 80, "h3": 10}, {"a": 20, "b": 70})
    assert found.moves == {"b": ("live", "h1"), "a": ("live", "h2")}


def test_without_a_datasource_the_audit_says_so(cluster, run):
    cluster.node("h1").server("a", "h1")
    with pytest.raises(exception.NoDatasourceAvailable):
        run(BasicConsolidation, cluster, CONFIG)


def test_the_published_parameters_are_there():
    properties = BasicConsolidation.get_schema()["properties"]
    assert {name: part.get("default") for name, part in properties.items()} == {
        "migration_attempts": 0,
        "period": 7200,
        "granularity": 300,
        "aggregation_method": {"instance": "mean", "compute_node": "mean", "node": ""},
    }
