"""What Nova tells, applied to the compute model: newer counts, older does not."""

import datetime
import itertools
import json
import random

import pytest

from watcher.clients.records import Inventory
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.collector.compute_events import wanted
from watcher.cluster.collector.event import Effect, Event

NOON = datetime.datetime(2026, 3, 1, 12)


def at(minutes=0, seconds=0):
    when = NOON + datetime.timedelta(minutes=minutes, seconds=seconds)
    return when.isoformat(" ")


LATER = at(5)


def payload(uuid, host="a", **more):
    """The part of a versioned payload that is read"""
    size = {"vcpus": 1, "memory_mb": 1024, "root_gb": 10, "ephemeral_gb": 0, "swap": 0}
    size.update({k: more.pop(k) for k in list(more) if k in size})
    data = {
        "uuid": uuid,
        "host": host,
        "node": host and f"{host}.local",
        "state": "active",
        "task_state": None,
        "display_name": uuid.upper(),
        "metadata": {},
        "tenant_id": "p",
        "image_uuid": "image",
        "locked": False,
        "created_at": at(),
        "updated_at": at(),
        "flavor": {"nova_object.data": {"extra_specs": {}, **size}},
        **more,
    }
    return {"nova_object.version": "1.8", "nova_object.data": data}


def event(kind, content, sent=LATER, by="nova-compute:a"):
    """A message; the model of the tests was read at noon"""
    metadata = {"timestamp": sent}
    return Event(publisher=by, kind=kind, payload=content, metadata=metadata)


def service(host="a", *, binary="nova-compute", disabled=False, reason=None, **more):
    data = {"host": host, "binary": binary, "disabled": disabled, **more}
    data.update(disabled_reason=reason, forced_down=more.get("forced_down", False))
    return {"nova_object.version": "1.1", "nova_object.data": data}


@pytest.fixture
def collector(cloud):
    cloud.node("a", vcpus=8).node("b", vcpus=8)
    cloud.server("s", on="a", vcpus=1).server("t", on="a", vcpus=2)
    return ComputeCollector({}, cloud.clients)


@pytest.fixture
def model(collector, cloud):
    return cloud.model


def used(model, host):
    uuid = model.node_named(host)
    return model.get_node_used_resources(uuid)["vcpu"]


def held(model, host):
    columns = model.node_columns
    return columns.held[columns.row[model.node_named(host)]].tolist()


class TestServers:
    def test_a_server_moved(self, collector, model):
        told = event("instance.live_migration_post_dest.end", payload("s", "b"))
        assert collector.follow(model, told) is Effect.APPLIED
        assert model.host_of("s") == "b" and used(model, "a") == 2
        assert used(model, "b") == 1
        found = model.get_instance_by_uuid("s")
        assert found.host == "b" and found.hypervisor_hostname == "b.local"

    def test_the_room_that_a_node_must_keep_does_not_change_by_it(
        self, collector, model
    ):
        model.hold("node-a", (3, 0, 0))
        collector.follow(model, event("instance.update", payload("s", "b")))
        assert held(model, "a") == [3, 0, 0] and held(model, "b") == [0, 0, 0]

    def test_a_server_grew(self, collector, model):
        told = payload("s", vcpus=4, memory_mb=2048, root_gb=20, swap=1500)
        assert collector.follow(model, event("instance.resize_confirm.end", told))
        found = model.get_instance_by_uuid("s")
        assert (found.vcpus, found.memory, found.disk) == (4, 2048, 22)
        assert used(model, "a") == 6

    def test_the_root_disk_of_a_server_on_a_volume_is_not_local(self, collector, model):
        told = payload("s", image_uuid="", ephemeral_gb=3)
        collector.follow(model, event("instance.update", told))
        assert model.get_instance_by_uuid("s").disk == 3

    def test_what_no_event_tells_stays(self, collector, cloud):
        cloud.change("s", pinned_zone="z1")
        model = cloud.model
        told = payload("s", display_name="new", metadata={"k": "v"})
        collector.follow(model, event("instance.update", told))
        found = model.get_instance_by_uuid("s")
        assert (found.name, found.metadata) == ("new", {"k": "v"})
        assert found.pinned_az == "z1"

    @pytest.mark.parametrize("gone", [{"host": None}, {"state": "soft-delete"}])
    def test_a_server_without_a_place_is_not_in_the_model(self, collector, model, gone):
        told = payload("s", **gone)
        kind = "instance.shelve_offload.end"
        assert collector.follow(model, event(kind, told)) is Effect.APPLIED
        assert "s" not in model.instances_data and used(model, "a") == 2

    @pytest.mark.parametrize("kind", ["delete", "soft_delete"])
    def test_a_deleted_server_is_gone(self, collector, model, kind):
        state = {"delete": "deleted", "soft_delete": "soft-delete"}[kind]
        told = event(f"instance.{kind}.end", payload("s", state=state))
        assert collector.follow(model, told) is Effect.APPLIED
        assert collector.follow(model, told) in (Effect.APPLIED, Effect.IGNORED)
        assert "s" not in model.instances_data and used(model, "a") == 2

    def test_a_new_server_takes_room_at_once_and_is_read_before_a_decision(
        self, collector, model
    ):
        told = event("instance.create.end", payload("n", "b", vcpus=3))
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert used(model, "b") == 3 and model.host_of("n") == "b"

    def test_on_a_host_that_nobody_knows(self, collector, model):
        told = event("instance.update", payload("s", "new-host"))
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert model.host_of("s") == "a"

    def test_one_on_its_way_is_read_before_a_decision(self, collector, model):
        told = payload("s", task_state="migrating")
        assert collector.follow(model, event("instance.update", told)) is (
            Effect.INCOMPLETE
        )
        assert model.get_instance_by_uuid("s").task_state == "migrating"
        told = event("instance.update", payload("s", "b"), at(6))
        # It arrived, but what was held for it is still held.
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert model.host_of("s") == "b"


