"""Solutions and parameters."""

import time

import pytest

from watcher import exception
from watcher.decision_engine.goal import goals
from watcher.decision_engine.solution import DefaultSolution
from watcher.decision_engine.strategy import params


class Named:
    name = "tried"


@pytest.fixture
def solution():
    return DefaultSolution(goals.Dummy(), Named())


def test_actions_keep_their_order_and_their_resource(solution):
    solution.add_action("nop", {"message": "a"})
    solution.add_action("migrate", {"migration_type": "live"}, resource_id="x")
    assert solution.actions == [
        {"action_type": "nop", "input_parameters": {"message": "a"}},
        {
            "action_type": "migrate",
            "input_parameters": {"migration_type": "live", "resource_id": "x"},
        },
    ]


def test_the_very_same_action_is_taken_once(solution):
    for _ in range(2):
        solution.add_action("migrate", {"a": 1, "b": [2]}, resource_id="x", reason="r")
    solution.add_action("migrate", {"b": [2], "a": 1}, resource_id="y")
    assert [a["input_parameters"]["resource_id"] for a in solution.actions] == [
        "x",
        "y",
    ]
    assert solution.reasons == ["r", None]


def test_resource_id_is_a_reserved_word(solution):
    with pytest.raises(exception.ReservedWord):
        solution.add_action("migrate", {"resource_id": "x"})


def test_ten_thousand_actions_take_no_time(solution):
    begun = time.monotonic()
    for number in range(10_000):
        solution.add_action("migrate", {"n": number}, resource_id=str(number))
    assert time.monotonic() - begun < 2


PARAMS = params.of(
    params.number("threshold", 0.8, low=0, high=1, help="load"),
    params.string("node", help="host", required=True),
    params.array(
        "pairs",
        {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}},
        help="pairs",
    ),
)


def test_parameters_are_declared_once():
    assert PARAMS.schema["required"] == ["node"]
    assert PARAMS.schema["properties"]["threshold"] == {
        "description": "load",
        "type": "number",
        "default": 0.8,
        "minimum": 0,
        "maximum": 1,
    }


def test_defaults_are_filled_also_inside_lists():
    found = params.resolve(PARAMS.schema, {"node": "n1", "pairs": [{}]})
    assert found.threshold == 0.8 and found.pairs == [{"a": "x"}]


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "node"),
        ({"node": "n", "threshold": 2}, "threshold"),
        ({"node": "n", "pairs": [{"b": 1}]}, r"pairs\[0\].b"),
        ({"node": "n", "colour": 1}, "colour"),
    ],
)
def test_wrong_parameters_are_named(given, message):
    with pytest.raises(exception.Invalid, match=message):
        params.resolve(PARAMS.schema, given)


def test_a_strategy_without_schema_takes_anything():
    assert params.resolve({}, {"a": 1}) == {"a": 1}
