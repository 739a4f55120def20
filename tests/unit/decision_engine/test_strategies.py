"""Strategies in both forms: ours, and the classic one of outside packages."""

import importlib

import pytest

from watcher import exception
from watcher.decision_engine.strategy import base
from watcher.decision_engine.strategy.actuator import Actuator
from watcher.decision_engine.strategy.dummy import DummyStrategy
from watcher.decision_engine.strategy.dummy_with_resize import DummyWithResize
from watcher.plugins import Options


def test_dummy_greets_twice_and_sleeps(cluster, run):
    found = run(DummyStrategy, cluster.node("h1"))
    assert [
        (a["action_type"], a["input_parameters"]) for a in found.solution.actions
    ] == [
        ("nop", {"message": "hello World"}),
        ("nop", {"message": "hello"}),
        ("sleep", {"duration": 3.2}),
    ]


def test_dummy_takes_its_parameters(cluster, run):
    found = run(DummyStrategy, cluster.node("h1"), para1=1.5, para2="ahoy")
    assert found.of("sleep") == [{"duration": 1.5}]
    assert {"message": "ahoy"} in found.of("nop")


def test_dummy_with_resize_asks_for_several_types(cluster, run):
    found = run(DummyWithResize, cluster.node("h1"))
    kinds = [a["action_type"] for a in found.solution.actions]
    assert kinds == ["nop", "nop", "sleep", "migrate", "migrate", "resize"]
    moves = found.of("migrate")
    assert {(m["source_node"], m["destination_node"]) for m in moves} == {
        ("compute2", "compute3")
    }
    (resize,) = found.of("resize")
    assert resize["flavor"] == "x2"
    assert resize["resource_id"] == moves[1]["resource_id"]


def test_no_model_no_decision(cluster, run):
    cluster.model.stale = True
    with pytest.raises(exception.ClusterStateNotDefined):
        run(DummyStrategy, cluster)


def given(kind, resource=None, **parameters):
    action = {"action_type": kind, "input_parameters": parameters}
    return action if resource is None else {**action, "resource_id": resource}


def test_actuator_hands_the_actions_on(cluster, run):
    cluster.node("h1").node("h2").server("a", "h1")
    move = {"migration_type": "live", "source_node": "h1", "destination_node": "h2"}
    found = run(
        Actuator,
        cluster,
        actions=[given("nop", message="x"), given("migrate", "a", **move)],
    )
    assert found.moves == {"a": ("live", "h2")} and found.of("nop") == [
        {"message": "x"}
    ]


@pytest.mark.parametrize(
    "kind", ["stop", "resize", "shelve", "delete", "change_node_power_state", "paint"]
)
def test_actuator_refuses_what_is_not_allowed_and_says_how_to_allow_it(
    kind, cluster, run
):
    with pytest.raises(exception.Invalid) as caught:
        run(Actuator, cluster.node("h1"), actions=[given("nop"), given(kind, "a")])
    text = str(caught.value)
    assert kind in text and "[watcher_strategies.actuator] allowed_actions" in text


def test_actuator_allows_what_the_operator_lists(cluster, run):
    found = run(
        Actuator,
        cluster.node("h1"),
        config={"allowed_actions": ["stop"]},
        actions=[given("stop", "a")],
    )
    assert found.of("stop") == [{"resource_id": "a"}]


def test_the_api_is_told_which_types_the_actuator_allows():
    def kinds(config):
        spec = Actuator.get_parameters_spec(Options(config))
        items = spec["properties"]["actions"]["items"]
        return items["properties"]["action_type"]["enum"]

    assert "migrate" in kinds({}) and "delete" not in kinds({})
    assert kinds({"allowed_actions": ["stop", "nop"]}) == ["nop", "stop"]
    assert "enum" not in str(Actuator.get_schema())


def test_actuator_keeps_the_reserved_word(cluster, run):
    with pytest.raises(exception.ReservedWord):
        run(Actuator, cluster.node("h1"), actions=[given("nop", None, resource_id="a")])


def test_actuator_schema_refuses_unknown_keys(cluster, run):
    with pytest.raises(exception.Invalid, match="colour"):
        run(Actuator, cluster, actions=[{**given("nop"), "colour": 1}])
    assert sorted(Actuator.get_schema()) == [
        "$schema",
        "properties",
        "required",
        "type",
    ]