class TestOrder:
    def moved(self, host="b", sent=LATER, by="nova-compute:a", **more):
        return event("instance.update", payload("s", host, **more), sent, by)

    def test_news_from_before_the_reading_change_nothing(self, collector, model):
        # The reading knew of it, unless the sender's clock is wrong: that is looked up.
        assert collector.follow(model, self.moved(sent=at(-1))) is Effect.INCOMPLETE
        assert model.host_of("s") == "a"
        same = self.moved("a", sent=at(-1))
        assert collector.follow(model, same) is Effect.IGNORED

    def test_too_close_to_the_reading_to_call_it_is_looked_up(self, collector, model):
        told = self.moved(sent=at(seconds=1))
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert model.host_of("s") == "b"

    def test_of_two_events_the_one_sent_later_counts(self, collector, model):
        later, sooner = self.moved(sent=at(5, 3)), self.moved("a", sent=at(5, 2))
        assert collector.follow(model, later) is Effect.APPLIED
        assert collector.follow(model, sooner) is Effect.IGNORED
        assert model.host_of("s") == "b"

    def test_two_senders_so_close_are_looked_up(self, collector, model):
        first = self.moved(by="nova-compute:b", sent=at(5, 3))
        second = self.moved("a", sent=at(5, 3.2))
        collector.follow(model, first)
        assert collector.follow(model, second) is Effect.INCOMPLETE

    def test_a_doubled_event_changes_nothing(self, collector, model):
        collector.follow(model, self.moved())
        version = model.version
        assert collector.follow(model, self.moved()) is Effect.IGNORED
        assert model.version == version

    @pytest.mark.parametrize("sent", [None, ""])
    def test_when_it_was_sent_is_not_told(self, collector, model, sent):
        assert collector.follow(model, self.moved(sent=sent)) is Effect.INCOMPLETE

    def test_late_news_of_a_deleted_server_do_not_revive_it(self, collector, model):
        collector.follow(model, event("instance.delete.end", payload("s")))
        assert collector.follow(model, self.moved(sent=at(9))) is Effect.IGNORED
        assert "s" not in model.instances_data

    @pytest.mark.parametrize("seconds", [-300, -1, 1])
    def test_a_server_that_went_before_the_reading_is_not_revived(
        self, collector, model, seconds
    ):
        told = event("instance.update", payload("ghost"), at(seconds=seconds))
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert "ghost" not in model.instances_data

    def test_a_restored_server_is_back(self, collector, model):
        gone = payload("s", state="soft-delete")
        collector.follow(model, event("instance.soft_delete.end", gone))
        old = event("instance.update", payload("s"), at(4))
        assert collector.follow(model, old) is Effect.IGNORED
        back = event("instance.restore.end", payload("s"), at(6))
        assert collector.follow(model, back) is Effect.INCOMPLETE
        assert model.host_of("s") == "a"

    @pytest.mark.parametrize("seed", range(20))
    def test_any_order_of_arrival_ends_at_the_last_state(self, collector, cloud, seed):
        dice, model = random.Random(seed), cloud.model
        story = [
            self.moved(dice.choice("ab"), sent=at(5, step), vcpus=dice.randint(1, 4))
            for step in range(12)
        ]
        last = story[-1].payload["nova_object.data"]
        dice.shuffle(story)
        for told in story:
            collector.follow(model, told)
        assert model.host_of("s") == last["host"]
        size = last["flavor"]["nova_object.data"]["vcpus"]
        assert model.get_instance_by_uuid("s").vcpus == size
        assert used(model, "a") + used(model, "b") == 2 + size


