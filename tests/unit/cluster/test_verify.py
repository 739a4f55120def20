"""The judge of a plan's moves."""

import itertools
import random

import pytest

from watcher.cluster import occupancy
from watcher.cluster.constraint.rules import feasible
from watcher.cluster.model.simulate import Move, View
from watcher.cluster.verify import verify


def go(instance, source, target, kind="live"):
    return Move(instance=instance, source=source, target=target, kind=kind)


def test_a_good_plan_has_nothing_wrong(cloud):
    cloud.node("a").node("b").server("s", on="a")
    assert verify(cloud.model, [go("s", "a", "b")]) == []
    assert verify(cloud.model, []) == []


@pytest.mark.parametrize(
    ("moves", "sentence"),
    [
        ([go("x", "a", "b")], "x from a to b: The instance 'x' could not be found"),
        ([go("s", "b", "a")], "s from b to a: it is on a."),
        ([go("s", "a", "a")], "s from a to a: source and target are the same."),
        ([go("s", "a", "x")], "s from a to x: x is outside the scope or unknown."),
        ([go("s", "a", "b"), go("s", "a", "b")], "s from a to b: it is moved twice."),
    ],
)
def test_nonsense_is_named(cloud, moves, sentence):
    model = cloud.node("a").node("b").server("s", on="a").model
    assert sentence in verify(model, moves)


def test_every_rule_is_asked(cloud):
    cloud.node("a").node("b", zone="other").server("s", on="a", locked=True)
    assert verify(cloud.model, [go("s", "a", "b")]) == [
        "s from a to b: s is locked.",
        "s from a to b: b is in zone other, s belongs to nova.",
    ]


def test_a_node_that_the_plan_disables_takes_nothing(cloud):
    model = cloud.node("a").node("b").server("s", on="a").model
    wrong = verify(model, [go("s", "a", "b")], disabled={"b": "maintenance"})
    assert wrong == ["s from a to b: b is being emptied or disabled by this plan."]
    assert verify(model, [go("s", "a", "b")], disabled={"a": "maintenance"}) == []


def test_a_node_that_the_plan_enables_takes_servers(cloud):
    model = cloud.node("a").node("b", status="disabled").server("s", on="a").model
    assert verify(model, [go("s", "a", "b")], enabled={"b": "backup"}) == []
    assert verify(model, [go("s", "a", "b")]) != []


def test_an_old_wrong_is_nobodys_fault(cloud):
    cloud.node("a").node("b", vcpus=1).server("big", on="b", vcpus=4)
    cloud.server("s1", on="a").server("s2", on="a").group("anti-affinity", "s1", "s2")
    model = cloud.node("c").model
    assert verify(model, [go("s1", "a", "c")]) == []


class TestOnTheWay:
    """A swap is fine at the end; whether it is fine meanwhile depends on the order"""

    @pytest.fixture
    def model(self, cloud):
        cloud.node("a", vcpus=2).node("b", vcpus=2).node("c", vcpus=2)
        return cloud.server("s", on="a", vcpus=2).server("t", on="b", vcpus=2).model

    MOVES = (go("t", "b", "c"), go("s", "a", "b"))

    def test_at_once_is_too_much(self, model):
        assert verify(model, self.MOVES) == [
            "On the way b may have to hold 4 vCPUs, allowed are 2."
        ]

    def test_one_after_the_other_is_not(self, model):
        assert verify(model, self.MOVES, before={1: [0]}) == []

    def test_in_the_wrong_order_it_never_works(self, model):
        assert verify(model, self.MOVES, before={0: [1]})[0].startswith("On the way b")

    def test_the_order_needed_can_be_had(self, model):
        assert occupancy.room_order(View(model), self.MOVES) == {1: {0}}

    def test_a_circle_of_dependencies_is_refused(self, model):
        assert verify(model, self.MOVES, before={0: [1], 1: [0]}) == [
            "The order of the moves has a cycle."
        ]

    def test_members_of_a_group_do_not_meet(self, cloud):
        cloud.node("a").node("b").node("c").server("s1", on="a").server("s2", on="b")
        model = cloud.group("anti-affinity", "s1", "s2").model
        moves = [go("s2", "b", "c"), go("s1", "a", "b")]
        assert verify(model, moves) == [
            "On the way b may have to hold 2 members of anti-affinity group group-0, "
            "allowed are 1."
        ]
        assert (
            verify(model, moves, before=occupancy.room_order(View(model), moves)) == []
        )


def moments(count, before):
    """Yield every (started, ended) that can occur, as two sets of moves"""
    for marks in itertools.product(("no", "begun", "over"), repeat=count):
        started = {n for n in range(count) if marks[n] != "no"}
        ended = {n for n in range(count) if marks[n] == "over"}
        if all(set(before.get(n, ())) <= ended for n in started):
            yield started, ended


@pytest.mark.parametrize("seed", range(60))
def test_the_fullest_moment_is_found(cloud, seed):
    """The minimum cut gives what trying out every moment gives"""
    dice = random.Random(seed)
    for name in "abc":
        cloud.node(name, vcpus=6)
    for i in range(6):
        cloud.server(f"s{i}", on=dice.choice("abc"), vcpus=dice.randint(1, 3))
    view = cloud.view
    moves = []
    for i in range(6):
        source = view.host_of(f"s{i}")
        target = dice.choice([h for h in "abc" if h != source])
        moves.append(go(f"s{i}", source, target))
    before = {n: {b for b in range(n) if dice.random() < 0.3} for n in range(6)}
    ancestors = occupancy.ancestors(before, 6)
    sizes = [int(view.size(m.instance)[0]) for m in moves]
    for crossing in occupancy.crossings(view, moves):
        if crossing.what != "vCPUs":
            continue
        most = max(
            crossing.start
            + sum(sizes[n] for n in started if moves[n].target == crossing.host)
            - sum(sizes[n] for n in ended if moves[n].source == crossing.host)
            for started, ended in moments(6, before)
        )
        assert occupancy.worst(crossing, ancestors) == most


@pytest.mark.parametrize("seed", range(30))
def test_the_order_given_is_always_safe(cloud, seed):
    """Whatever is safe one by one is safe in parallel once it keeps ``room_order``"""
    dice = random.Random(seed)
    for name in "abcd":
        cloud.node(name, vcpus=6)
    for i in range(12):
        cloud.server(f"s{i}", on="abcd"[i % 4], vcpus=dice.randint(1, 2))
    cloud.group("anti-affinity", "s0", "s1", "s2")
    model = cloud.model
    view = View(model)
    for name in dice.sample(sorted(model.instances_data), 12):
        if targets := feasible(view, name).targets:
            view.move(name, to=dice.choice(targets))
    moves = view.moves
    order = occupancy.room_order(View(model), moves)
    assert verify(model, moves, before=order) == []
