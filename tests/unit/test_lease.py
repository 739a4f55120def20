"""The lease, with a clock and a store that do as they are told."""

import threading
import time

import pytest

from watcher import exception, lease
from watcher.domain.records import Claim


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Store:
    """Leases in memory; judged by its own clock, as the database does"""

    def __init__(self, clock):
        self.clock = clock
        self.expires = {}
        self.epoch = 0
        self.away = False
        self.renewals = 0
        self.purged = 0
        self.before_renew = lambda: None

    def _check(self):
        if self.away:
            raise ConnectionError("no route to the database")

    def acquire(self, owner, *, service, host, ttl_s):
        self._check()
        self.epoch += 1
        self.expires = {(owner, self.epoch): self.clock() + ttl_s}
        return self.epoch

    def renew(self, claim, ttl_s):
        self.before_renew()
        self._check()
        self.renewals += 1
        key = (claim.owner, claim.epoch)
        if self.expires.get(key, 0) <= self.clock():
            return False
        self.expires[key] = self.clock() + ttl_s
        return True

    def release(self, claim):
        self._check()
        self.expires.pop((claim.owner, claim.epoch), None)

    def purge(self, older_than_s):
        self.purged += 1


def until(check, seconds=5):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return Store(clock)


@pytest.fixture
def held(store, clock):
    """A lease that renews every few milliseconds of real time"""
    made = lease.Lease(
        store, service="watcher-applier", host="h1", clock=clock, renew_s=0.005
    )
    yield made
    store.away = False
    store.before_renew = lambda: None
    made.stop(time.monotonic() + 2)


def test_a_lease_is_acquired_and_renewed(held, store, clock):
    assert not held.may_start() and held.ready()
    held.start()
    assert held.wait(5)
    assert held.claim == Claim(held.owner, 1)
    for _ in range(5):
        clock.now += 10
        seen = store.renewals
        until(lambda seen=seen: store.renewals >= seen + 2)
    assert held.claim.epoch == 1 and held.may_start() and held.ready() is None


def test_nothing_starts_when_the_last_renewal_is_twelve_seconds_old(
    held, store, clock, monkeypatch
):
    monkeypatch.setattr(lease, "RETRY_S", 0.005)
    held.start()
    assert held.wait(5)
    store.away = True
    until(lambda: "no route" in (held._reason or ""))
    asked = held._renewed
    clock.now = asked + lease.START_WINDOW_S - 0.001
    assert held.may_start()
    clock.now = asked + lease.START_WINDOW_S
    assert not held.may_start()
    assert held.claim.epoch == 1  # still ours until it may have expired
    clock.now = asked + lease.LEASE_TTL_S
    with pytest.raises(exception.LeaseLost):
        held.claim  # noqa: B018
    assert "no route to the database" in held.ready()


def test_the_moment_of_asking_counts_not_that_of_the_answer(held, store, clock):
    held.start()
    assert held.wait(5)
    slow = threading.Event()

    def answer_late():
        slow.wait(5)

    store.before_renew = answer_late
    time.sleep(0.03)
    clock.now += lease.START_WINDOW_S + 1
    slow.set()
    seen = store.renewals
    store.before_renew = lambda: time.sleep(10 if store.renewals > seen else 0)
    until(lambda: store.renewals == seen + 1)
    assert not held.may_start()
    store.before_renew = lambda: None


def test_a_process_that_slept_loses_its_lease_and_gets_a_new_epoch(held, store, clock):
    lost, gained = [], []
    held.on_lost.append(lambda claim: 1 / 0)  # a broken listener hides nobody else
    held.on_lost.append(lost.append)
    held.on_gained.append(gained.append)
    held.start()
    assert held.wait(5)
    first = held.claim
    clock.now += lease.LEASE_TTL_S + 10  # SIGSTOP, or a paused machine
    until(lambda: lost)
    until(lambda: len(gained) == 2)
    assert lost == [first]
    assert held.claim == Claim(held.owner, first.epoch + 1)
    assert gained == [first, held.claim]


def test_a_database_that_is_away_at_start_is_waited_for(held, store, monkeypatch):
    store.away = True
    held.start()
    time.sleep(0.05)
    assert "waiting for the database" in held.ready()
    store.away = False
    assert held.wait(5)


def test_stop_gives_the_lease_back(held, store):
    held.start()
    assert held.wait(5)
    held.stop(time.monotonic() + 2)
    assert store.expires == {}
    with pytest.raises(exception.LeaseLost):
        held.claim  # noqa: B018


def test_a_stop_without_a_limit_does_not_wait_for_the_database(
    held, store, monkeypatch
):
    monkeypatch.setattr("watcher.parts.GOODBYE_S", 0.1)
    monkeypatch.setattr("watcher.parts.LEAST_GOODBYE_S", 0.1)
    asked, back = threading.Event(), threading.Event()

    def no_answer():
        asked.set()
        back.wait(20)

    held.start()
    assert held.wait(5)
    store.before_renew = no_answer
    assert asked.wait(5)
    before = time.monotonic()
    held.stop(float("inf"))
    assert time.monotonic() - before < 5
    back.set()


def test_old_leases_are_purged_once_an_hour(held, store, clock):
    held.start()
    assert held.wait(5)
    for _ in range(500):
        clock.now += 10
        seen = store.renewals
        until(lambda seen=seen: store.renewals > seen)
        if store.purged:
            break
    assert store.purged == 1
    assert clock.now - 1000 >= lease.PURGE_S - 20


def test_owners_of_two_processes_on_one_host_differ(store):
    one = lease.Lease(store, service="watcher-applier", host="h")
    two = lease.Lease(store, service="watcher-applier", host="h")
    assert one.owner != two.owner