class TestServices:
    def test_a_host_is_disabled(self, collector, model):
        told = service(disabled=True, reason="why")
        assert collector.follow(model, event("service.update", told))
        node = model.get_node_by_name("a")
        assert (node.status, node.disabled_reason) == ("disabled", "why")

    def test_a_host_is_forced_down(self, collector, model):
        collector.follow(model, event("service.update", service(forced_down=True)))
        assert model.get_node_by_name("a").state == "down"

    def test_whether_it_lives_again_is_read(self, collector, model):
        collector.follow(model, event("service.update", service(forced_down=True)))
        told = event("service.update", service())
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert model.get_node_by_name("a").state == "down"

    def test_m7_services_of_other_binaries_say_nothing_of_the_node(
        self, collector, model
    ):
        """models.md M7"""
        told = service(binary="nova-scheduler", disabled=True)
        assert collector.follow(model, event("service.update", told)) is Effect.IGNORED
        assert model.get_node_by_name("a").status == "enabled"

    def test_a_service_went(self, collector, model):
        told = event("service.delete", service())
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert model.node_named("a") is None

    def test_a_new_host_is_read(self, collector, model):
        told = event("service.create", service("new"))
        assert collector.follow(model, told) is Effect.INCOMPLETE


class TestWhatIsNotUnderstood:
    def test_only_nova_is_listened_to(self):
        assert wanted("nova-compute:a", "instance.update")
        assert not wanted("cinder-volume", "instance.update")
        assert not wanted("nova-api", "flavor.create")

    @pytest.mark.parametrize(
        "kind", ["aggregate.add_host.end", "instance.live_migration_pre.start"]
    )
    def test_other_news_of_servers_and_groups_are_read(self, collector, model, kind):
        assert collector.follow(model, event(kind, {})) is Effect.INCOMPLETE

    @pytest.mark.parametrize("kind", ["instance.exists", "instance.volume_attach.end"])
    def test_some_change_nothing(self, collector, model, kind):
        assert collector.follow(model, event(kind, {})) is Effect.IGNORED

    @pytest.mark.parametrize(
        "kind",
        ["instance.update", "instance.delete.end", "service.update", "instance.x.end"],
    )
    def test_garbage_changes_nothing_and_harms_nobody(self, collector, model, kind):
        good = payload("s", "b")["nova_object.data"]
        junk = [None, [], "x", -1, {}, {"nova_object.data": None}]
        before = model.to_xml()
        for bad in junk:
            for content in ({}, {"nova_object.data": bad}):
                assert collector.follow(model, event(kind, content)) is (
                    Effect.INCOMPLETE
                )
        fields = ("state", "flavor", "created_at")
        if kind == "instance.update":
            for field, bad in itertools.product(fields, junk):
                if bad in (None, {}, []) and field not in ("state", "flavor"):
                    continue  # nothing is as good as nothing
                if (field, bad) == ("state", "x"):
                    continue  # a state of some later Nova
                content = {"nova_object.data": {**good, field: bad}}
                effect = collector.follow(model, event(kind, content))
                assert effect is Effect.INCOMPLETE, (field, bad)
        assert model.to_xml() == before

    @pytest.mark.parametrize("bad", [5, 1.5, True, ["a"], {"a": 1}, [[]]])
    @pytest.mark.parametrize(
        "field",
        ["uuid", "display_name", "tenant_id", "task_state", "state", "host", "node"],
    )
    def test_what_is_no_text_gets_in_no_model(self, collector, model, field, bad):
        """Strategies sort by names and count by projects"""
        before = json.dumps(model.to_list())
        content = payload("s", "b")
        content["nova_object.data"][field] = bad
        told = event("instance.update", content)
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert json.dumps(model.to_list()) == before

    @pytest.mark.parametrize("count", [2**63, 10**30, float("inf"), float("nan"), -1])
    def test_sizes_that_cannot_be_change_nothing(self, collector, model, count):
        before = model.to_xml()
        told = event("instance.update", payload("s", "b", memory_mb=count))
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert model.to_xml() == before

    def test_the_reason_of_a_disabled_service_is_text(self, collector, model):
        told = event("service.update", service("a", disabled=True, reason=[5]))
        assert collector.follow(model, told) is Effect.INCOMPLETE
        assert model.get_node_by_name("a").status == "enabled"


def test_m9_other_resources_of_a_server_that_moved_are_asked_for(collector, cloud):
    """models.md M9: usages of other classes come from Placement, not from flavors"""
    cloud.inventories_by_host["b"]["VGPU"] = Inventory(total=4)
    model = collector.execute()
    specs = {"resources:VGPU": "1"}
    told = payload("s", "b")
    told["nova_object.data"]["flavor"]["nova_object.data"]["extra_specs"] = specs
    assert collector.follow(model, event("instance.update", told)) is Effect.INCOMPLETE
    cloud.change("s", host="b")
    collector.osc.claims["node-b"] = {"VCPU": 1, "MEMORY_MB": 1024, "VGPU": 1}
    fresh = collector.refresh(model)
    assert fresh.get_node_by_name("b").other_resources == {"VGPU": (4.0, 1)}
    assert not fresh.unsettled
