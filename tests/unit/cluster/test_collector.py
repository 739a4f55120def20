"""Reading the compute model: whole, refreshed, or not at all."""

import dataclasses
import threading
import time

import pytest

from watcher import exception
from watcher.cluster.collector.base import BaseModelBuilder, Reading
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import View


@pytest.fixture
def busy(cloud):
    cloud.node("a", zone="z1").node("b", zone="z2", status="disabled", reason="broken")
    cloud.server("s1", on="a", vcpus=2, metadata={"k": "v"}).server("s2", on="b")
    cloud.server("s3", on="a").group("affinity", "s1", "s2")
    return cloud.aggregate("fast", "a", disk="ssd")


def collector(clients, **reading):
    found = ComputeCollector({}, osc=clients)
    reading = {"attempts": 1, "interval_s": 0, **reading}
    found.reading = Reading(**reading)
    return found


def placed(model):
    return {uuid: model.host_of(uuid) for uuid in sorted(model.instances_data)}


class TestWhole:
    def test_everything_decisions_need_is_there(self, busy):
        model = collector(busy.clients).execute()
        assert placed(model) == {"s1": "a", "s2": "b", "s3": "a"}
        b = model.get_node_by_name("b")
        assert (b.status, b.state, b.disabled_reason, b.zone, b.service_id) == (
            "disabled",
            "up",
            "broken",
            "z2",
            "service-b",
        )
        assert [a.name for a in model.aggregates_of("a")] == ["fast"]
        assert list(model.server_groups) == ["group-0"]
        assert ModelRoot.is_isomorphic(model, busy.model)

    def test_an_empty_cloud_is_a_good_model(self, cloud):
        model = collector(cloud.clients).execute()
        assert model and model.get_all_compute_nodes() == {}

    def test_the_number_of_calls_does_not_depend_on_the_cloud(self, busy):
        clients = busy.clients
        collector(clients).execute()
        assert sorted(clients.calls) == [
            "aggregates",
            "hypervisors",
            "inventories",
            "migrations",
            "offers",
            "server_groups",
            "servers",
            "services",
        ]

    def test_a_service_that_is_down_or_forced_down_makes_the_node_down(self, busy):
        old = busy.services_by_host["a"]
        busy.services_by_host["a"] = dataclasses.replace(old, forced_down=True)
        model = collector(busy.clients).execute()
        assert model.get_node_by_name("a").state == "down"

    def test_without_inventory_the_hypervisor_counts_for_each_class(self, busy):
        busy.inventories_by_host["a"].pop("DISK_GB")
        node = collector(busy.clients).execute().get_node_by_name("a")
        assert (node.disk, node.disk_ratio, node.disk_gb_reserved) == (1000, 1.0, 0)

    def test_what_nobody_knows_gets_no_server(self, busy):
        old = busy.hypervisors_by_name["b"]
        busy.hypervisors_by_name["b"] = dataclasses.replace(old, vcpus=None)
        busy.inventories_by_host["b"] = {}
        model = collector(busy.clients).execute()
        assert View(model).room("b").vcpus == -1  # nothing, less what is there

    def test_servers_without_host_or_on_bare_metal_are_left_out(self, busy):
        busy.server("shelved", on=None, state="shelved_offloaded")
        busy.server("metal", on="ironic-1")
        assert set(placed(collector(busy.clients).execute())) == {"s1", "s2", "s3"}

    def test_placement_knows_of_claims_that_no_server_shows(self, busy):
        clients = busy.clients
        clients.claims["node-a"] = {"VCPU": 10, "MEMORY_MB": 2048, "DISK_GB": 20}
        room = View(collector(clients).execute()).room("a")
        assert room.vcpus == 6  # of 16; our servers use 3
        assert room.memory_mb == 65536 - 2048


