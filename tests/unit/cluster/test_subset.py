"""A part of a model: independent of the whole, and honest about what lies outside."""

import pytest

from watcher.cluster.constraint.rules import feasible
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import View
from watcher.cluster.model.subset import subset


@pytest.fixture
def model(cloud):
    cloud.node("a", vcpus=4).node("b", vcpus=8).node("c", vcpus=16)
    cloud.server("a1", on="a", vcpus=2).server("a2", on="a")
    cloud.server("b1", on="b", vcpus=3, metadata={"tier": "db"}).server("c1", on="c")
    cloud.aggregate("fast", "a", "b").aggregate("big", "c")
    return cloud.model


def part(model, *hosts):
    return subset(model, [f"node-{host}" for host in hosts])


def used(model, host):
    return model.get_node_used_resources(f"node-{host}")["vcpu"]


def test_it_is_what_a_model_of_these_nodes_alone_would_be(cloud, model):
    for name in ("a1", "a2"):
        del cloud.servers_by_name[name]
    del cloud.hypervisors_by_name["a"]
    alone = cloud.model
    found = part(model, "b", "c")
    assert ModelRoot.is_isomorphic(found, alone)
    assert found.to_list() == alone.to_list()
    for name in ("total", "reserved", "ratio", "used", "held"):
        for uuid in ("node-b", "node-c"):
            columns, others = found.node_columns, alone.node_columns
            mine = getattr(columns, name)[columns.row[uuid]]
            assert mine.tolist() == getattr(others, name)[others.row[uuid]].tolist()
    assert View(found).used.tolist() == View(alone).used.tolist()


def test_it_is_independent_in_both_directions(model):
    found = part(model, "a", "b")
    found.map_instance("a1", "node-b")
    found.get_instance_by_uuid("b1").watcher_exclude = True
    found.get_instance_by_uuid("b1").metadata["tier"] = "web"
    found.get_node_by_uuid("node-a").status = "disabled"
    assert (used(found, "a"), used(found, "b")) == (1, 5)
    assert (used(model, "a"), used(model, "b")) == (3, 3)
    assert model.host_of("a1") == "a"
    assert model.get_instance_by_uuid("b1").metadata == {"tier": "db"}
    assert not model.get_instance_by_uuid("b1").watcher_exclude
    assert model.get_node_by_uuid("node-a").status == "enabled"
    other = part(model, "a", "b")
    model.get_instance_by_uuid("a2").metadata["os"] = "x"
    model.get_instance_by_uuid("a2").vcpus = 2
    model.remove_instance("b1")
    assert (used(other, "a"), used(other, "b")) == (3, 3)
    assert other.get_instance_by_uuid("a2").metadata == {}


def test_values_that_somebody_may_change_in_place_are_not_shared(model):
    lent = model.get_instance_by_uuid("b1").metadata
    found = part(model, "b")
    lent["tier"] = "web"
    assert found.get_instance_by_uuid("b1").metadata == {"tier": "db"}


def test_elements_can_come_and_go(cloud, model):
    found = part(model, "c")
    found.remove_instance("c1")
    other = part(cloud.server("b2", on="b", vcpus=2).model, "b")
    found.add_instance(other.get_instance_by_uuid("b2"))
    found.map_instance("b2", "node-c")
    assert used(found, "c") == 2
    found.remove_node("node-c")
    assert not found.nodes_data and set(found.instances_data) == {"b2"}


def test_a_part_of_no_nodes_is_a_model(model):
    found = part(model)
    assert found and not found.nodes_data and not found.instances_data
    assert found.to_list() == []
    assert View(found).hosts == []


def test_servers_on_no_node_stay(model):
    model.unmap_instance("c1", "node-c")
    found = part(model, "a")
    assert set(found.instances_data) == {"a1", "a2", "c1"}
    assert found.host_of("c1") is None
    columns = found.instance_columns
    nodes = [int(columns.node[columns.row[u]]) for u in ("a1", "a2", "c1")]
    assert nodes == [0, 0, -1]


def test_room_held_for_what_comes_from_outside_stays_held(cloud):
    """audits.md S9: what others do at the same time counts, wherever it comes from"""
    cloud.node("a", vcpus=4).node("b", vcpus=4).node("c", vcpus=4)
    cloud.server("x", on="c", vcpus=3).server("s", on="b", vcpus=2)
    found = part(cloud.migration("x", to="a").model, "a", "b")
    view = View(found)
    assert view.room("a").vcpus == 1
    assert feasible(view, "s").targets == []


def test_members_of_groups_outside_keep_their_place(cloud, model):
    cloud.group("affinity", "a1", "c1").group("anti-affinity", "c1").group(
        "anti-affinity", "b1", "gone"
    )
    found = part(cloud.model, "a", "b")
    assert found.host_of("c1") == "c" and found.host_of("gone") is None
    assert set(found.server_groups) == {"group-0", "group-2"}
    assert feasible(View(found), "a1").targets == []
    assert part(found, "a").host_of("c1") == "c", "also in a part of a part"


def test_a_member_outside_that_is_on_its_way_in_counts(cloud):
    cloud.node("a").node("b").node("c")
    cloud.server("s", on="b").server("x", on="c").group("anti-affinity", "s", "x")
    found = part(cloud.migration("x", to="a").model, "a", "b")
    assert feasible(View(found), "s").targets == []
