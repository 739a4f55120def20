"""Audits look at their scope, whatever others look at."""

import threading

import pytest

from tests.unit.decision_engine.test_audit import World
from tests.unit.decision_engine.test_endpoints import Collector
from watcher.cluster.collector.cache import Models
from watcher.cluster.scope.base import BaseScope
from watcher.db import actions
from watcher.decision_engine.decide import Snapshot
from watcher.plugins import SCOPE_HANDLERS, Plugins


def zone(name):
    return [{"compute": [{"availability_zones": [{"name": name}]}]}]


def excluding(**items):
    return [{"compute": [{"exclude": [items]}]}]


@pytest.fixture(scope="module")
def content():
    return World(None).content


@pytest.fixture
def world(cloud, content):
    for name in ("h1", "h2", "h3"):
        cloud.node(name, zone="z2" if name == "h3" else "z1")
    cloud.server("a", "h1").server("b", "h1").server("c", "h3")
    world = World(cloud, content)
    world.models = Models.of({"compute": Collector({"cloud": cloud})})
    return world


@pytest.fixture
def seen(world):
    """What strategy 'odd' saw, by audit"""
    found = {}

    def do(strategy, audit=None):
        model = strategy.compute_model
        found[audit.uuid] = sorted(model.by_host)

    world.odd.do_execute = do
    return found


def test_an_empty_scope_is_the_whole_cluster(world, seen):
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    assert seen[uuid] == ["h1", "h2", "h3"]


def test_the_default_scope_is_for_audits_without_one(world, seen):
    world.default_scope = zone("z2")
    plain = world.audit("unclassified", "odd")
    own = world.audit("unclassified", "odd", scope=zone("z1"))
    engine = world.engine()
    for uuid in (plain, own):
        engine.run(uuid)
    assert seen == {plain: ["h3"], own: ["h1", "h2"]}
    assert world.get(plain).scope == [], "the row stays as it was written"


def test_the_default_scope_also_tells_what_a_running_plan_can_touch(world):
    world.default_scope = zone("z2")
    world.running_plan(("migrate", {"resource_id": "c"}))
    for scope, state in ((zone("z1"), "SUCCEEDED"), ([], "CANCELLED")):
        uuid = world.audit("dummy", "dummy", scope=scope)
        world.engine().run(uuid)
        assert world.get(uuid).state == state


