"""Each rule: what it lets happen, what it refuses, and how it says so."""

import random

import pytest

from watcher.clients.records import Inventory
from watcher.cluster.constraint.resources import Resources
from watcher.cluster.constraint.rules import feasible, standard
from watcher.cluster.constraint.spec import matches
from watcher.cluster.model.simulate import COLD


def hosts(view, instance, **kwargs):
    return [node.hostname for node in feasible(view, instance, **kwargs).targets]


def why(view, instance, **kwargs):
    return feasible(view, instance, **kwargs).why


class TestCapacity:
    def test_ratio_and_reservation_count_as_in_placement(self, cloud):
        cloud.node("a").server("s", on="a", vcpus=4)
        cloud.node("b", vcpus=4, ratio=2.0, reserved=(1, 0, 0)).server(
            "t", on="b", vcpus=2
        )
        assert hosts(cloud.view, "s") == ["b"]  # (4 - 1) x 2 - 2 = 4
        cloud.server("u", on="b", vcpus=1)
        assert why(cloud.view, "s") == "capacity: 1 node"

    @pytest.mark.parametrize("resource", ["vcpus", "memory", "disk"])
    def test_each_resource_counts(self, cloud, resource):
        cloud.node("a").node("b", vcpus=4, memory=4096, disk=40)
        cloud.server("s", on="a", **{resource: 41 if resource == "disk" else 5000})
        assert hosts(cloud.view, "s") == []

    def test_no_server_is_larger_than_its_node(self, cloud):
        cloud.node("a").node("b", vcpus=4, ratio=16.0).server("s", on="a", vcpus=5)
        assert why(cloud.view, "s") == "capacity: 1 node"

    def test_a_server_on_a_volume_needs_no_local_root_disk(self, cloud):
        cloud.node("a").node("b", disk=2)
        cloud.server(
            "s", on="a", disk=80, boots_from_volume=True, ephemeral=1, swap=512
        )
        assert cloud.model.get_instance_by_uuid("s").disk == 2
        assert hosts(cloud.view, "s") == ["b"]

    def test_an_overfull_resource_that_is_not_needed_does_not_matter(self, cloud):
        cloud.node("a").node("b", disk=5).server("t", on="b", disk=10)
        cloud.server("s", on="a", disk=0)
        assert hosts(cloud.view, "s") == ["b"]

    def test_a_migration_under_way_holds_room_at_both_ends(self, cloud):
        cloud.node("a", vcpus=4).node("b", vcpus=4).node("c", vcpus=4)
        cloud.server("m", on="a", vcpus=3).migration("m", to="b")
        cloud.server("s", on="c", vcpus=2)
        assert why(cloud.view, "s") == "capacity: 2 nodes"

    def test_moves_use_and_free_room(self, cloud):
        cloud.node("a", vcpus=4).node("b", vcpus=4)
        cloud.server("s", on="a", vcpus=3).server("t", on="b", vcpus=3)
        view = cloud.node("c", vcpus=4).view
        assert hosts(view, "s") == ["c"]
        view.move("t", to="c", reason="makes room")
        assert hosts(view, "s") == ["b"]
        assert view.room("b").vcpus == 4 and view.room("c").vcpus == 1


