"""Filters of endpoints: the rules of oslo.messaging, and those that came with them."""

import re

import oslo_messaging
import pytest
from watcher.decision_engine.model.notification.filtering import NotificationFilter

EVENT = {
    "context": {"tenant_id": "5f643cfc", "roles": "private"},
    "publisher_id": "nova-compute:a",
    "event_type": "instance.update",
    "metadata": {"timestamp": "Aug 1"},
    "payload": {"state": "active", "size": 4, "flavor": {"name": "m1.small"}},
}


def matches(rules, **changed):
    return NotificationFilter(**rules).match(**{**EVENT, **changed})


# What oslo.messaging's own filter says to the same rules is the same.
COMMON = [
    {},
    {"publisher_id": "^nova-.*"},
    {"publisher_id": "nova"},  # from the start, not to the end
    {"publisher_id": "compute"},
    {"event_type": r"^instance\.update$"},
    {"event_type": "^volume"},
    {"context": {"tenant_id": "^5f643cfc$", "roles": "private"}},
    {"context": {"tenant_id": "^5f643cfc$", "roles": "public"}},
    {"context": {"user_id": ".*"}},
    {"metadata": {"timestamp": "Aug"}},
    {"payload": {"state": "^active$"}},
    {"payload": {"state": "^error$"}},
    {"payload": {"size": "4"}},  # a number is no text
    {"payload": {"flavor": "m1"}},
    {"payload": {}},
    {"publisher_id": "^nova-.*", "payload": {"state": "^error$"}},
]


@pytest.mark.parametrize("rules", COMMON)
def test_the_rules_of_the_library_mean_the_same(rules):
    theirs = oslo_messaging.NotificationFilter(**rules).match(**EVENT)
    assert matches(rules) is theirs


@pytest.mark.parametrize(
    ("rules", "result"),
    [
        ({"payload": {"flavor": {"name": "^m1"}}}, True),
        ({"payload": {"flavor": {"name": "^c1"}}}, False),
        ({"payload": {"flavor": {"ram": ".*"}}}, False),
        ({"payload": {"state": {"name": ".*"}}}, False),  # not that deep
        ({"payload": {"size": None}}, True),
        ({"payload": {"colour": None}}, False),  # must be there
        ({"payload": {"size": lambda size: size > 3}}, True),
        ({"payload": {"size": lambda size: size > 4}}, False),
        ({"payload": lambda payload: "size" in payload}, True),
        ({"publisher_id": lambda publisher: publisher.endswith(":b")}, False),
        ({"event_type": re.compile("INSTANCE", re.IGNORECASE)}, True),
        ({"payload": None, "publisher_id": None}, True),
    ],
)
def test_rules_nest_and_may_be_null_or_callable(rules, result):
    assert matches(rules) is result


@pytest.mark.parametrize("payload", [None, "text", 7, []])
def test_a_payload_of_another_shape_does_not_match(payload):
    assert not matches({"payload": {"state": ".*"}}, payload=payload)
    assert matches({"event_type": "instance"}, payload=payload)


def test_a_wrong_expression_is_told_where_it_is_written():
    with pytest.raises(re.error):
        NotificationFilter(publisher_id="(")
