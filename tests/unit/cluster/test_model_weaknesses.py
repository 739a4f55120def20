"""What models.md 8 says of the reference, and how it is here; by its numbers.

M4 to M6 and P2 are beside the storage and bare-metal models, M7 and M9 beside the events.
"""

import dataclasses
import threading

import pytest

import watcher.conf
from watcher import exception
from watcher.clients.records import Inventory
from watcher.cluster.collector.base import Reading
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.collector.kept import Kept
from watcher.cluster.constraint.rules import feasible
from watcher.cluster.model.element import Instance
from watcher.cluster.model.model_root import ModelRoot
from watcher.plugins import COLLECTORS, Plugins


def collector(clients):
    found = ComputeCollector({}, clients)
    found.reading = Reading(attempts=1, interval_s=0)
    return found


@pytest.fixture
def models(cloud):
    conf = watcher.conf.load(
        "test", overrides={("collector", "api_query_max_retries"): 1}
    )
    plugins = Plugins.of({COLLECTORS: {"compute": ComputeCollector}}, conf)
    cloud.node("a").node("b").server("s", on="a").aggregate("one", "a")
    cloud.server("t", on="b").aggregate("two", "b")
    return Models(conf, plugins, cloud.clients)


def clients_of(models):
    return models.collector("compute").osc


class TestCorrectness:
    def test_m1_hosts_are_told_apart_by_their_whole_name(self, cloud):
        cloud.node("compute1").node("compute10").node("compute100")
        cloud.server("s", on="compute10").server("t", on="compute1")
        model = collector(cloud.clients).execute()
        assert len(model.get_all_compute_nodes()) == 3
        assert (model.host_of("s"), model.host_of("t")) == ("compute10", "compute1")

    def test_m2_half_a_cloud_is_never_taken_for_the_whole(self, cloud):
        cloud.node("a").server("s", on="a")
        clients = cloud.clients
        kept = Kept("compute", collector(clients))
        kept.refresh()
        cloud.node("b")
        clients.fails["inventories"] = [exception.PlacementClientError(reason="x")] * 2
        for full in (True, False):
            with pytest.raises(exception.ClusterDataModelCollectionError):
                kept.refresh(full)
        assert list(kept.get(None).nodes_data) == ["node-a"] and "x" in kept.error

    def test_m3_without_inventory_and_numbers_a_host_takes_nobody(self, cloud):
        cloud.node("a").node("b").server("s", on="a")
        cloud.inventories_by_host["b"] = {}
        bare = dataclasses.replace(
            cloud.hypervisors_by_name["b"], vcpus=None, memory_mb=None, disk_gb=None
        )
        cloud.hypervisors_by_name["b"] = bare
        model = collector(cloud.clients).execute()
        node = model.get_node_by_name("b")
        assert (node.vcpus, node.memory, node.disk) == (0, 0, 0)
        assert feasible(cloud.view, "s").targets == []

    def test_m8_a_host_that_died_is_seen_with_the_next_decision(self, cloud):
        cloud.node("a").node("b")
        clients = cloud.clients
        kept = Kept("compute", collector(clients))
        kept.refresh()
        dead = dataclasses.replace(cloud.services_by_host["a"], state="down")
        cloud.services_by_host["a"] = dead
        assert kept.get(0).get_node_by_name("a").state == "down"
        assert (
            "inventories" in clients.calls and clients.calls.count("inventories") == 1
        )

    @pytest.mark.parametrize(("kind", "status"), [
        ("live-migration", "running"), ("resize", "finished"),
    ])  # fmt: skip
    def test_m8_what_is_under_way_holds_room_at_both_ends(self, cloud, kind, status):
        cloud.node("a").node("b", vcpus=4).server("s", on="a", vcpus=3)
        cloud.migration("s", to="b", kind=kind, status=status)
        model = collector(cloud.clients).execute()
        held = model.node_columns.held[model.node_columns.row["node-b"]]
        assert held.tolist()[0] == 3

    def test_m10_pinned_zones_and_extra_specs_decide(self, cloud):
        cloud.node("a", zone="z1").node("b", zone="z1").node("c", zone="z2")
        cloud.traits["node-b"] = ["FAST"]
        cloud.server("s", on="a", pinned_zone="z1").server(
            "t", on="a", pinned_zone="", specs={"trait:FAST": "required"}
        )
        view = cloud.view
        assert [n.hostname for n in feasible(view, "s").targets] == ["b"]
        assert [n.hostname for n in feasible(view, "t").targets] == ["b"]

    def test_m11_two_hypervisors_of_one_service_are_two_nodes(self, cloud):
        cloud.node("a").node("b")
        twin = dataclasses.replace(
            cloud.hypervisors_by_name["a"], uuid="node-b", name="b.local"
        )
        cloud.hypervisors_by_name["b"] = twin
        cloud.server("s", on="a").server("t", on="a")
        there = dataclasses.replace(cloud.servers_by_name["t"], hypervisor="b.local")
        cloud.servers_by_name["t"] = there
        model = collector(cloud.clients).execute()
        assert (model.node_of("s"), model.node_of("t")) == ("node-a", "node-b")

    def test_m12_where_a_server_is_has_one_truth(self, cloud):
        model = cloud.node("a").node("b").server("s", on="a").model
        assert model.migrate_instance("s", "node-a", "node-b")
        server = model.get_instance_by_uuid("s")
        assert (
            server.host == "b" and model.get_node_by_instance_uuid("s").uuid == "node-b"
        )

    def test_m13_no_row_of_the_list_inherits_from_another(self, cloud):
        model = cloud.node("a").server("s", on="a", metadata={"k": "v"}).model
        model.add_instance(Instance(uuid="z", name="bare"))
        model.map_instance("z", "node-a")
        rows = {row["server_uuid"]: row for row in model.to_list()}
        assert rows["s"]["server_metadata"] == {"k": "v"}
        assert "server_metadata" not in rows["z"]

    def test_m14_the_document_can_be_read_back(self, cloud):
        cloud.node("a").server("s", on="a", metadata={"k": "it's", "n": "ü"})
        model = cloud.model
        again = ModelRoot.from_xml(model.to_xml())
        assert again.get_instance_by_uuid("s").metadata == {"k": "it's", "n": "ü"}
        assert again.to_xml() == model.to_xml()