def test_s7_concurrent_audits_with_different_scopes_see_their_own(world, seen):
    """audits.md S7: one audit's scope never leaks into another's model"""
    both = threading.Barrier(2, timeout=20)
    found = {}

    def do(strategy, audit=None):
        model = strategy.compute_model
        both.wait()
        for node in model.get_all_compute_nodes().values():
            node.status = "disabled"
        both.wait()
        found[audit.uuid] = sorted(model.by_host), sorted(model.instances_data)

    world.odd.do_execute = do
    scopes = {
        world.audit("unclassified", "odd", scope=zone(z)): z for z in ["z1", "z2"]
    }
    runs = [
        threading.Thread(target=world.engine(uuid).run, args=(uuid,)) for uuid in scopes
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(30)
    wanted = {"z1": (["h1", "h2"], ["a", "b"]), "z2": (["h3"], ["c"])}
    assert found == {uuid: wanted[z] for uuid, z in scopes.items()}


class TestSnapshot:
    @pytest.fixture
    def snapshot(self, world):
        return Snapshot(world.models, world.plugins)

    def test_each_cut_is_private(self, snapshot):
        for scope in ([], zone("z1"), excluding(instances=[{"uuid": "b"}])):
            snapshot.cut(scope).get_instance_by_uuid("a").vcpus = 9
            assert snapshot.cut(scope).get_instance_by_uuid("a").vcpus == 1
            assert snapshot.whole.get_instance_by_uuid("a").vcpus == 1
        snapshot.cut([]).remove_instance("a")
        assert "a" in snapshot.whole.instances_data

    def test_hosts_of_a_scope(self, snapshot):
        assert snapshot.hosts([]) == {"h1", "h2", "h3"}
        assert snapshot.hosts(zone("z1")) == {"h1", "h2"}

    def test_handlers_from_elsewhere_may_change_what_they_are_given(self, world):
        class Rough(BaseScope):
            def get_scoped_model(self, cluster_model):
                cluster_model.remove_node("node-h1")
                return cluster_model

        plugins = Plugins.of({SCOPE_HANDLERS: {"compute": Rough}})
        snapshot = Snapshot(world.models, plugins)
        for _time in range(2):
            assert sorted(snapshot.cut([]).by_host) == ["h2", "h3"]
        assert sorted(snapshot.whole.by_host) == ["h1", "h2", "h3"]


NOWHERE = [{"compute": [{"availability_zones": [{"name": "z9"}]}]}]
MAINTAIN = ("cluster_maintaining", "host_maintenance")


@pytest.mark.parametrize(
    ("goal", "strategy", "parameters"),
    [
        ("dummy", "dummy", {}),
        ("unclassified", "actuator", {"actions": []}),
    ],
)
def test_an_inclusion_that_matches_nothing_is_an_empty_model(
    world, goal, strategy, parameters
):
    """audits.md 11.3, step 2: no error, and the audit ends as any other does"""
    uuid = world.audit(goal, strategy, scope=NOWHERE, parameters=parameters)
    world.engine().run(uuid)
    assert world.get(uuid).state == "SUCCEEDED"
    assert "There is no compute node in the scope" in str(world.why(uuid))


def test_a_parameter_that_names_a_node_outside_the_scope_is_told_so(world):
    """audits.md 11.3: clear message"""
    for scope in (NOWHERE, zone("z2")):
        uuid = world.audit(
            *MAINTAIN, scope=scope, parameters={"maintenance_node": "h1"}
        )
        world.engine().run(uuid)
        audit = world.get(uuid)
        assert audit.state == "FAILED"
        assert "'h1' is unknown, or outside the scope" in audit.status_message


def moves(world, uuid):
    [plan] = [p for p in world.plans if p.audit_uuid == uuid]
    found = world.db.read(actions.of_plan, plan.uuid)
    return [
        (a.input_parameters["resource_id"], a.input_parameters["destination_node"])
        for a in found
        if a.action_type == "migrate"
    ]


def test_destinations_are_in_the_scope(world):
    """audits.md 11.3, Q14: the scheduler is not left to choose, and h3 is not chosen"""
    uuid = world.audit(
        *MAINTAIN, scope=zone("z1"), parameters={"maintenance_node": "h1"}
    )
    world.engine().run(uuid)
    assert sorted(moves(world, uuid)) == [("a", "h2"), ("b", "h2")]


def test_s8_host_maintenance_leaves_excluded_servers_and_says_so(world):
    """audits.md S8: an excluded server on the maintained host stays, and is named"""
    uuid = world.audit(
        *MAINTAIN,
        scope=excluding(instances=[{"uuid": "b"}]),
        parameters={"maintenance_node": "h1"},
    )
    world.engine().run(uuid)
    assert [server for server, _host in moves(world, uuid)] == ["a"]
    [stay] = world.why(uuid)["stays"]
    assert stay["name"] == "B" and "excluded by the scope" in stay["reason"]


def test_s9_room_that_servers_outside_the_scope_take_is_not_given_away(world, cloud):
    """audits.md S9: excluded servers, and what is on its way in, keep their room"""
    cloud.node("h2", vcpus=3, zone="z1").server("x", "h2").server("y", "h3", vcpus=2)
    cloud.migration("y", to="h2")
    scope = zone("z1")
    uuid = world.audit(*MAINTAIN, scope=scope, parameters={"maintenance_node": "h1"})
    world.engine().run(uuid)
    assert moves(world, uuid) == []
    assert len(world.why(uuid)["stays"]) == 2


def test_s6_cutting_to_scopes_asks_the_cloud_nothing(world, cloud):
    """audits.md S6: aggregates, zones and services are in the model"""
    snapshot = Snapshot(world.models, world.plugins)
    snapshot.whole  # noqa: B018
    world.models.compute = None
    cloud.host_aggregates = None
    for scope in (zone("z1"), [{"host_aggregates": [{"id": "*"}]}], NOWHERE):
        snapshot.cut(scope)
