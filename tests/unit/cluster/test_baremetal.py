"""The bare-metal model: elements, reading, scope, and what strategies see of it."""

import copy
import datetime
import logging
import pickle

import pytest

import watcher.conf
from watcher import exception
from watcher.clients.records import BaremetalNode
from watcher.clients.simulated import SimulatedCloud
from watcher.cluster.collector.baremetal import BaremetalCollector
from watcher.cluster.collector.base import Reading, StaleModel
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.model.baremetal import BaremetalModelRoot
from watcher.cluster.model.element import ComputeNode, IronicNode
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.scope.baremetal import BaremetalScope
from watcher.cluster.scope.base import Missing
from watcher.cluster.scope.document import Checker
from watcher.plugins import COLLECTORS, SCOPE_HANDLERS, Plugins


def model(*uuids):
    root = BaremetalModelRoot()
    for uuid in uuids:
        root.add_node(node(uuid))
    return root


def node(uuid, **more):
    values = {"power_state": "power on", "extra": {"compute_node_id": f"hv-{uuid}"}}
    return IronicNode(uuid=uuid, **{**values, **more})


class TestModel:
    def test_nodes_come_and_go(self):
        root = model("b", "a")
        assert set(root.get_all_ironic_nodes()) == {"a", "b"}
        first = root.get_node_by_uuid("a")
        assert first is root.get_all_ironic_nodes()["a"]
        assert first.extra["compute_node_id"] == "hv-a"
        assert (first.maintenance, first.maintenance_reason, first.human_id) == (
            False,
            None,
            "",
        )
        root.remove_node(first)
        assert set(root.get_all_ironic_nodes()) == {"b"}
        assert first.uuid == "a"  # who holds it keeps its values

    def test_what_is_not_there_is_named(self):
        root = model("a")
        for ask in (root.get_node_by_uuid, root.remove_node):
            with pytest.raises(exception.IronicNodeNotFound, match="nowhere"):
                ask("nowhere")
        with pytest.raises(exception.IllegalArgumentException, match="IronicNode"):
            root.add_node(ComputeNode(uuid="c"))

    def test_a_copy_shares_until_one_of_them_writes(self):
        root = BaremetalModelRoot()
        for uuid in ("a", "b"):
            root.put_node(dict(node(uuid).data))
        twin = copy.deepcopy(root)
        assert twin.nodes_data["a"] is root.nodes_data["a"]
        assert twin.lock is not root.lock
        twin.get_node_by_uuid("a").maintenance = True
        twin.get_node_by_uuid("b").extra["compute_node_id"] = "other"
        twin.remove_node("b")
        assert root.get_node_by_uuid("a").maintenance is False
        assert root.get_node_by_uuid("b").extra == {"compute_node_id": "hv-b"}
        root.get_node_by_uuid("a").power_state = "power off"
        assert twin.get_node_by_uuid("a").power_state == "power on"

    def test_xml_and_back(self):
        root = model("b")
        root.add_node(node("a", maintenance=True, maintenance_reason="fan", extra={}))
        text = root.to_xml()
        assert text.index('uuid="a"') < text.index('uuid="b"')
        assert text.startswith("<ModelRoot><IronicNode ") and root.to_string() == text
        assert 'maintenance_reason="None"' in text  # null as the others write it
        back = BaremetalModelRoot.from_xml(text)
        assert BaremetalModelRoot.is_isomorphic(back, root)
        back.get_node_by_uuid("a").maintenance = False
        assert not BaremetalModelRoot.is_isomorphic(back, root)

    def test_it_can_be_sent_to_another_process(self):
        root = model("a")
        back = pickle.loads(pickle.dumps(root))
        assert BaremetalModelRoot.is_isomorphic(back, root)
        back.get_node_by_uuid("a").maintenance = True
        assert not root.get_node_by_uuid("a").maintenance

    def test_list_and_graph(self):
        root = model("b", "a")
        assert [row["uuid"] for row in root.to_list()] == ["a", "b"]
        assert set(root.nodes) == {"a", "b"} and not root.edges
        assert root.nodes["a"]["attr"] is root.get_node_by_uuid("a")
        root.remove_node("a")
        assert set(root.nodes) == {"b"}

    def test_outsiders_find_it_where_they_look(self):
        from watcher.decision_engine.model import element, model_root

        assert model_root.BaremetalModelRoot is BaremetalModelRoot
        assert element.IronicNode is IronicNode