class TestLife:
    def test_l1_models_are_read_at_start_not_by_the_first_audit(self, models):
        models.start()
        try:
            deadline = threading.Event()
            for _ in range(100):
                if models.ready() is None:
                    break
                deadline.wait(0.05)
            assert models.age_s is not None
            assert list(models.get("compute", None).instances_data) == ["s", "t"]
        finally:
            models.stop(0)

    def test_l2_audits_of_different_scopes_share_one_whole_model(self, models):
        one = [{"compute": [{"host_aggregates": [{"name": "one"}]}]}]
        two = [{"compute": [{"host_aggregates": [{"name": "two"}]}]}]
        models.refresh(full=True)
        clients_of(models).calls.clear()
        seen = [
            set(models.scoped("compute", s, None).instances_data)
            for s in (one, two, [])
        ]
        assert seen == [{"s"}, {"t"}, {"s", "t"}]
        assert clients_of(models).calls == []

    def test_l3_looking_changes_nothing_of_what_is_kept(self, models):
        one = [{"compute": [{"host_aggregates": [{"name": "one"}]}]}]
        models.scoped("compute", one)
        assert set(models.get("compute", None).instances_data) == {"s", "t"}

    def test_l4_many_first_audits_cause_one_reading(self, models):
        gate = threading.Barrier(6)

        def ask():
            gate.wait(10)
            models.compute(None)

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert clients_of(models).calls.count("servers") == 1

    def test_l5_a_copy_shares_all_values_until_somebody_writes(self, models):
        mine, yours = models.compute(None), models.compute(None)
        assert mine.instances_data["s"] is yours.instances_data["s"]
        mine.get_instance_by_uuid("s").name = "mine"
        assert yours.get_instance_by_uuid("s").name == "S"

    def test_l7_engines_read_everything_at_different_times(self, cloud):
        collectors = [ComputeCollector({"period": 1000}, cloud.clients)] * 2
        periods = [
            Kept("compute", one, chance=lambda c=chance: c).period_s
            for one, chance in zip(collectors, (0.0, 0.9), strict=True)
        ]
        assert periods == [1000, 910]

    def test_l8_between_whole_readings_only_changes_are_asked_for(self, models):
        models.compute()
        clients_of(models).calls.clear()
        models.compute()
        assert "servers" not in clients_of(models).calls
        assert "inventories" not in clients_of(models).calls


class TestScaling:
    @pytest.mark.parametrize("hosts", [2, 40])
    def test_p1_p5_requests_of_a_host_are_one(self, cloud, hosts):
        """The number of calls does not grow; inventories alone are asked of each host"""
        for number in range(hosts):
            cloud.node(f"n{number}").server(f"s{number}", on=f"n{number}")
        clients = cloud.clients
        collector(clients).execute()
        assert len(clients.calls) == 8

    def test_p1_full_hosts_are_asked_for_one_by_one(self, cloud):
        cloud.node("a").node("b").server("s", on="a")
        cloud.full.add("node-a")
        clients = cloud.clients
        model = collector(clients).execute()
        assert clients.calls.count("usages") == 1
        assert model.node_columns.claimed[model.node_columns.row["node-a"]].any()

    def test_p3_looking_up_makes_no_elements(self, cloud):
        for number in range(50):
            cloud.node(f"n{number}").server(f"s{number}", on=f"n{number}")
        model = cloud.model
        assert model.get_node_by_name("n7").uuid == "node-n7"
        assert model.host_of("s9") == "n9"
        # One for the node that was asked for; fifty nodes and servers have none.
        assert len(model._nodes._live) == 1 and not model._instances._live

    def test_p4_a_lookup_that_finds_nothing_logs_nothing(self, cloud, caplog):
        model = cloud.node("a").model
        with pytest.raises(exception.ComputeNodeNotFound):
            model.get_node_by_name("b")
        assert model.node_named("b") is None and not caplog.records


def test_a_placement_that_does_not_tell_of_all_is_asked_of_each(cloud):
    cloud.node("a").server("s", on="a", specs={"trait:X": "required"})
    cloud.inventories_by_host["a"]["VGPU"] = Inventory(total=1)
    clients = cloud.clients
    refused = exception.PlacementClientError(reason="not allowed", http_status=403)
    clients.fails["offers"] = [refused]
    model = collector(clients).execute()
    assert "usages" in clients.calls
    assert model.get_node_by_name("a").traits is None
