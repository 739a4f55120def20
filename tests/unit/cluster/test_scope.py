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


def test_ten_thousand_names_in_vain_are_one_line(world, caplog):
    caplog.set_level(logging.WARNING)
    gone = [{"uuid": f"y{number:05d}"} for number in range(10_000)]
    assert flagged(world, {"instances": gone}) == []
    (line,) = caplog.records
    assert len(line.getMessage()) < 200
    assert "y00004 and 9995 more is not in the model" in line.getMessage()


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


def missing(world, *rules):
    found = ComputeScope(list(rules), {}).missing(world.model)
    return [(item.path, item.what, item.name) for item in found]


class TestMissing:
    """decisions.rst D5.8: what rules name and the model does not have"""

    def test_aggregates_by_id_and_by_name(self, world):
        items = [{"id": 1}, {"id": 9}, {"name": "big"}, {"name": "small"}]
        assert missing(world, {}, {"host_aggregates": items}) == [
            ("/1/host_aggregates/1/id", "host aggregate", "9"),
            ("/1/host_aggregates/3/name", "host aggregate", "small"),
        ]

    def test_zones_also_exist_without_hosts(self, world):
        world.aggregate("empty", zone="z7")
        items = [{"name": "z1"}, {"name": "z7"}, {"name": "z8"}]
        assert missing(world, {"availability_zones": items}) == [
            ("/0/availability_zones/2/name", "availability zone", "z8")
        ]

    def test_what_is_excluded(self, world):
        exclude = [
            {"instances": [{"uuid": "s1"}, {"uuid": "s9"}]},
            {"compute_nodes": [{"name": "z"}], "host_aggregates": [{"name": "none"}]},
        ]
        assert missing(world, {"exclude": exclude}) == [
            ("/0/exclude/0/instances/1/uuid", "instance", "s9"),
            ("/0/exclude/1/host_aggregates/0/name", "host aggregate", "none"),
            ("/0/exclude/1/compute_nodes/0/name", "compute node", "z"),
        ]

    def test_wildcards_projects_metadata_and_empty_items_are_never_missing(self, world):
        assert not missing(
            world,
            {"host_aggregates": [{"id": "*"}], "availability_zones": [{"name": "*"}]},
            {"host_aggregates": [{"name": "*"}, {}], "availability_zones": [{}]},
            {"exclude": [{"projects": [{"uuid": "p9"}]}, {"instances": [{}]}]},
            {"exclude": [{"instance_metadata": [{"no": "such"}]}]},
        )

    def test_without_a_model_nothing_is_known(self, world):
        rules = [{"host_aggregates": [{"name": "gone"}]}]
        stale = world.model
        stale.stale = True
        assert ComputeScope(rules, {}).missing(None) == []
        assert ComputeScope(rules, {}).missing(stale) == []


def test_the_given_model_is_left_alone(world):
    """audits.md S7: others look at it, too"""
    model = world.model
    before, flags = model.to_list(), {"exclude": [{"projects": [{"uuid": "p1"}]}]}
    for rule in ({"host_aggregates": [{"id": 1}]}, flags):
        ComputeScope([rule], {}).get_scoped_model(model)
        assert model.to_list() == before


def test_an_excluded_aggregate_may_have_hosts_that_the_model_lacks(world):
    """audits.md 11.3: host "gone" of aggregate 1 is ignored"""
    assert hosts(world, {"exclude": [{"host_aggregates": [{"name": "fast"}]}]}) == "bcd"


def test_exclusion_wins_over_inclusion_of_the_same_node(world):
    """audits.md 11.3, step 6"""
    rules = [
        {"availability_zones": [{"name": "z2"}]},
        {"exclude": [{"compute_nodes": [{"name": "b"}, {"name": "c"}]}]},
    ]
    model = cut(world, *rules)
    assert model and not model.nodes_data, "empty but valid"
