"""The compute model as strategies see it."""

import copy
import json

import pytest

from watcher import exception
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.model_root import ModelRoot


@pytest.fixture
def model(cloud):
    cloud.node("a", vcpus=4, memory=8192, disk=100, ratio=2.0, reserved=(1, 512, 10))
    cloud.node("b")
    cloud.server("s1", on="a", vcpus=2, memory=1024, disk=20, metadata={"tier": "web"})
    cloud.server("s2", on="a", vcpus=1, memory=512, disk=5)
    return cloud.model


def used(model, host):
    return model.get_node_used_resources(model.get_node_by_name(host))


class TestElements:
    def test_a_field_reads_as_attribute_and_as_item(self):
        instance = Instance(uuid="s", vcpus="2")
        assert instance.vcpus == instance["vcpus"] == 2
        instance["vcpus"] = 3
        instance.update({"name": "web"})
        assert (instance.vcpus, instance.name) == (3, "web")

    def test_what_was_never_assigned_raises(self):
        with pytest.raises(NotImplementedError):
            _ = Instance(uuid="s").memory
        assert Instance(uuid="s").get("memory") is None

    def test_defaults_are_there(self):
        assert ComputeNode().status == "enabled"
        assert ComputeNode().state == "up"
        instance = Instance()
        assert (instance.state, instance.locked, instance.watcher_exclude) == (
            "active",
            False,
            False,
        )
        assert (instance.pinned_az, instance.flavor_extra_specs) == ("", {})

    def test_values_have_types(self):
        with pytest.raises(ValueError):
            Instance(vcpus=-1)
        with pytest.raises(ValueError):
            Instance(name=None)
        assert ComputeNode(disabled_reason=None).disabled_reason is None

    def test_equal_content_is_equal(self):
        assert Instance(uuid="s", vcpus=1) == Instance(uuid="s", vcpus=1)
        assert Instance(uuid="s", vcpus=1) != Instance(uuid="s", vcpus=2)

    def test_capacity_is_what_is_not_reserved_times_the_ratio(self, model):
        node = model.get_node_by_name("a")
        assert (node.vcpu_capacity, node.memory_mb_capacity, node.disk_gb_capacity) == (
            6,
            15360,
            180,
        )

    def test_an_outside_class_may_add_fields(self):
        from watcher.cluster.model.field import text

        class Tagged(Instance):
            tag = text("none")

        assert Tagged(uuid="s").tag == "none"
        assert Tagged(uuid="s", tag="x").as_dict()["tag"] == "x"


class TestLookingUp:
    def test_by_uuid_name_and_server(self, model):
        node = model.get_node_by_name("a")
        assert node is model.get_node_by_uuid("node-a")
        assert node is model.get_node_by_instance_uuid("s1")
        assert [i.uuid for i in model.get_node_instances(node)] == ["s1", "s2"]

    def test_what_is_not_there(self, model):
        with pytest.raises(exception.ComputeNodeNotFound):
            model.get_node_by_uuid("x")
        with pytest.raises(exception.ComputeNodeNotFound):
            model.get_node_by_name("x")
        with pytest.raises(exception.InstanceNotFound):
            model.get_instance_by_uuid("x")
        with pytest.raises(exception.ComputeResourceNotFound):
            model.get_node_by_instance_uuid("x")
        with pytest.raises(exception.ComputeNodeNotFound):
            model.remove_node(ComputeNode(uuid="x"))
        with pytest.raises(exception.IllegalArgumentException):
            model.add_node(Instance(uuid="x"))

    def test_a_server_on_no_node(self, model):
        model.unmap_instance("s1", "node-a")
        with pytest.raises(exception.InstanceNotMapped):
            model.get_node_by_instance_uuid("s1")


class TestResources:
    def test_use_follows_every_change(self, model):
        assert used(model, "a") == {"vcpu": 3, "memory": 1536, "disk": 25}
        model.get_instance_by_uuid("s1").vcpus = 4
        assert used(model, "a")["vcpu"] == 5
        model.unmap_instance("s2", "node-a")
        assert used(model, "a")["vcpu"] == 4
        model.map_instance("s2", "node-b")
        model.remove_instance("s1")
        assert (used(model, "a")["vcpu"], used(model, "b")["vcpu"]) == (0, 1)

    def test_free_is_capacity_less_use(self, model):
        node = model.get_node_by_name("a")
        assert model.get_node_free_resources(node) == {
            "vcpu": 3,
            "memory": 13824,
            "disk": 155,
        }
        node.vcpus = 6
        assert model.get_node_free_resources(node)["vcpu"] == 7

    def test_mapping_twice_counts_once(self, model):
        model.map_instance("s1", "node-a")
        assert used(model, "a")["vcpu"] == 3

    def test_the_sums_can_be_made_afresh(self, model):
        model.node_columns.used[:] = 99
        model.invalidate_resource_cache()
        assert used(model, "a")["vcpu"] == 3

    def test_rows_of_removed_elements_are_used_again(self, model):
        model.remove_node("node-b")
        model.remove_instance("s2")
        model.add_instance(Instance(uuid="s3", vcpus=1))
        model.add_node(ComputeNode(uuid="node-c", hostname="c"))
        assert used(model, "c") == {"vcpu": 0, "memory": 0, "disk": 0}
        model.map_instance("s3", "node-c")
        assert used(model, "c") == {"vcpu": 1, "memory": 0, "disk": 0}