class TestServerGroups:
    def test_anti_affinity(self, cloud):
        for name in "abc":
            cloud.node(name)
        cloud.server("s1", on="a").server("s2", on="b").group(
            "anti-affinity", "s1", "s2"
        )
        assert hosts(cloud.view, "s1") == ["c"]
        assert why(cloud.view, "s1") == "server_group: 1 node"

    def test_anti_affinity_with_several_on_a_host(self, cloud):
        cloud.node("a").node("b")
        cloud.server("s1", on="a").server("s2", on="b").server("s3", on="b")
        cloud.group("anti-affinity", "s1", "s2", "s3", most=3)
        assert hosts(cloud.view, "s1") == ["b"]
        cloud.groups.clear()
        cloud.group("anti-affinity", "s1", "s2", "s3", most=2)
        assert hosts(cloud.view, "s1") == []

    def test_a_member_under_way_counts_where_it_goes(self, cloud):
        cloud.node("a").node("b").node("c")
        cloud.server("s1", on="a").server("s2", on="b").migration("s2", to="c")
        cloud.group("anti-affinity", "s1", "s2")
        assert hosts(cloud.view, "s1") == []

    def test_nobody_leaves_an_affinity_group(self, cloud):
        cloud.node("a").node("b").server("s1", on="a").server("s2", on="a")
        cloud.group("affinity", "s1", "s2").server("s3", on="a").group("affinity", "s3")
        assert hosts(cloud.view, "s1") == []
        assert hosts(cloud.view, "s3") == ["b"], "a group of one may move"

    def test_soft_policies_order_the_targets(self, cloud):
        cloud.node("a").node("b").node("c")
        cloud.server("s1", on="a").server("s2", on="b")
        cloud.group("soft-anti-affinity", "s1", "s2")
        assert hosts(cloud.view, "s1") == ["c", "b"]
        cloud.groups.clear()
        cloud.group("soft-affinity", "s1", "s2")
        assert hosts(cloud.view, "s1", candidates=["c", "b"]) == ["b", "c"]


class TestZone:
    def test_a_pinned_server_stays_in_its_zone(self, cloud):
        cloud.node("a", zone="z1").node("b", zone="z2").node("c", zone="z1")
        cloud.server("s", on="a", pinned_zone="z1")
        assert hosts(cloud.view, "s") == ["c"]
        assert why(cloud.view, "s") == "zone: 1 node"

    def test_one_that_is_known_not_to_be_pinned_goes_anywhere(self, cloud):
        cloud.node("a", zone="z1").node("b", zone="z2")
        assert hosts(cloud.server("s", on="a", pinned_zone="").view, "s") == ["b"]

    def test_when_nova_does_not_tell_all_stay(self, cloud):
        cloud.node("a", zone="z1").node("b", zone="z2")
        assert hosts(cloud.server("s", on="a", pinned_zone=None).view, "s") == []


class TestAggregates:
    SPEC = "aggregate_instance_extra_specs:disk"

    def test_what_the_flavor_demands_is_there(self, cloud):
        cloud.node("a").node("b").node("c").aggregate("fast", "a", "c", disk="ssd,nvme")
        cloud.server("s", on="a", specs={self.SPEC: "ssd"}).server("t", on="a")
        assert hosts(cloud.view, "s") == ["c"]
        assert hosts(cloud.view, "t") == ["b", "c"]

    def test_a_spec_without_prefix_binds_when_the_present_host_matches(self, cloud):
        cloud.node("a").node("b").aggregate("fast", "a", disk="ssd")
        cloud.server("s", on="a", specs={"disk": "ssd"})
        cloud.server("t", on="a", specs={"other": "1", "hw:cpu_policy": "dedicated"})
        assert hosts(cloud.view, "s") == []
        assert hosts(cloud.view, "t") == ["b"]

    def test_hosts_of_one_tenant(self, cloud):
        cloud.node("a").node("b").aggregate("theirs", "b", filter_tenant_id="p1, p2")
        cloud.server("s", on="a", project="p2").server("t", on="a", project="p3")
        assert hosts(cloud.view, "s") == ["b"]
        assert why(cloud.view, "t") == "aggregate: 1 node"

    @pytest.mark.parametrize(
        ("value", "wanted", "expected"),
        [
            ("ssd", "ssd", True),
            ("ssd", "<or> hdd <or> ssd", True),
            ("12", ">= 10", True),
            ("8", ">= 10", False),
            ("x", ">= 10", False),
            ("12", "= 10", True),
            ("abc", "s== abc", True),
            ("abc", "<in> b", True),
            ("abc", "<all-in> a d", False),
            ("", "", True),
        ],
    )
    def test_wanted_values_may_be_expressions(self, value, wanted, expected):
        assert matches(value, wanted) is expected


