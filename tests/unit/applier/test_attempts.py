"""Another target is tried only when the first attempt is surely over."""

import pytest

from watcher import exception
from watcher.applier.actions.attempts import Attempts, kind_of
from watcher.applier.journal import LooseJournal
from watcher.applier.signals import Aborted


class Targets:
    """Hands out hosts in a row"""

    def __init__(self, *hosts):
        self.hosts = list(hosts)
        self.wishes = []

    def other(self, wish):
        yield from ()
        self.wishes.append(wish)
        return self.hosts.pop(0) if self.hosts else None


class World:
    """Moves that end as told: an outcome for each target, None is success"""

    def __init__(self, targets, journal=None, **ends):
        self.journal = journal or LooseJournal()
        self.targets = targets
        self.ends = ends
        self.asked = []

    def move(self, dest, kind):
        yield from ()
        mine = [op for op in self.journal.operations if op.kind == kind]
        operation = mine[-1] if mine else self.begin(dest, kind)
        end = self.ends[dest]
        if end == "cancelled":
            raise Aborted
        if end is None:
            self.journal.done(operation, "succeeded")
            return
        if end != "open":
            self.journal.done(operation, end)
        raise exception.ActionExecutionFailure(f"no way to {dest}")

    def begin(self, dest, kind):
        self.asked.append((dest, kind))
        return self.journal.begin(kind, dest=dest)

    def run(self, dest="b"):
        self.attempts = Attempts(
            self.journal, self.targets, self.move, server="s", source="a", dest=dest,
            live=True,
        )  # fmt: skip
        for _wait in self.attempts.steps():
            pass
        return self.attempts.remark


def test_kinds_differ_so_that_request_ids_do():
    assert [kind_of(n) for n in (1, 2, 3)] == ["migrate", "migrate_2", "migrate_3"]


def test_a_move_that_succeeds_needs_nobody():
    world = World(Targets("c"), b=None)
    assert world.run() is None
    assert world.targets.wishes == []


@pytest.mark.parametrize("outcome", ["failed", "refused"])
def test_the_next_target_is_tried_after_a_sure_failure(outcome):
    world = World(Targets("c"), b=outcome, c=None)
    assert world.run() == "Moved to c instead: no way to b"
    assert world.asked == [("b", "migrate"), ("c", "migrate_2")]
    (wish,) = world.targets.wishes
    assert (wish.server, wish.source, wish.live) == ("s", "a", True)
    assert wish.tried == ["b"]


@pytest.mark.parametrize("outcome", ["timeout", "open"])
def test_what_may_still_go_on_is_not_done_a_second_time(outcome):
    world = World(Targets("c"), b=outcome, c=None)
    with pytest.raises(exception.ActionExecutionFailure, match="no way to b"):
        world.run()
    assert world.asked == [("b", "migrate")]


def test_a_cancelled_move_goes_nowhere_else():
    world = World(Targets("c"), b="cancelled")
    with pytest.raises(Aborted):
        world.run()
    world = World(Targets("c"), b="failed")
    world.journal.signals.cancel()
    with pytest.raises(exception.ActionExecutionFailure):
        world.run()
    assert world.targets.wishes == []


def test_a_target_of_novas_choice_is_not_replaced():
    """Nova has tried what it has"""
    world = World(Targets("c"), **{"None": "failed"})
    world.ends[None] = "failed"
    with pytest.raises(exception.ActionExecutionFailure):
        world.run(dest=None)
    assert world.targets.wishes == []


def test_all_attempts_are_told_when_the_last_one_fails():
    world = World(Targets("c"), b="failed", c="failed")
    with pytest.raises(exception.ActionExecutionFailure) as failure:
        world.run()
    assert str(failure.value) == "no way to c (before: no way to b)"
    assert [wish.tried for wish in world.targets.wishes] == [["b"], ["b", "c"]]


def test_who_takes_over_goes_on_with_the_last_attempt():
    journal = LooseJournal()
    first = journal.begin("migrate", dest="b")
    journal.done(first, "failed", reason="b is full")
    journal.begin("migrate_2", dest="c")
    world = World(Targets("d"), journal, b="failed", c=None)
    assert world.run().startswith("Moved to c instead")
    assert world.asked == [], "no new request"


def test_who_takes_over_between_two_attempts_begins_the_second_once():
    journal = LooseJournal()
    journal.done(journal.begin("migrate", dest="b"), "failed")
    world = World(Targets("c"), journal, b="failed", c=None)
    world.run()
    assert world.asked == [("c", "migrate_2")]


def test_an_attempt_before_another_one_had_ended():
    """Its process had no time to write how: the intent of the next one says so"""
    journal = LooseJournal()
    journal.begin("migrate", dest="b")
    journal.begin("migrate_2", dest="c")
    World(Targets(), journal, c=None).run()
    assert [op.outcome for op in journal.operations] == ["failed", "succeeded"]