class TestMigrating:
    def test_the_server_says_the_same_as_the_model(self, model):
        instance = model.get_instance_by_uuid("s1")
        assert model.migrate_instance(instance, "node-a", "node-b") is True
        assert instance.host == model.get_node_by_instance_uuid("s1").hostname == "b"
        assert instance.hypervisor_hostname == "b.local"

    def test_to_where_it_is_does_nothing(self, model):
        assert model.migrate_instance("s1", "node-a", "node-a") is False

    def test_a_removed_node_leaves_its_servers(self, model):
        model.remove_node("node-a")
        assert set(model.get_all_instances()) == {"s1", "s2"}
        with pytest.raises(exception.InstanceNotMapped):
            model.get_node_by_instance_uuid("s1")

    def test_a_removed_element_can_still_be_read(self, model):
        instance = model.get_instance_by_uuid("s1")
        model.remove_instance(instance)
        instance.vcpus = 7
        assert (instance.name, instance.vcpus) == ("S1", 7)


class TestCopies:
    def test_neither_side_sees_the_other(self, model):
        early = model.get_instance_by_uuid("s1")
        twin = copy.deepcopy(model)
        twin.get_instance_by_uuid("s1").vcpus = 9
        twin.migrate_instance("s2", "node-a", "node-b")
        twin.remove_node("node-b")
        early.name = "changed"
        assert early.vcpus == 2 and used(model, "a")["vcpu"] == 3
        assert model.get_node_by_instance_uuid("s2").hostname == "a"
        assert twin.get_instance_by_uuid("s1").name == "S1"
        assert twin.lock is not model.lock

    def test_nor_by_changes_in_place(self, model):
        before = model.get_instance_by_uuid("s1").metadata
        twin = model.copy()
        before["tier"] = "db"
        twin.get_instance_by_uuid("s1").metadata["own"] = "1"
        third = twin.copy()
        third.get_instance_by_uuid("s1").metadata["own"] = "2"
        assert model.get_instance_by_uuid("s1").metadata == {"tier": "db"}
        assert twin.get_instance_by_uuid("s1").metadata == {"tier": "web", "own": "1"}

    def test_an_element_of_one_model_goes_into_another_as_a_copy(self, model):
        other = ModelRoot()
        instance = model.get_instance_by_uuid("s1")
        other.add_instance(instance)
        other.get_instance_by_uuid("s1").vcpus = 8
        assert instance.vcpus == 2 and instance.home is not None

    def test_a_stale_model_is_false(self):
        assert not ModelRoot(stale=True)
        assert ModelRoot()


class TestOtherForms:
    def test_list_has_a_fresh_row_for_each_server(self, model):
        """A value that one server lacks is not taken from the one before it"""
        model.add_instance(Instance(uuid="s3", vcpus=1))
        model.map_instance("s3", "node-a")
        rows = model.to_list()
        assert [(r["node_hostname"], r.get("server_uuid")) for r in rows] == [
            ("a", "s1"),
            ("a", "s2"),
            ("a", "s3"),
            ("b", None),
        ]
        assert rows[0]["server_metadata"] == {"tier": "web"}
        assert "server_metadata" not in rows[2] and "server_memory" not in rows[2]
        json.dumps(rows)

    def test_list_shows_the_published_keys_alone(self, model):
        keys = set().union(*model.to_list())
        assert keys == {
            "node_uuid",
            "node_hostname",
            "node_status",
            "node_disabled_reason",
            "node_state",
            "node_memory",
            "node_memory_mb_reserved",
            "node_disk",
            "node_disk_gb_reserved",
            "node_vcpus",
            "node_vcpu_reserved",
            "node_memory_ratio",
            "node_vcpu_ratio",
            "node_disk_ratio",
            "server_uuid",
            "server_watcher_exclude",
            "server_name",
            "server_state",
            "server_memory",
            "server_disk",
            "server_vcpus",
            "server_metadata",
            "server_project_id",
            "server_locked",
            "server_pinned_az",
            "server_flavor_extra_specs",
        }

    def test_extended_attributes_show_only_when_enabled(self, cloud):
        cloud.node("a").server("s", on="a", pinned_zone="z", specs={"hw:x": "1"})
        model = cloud.model
        assert model.to_list()[0]["server_pinned_az"] == ""
        assert model.to_list()[0]["server_flavor_extra_specs"] == {}
        shown = ModelRoot(extended_attributes=True)
        shown.add_node(model.get_node_by_name("a"))
        shown.add_instance(model.get_instance_by_uuid("s"))
        shown.map_instance("s", "node-a")
        assert shown.to_list()[0]["server_pinned_az"] == "z"
        assert shown.to_list()[0]["server_flavor_extra_specs"] == {"hw:x": "1"}

    def test_xml_goes_both_ways(self, model):
        model.add_instance(Instance(uuid="s0", name="lost", metadata={"a": "b"}))
        document = model.to_xml()
        twin = ModelRoot.from_xml(document)
        assert twin.to_xml() == document
        assert twin.get_instance_by_uuid("s1").metadata == {"tier": "web"}
        assert twin.get_node_by_name("b").disabled_reason is None
        assert used(twin, "a") == used(model, "a")

    def test_models_are_compared_by_content(self, model):
        twin = model.copy()
        assert ModelRoot.is_isomorphic(model, twin)
        twin.migrate_instance("s1", "node-a", "node-b")
        assert not ModelRoot.is_isomorphic(model, twin)

    def test_outside_strategies_may_see_a_graph(self, model):
        assert set(model.predecessors("node-a")) == {"s1", "s2"}
        assert model.nodes["s1"]["attr"].name == "S1"
        model.migrate_instance("s1", "node-a", "node-b")
        assert list(model.successors("s1")) == ["node-b"]
        with pytest.raises(AttributeError):
            _ = model.no_such_thing