class TestScope:
    def cut(self, root, *uuids):
        rules = [{"exclude": [{"ironic_nodes": [{"uuid": uuid} for uuid in uuids]}]}]
        return BaremetalScope(rules, None).get_scoped_model(root)

    def test_excluded_nodes_are_removed(self):
        assert set(self.cut(model("a", "b", "c"), "a", "c").get_all_ironic_nodes()) == {
            "b"
        }

    def test_the_given_model_stays_as_it_is(self):
        whole = model("a", "b")
        cut = self.cut(whole, "a")
        assert set(whole.nodes_data) == {"a", "b"}
        cut.get_node_by_uuid("b").extra["x"] = 1
        assert "x" not in whole.get_node_by_uuid("b").extra

    def test_without_rules_everything_stays(self):
        for rules in (None, [], [{}], [{"exclude": []}], [{"exclude": [{}]}]):
            root = model("a")
            assert BaremetalScope(rules, None).get_scoped_model(root) is root
            assert set(root.nodes_data) == {"a"}

    def test_a_node_that_is_not_there_excludes_nothing(self, caplog):
        """audits.md 11.5 says error; here as for the other models: a warning"""
        with caplog.at_level(logging.WARNING):
            assert set(self.cut(model("a", "b"), "gone", "a").nodes_data) == {"b"}
        assert [r.message for r in caplog.records] == [
            "Excluded Ironic node gone is not in the model"
        ]

    def test_what_is_named_in_vain_has_its_place(self):
        items = [{"ironic_nodes": [{"uuid": "a"}, {}, {"uuid": "gone"}]}]
        handler = BaremetalScope([{}, {"exclude": [{}, *items]}], None)
        path = "/1/exclude/1/ironic_nodes/2/uuid"
        assert handler.missing(model("a")) == [Missing(path, "Ironic node", "gone")]

    @pytest.mark.parametrize("nothing", [None, BaremetalModelRoot(stale=True)])
    def test_no_model_is_passed_on(self, nothing):
        assert self.cut(nothing, "a") is nothing

    def test_a_document_may_speak_of_bare_metal(self):
        plugins = Plugins.of(
            {
                SCOPE_HANDLERS: {"baremetal": BaremetalScope},
                COLLECTORS: {"baremetal": BaremetalCollector},
            }
        )
        checker = Checker.of(plugins)
        good = [{"baremetal": [{"exclude": [{"ironic_nodes": [{"uuid": "a"}]}]}]}]
        assert checker.check(good) == good
        with pytest.raises(exception.Invalid, match="/scope/0/baremetal/0"):
            checker.check([{"baremetal": [{"ironic_nodes": []}]}])


@pytest.fixture
def cloud():
    cloud = SimulatedCloud.empty()
    for name in ("a", "b"):
        cloud.add_host(name)
    return cloud


def collector(clients, attempts=1):
    found = BaremetalCollector({"period": 3600}, osc=clients)
    found.reading = Reading(attempts=attempts, interval_s=0)
    return found


class TestCollector:
    def test_the_nodes_of_a_cloud_are_read(self, cloud):
        cloud.change_host("b", powered=False, repaired="new fan")
        root = collector(cloud.clients()).execute()
        by_name = {n.human_id: n for n in root.get_all_ironic_nodes().values()}
        hypervisors = {h.hostname: h.uuid for h in cloud.clients().nova.hypervisors()}
        assert {n.extra["compute_node_id"] for n in by_name.values()} == set(
            hypervisors.values()
        )
        b = by_name["b"]
        assert (b.power_state, b.maintenance, b.maintenance_reason) == (
            "power off",
            True,
            "new fan",
        )
        assert by_name["a"].power_state == "power on" and not by_name["a"].maintenance
        assert isinstance(root.read_at, datetime.datetime)

    def test_a_machine_that_was_never_asked_has_no_power_state(self):
        class Ironic:
            def nodes(self):
                return [BaremetalNode(uuid="a")]

        class Cloud:
            ironic = Ironic()

        (found,) = collector(Cloud()).execute().get_all_ironic_nodes().values()
        assert found.power_state is None and found.extra == {}

    def test_half_a_reading_is_none(self, cloud):
        cloud.go_away()
        with pytest.raises(exception.IronicClientError):
            collector(cloud.clients()).execute()

    def test_a_reading_is_tried_again(self, cloud):
        clients = cloud.clients()
        nodes, calls = clients.ironic.nodes, []

        def flaky():
            calls.append(1)
            if len(calls) < 3:
                raise exception.IronicClientError(reason="busy")
            return nodes()

        clients.ironic.nodes = flaky
        assert len(collector(clients, attempts=3).execute().nodes_data) == 2

    def test_a_cloud_without_ironic_is_no_failure(self, cloud):
        clients = cloud.clients()
        found = collector(clients)
        assert found.absent() is None
        clients.keystone.has_service = lambda kind: kind == "compute"
        assert "baremetal" in found.absent()


