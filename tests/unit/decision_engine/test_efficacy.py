"""Goals, indicators and what they amount to."""

import json

import pytest

from watcher import exception
from watcher.decision_engine.efficacy import Indicator
from watcher.decision_engine.goal import goals
from watcher.decision_engine.goal.efficacy import indicators, specs
from watcher.decision_engine.solution import DefaultSolution


class Named:
    name = "tried"


def solution(goal_name, **values):
    found = DefaultSolution(goals.SHIPPED[goal_name](), Named())
    found.set_efficacy_indicators(**values)
    found.compute_global_efficacy()
    return found


def test_the_ten_published_goals_ship_under_their_names():
    assert sorted(goals.SHIPPED) == [
        "airflow_optimization",
        "cluster_maintaining",
        "dummy",
        "hardware_maintenance",
        "noisy_neighbor",
        "saving_energy",
        "server_consolidation",
        "thermal_optimization",
        "unclassified",
        "workload_balancing",
    ]


def test_consolidation_is_measured_in_released_nodes():
    found = solution(
        "server_consolidation",
        compute_nodes_count=4,
        released_compute_nodes_count=1,
        instance_migrations_count=7,
    )
    assert [(e["name"], e["unit"], e["value"]) for e in found.global_efficacy] == [
        ("released_nodes_ratio", "%", 25.0)
    ]
    assert [e["value"] for e in found.efficacy_indicators] == [4, 1, 7]


@pytest.mark.parametrize("nodes", [0, 3])
def test_nothing_released_is_zero_percent_even_without_nodes(nodes):
    found = solution(
        "server_consolidation",
        compute_nodes_count=nodes,
        released_compute_nodes_count=0,
        instance_migrations_count=0,
    )
    assert found.global_efficacy[0]["value"] == 0


def test_balancing_is_measured_in_moved_servers():
    found = solution(
        "workload_balancing", instance_migrations_count=1, instances_count=8
    )
    assert found.global_efficacy[0]["name"] == "live_migrations_count"
    assert found.global_efficacy[0]["value"] == 12.5


def test_hardware_maintenance_has_four_ratios():
    values = {
        "planned_live_migrate_instance_count": 1,
        "live_migrate_instance_count": 2,
        "planned_cold_migrate_instance_count": 0,
        "cold_migrate_instance_count": 0,
        "planned_volume_migrate_count": 3,
        "volume_migrate_count": 4,
        "planned_volume_update_count": 3,
        "volume_update_count": 4,
    }
    found = solution("hardware_maintenance", **values)
    assert {e["name"]: e["value"] for e in found.global_efficacy} == {
        "live_instance_migrate_ratio": 50,
        "cold_instance_migrate_ratio": 0,
        "volume_migrate_ratio": 75,
        "volume_update_ratio": 75,
    }


def test_goals_without_indicators_measure_nothing():
    found = solution("cluster_maintaining")
    assert found.global_efficacy == [] and found.efficacy_indicators == []


@pytest.mark.parametrize(
    "values",
    [
        {"compute_nodes_count": 1},
        {
            "compute_nodes_count": 1,
            "released_compute_nodes_count": -1,
            "instance_migrations_count": 0,
        },
    ],
)
def test_missing_or_negative_indicators_are_refused(values):
    with pytest.raises(exception.InvalidIndicatorValue):
        solution("server_consolidation", **values)


def test_an_indicator_of_another_goal_is_refused_by_name():
    with pytest.raises(exception.GlobalEfficacyComputationError, match="shine"):
        solution("cluster_maintaining", shine=3)


def test_an_indicator_is_a_number():
    with pytest.raises(exception.InvalidIndicatorValue):
        Indicator("a", "b", "%", "12")


def test_the_api_shows_schemas_as_text():
    entry = specs.ServerConsolidation().get_indicators_specs_dicts()[0]
    assert entry["name"] == "compute_nodes_count" and entry["unit"] is None
    assert json.loads(entry["schema"]) == {"type": "integer", "minimum": 0}
    assert indicators.InstancesCount().required is False
