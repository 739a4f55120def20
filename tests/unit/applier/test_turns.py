"""Whose turn it is: limits of the plan, limits of others, what is urgent."""

import pytest

from watcher.applier.admission import Answer, NoLimits
from watcher.applier.turns import ASK_S, MANY, PAUSE_S, Turns
from watcher.domain.graph import Frontier
from watcher.domain.records import Action
from watcher.domain.urgency import Urgency, tails


def action(uuid, *parents, kind="migrate", **given):
    return Action(
        id=1, uuid=uuid, action_plan_id=1, action_plan_uuid="p", action_type=kind,
        input_parameters=given, parents=list(parents), state="PENDING",
    )  # fmt: skip


def move(uuid, source, dest, *parents):
    return action(uuid, *parents, source_node=source, destination_node=dest)


class Limits(NoLimits):
    """Lets so many of all plans run, and remembers what it was asked"""

    def __init__(self, free=99):
        self.free = free
        self.held = None
        self.asked = []
        self.adopted = []
        self.released = []

    def hold(self, book):
        return self.held

    def adopt(self, book, running):
        self.adopted += [a.uuid for a in running]

    def admit(self, book, waiting, room):
        self.asked.append([a.uuid for a in waiting])
        chosen = waiting[: min(room, self.free)]
        self.free -= len(chosen)
        return Answer(
            [a.uuid for a in chosen], {a.uuid: "full" for a in waiting[len(chosen) :]}
        )

    def release(self, book, ended):
        self.released += [a.uuid for a in ended]
        self.free += len(ended)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def limits():
    return Limits()


@pytest.fixture
def clock():
    return Clock()


def turns(actions, limits, clock, total=99, **kinds):
    rows = {a.uuid: a for a in actions}
    front = Frontier({u: tuple(a.parents) for u, a in rows.items()})
    found = Turns(
        "book", rows, front, admission=limits, limit=lambda k: kinds.get(k, total),
        total=total, clock=clock,
    )  # fmt: skip
    return found, front


def names(some):
    return [a.uuid for a in some]


def test_what_waits_for_a_limit_says_so_and_comes_when_there_is_room(limits, clock):
    limits.free = 1
    of, front = turns([move("a", "x", "y"), move("b", "x", "z")], limits, clock)
    assert names(of.next()) == ["a"]
    assert of.reasons == {"b": "full"}
    assert of.next() == []
    of.end("a")
    front.settle("a", "SUCCEEDED")
    assert names(of.next()) == ["b"]
    assert (limits.released, of.reasons) == (["a"], {})
    of.end("b")
    of.close()
    assert limits.released == ["a", "b"]


def test_limits_are_not_asked_again_and_again_for_nothing(limits, clock):
    limits.free = 0
    of, _front = turns([move("a", "x", "y")], limits, clock)
    for _ in range(5):
        assert of.next() == []
    assert len(limits.asked) == 1
    assert of.pause_s == ASK_S
    clock.now += ASK_S
    limits.free = 1
    assert names(of.next()) == ["a"]


def test_a_crowd_is_looked_at_a_few_times_a_second(limits, clock):
    limits.free = 2
    crowd = [move(f"m{n}", "x", f"y{n}") for n in range(MANY + 9)]
    of, front = turns(crowd, limits, clock)
    first, second = names(of.next())
    for uuid in (first, second):
        of.end(uuid)
        front.settle(uuid, "SUCCEEDED")
        assert of.next() == []
    assert of.pause_s == pytest.approx(PAUSE_S)
    clock.now += PAUSE_S
    assert len(of.next()) == 2


def test_the_limits_of_the_plan_come_first(limits, clock):
    of, _front = turns(
        [action("a"), action("b"), action("c", kind="nop"), action("d", kind="nop")],
        limits, clock, total=3, migrate=1,
    )  # fmt: skip
    assert names(of.next()) == ["a", "c", "d"]


def test_a_plan_that_is_held_admits_nothing(limits, clock):
    of, _front = turns([action("a")], limits, clock)
    limits.held = "paused"
    assert (of.next(), of.reasons, limits.asked) == ([], {"a": "paused"}, [])
    limits.held = None
    clock.now += ASK_S
    assert names(of.next()) == ["a"]


def test_what_was_begun_before_counts_and_what_is_let_go_stays_held(limits, clock):
    of, _front = turns([action("a"), action("b")], limits, clock, total=2)
    of.adopt([action("a")])
    assert limits.adopted == ["a"]
    assert names(of.next()) == ["b"], "what runs is not begun a second time"
    of.let_go("a")
    of.next()
    assert limits.released == []


def test_what_limits_will_never_let_begin_is_handed_out_once(limits, clock):
    of, _front = turns([action("a"), action("b")], limits, clock)
    limits.admit = lambda book, waiting, room: Answer(["a"], {}, {"b": "used up"})
    assert names(of.next()) == ["a"]
    assert (of.to_skip(), of.to_skip()) == ({"b": "used up"}, {})
    clock.now += ASK_S
    limits.admit = None
    assert of.next() == []


def test_a_plan_that_broke_gives_everything_back(limits, clock):
    of, _front = turns([action("a"), action("b")], limits, clock)
    of.next()
    of.close(everything=True)
    assert sorted(limits.released) == ["a", "b"]


def test_long_chains_and_busy_hosts_go_first():
    rows = [
        move("lone", "q", "r"),
        move("busy1", "x", "y1"),
        move("busy2", "x", "y2"),
        move("busy3", "x", "y3"),
        move("busy4", "x", "y4"),
        move("head", "k", "l"),
        move("mid", "l", "m", "head"),
        move("tail", "m", "n", "mid"),
    ]
    order = Urgency({a.uuid: a for a in rows})
    waiting = [rows[0], rows[1], rows[5]]
    assert names(order.ordered(waiting)) == ["head", "busy1", "lone"]
    for ended in ("busy2", "busy3", "busy4", "busy4"):
        order.end(ended)
    assert names(order.ordered([rows[0], rows[1]])) == ["lone", "busy1"]


def test_the_length_of_chains_is_counted_from_their_ends():
    parents = {"a": [], "b": ["a"], "c": ["b", "b"], "d": ["a"], "x": ["y"], "y": ["x"]}
    assert tails(parents) == {"a": 3, "b": 2, "c": 1, "d": 1, "x": 1, "y": 1}