class TestState:
    @pytest.mark.parametrize("node", [{"status": "disabled"}, {"state": "down"}])
    def test_targets_are_up_and_enabled(self, cloud, node):
        cloud.node("a").node("b", **node).server("s", on="a")
        assert why(cloud.view, "s") == "state: 1 node"

    @pytest.mark.parametrize(
        ("server", "text"),
        [
            ({"locked": True}, "s is locked"),
            ({"task_state": "resize_prep"}, "s is busy: resize_prep"),
            ({"state": "error"}, "s is error: no live migration"),
            ({"state": "stopped"}, "s is stopped: no live migration"),
        ],
    )
    def test_servers_that_cannot_move(self, cloud, server, text):
        cloud.node("a").node("b").server("s", on="a", **server)
        assert why(cloud.view, "s") == text

    def test_a_stopped_server_moves_cold(self, cloud):
        cloud.node("a").node("b").server("s", on="a", state="stopped")
        assert hosts(cloud.view, "s", kind=COLD) == ["b"]

    def test_nothing_leaves_a_node_that_is_down(self, cloud):
        cloud.node("a", state="down").node("b").server("s", on="a")
        assert why(cloud.view, "s") == "s is on a, which is down"

    def test_a_server_under_way_is_left_alone(self, cloud):
        cloud.node("a").node("b").node("c").server("s", on="a").migration("s", to="b")
        assert why(cloud.view, "s") == "s is being migrated"

    def test_the_plan_closes_and_opens_nodes(self, cloud):
        cloud.node("a").node("b").node("c", status="disabled").server("s", on="a")
        view = cloud.view
        view.disable("b", "maintenance")
        view.enable("c", "backup")
        assert hosts(view, "s") == ["c"]


class TestScope:
    def test_excluded_servers_stay(self, cloud):
        view = cloud.node("a").node("b").server("s", on="a").view
        view.instance("s").watcher_exclude = True
        assert why(view, "s") == "s is excluded by the scope"

    def test_targets_outside_are_refused(self, cloud):
        view = cloud.node("a").server("s", on="a").view
        move = view.planned("s", to="elsewhere")
        reasons = [rule.why(view, move) for rule in standard()]
        assert [r for r in reasons if r] == [
            "elsewhere is outside the scope or unknown"
        ]


def test_reasons_are_counted_by_the_first_rule_that_refuses(cloud):
    cloud.node("a", zone="z").server("s", on="a", vcpus=8)
    cloud.node("small1", zone="z", vcpus=4).node("small2", zone="z", vcpus=4)
    cloud.node("far", vcpus=4).node("off", zone="z", status="disabled")
    verdict = feasible(cloud.view, "s")
    assert verdict.targets == []
    assert verdict.why == "capacity: 2 nodes, state: 1 node, zone: 1 node"


def some_cloud(cloud, seed):
    """A small cloud in which every rule has something to say"""
    dice = random.Random(seed)
    names = [f"n{i}" for i in range(8)]
    for name in names:
        cloud.node(
            name,
            vcpus=dice.choice([4, 8]),
            memory=8192,
            disk=dice.choice([50, 500]),
            zone=dice.choice(["z1", "z2"]),
            ratio=dice.choice([1.0, 1.5]),
            status=dice.choice(["enabled"] * 4 + ["disabled"]),
        )
    servers = [f"s{i}" for i in range(16)]
    for name in servers:
        cloud.server(
            name,
            on=dice.choice(names),
            vcpus=dice.randint(1, 3),
            disk=dice.randint(0, 30),
            pinned_zone=dice.choice([None, "", "z1"]),
            project=dice.choice("pq"),
            specs=dice.choice(
                [
                    {},
                    {TestAggregates.SPEC: "ssd"},
                    {"trait:FAST": "required"},
                    {"resources:VGPU": "2"},
                ]
            ),
        )
    for name in dice.sample(names, 4):
        TestDemands.has(cloud, name, "VGPU", dice.randint(1, 3))
        cloud.traits[f"node-{name}"] = ["FAST"]
    cloud.group("anti-affinity", *dice.sample(servers, 4), most=dice.choice([None, 2]))
    cloud.group("affinity", *dice.sample(servers, 2))
    cloud.aggregate("fast", *dice.sample(names, 4), disk="ssd")
    cloud.aggregate("theirs", *dice.sample(names, 2), filter_tenant_id="p")
    return cloud.migration(dice.choice(servers), to=dice.choice(names))