class TestKept:
    """models.md M6, configuration.md W-C8: it could not be enabled"""

    def models(self, clients, plugins=("compute", "baremetal")):
        conf = watcher.conf.load(
            "test",
            overrides={
                ("collector", "collector_plugins"): list(plugins),
                ("collector", "api_query_max_retries"): 1,
            },
        )
        return Models(conf, Plugins(conf), clients)

    def test_m6_the_installed_collector_is_kept_when_it_is_named(self, cloud):
        models = self.models(cloud.clients())
        assert len(models.get("baremetal").nodes_data) == 2
        assert models.collector("baremetal").notification_endpoints == []

    def test_it_is_not_enabled_by_default(self):
        conf = watcher.conf.load("test")
        assert "baremetal" not in conf.collector.collector_plugins

    def test_it_is_cut_to_the_scope(self, cloud):
        models = self.models(cloud.clients())
        uuid = next(iter(models.get("baremetal").nodes_data))
        rules = [{"exclude": [{"ironic_nodes": [{"uuid": uuid}]}]}]
        document = [{"compute": []}, {"baremetal": rules}]
        cut = models.scoped("baremetal", document)
        assert len(cut.nodes_data) == 1 and uuid not in cut.nodes_data
        assert len(models.get("baremetal").nodes_data) == 2

    def test_where_there_is_none_a_strategy_is_told_why(self, cloud):
        clients = cloud.clients()
        clients.keystone.has_service = lambda kind: False
        models = self.models(clients)
        with pytest.raises(exception.ClusterStateNotDefined, match="catalogue"):
            models.get("baremetal")
        assert models.get("compute")
        with pytest.raises(exception.ClusterStateNotDefined, match="collector_plugins"):
            self.models(clients, ("compute",)).get("baremetal")


class TestStale:
    """models.md M15: a stale compute marker stood for models of every type"""

    @pytest.mark.parametrize("kind", ["compute", "baremetal"])
    def test_m15_the_marker_is_of_the_models_type(self, cloud, kind):
        clients = cloud.clients()
        classes = {"compute": ComputeCollector, "baremetal": BaremetalCollector}
        roots = {"compute": ModelRoot, "baremetal": BaremetalModelRoot}
        found = classes[kind]({}, osc=clients)
        found.synchronize()
        read_at = found.cluster_data_model.read_at
        found.set_cluster_data_model_as_stale("the bus was away")
        marker = found.cluster_data_model
        assert type(marker) is roots[kind] and not marker
        assert marker.stale_reason == "the bus was away"
        assert marker.read_at == read_at is not None
        assert found.current is None

    def test_m15_before_anything_was_read_it_is_of_no_type(self, cloud):
        found = collector(cloud.clients())
        found.set_cluster_data_model_as_stale()
        assert isinstance(found.cluster_data_model, StaleModel)
        assert not found.cluster_data_model

    def test_m15_what_is_stale_is_read_again_before_it_is_given(self, cloud):
        found = collector(cloud.clients())
        models = Models.of({"baremetal": found})
        models.get("baremetal")
        cloud.add_host("c")
        assert len(models.get("baremetal", None).nodes_data) == 2
        found.set_cluster_data_model_as_stale("test")
        assert len(models.get("baremetal", None).nodes_data) == 3
