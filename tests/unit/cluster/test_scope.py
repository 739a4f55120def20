"""What an audit may look at."""

import logging

import pytest

from watcher import exception
from watcher.cluster.constraint.rules import feasible
from watcher.cluster.model.simulate import View
from watcher.cluster.scope.compute import ComputeScope


@pytest.fixture
def world(cloud):
    cloud.node("a", zone="z1").node("b", zone="z2").node("c", zone="z2").node(
        "d", zone="z3"
    )
    cloud.server("s1", on="a", metadata={"Tier": "Web", "os": "x"}, project="p1")
    cloud.server("s2", on="b", metadata={"tier": "db"}, project="p2").server(
        "s3", on="c"
    )
    return cloud.aggregate("fast", "a", "gone").aggregate("big", "c", "d")


def cut(world, *rules):
    return ComputeScope(list(rules), {}).get_scoped_model(world.model)


def hosts(world, *rules):
    nodes = cut(world, *rules).get_all_compute_nodes().values()
    return "".join(sorted(node.hostname for node in nodes))


def flagged(world, *exclude):
    model = cut(world, {"exclude": list(exclude)})
    assert set(model.instances_data) == {"s1", "s2", "s3"}, "excluded servers stay"
    return sorted(u for u, i in model.get_all_instances().items() if i.watcher_exclude)


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ([], "abcd"),
        ([{}], "abcd"),
        ([{"host_aggregates": [{"id": 1}]}], "a"),
        ([{"host_aggregates": [{"name": "big"}]}], "cd"),
        ([{"host_aggregates": [{"id": 1}, {"name": "big"}]}], "acd"),
        ([{"host_aggregates": [{"id": "*"}]}], "acd"),
        ([{"host_aggregates": [{"name": "*"}]}], "acd"),
        ([{"host_aggregates": [{"id": 9}]}], ""),
        ([{"availability_zones": [{"name": "z2"}]}], "bc"),
        ([{"availability_zones": [{"name": "z1"}, {"name": "z3"}]}], "ad"),
        ([{"availability_zones": [{"name": "*"}]}], "abcd"),
        ([{"availability_zones": [{"name": "nowhere"}]}], ""),
        # Rules add up, whether in one object or in several.
        (
            [
                {"host_aggregates": [{"id": 1}]},
                {"availability_zones": [{"name": "z2"}]},
            ],
            "abc",
        ),
        (
            [{"host_aggregates": [{"id": 1}], "availability_zones": [{"name": "z2"}]}],
            "abc",
        ),
        ([{"exclude": [{"compute_nodes": [{"name": "a"}, {"name": "b"}]}]}], "cd"),
        ([{"exclude": [{"host_aggregates": [{"name": "*"}]}]}], "b"),
        ([{"exclude": [{"host_aggregates": [{"id": 1}]}]}], "bcd"),
        # Exclusion wins.
        (
            [
                {
                    "availability_zones": [{"name": "z2"}],
                    "exclude": [{"compute_nodes": [{"name": "b"}]}],
                }
            ],
            "c",
        ),
    ],
)
def test_which_nodes_are_left(world, rules, left):
    assert hosts(world, *rules) == left


def test_a_removed_node_goes_with_its_servers(world):
    model = cut(world, {"availability_zones": [{"name": "z2"}]})
    assert set(model.instances_data) == {"s2", "s3"}


@pytest.mark.parametrize(
    ("exclude", "servers"),
    [
        ([{"instances": [{"uuid": "s1"}, {"uuid": "s3"}]}], ["s1", "s3"]),
        ([{"projects": [{"uuid": "p2"}]}], ["s2"]),
        ([{"instance_metadata": [{"tier": "WEB"}]}], ["s1"]),
        ([{"instance_metadata": [{"tier": "web", "os": "x"}]}], ["s1"]),
        ([{"instance_metadata": [{"tier": "web", "os": "y"}]}], []),
        ([{"instance_metadata": [{"tier": "web"}, {"tier": "db"}]}], ["s1", "s2"]),
        ([{"instance_metadata": [{}]}], []),
        # Several keys of one object all count.
        ([{"instances": [{"uuid": "s3"}], "projects": [{"uuid": "p2"}]}], ["s2", "s3"]),
        (
            [{"instances": [{"uuid": "s3"}]}, {"projects": [{"uuid": "p2"}]}],
            ["s2", "s3"],
        ),
    ],
)
def test_which_servers_are_flagged(world, exclude, servers):
    assert flagged(world, *exclude) == servers


@pytest.mark.parametrize(
    "rule",
    [
        {"host_aggregates": [{"id": "*"}, {"id": 1}]},
        {"host_aggregates": [{"name": "*"}, {"name": "big"}]},
        {"availability_zones": [{"name": "*"}, {"name": "z1"}]},
        {"exclude": [{"host_aggregates": [{"id": "*"}, {"id": 1}]}]},
    ],
)
def test_a_wildcard_stands_alone(world, rule):
    with pytest.raises(exception.WildcardCharacterIsUsed):
        cut(world, rule)


def test_what_is_not_there_is_no_harm(world, caplog):
    caplog.set_level(logging.WARNING)
    assert hosts(world, {"exclude": [{"compute_nodes": [{"name": "x"}]}]}) == "abcd"
    assert flagged(world, {"instances": [{"uuid": "y"}]}) == []
    assert "compute node x is not in the model" in caplog.text
    assert "instance y is not in the model" in caplog.text


def test_a_stale_model_stays_one(world):
    model = world.model
    model.stale = True
    rules = [{"exclude": [{"compute_nodes": [{"name": "a"}]}]}]
    assert not ComputeScope(rules, {}).get_scoped_model(model)
    assert ComputeScope(rules, {}).get_scoped_model(None) is None


def test_group_members_out_of_scope_are_remembered(world):
    """A server cannot join its affinity group where the audit may not look"""
    world.group("affinity", "s2", "s1")
    model = cut(world, {"availability_zones": [{"name": "z2"}]})
    verdict = feasible(View(model), "s2")
    assert verdict.targets == []
    assert model.host_of("s1") == "a"