def test_moves_of_the_actuator_are_judged(cluster, run):
    cluster.node("h1").node("h2", vcpus=1).server("a", "h1", 2)
    move = {"migration_type": "live", "source_node": "h1", "destination_node": "h2"}
    found = run(Actuator, cluster, actions=[given("migrate", "a", **move)])
    assert any("h2" in text for text in found.breaches)


class Classic(base.ServerConsolidationBaseStrategy):
    """As a package written for the published contract has it"""

    def __init__(self, config, osc=None):
        super().__init__(config, osc)
        self.moved = 0

    @classmethod
    def get_name(cls):
        return "classic"

    @classmethod
    def get_display_name(cls):
        return "Classic"

    @classmethod
    def get_translatable_display_name(cls):
        return "Classic"

    @classmethod
    def get_schema(cls):
        return {"properties": {"to": {"type": "string", "default": "h2"}}}

    def pre_execute(self):
        self._pre_execute()

    def do_execute(self, audit=None):
        target = self.compute_model.get_node_by_name(self.input_parameters.to)
        for instance in self.compute_model.get_all_instances().values():
            source = self.compute_model.get_node_by_instance_uuid(instance.uuid)
            self.compute_model.migrate_instance(instance, source, target)
            self.add_action_migrate(instance, "live", source, target)
            self.moved += 1

    def post_execute(self):
        self.solution.set_efficacy_indicators(
            compute_nodes_count=2,
            released_compute_nodes_count=1,
            instance_migrations_count=self.moved,
        )
        self.solution.model = self.compute_model


def test_a_classic_strategy_runs(cluster, run):
    cluster.node("h1").node("h2").server("a", "h1")
    found = run(Classic, cluster)
    assert found.of("migrate") == [
        {
            "migration_type": "live",
            "source_node": "h1",
            "destination_node": "h2",
            "resource_name": "vm-a",
            "resource_id": "a",
        }
    ]
    assert found.solution.global_efficacy[0]["value"] == 50
    assert found.breaches == []


def test_classic_defaults(cluster):
    made = Classic({})
    assert made.planner == "weight" and made.named_planner is None
    assert made.get_datasource_metrics() == () and made.get_period("instance") is None
    assert made.goal.name == "server_consolidation"
    assert [o.name for o in Classic.get_config_opts()] == ["datasources"]
    with pytest.raises(exception.WatcherException):
        _ = made.compute_model


def test_the_tag_filter(cluster):
    cluster.node("h1")
    for name, metadata in {
        "none": {},
        "other": {"a": "b"},
        "yes": {"optimize": "True"},
        "no": {"optimize": "false"},
    }.items():
        cluster.server(name, "h1", metadata=metadata)
    made = Classic(type("Config", (), {"check_optimize_metadata": True})())
    kept = made.filter_instances_by_audit_tag(
        cluster.model.get_all_instances().values()
    )
    assert sorted(i.uuid for i in kept) == ["none", "yes"]


@pytest.mark.parametrize(
    "old, name, real",
    [
        ("strategy.strategies.base", "BaseStrategy", "decision_engine.strategy.base"),
        ("strategy.strategies", "BaseStrategy", "decision_engine.strategy.base"),
        ("strategy.common.level", "StrategyLevel", "decision_engine.strategy.base"),
        ("solution.efficacy", "Indicator", "decision_engine.efficacy"),
        ("solution.default", "DefaultSolution", "decision_engine.solution"),
        ("solution.base", "BaseSolution", "decision_engine.solution"),
        ("scope.base", "BaseScope", "cluster.scope.base"),
        ("model.base", "Model", "cluster.model.base"),
        ("model.element", "Instance", "cluster.model.element"),
        ("model.model_root", "ModelRoot", "cluster.model.model_root"),
        (
            "model.collector.base",
            "BaseClusterDataModelCollector",
            "cluster.collector.base",
        ),
    ],
)
def test_published_import_paths_give_the_same_classes(old, name, real):
    door = importlib.import_module(f"watcher.decision_engine.{old}")
    room = importlib.import_module(f"watcher.{real}")
    assert getattr(door, name) is getattr(room, name)


def test_classic_loaders_are_there():
    loading = importlib.import_module("watcher.decision_engine.loading.default")
    found = loading.DefaultGoalLoader().list_available()
    assert found["dummy"].get_name() == "dummy"
