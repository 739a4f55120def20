"""Threads that audits run on."""

import threading
import time

import pytest

from watcher import exception
from watcher.decision_engine.pool import Pool


class Work:
    """Runs that last until they are told to end"""

    def __init__(self):
        self.begun = []
        self.gate = threading.Event()
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.error = None

    def __call__(self, uuid, *, triggered):
        with self.lock:
            self.begun.append((uuid, triggered))
            self.now += 1
            self.most = max(self.most, self.now)
            error, self.error = self.error, None
        self.gate.wait(5)
        with self.lock:
            self.now -= 1
        if error:
            raise error


def until(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.005)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def made(work):
    pools = []

    def make(size=2, may_start=lambda: True, **more):
        released = []
        pool = Pool(
            size,
            work,
            may_start=may_start,
            release=lambda: released.append(1),
            **more,
        )
        pool.released = released
        pools.append(pool)
        pool.start()
        return pool

    yield make
    work.gate.set()
    for pool in pools:
        pool.stop(time.monotonic() + 5)


def test_never_more_than_its_size_and_each_once(made, work):
    pool = made(2)
    for _ in range(3):
        pool.offer_all(["a", "b", "c", "d"])
    until(lambda: len(work.begun) == 2)
    work.gate.set()
    until(lambda: len(work.begun) == 4 and not pool.busy)
    assert sorted(work.begun) == [(u, False) for u in "abcd"] and work.most == 2


def test_triggers_during_a_run_make_exactly_one_more(made, work):
    pool = made(2)
    pool.offer("a", triggered=True)
    until(lambda: pool.busy == {"a"})
    for _ in range(3):
        pool.offer("a", triggered=True)
    work.gate.set()
    until(lambda: len(work.begun) == 2 and not pool.busy)
    time.sleep(0.05)
    assert work.begun == [("a", True)] * 2 and work.most == 1


class Clock:
    """Seconds that pass when the test says so"""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def test_an_interrupted_audit_runs_again_by_itself_after_a_while(made, work):
    clock = Clock()
    pool = made(1, clock=clock)
    work.gate.set()
    work.error = exception.DatabaseUnavailable(reason="away")
    pool.offer("a")
    until(lambda: len(work.begun) == 1 and not pool.busy)
    assert pool.troubled == ["a"]
    pool.offer_all(["a", "b"])
    until(lambda: len(work.begun) == 2 and not pool.busy)
    assert work.begun[1] == ("b", False), "its wait is not over, others need not wait"
    clock.now_s = 2.0
    until(lambda: len(work.begun) == 3 and not pool.busy)
    assert work.begun[2] == ("a", False) and pool.troubled == []


def test_a_run_that_ends_its_thread_costs_no_thread(made, work):
    pool = made(1)
    work.gate.set()
    work.error = SystemExit(1)
    pool.offer("a")
    until(lambda: len(work.begun) == 1 and not pool.busy)
    pool.offer("b")
    until(lambda: ("b", False) in work.begun)


def test_c8_continuous_runs_and_the_others_have_threads_of_their_own(made, work):
    """audits.md C8: long runs of one kind do not keep the other from beginning"""
    pool = made(1, routine=2)
    pool.offer_due(["c1", "c2", "c3"])
    until(lambda: pool.busy == {"c1", "c2"})
    pool.offer_all(["o1", "o2"])
    until(lambda: pool.busy == {"c1", "c2", "o1"})
    work.gate.set()
    until(lambda: len(work.begun) == 5 and not pool.busy)
    assert work.most == 3


def test_an_audit_offered_as_both_kinds_runs_once_at_a_time(made, work):
    pool = made(1, routine=1)
    pool.offer_due(["a"])
    until(lambda: pool.busy == {"a"})
    pool.offer("a", triggered=True)
    time.sleep(0.05)
    assert work.most == 1
    work.gate.set()
    until(lambda: len(work.begun) == 2)
    assert work.most == 1


def test_without_a_lease_nothing_begins(made, work):
    alive = threading.Event()
    pool = made(1, may_start=alive.is_set)
    pool.offer("a")
    time.sleep(0.1)
    assert work.begun == []
    alive.set()
    until(lambda: work.begun == [("a", False)])


def test_stop_waits_for_its_deadline_and_gives_the_rest_back(made, work):
    pool = made(1)
    pool.offer_all(["a", "b"])
    until(lambda: pool.busy == {"a"})
    begun = time.monotonic()
    pool.stop(begun + 0.2)
    assert 0.1 < time.monotonic() - begun < 2 and pool.released
    work.gate.set()
    time.sleep(0.05)
    assert work.begun == [("a", False)]


def test_a_stop_without_a_limit_waits_for_audits_not_for_the_database(
    made, work, monkeypatch
):
    monkeypatch.setattr("watcher.parts.GOODBYE_S", 0.1)
    back = threading.Event()
    pool = made(1)
    pool._release = lambda: back.wait(20)
    pool.offer("a")
    until(lambda: pool.busy == {"a"})
    threading.Timer(0.2, work.gate.set).start()
    begun = time.monotonic()
    pool.stop(float("inf"))
    assert 0.1 < time.monotonic() - begun < 5 and not pool.busy
    back.set()
