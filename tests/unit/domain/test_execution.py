"""What execution rules say, and which of several says it."""

import jsonschema
import pytest

from watcher.domain import execution
from watcher.domain.execution import Rules


def test_the_plan_counts_more_than_its_audit_and_that_more_than_the_template():
    documents = {
        "audit_template": {
            "max_moves": 1,
            "on_failure": "offer",
            "limits": {"running": 2},
        },
        "audit": {"max_moves": 2, "on_failure": "run"},
        "action_plan": {"max_moves": 3},
    }
    assert execution.merged(documents) == {
        "max_moves": 3, "on_failure": "run", "limits": {"running": 2},
    }  # fmt: skip
    assert execution.merged({}) == {}


def test_nothing_said_limits_nothing():
    assert Rules.of({}) == Rules()


def test_everything_that_can_be_said_is_read():
    document = {
        "max_moves": 7,
        "window": [{"from": "22:00", "to": "05:00"}, {"from": "12:00", "to": "13:00"}],
        "on_failure": "offer",
        "limits": {
            "running": 3, "moves_from_node": 1, "moves_to_node": 2, "types": {"nop": 4},
        },
    }  # fmt: skip
    jsonschema.Draft202012Validator.check_schema(execution.SCHEMA)
    jsonschema.validate(document, execution.SCHEMA)
    rules = Rules.of(document)
    assert (rules.max_moves, rules.on_failure, len(rules.windows)) == (7, "offer", 2)
    assert (rules.running, rules.moves_from_node, rules.moves_to_node) == (3, 1, 2)
    assert rules.types == {"nop": 4}


def test_the_window_that_is_wrong_is_named():
    one = {"from": "22:00", "to": "05:00"}
    with pytest.raises(ValueError, match=r"^window\.1: .*Nowhere"):
        Rules.of({"window": [one, {**one, "timezone": "Nowhere"}]})
    with pytest.raises(ValueError, match=r"^window: "):
        Rules.of({"window": {**one, "from": "24:00"}})
