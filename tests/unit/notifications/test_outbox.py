"""Draining the outbox: order, retries, giving up, stopping."""

import dataclasses
import datetime
import time

import pytest

from watcher import exception
from watcher.domain.records import Claim
from watcher.notifications import outbox
from watcher.parts import Backoff

NOW = datetime.datetime(2026, 8, 1, 10, 0, 0)
CLAIM = Claim("me", 1)


@dataclasses.dataclass
class Item:
    id: int
    created_at: datetime.datetime = NOW
    event_type: str = "audit.update"
    priority: str = "info"
    payload: dict = dataclasses.field(default_factory=dict)
    context: dict | None = None


class Store:
    def __init__(self, *items):
        self.rows = list(items)
        self.taken = []
        self.postponed = []

    def take(self, claim, limit):
        assert claim == CLAIM
        self.taken, self.rows = self.rows[:limit], self.rows[limit:]
        return self.taken

    def done(self, ids):
        self.taken = [item for item in self.taken if item.id not in ids]

    def failed(self, ids):
        self.postponed += [item for item in self.taken if item.id in ids]
        self.taken = [item for item in self.taken if item.id not in ids]

    def release(self, claim):
        self.rows = self.taken + self.rows
        self.taken = []

    @property
    def left(self):
        return [item.id for item in self.rows + self.taken]


class Sender:
    def __init__(self):
        self.sent = []
        self.away = False
        self.refused = set()

    def send(self, event_type, priority, payload, *, ctx, identity, publisher_id):
        if self.away:
            raise ConnectionError("no broker")
        if payload.get("n") in self.refused:
            raise ValueError("not this one")
        self.sent.append((payload.get("n"), ctx, identity, publisher_id))


@pytest.fixture
def sender():
    return Sender()


def items(count, **kwargs):
    return [Item(n, payload={"n": n}, **kwargs) for n in range(count)]


def emitter(store, sender, claim=lambda: CLAIM, now=NOW):
    made = outbox.Emitter(store, sender, claim, every_s=0.01, now=lambda: now)
    made._backoff = Backoff(0.02, 0.02)
    return made


def until(check, seconds=5):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_everything_is_sent_once_and_in_order(sender):
    store = Store(*items(250))
    running = emitter(store, sender)
    running.start()
    until(lambda: len(sender.sent) == 250)
    running.stop(time.monotonic() + 2)
    assert [sent[0] for sent in sender.sent] == list(range(250))
    assert store.left == []


def test_publisher_request_and_identity_travel_along(sender):
    context = {"publisher_id": "infra-optim:api1", "request": {"user": "u1"}}
    running = emitter(Store(Item(7, context=context)), sender)
    running.start()
    until(lambda: sender.sent)
    running.stop(time.monotonic() + 2)
    [(_, ctx, identity, publisher)] = sender.sent
    assert (ctx, publisher) == ({"user": "u1"}, "infra-optim:api1")
    assert identity == outbox.identity(Item(7))
    assert identity["timestamp"] == "2026-08-01 10:00:00.000000"
    assert identity != outbox.identity(Item(8))


def test_a_dead_broker_loses_nothing_and_keeps_the_order(sender, caplog):
    store = Store(*items(5))
    sender.away = True
    running = emitter(store, sender)
    running.start()
    until(lambda: running.reason)
    time.sleep(0.1)
    store.rows += items(8)[5:]
    sender.away = False
    until(lambda: len(sender.sent) == 8)
    running.stop(time.monotonic() + 2)
    assert [sent[0] for sent in sender.sent] == list(range(8))
    assert running.reason is None
    warnings = [r for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 1


def test_one_odd_message_does_not_hold_up_the_others(sender):
    store = Store(*items(5))
    sender.refused = {1}
    running = emitter(store, sender)
    running.start()
    until(lambda: len(sender.sent) == 4)
    running.stop(time.monotonic() + 2)
    assert [sent[0] for sent in sender.sent] == [0, 2, 3, 4]
    assert [item.id for item in store.postponed] == [1]


def test_old_news_is_given_up(sender, caplog):
    old = NOW - datetime.timedelta(seconds=outbox.GIVE_UP_S + 1)
    store = Store(*items(2, created_at=old), Item(9))
    sender.away = True
    running = emitter(store, sender)
    running.start()
    until(lambda: store.left == [9])
    running.stop(time.monotonic() + 2)
    assert "given up" in caplog.text


def test_old_news_is_given_up_without_an_attempt_each(sender):
    class Slow(Sender):
        attempts = 0

        def send(self, *args, **kwargs):
            self.attempts += 1
            raise TimeoutError("the broker says nothing")

    slow = Slow()
    old = items(50, created_at=NOW - datetime.timedelta(days=2))
    young = [Item(100), Item(101)]
    store = Store(*old, *young)
    part = emitter(store, slow)
    part._drain()
    assert store.left == [100, 101]
    assert slow.attempts == 1


def test_without_a_lease_nothing_is_taken(sender):
    def lost():
        raise exception.LeaseLost(owner="me", epoch=1, kind="process", ident="h")

    store = Store(*items(2))
    running = emitter(store, sender, claim=lost)
    running.start()
    time.sleep(0.1)
    running.stop(time.monotonic() + 1)
    assert store.left == [0, 1] and not sender.sent


def test_stop_sends_what_was_just_written(sender):
    store = Store()
    running = outbox.Emitter(store, sender, lambda: CLAIM, every_s=3600)
    running.start()
    time.sleep(0.05)
    store.rows = items(3)
    running.stop(time.monotonic() + 5)
    assert len(sender.sent) == 3