class TestDemands:
    """models.md M9: more than vCPUs, memory and disk, read from Placement"""

    def test_traits_are_required_or_forbidden(self, cloud):
        cloud.node("a").node("b").node("c").node("d")
        cloud.traits.update({"node-b": ["FAST"], "node-c": ["FAST", "LOUD"]})
        cloud.server("s", on="a", specs={"trait:FAST": "required"})
        cloud.server(
            "t", on="a", specs={"trait1:FAST": "required", "trait:LOUD": "forbidden"}
        )
        assert hosts(cloud.view, "s") == ["b", "c"]
        assert hosts(cloud.view, "t") == ["b"]
        assert why(cloud.view, "t") == "traits: 2 nodes"

    def test_a_host_of_unknown_traits_takes_nobody_who_is_particular(self, cloud):
        cloud.node("a").node("b")
        cloud.full.add("node-b")
        cloud.server("s", on="a", specs={"trait:LOUD": "forbidden"}).server("t", on="a")
        assert hosts(cloud.view, "s") == [] and hosts(cloud.view, "t") == ["b"]

    @staticmethod
    def has(cloud, host, resource, total):
        cloud.inventories_by_host[host][resource] = Inventory(total=total)

    def test_dedicated_cpus(self, cloud):
        cloud.node("a").node("b").node("c").node("d")
        for host, total in (("a", 8), ("b", 2), ("c", 8)):
            self.has(cloud, host, "PCPU", total)
        cloud.server("s", on="a", vcpus=4, specs={"hw:cpu_policy": "dedicated"})
        view = cloud.view
        assert hosts(view, "s") == ["c"]
        assert "room for 2 PCPU" in str(
            Resources().refuses(view, view.instance("s"), "b")
        )

    def test_without_such_hosts_nova_takes_them_for_vcpus(self, cloud):
        cloud.node("a").node("b")
        cloud.server("s", on="a", vcpus=4, specs={"hw:cpu_policy": "dedicated"})
        assert hosts(cloud.view, "s") == ["b"]

    def test_what_is_used_and_what_the_plan_brings_counts(self, cloud):
        cloud.node("a").node("b")
        self.has(cloud, "b", "VGPU", 2)
        for name in "stu":
            cloud.server(name, on="a", specs={"resources:VGPU": "1"})
        view = cloud.view
        for name in "st":
            assert hosts(view, name) == ["b"]
            view.move(name, "b")
        assert hosts(view, "u") == []

    def test_an_amount_that_is_none_pins_the_server(self, cloud):
        cloud.node("a").node("b")
        cloud.server("s", on="a", specs={"resources:VGPU": "many"})
        assert "no number" in why(cloud.view, "s")

    @pytest.mark.parametrize(
        ("specs", "nodes"),
        [
            ({}, 0),
            ({"hw:numa_nodes": "2"}, 2),
            ({"hw:cpu_policy": "dedicated"}, 1),
            ({"hw:mem_page_size": "large"}, 1),
            ({"hw:mem_page_size": "small"}, 0),
        ],
    )
    def test_numa_topology(self, cloud, specs, nodes):
        cloud.node("a").server("s", on="a", specs=specs)
        assert cloud.model.get_instance_by_uuid("s").numa_nodes == nodes


@pytest.mark.parametrize("seed", range(20))
def test_searching_and_explaining_agree(cloud, seed):
    """What ``fits`` says of all nodes at once is what ``refuses`` says of each"""
    view = some_cloud(cloud, seed).view
    for uuid in view.model.instances_data:
        instance = view.instance(uuid)
        for rule in standard():
            fits = rule.fits(view, instance)
            for i, host in enumerate(view.hosts):
                if host != view.host_of(uuid):
                    refused = rule.refuses(view, instance, host)
                    assert fits[i] == (refused is None), (rule.name, refused)
