"""Parameters against their schema: strict, with defaults filled in at every level."""

import pytest

from watcher import exception
from watcher.api import params

SPEC = {
    "type": "object",
    "required": ["a", "deep"],
    "properties": {
        "a": {"type": "integer", "default": 1},
        "deep": {
            "type": "object",
            "properties": {"b": {"type": "string", "default": "x"}},
        },
        "many": {
            "type": "array",
            "items": {"properties": {"c": {"type": "number", "default": 2.5}}},
        },
    },
}


def test_defaults_are_filled_where_their_object_is_present():
    given = {"deep": {}, "many": [{}, {"c": 1}]}
    assert params.filled(given, SPEC) == {
        "a": 1,
        "deep": {"b": "x"},
        "many": [{"c": 2.5}, {"c": 1}],
    }
    assert given == {"deep": {}, "many": [{}, {"c": 1}]}


def test_a_default_satisfies_required_wherever_the_schema_says_so():
    turned = dict(reversed(SPEC.items()))
    assert params.filled({"deep": {}}, turned)["a"] == 1


def test_filled_defaults_are_not_shared():
    spec = {"properties": {"list": {"default": []}}}
    params.filled({}, spec)["list"].append(1)
    assert params.filled({}, spec) == {"list": []}


@pytest.mark.parametrize(
    "given, words",
    [
        ({"nope": 1, "deep": {}}, "Audit parameter nope are not allowed"),
        ({"deep": {"nope": 1}}, "Audit parameter nope are not allowed"),
        ({}, "Invalid parameters for strategy: 'deep' is a required"),
        ({"deep": {}, "a": "x"}, r"Invalid parameters for strategy: .*\(at a\)"),
        ({"deep": 5}, "Invalid parameters for strategy"),
    ],
)
def test_what_does_not_fit_is_named(given, words):
    with pytest.raises(exception.Invalid, match=words):
        params.filled(given, SPEC)


def test_alternatives_do_not_refuse_what_another_one_takes():
    spec = {
        "anyOf": [
            {"properties": {"a": {"type": "integer"}}},
            {"properties": {"b": {"type": "integer"}}},
        ]
    }
    assert params.filled({"b": 1}, spec) == {"b": 1}


def test_a_strategy_that_declares_nothing_takes_nothing():
    spec = {"type": "object", "properties": {}}
    assert params.filled({}, spec) == {}
    with pytest.raises(exception.AuditParameterNotAllowed, match="zz"):
        params.filled({"zz": 1}, spec)


def test_an_empty_table_inside_of_a_value_leaves_it_free():
    spec = {"properties": {"inputs": {"type": "object", "properties": {}}}}
    assert params.filled({"inputs": {"zz": 1}}, spec) == {"inputs": {"zz": 1}}
