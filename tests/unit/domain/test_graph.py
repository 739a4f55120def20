"""Order of actions: who may start, who must not."""

import pytest

from watcher.domain import graph
from watcher.domain.graph import Frontier, Refusal, Rule
from watcher.domain.states import CANCELLED, FAILED, SKIPPED, SUCCEEDED


def test_an_action_starts_when_its_own_parents_are_done():
    front = Frontier({"a": [], "b": [], "c": ["a"], "d": ["a", "b"]})
    assert list(front.ready()) == ["a", "b"]
    front.settle("a", SUCCEEDED)
    # b still runs: c does not wait for it.
    assert list(front.ready()) == ["c"]
    front.settle("b", SUCCEEDED)
    assert list(front.ready()) == ["d"]
    assert list(front.ready()) == []
    assert not front.finished


def test_a_failed_parent_refuses_its_descendants_and_no_one_else():
    front = Frontier({"a": [], "b": ["a"], "c": ["b"], "x": [], "y": ["x"]})
    list(front.ready())
    front.settle("a", FAILED)
    assert list(front.refused()) == [Refusal("b", "a")]
    front.settle("b", SKIPPED)
    assert list(front.refused()) == [Refusal("c", "b")]
    front.settle("c", SKIPPED)
    front.settle("x", SUCCEEDED)
    assert list(front.ready()) == ["y"]
    front.settle("y", SUCCEEDED)
    assert front.finished


def test_a_parent_that_had_nothing_to_do_lets_its_children_go_on():
    front = Frontier({"a": [], "b": ["a"]})
    list(front.ready())
    front.settle("a", SKIPPED)
    assert list(front.refused()) == []
    assert list(front.ready()) == ["b"]


def test_one_failed_parent_of_two_is_enough_and_refuses_once():
    front = Frontier({"a": [], "b": [], "c": ["a", "b"]})
    list(front.ready())
    front.settle("a", FAILED)
    front.settle("b", CANCELLED)
    assert list(front.refused()) == [Refusal("c", "a")]
    assert list(front.ready()) == []


def apart(*pairs):
    """Every parent is needed but in these pairs of child and parent"""
    return lambda child, parent: (child, parent) not in pairs


def test_who_needs_nothing_of_a_failed_parent_goes_on():
    front = Frontier({"a": [], "b": ["a"], "c": ["a"]}, needs=apart(("b", "a")))
    list(front.ready())
    front.settle("a", FAILED)
    assert list(front.refused()) == [Refusal("c", "a")]
    assert list(front.ready()) == ["b"]


def test_a_failure_reaches_beyond_those_who_do_not_need_it():
    # Off waits for the move by way of a pause only.
    parents = {"move": [], "pause": ["move"], "off": ["pause"]}
    idle = apart(("pause", "move"), ("off", "pause"))
    front = Frontier(parents, needs=idle)
    list(front.ready())
    front.settle("move", FAILED)
    assert list(front.ready()) == ["pause"]
    front.settle("pause", SUCCEEDED)
    assert list(front.refused()) == [Refusal("off", "move")]
    assert list(front.ready()) == []
    # The same after a restart, when the pause had been skipped: nothing was to be done.
    front = Frontier(parents, needs=idle)
    front.restore({"move": FAILED, "pause": SKIPPED})
    assert list(front.refused()) == [Refusal("off", "move")]


def test_a_skipped_parent_counts_as_failed_for_who_needs_it_only():
    parents = {"a": [], "b": ["a"], "c": ["b"], "d": ["b"]}
    front = Frontier(parents, needs=apart(("d", "a"), ("d", "b")))
    front.restore({"a": FAILED, "b": SKIPPED})
    assert list(front.refused()) == [Refusal("c", "b")]
    assert list(front.ready()) == ["d"]


def test_a_refused_action_is_never_ready_whoever_asks_first():
    front = Frontier({"a": [], "b": [], "c": ["a", "b"]}, needs=apart(("c", "b")))
    list(front.ready())
    front.settle("a", FAILED)
    front.settle("b", SUCCEEDED)
    assert list(front.ready()) == []
    assert list(front.refused()) == [Refusal("c", "a")]


def test_a_resumed_plan_gives_the_same_answers_in_whatever_order_rows_come():
    parents = {"a": [], "b": ["a"], "c": ["b"], "d": ["a"]}
    front = Frontier(parents)
    front.restore({"b": SKIPPED, "a": FAILED})
    assert {r.action for r in front.refused()} == {"c", "d"}
    assert list(front.ready()) == []


def test_rule_always_runs_children_of_failed_parents():
    front = Frontier({"a": [], "b": ["a"]}, Rule.ALWAYS)
    list(front.ready())
    front.settle("a", FAILED)
    assert list(front.ready()) == ["b"]


def test_rule_any_runs_children_only_after_a_failure_of_any_parent():
    parents = {"a": [], "b": [], "c": ["a", "b"]}
    good = Frontier(parents, Rule.ANY)
    good.settle("a", SUCCEEDED)
    good.settle("b", SUCCEEDED)
    assert list(good.refused()) == [Refusal("c", "a")]
    bad = Frontier(parents, Rule.ANY)
    bad.settle("a", SUCCEEDED)
    bad.settle("b", FAILED)
    assert list(bad.ready()) == ["c"]


def test_an_unknown_parent_and_a_circle_are_told_apart():
    with pytest.raises(graph.BrokenGraph, match="parent z, which is not in the plan"):
        graph.check({"a": ["z"]})
    with pytest.raises(graph.BrokenGraph, match="wait for each other: a, b"):
        graph.check({"a": ["b"], "b": ["a"], "c": []})
    with pytest.raises(graph.BrokenGraph):
        graph.check({"a": ["a"]})


def test_a_doubled_parent_counts_once():
    front = Frontier({"a": [], "b": ["a", "a"]})
    list(front.ready())
    front.settle("a", SUCCEEDED)
    assert list(front.ready()) == ["b"]


def test_thousands_of_failures_are_cheap():
    first = [f"a{n}" for n in range(1000)]
    parents = {name: [] for name in first}
    parents |= {f"b{n}": first for n in range(1000)}
    asked = []

    def needs(child, parent):
        asked.append(child)
        return False

    front = Frontier(parents, needs=needs)
    list(front.ready())
    for name in first[:100]:
        front.settle(name, FAILED)
    for name in first[100:]:
        front.settle(name, SUCCEEDED)
    assert len(list(front.ready())) == 1000
    assert len(asked) == 100 * 1000


def test_thousands_of_actions_are_cheap():
    parents = {str(n): [str(n - 1)] if n else [] for n in range(5000)}
    front = Frontier(parents)
    for n in range(5000):
        assert list(front.ready()) == [str(n)]
        front.settle(str(n), SUCCEEDED)
    assert front.finished