class TestBetweenTwoLists:
    """The lists are read one beside the other, and servers do not wait for that"""

    def read(self, busy, meanwhile):
        clients = busy.clients
        in_flight = clients.in_flight_migrations

        def late():
            clients.in_flight_migrations = in_flight
            found = in_flight()
            meanwhile(busy)
            return found

        busy.change("s1", task_state="migrating", status="MIGRATING")
        clients.in_flight_migrations = late
        early = clients.servers()
        clients.servers = lambda since=None: early
        return collector(clients).execute()

    def test_a_migration_that_began_is_found(self, busy):
        model = self.read(busy, lambda cloud: cloud.migration("s1", to="b"))
        assert View(model).held[1].tolist() == [2, 1024, 10]

    def test_one_that_ended_has_moved_its_server(self, busy):
        def end(cloud):
            cloud.change("s1", host="b", task_state=None, status="ACTIVE")

        assert placed(self.read(busy, end))["s1"] == "b"

    def test_a_server_that_went_is_gone(self, busy):
        model = self.read(busy, lambda cloud: cloud.servers_by_name.pop("s1"))
        assert set(placed(model)) == {"s2", "s3"}


class TestFailing:
    @pytest.mark.parametrize(
        "call",
        [
            "hypervisors",
            "services",
            "servers",
            "aggregates",
            "server_groups",
            "migrations",
            "inventories",
        ],
    )
    def test_half_a_reading_is_none(self, busy, call):
        """The error that ended it comes out as it is"""
        clients = busy.clients
        clients.fails[call] = [exception.NovaClientError(reason="502")] * 3
        with pytest.raises(exception.NovaClientError, match="502"):
            collector(clients, attempts=3).execute()

    def test_failures_that_pass_are_survived(self, busy):
        clients = busy.clients
        clients.fails["servers"] = [exception.NovaClientError(reason="502")] * 2
        found = collector(clients, attempts=3)
        assert len(found.execute().get_all_instances()) == 3
        assert clients.calls.count("servers") == 3

    def test_a_process_that_stops_does_not_try_again(self, busy):
        clients = busy.clients
        clients.fails["servers"] = [exception.NovaClientError(reason="502")] * 2
        found = collector(clients, attempts=3)
        found.reading.halt.set()
        with pytest.raises(exception.NovaClientError):
            found.execute()
        assert clients.calls.count("servers") == 1

    def test_one_error_ends_the_reading_though_another_call_hangs(self, busy):
        clients, gate = busy.clients, threading.Event()
        clients.hypervisors = lambda: gate.wait(30)
        clients.fails["services"] = [exception.NovaClientError(reason="502")]
        begin = time.monotonic()
        with pytest.raises(exception.NovaClientError, match="502"):
            collector(clients).execute()
        assert time.monotonic() - begin < 5
        gate.set()

    def test_a_reading_has_a_limit(self, busy):
        clients, gate = busy.clients, threading.Event()
        clients.hypervisors = lambda: gate.wait(30)
        with pytest.raises(exception.ClusterDataModelCollectionError, match="0.1 s"):
            collector(clients, timeout_s=0.1).execute()
        gate.set()

    def test_a_cell_that_does_not_answer_fails_the_reading(self, busy):
        busy.server("x", on=None).change("x", status="UNKNOWN")
        with pytest.raises(exception.NovaClientError, match="1 servers are in a cell"):
            collector(busy.clients).execute()

    def test_builders_written_elsewhere_retry_too(self):
        answers = [ValueError("no"), "yes"]

        def ask():
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        builder = BaseModelBuilder(reading=Reading(attempts=2, interval_s=0))
        assert builder.call_retry(ask) == "yes"


