"""Which notifications an endpoint wants."""

import re
from collections.abc import Callable, Mapping
from typing import Any

# A rule, and a rule that is ready to be asked.
Rule = Any
Test = Callable[[Any], bool]


class NotificationFilter:
    """Rules for the parts of a notification; oslo.messaging's filter, and a little more

    A rule is one of: None, everything matches; a regular expression, text that matches it
    from its start (what is no text does not); a callable, what it says of the value; a
    mapping of rules, as deep as one likes: each of its keys is there with a value that
    matches. A key with the rule None must be there, with any value.
    """

    def __init__(
        self,
        context: Rule = None,
        publisher_id: Rule = None,
        event_type: Rule = None,
        metadata: Rule = None,
        payload: Rule = None,
    ) -> None:
        rules = (context, publisher_id, event_type, metadata, payload)
        self._tests = [_test(rule) for rule in rules]

    def match(
        self,
        context: Any,
        publisher_id: Any,
        event_type: Any,
        metadata: Any,
        payload: Any,
    ) -> bool:
        """Tell whether every part matches its rule"""
        parts = (context, publisher_id, event_type, metadata, payload)
        return all(
            test(part) for test, part in zip(self._tests, parts, strict=True) if test
        )


def _test(rule: Rule) -> Test | None:
    if rule is None:
        return None
    if isinstance(rule, Mapping):
        return _mapping({key: _test(inner) for key, inner in rule.items()})
    if callable(rule):
        return lambda value: bool(rule(value))
    pattern = re.compile(rule)
    return lambda value: isinstance(value, str) and bool(pattern.match(value))


def _mapping(tests: Mapping[Any, Test | None]) -> Test:
    def test(value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            key in value and (inner is None or inner(value[key]))
            for key, inner in tests.items()
        )

    return test
