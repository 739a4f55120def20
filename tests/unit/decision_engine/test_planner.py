"""What waits for what."""

import itertools
import random

import pytest

from watcher import exception
from watcher.decision_engine.goal import goals
from watcher.decision_engine.planner import dependencies
from watcher.decision_engine.planner.weight import WeightPlanner
from watcher.decision_engine.solution import DefaultSolution
from watcher.domain.needs import needs
from watcher.domain.records import NewAction
from watcher.plugins import Options


class Named:
    name = "tried"


def plan(actions, weights=None, model=None):
    """Return {label: labels of parents}; an action is (label, type, parameters)"""
    solution = DefaultSolution(goals.Dummy(), Named())
    solution.model_before = model
    for label, kind, parameters in actions:
        solution.add_action(kind, {"label": label, **parameters})
    # resource ids are added behind the reserved word's back, as the solution does.
    for action in solution.actions:
        if "server" in action["input_parameters"]:
            action["input_parameters"]["resource_id"] = action["input_parameters"].pop(
                "server"
            )
    config = Options(weights=weights or {})
    numbers = itertools.count()
    planned = WeightPlanner(config).plan(solution, lambda: f"u{next(numbers)}")
    label = {a.uuid: a.input_parameters["label"] for a in planned}
    return {label[a.uuid]: {label[p] for p in a.parents} for a in planned}


def move(label, server, source, target=None):
    parameters = {"server": server, "source_node": source}
    if target:
        parameters["destination_node"] = target
    return label, "migrate", parameters


def test_types_follow_the_weights_without_barriers_inside():
    found = plan(
        [
            move("m1", "a", "h1"),
            ("off", "change_nova_service_state", {"server": "n", "state": "disabled"}),
            move("m2", "b", "h1"),
            move("m3", "c", "h1"),
        ]
    )
    assert found == {"off": set(), "m1": {"off"}, "m2": {"off"}, "m3": {"off"}}


def test_weights_are_numbers_not_text():
    found = plan([("a", "nop", {}), ("b", "sleep", {})], {"nop": "9", "sleep": "70"})
    assert found == {"b": set(), "a": {"b"}}


def test_equal_weights_run_side_by_side():
    found = plan([("a", "nop", {}), ("b", "sleep", {})], {"nop": "5", "sleep": "5.0"})
    assert found == {"a": set(), "b": set()}


def test_an_unlisted_type_runs_last_and_is_told(caplog):
    found = plan([("x", "paint", {}), move("m", "a", "h1")])
    assert found == {"m": set(), "x": {"m"}}
    assert "without a weight" in caplog.text


def test_a_partial_option_keeps_the_shipped_weights_of_the_rest():
    found = plan([("a", "nop", {}), move("m", "s", "h")], {"migrate": "80"})
    assert found == {"m": set(), "a": {"m"}}


def test_a_weight_that_is_no_number_is_refused():
    with pytest.raises(exception.ConfigInvalid, match="heavy"):
        plan([("a", "nop", {})], {"nop": "heavy"})


def test_two_actions_on_one_server_keep_their_order():
    found = plan([move("m1", "a", "h1", "h2"), move("m2", "a", "h2", "h3")])
    assert found == {"m1": set(), "m2": {"m1"}}


def test_a_host_is_enabled_before_servers_arrive_whatever_the_weights():
    enable = {"server": "n", "state": "enabled", "resource_name": "h2"}
    found = plan(
        [move("m1", "a", "h1", "h2"), ("on", "change_nova_service_state", enable)],
        {"change_nova_service_state": "1"},
    )
    assert found == {"on": set(), "m1": {"on"}}


def test_a_host_is_empty_before_it_is_powered_off():
    off = {"server": "n", "state": "off", "resource_name": "h1"}
    found = plan(
        [("off", "change_node_power_state", off), move("m", "a", "h1", "h2")],
        {"change_node_power_state": "90"},
    )
    assert found == {"m": set(), "off": {"m"}}


def test_an_arrival_waits_for_the_departure_that_makes_room(cluster):
    for host in ("h1", "h2"):
        cluster.node(host, vcpus=4)
    cluster.node("h3", vcpus=8)
    cluster.server("a", "h2", 2).server("c", "h2", 2).server("b", "h1", 4)
    found = plan(
        [
            move("c", "c", "h2", "h3"),
            move("a", "a", "h2", "h3"),
            move("b", "b", "h1", "h2"),
        ],
        model=cluster.model,
    )
    assert found == {"c": set(), "a": set(), "b": {"a", "c"}}


def test_an_arrival_that_fits_waits_for_nobody(cluster):
    for host in ("h1", "h2", "h3"):
        cluster.node(host, vcpus=4)
    cluster.server("a", "h2", 2).server("b", "h1", 2)
    found = plan(
        [move("a", "a", "h2", "h3"), move("b", "b", "h1", "h2")], model=cluster.model
    )
    assert found == {"a": set(), "b": set()}


def test_only_the_last_of_a_type_hold_up_the_next():
    found = plan(
        [
            move("m1", "a", "h1", "h2"),
            move("m2", "a", "h2", "h3"),
            ("r", "resize", {"server": "b"}),
        ]
    )
    assert found == {"m1": set(), "m2": {"m1"}, "r": {"m2"}}


@pytest.mark.parametrize("seed", range(20))
def test_what_really_depends_is_needed_by_the_appliers_rule(seed, cluster):
    chance = random.Random(seed)
    hosts = ["h1", "h2", "h3"]
    for host in hosts:
        cluster.node(host, vcpus=4)
    at = {}
    for number in range(6):
        at[f"s{number}"] = chance.choice(hosts)
        cluster.server(f"s{number}", at[f"s{number}"], 2)
    actions = []
    for _ in range(12):
        server, host = chance.choice(list(at)), chance.choice(hosts)
        moving = {"resource_id": server, "source_node": at[server]}
        given = {"resource_id": f"node-{host}", "resource_name": host}
        state = chance.choice(["enabled", "disabled"])
        kind, parameters = chance.choice([
            ("migrate", {**moving, "destination_node": host}),
            ("migrate", {**moving, "destination_node": host}),
            ("stop", {"resource_id": server}),
            ("change_nova_service_state", {**given, "state": state}),
            ("change_node_power_state", {**given, "state": "off"}),
        ])  # fmt: skip
        actions.append({"action_type": kind, "input_parameters": parameters})
    steps = [NewAction(uuid=str(n), **action) for n, action in enumerate(actions)]
    parents = dependencies.of(actions, cluster.model)
    assert any(parents)
    for child, own in enumerate(parents):
        assert all(needs(steps[child], steps[parent]) for parent in own)