class TestRefreshing:
    def refreshed(self, busy, change):
        clients = busy.clients
        found = collector(clients)
        old = found.execute()
        clients.calls.clear()
        change(busy)
        return found.refresh(old), old, clients

    def check(self, busy, change):
        """What a refresh gives is what reading everything gives"""
        model, old, clients = self.refreshed(busy, change)
        asked = list(clients.calls)
        whole = collector(clients).execute()
        assert ModelRoot.is_isomorphic(model, whole)
        rows = [model.node_columns.row[u] for u in sorted(model.nodes_data)]
        others = [whole.node_columns.row[u] for u in sorted(model.nodes_data)]
        for column in ("used", "held", "capacity"):
            mine = getattr(model.node_columns, column)[rows].tolist()
            assert mine == getattr(whole.node_columns, column)[others].tolist(), column
        clients.calls = asked
        return model, old, clients

    def test_nothing_new(self, busy):
        model, old, clients = self.refreshed(busy, lambda c: None)
        assert ModelRoot.is_isomorphic(model, old)
        assert sorted(clients.calls) == [
            "aggregates",
            "changes",
            "hypervisors",
            "migrations",
            "server_groups",
            "services",
        ]

    def test_a_server_changed_its_host(self, busy):
        model, old, _clients = self.check(busy, lambda c: c.change("s1", host="b"))
        assert (model.host_of("s1"), old.host_of("s1")) == ("b", "a")

    def test_a_server_came_one_went_one_was_shelved(self, busy):
        def change(cloud):
            cloud.change("s1", deleted=True).change("s2", host=None)
            cloud.server(
                "s4", on="b", vcpus=3, at=cloud.servers_by_name["s1"].updated_at
            )

        model, _old, _clients = self.check(busy, change)
        assert placed(model) == {"s3": "a", "s4": "b"}

    def test_a_server_grew(self, busy):
        flavor = dataclasses.replace(busy.servers_by_name["s1"].flavor, vcpus=8)
        self.check(busy, lambda c: c.change("s1", flavor=flavor, task_state="resizing"))

    def test_a_host_went_down_and_another_was_enabled(self, busy):
        def change(cloud):
            cloud.services_by_host["a"] = dataclasses.replace(
                cloud.services_by_host["a"], state="down"
            )
            cloud.services_by_host["b"] = dataclasses.replace(
                cloud.services_by_host["b"], status="enabled", disabled_reason=None
            )

        model, old, _clients = self.check(busy, change)
        assert model.get_node_by_name("a").state == "down"
        assert model.get_node_by_name("b").status == "enabled"
        assert old.get_node_by_name("b").status == "disabled"

    def test_a_migration_began_and_ended(self, busy):
        model, _old, _clients = self.check(busy, lambda c: c.migration("s1", to="b"))
        assert View(model).room("b").vcpus == 13

        def end(cloud):
            cloud.flights.clear()
            cloud.change("s1", host="b")

        clients = busy.clients
        end(busy)
        model = collector(clients).refresh(model)
        assert View(model).room("a").vcpus == 15
        assert View(model).room("b").vcpus == 13

    def test_a_resize_under_way_holds_what_placement_says(self, busy):
        """The new flavor is larger, and only Placement knows it yet"""
        clients = busy.clients
        found = collector(clients)
        old = found.execute()
        busy.migration("s1", to="b", kind="resize")
        clients.claims["node-b"] = {"VCPU": 9, "MEMORY_MB": 2048, "DISK_GB": 20}
        assert View(found.refresh(old)).room("b").vcpus == 16 - 9

    def test_groups_and_aggregates_are_read_again(self, busy):
        model, _old, _clients = self.check(
            busy, lambda c: c.aggregate("new", "b").group("anti-affinity", "s3")
        )
        assert len(model.aggregates) == len(model.server_groups) == 2

    def test_another_host_came(self, busy):
        _model, _old, clients = self.check(busy, lambda c: c.node("c"))
        assert clients.calls.count("inventories") == 1

    def test_a_host_came_with_servers_that_did_not_change_for_long(self, busy):
        hidden = busy.hypervisors_by_name.pop("b")
        found = collector(busy.clients)
        old = found.execute()
        assert "s2" not in old.instances_data
        busy.hypervisors_by_name["b"] = hidden
        whole = found.execute()
        assert ModelRoot.is_isomorphic(found.refresh(old), whole)

    def test_a_host_went_with_what_was_on_it(self, busy):
        def went(cloud):
            del cloud.hypervisors_by_name["b"], cloud.services_by_host["b"]

        model, _old, clients = self.check(busy, went)
        assert "s2" not in model.instances_data and not model.outside
        assert "inventories" not in clients.calls

    def test_servers_stamped_a_little_late_are_not_missed(self, busy):
        late = busy.servers_by_name["s1"].updated_at
        self.check(busy, lambda c: c.change("s2", host="a", updated_at=late))
