"""One poller for all: many actions under way, few threads, few requests."""

import datetime
import threading
import time
import types
from collections import Counter

import pytest

from watcher import exception
from watcher.applier.actions.steps import SERVER, Wait, Watch
from watcher.applier.lookout import Lookout
from watcher.applier.poller import FEW, THREADS, Poller
from watcher.applier.signals import Left, Signals
from watcher.clients.records import Migration, Server

NOON = datetime.datetime(2026, 3, 1, 12)


class FakeNova:
    """One migration of each server; counts requests"""

    def __init__(self, servers):
        self.rows = {
            uuid: Migration(id=n, server=uuid, kind="live-migration", status="running",
                            updated_at=NOON)
            for n, uuid in enumerate(servers)
        }  # fmt: skip
        self.asked = Counter()
        self.since = []
        self.gate = threading.Event()
        self.gate.set()
        self.error = None

    def set(self, uuid, status="completed", at=NOON):
        old = self.rows[uuid]
        self.rows[uuid] = Migration(
            id=old.id, server=uuid, kind=old.kind, status=status, updated_at=at
        )

    def migrations(self, server):
        self.asked["single"] += 1
        return [self.rows[server]]

    def server(self, uuid):
        self.asked["server"] += 1
        return Server(uuid=uuid, name=uuid)

    def changed_migrations(self, since):
        self.asked["bulk"] += 1
        self.since.append(since)
        self.gate.wait(5)
        if self.error:
            raise self.error
        return list(self.rows.values())

    def servers(self, changes_since=None):
        self.asked["bulk servers"] += 1
        return []

    def services(self):
        self.asked["services"] += 1
        return []


class Life:
    """An action that follows its migration and notes what it saw"""

    def __init__(self, uuid, sights, wait=None):
        self.uuid = uuid
        self.signals = Signals()
        self.plugin = types.SimpleNamespace(sights=sights)
        self.wait = wait or Wait(0.01, Watch(SERVER, uuid), 5.0)
        self.steps = 0
        self.errors = 0
        self.left = False

    def advance(self):
        self.steps += 1
        try:
            self.signals.check()
        except Left:
            self.left = True
            return None
        if self.signals.cancelled:
            return None
        if self.wait.watch is None:
            return self.wait
        try:
            row = self.plugin.sights.migrations(self.uuid)[0]
        except exception.ClientError:
            self.errors += 1
            return self.wait
        return None if row.status == "completed" else self.wait


class Stage:
    def __init__(self, count, wait=None):
        self.uuids = [f"s{n}" for n in range(count)]
        self.nova = FakeNova(self.uuids)
        self.ended = []
        self.poller = Poller(types.SimpleNamespace(nova=self.nova), interval_s=0.02)
        self.lives = [Life(u, self.poller.sights(), wait) for u in self.uuids]

    def start(self):
        self.poller.follow(self.lives, self.ended.extend)
        until(lambda: all(life.steps for life in self.lives))
        return self


@pytest.fixture
def stage():
    made = []

    def make(count, wait=None):
        made.append(Stage(count, wait))
        return made[-1]

    yield make
    for one in made:
        one.nova.gate.set()
        one.poller.close()


def until(check, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_a_thousand_migrations_hold_few_threads_and_share_requests(stage):
    """actions.md H7: one blocking thread and one request loop for each action"""
    before = threading.active_count()
    many = stage(1000).start()
    assert threading.active_count() - before <= 2 * THREADS + 2
    first = many.nova.asked["single"]
    assert first >= 1000  # each looked once by itself when it began
    rounds = many.poller.rounds
    until(lambda: many.poller.rounds >= rounds + 5)
    assert many.nova.asked["bulk"] <= many.poller.rounds + 1
    # Looks at the progress of single ones are rationed, and come with steps only.
    assert many.nova.asked["single"] - first < 100
    assert many.nova.asked["bulk servers"] == 0
    for uuid in many.uuids:
        many.nova.set(uuid)
    until(lambda: len(many.ended) == 1000)
    assert len(set(many.ended)) == 1000
    assert many.poller._lookout._migrations == {}, "what ended is forgotten"


def test_what_nothing_is_heard_of_is_not_stepped(stage):
    many = stage(FEW + 20).start()
    rounds = many.poller.rounds
    until(lambda: many.poller.rounds >= rounds + 10)
    assert max(life.steps for life in many.lives) <= 3
    many.nova.set("s3")
    until(lambda: many.ended)
    assert [life.uuid for life in many.ended] == ["s3"]


def test_a_few_look_for_themselves(stage):
    few = stage(FEW).start()
    until(lambda: all(life.steps > 4 for life in few.lives))
    assert few.nova.asked["bulk"] == 0
    for uuid in few.uuids:
        few.nova.set(uuid)
    until(lambda: len(few.ended) == FEW)


@pytest.mark.parametrize("count", [1, FEW + 5])
@pytest.mark.parametrize("watch", [None, Watch(SERVER, "s0")], ids=["timer", "watch"])
@pytest.mark.parametrize("signal", ["cancel", "leave"])
def test_a_signal_wakes_an_action_at_once(stage, count, watch, signal):
    waits = stage(count, Wait(60.0, watch, 60.0)).start()
    life = waits.lives[0]
    getattr(life.signals, signal)()
    until(lambda: waits.ended)
    assert waits.ended == [life]
    assert life.left == (signal == "leave")


def test_a_timer_keeps_its_time_however_many_wait(stage):
    crowd = stage(FEW + 20).start()
    sleeper = Life("x", crowd.poller.sights(), Wait(0.02))
    crowd.poller.follow([sleeper], crowd.ended.extend)
    until(lambda: sleeper.steps > 3)


def test_a_look_from_before_an_action_went_on_does_not_count_for_it(stage):
    many = stage(FEW + 5)
    many.start()
    until(lambda: many.poller.rounds >= 2)
    many.nova.gate.clear()
    asked = many.nova.asked["bulk"]
    until(lambda: many.nova.asked["bulk"] > asked)
    # A round is on its way. One action is woken and does something meanwhile.
    life = many.lives[0]
    steps = life.steps
    many.poller._wake(next(p for p in many.poller._watching if p.life is life))
    until(lambda: life.steps == steps + 1)
    many.nova.set(life.uuid)
    many.lives[0].wait = Wait(60.0, life.wait.watch, 60.0)
    rounds = many.poller.rounds
    many.nova.gate.set()
    until(lambda: many.poller.rounds == rounds + 1)
    assert life.steps == steps + 1
    # The next look was taken after the step.
    until(lambda: many.ended)
    assert many.ended == [life]


def test_when_the_cloud_is_away_nobody_asks_one_by_one(stage):
    many = stage(FEW + 20).start()
    many.nova.error = exception.NovaClientError(service="Nova", reason="away")
    single = many.nova.asked["single"]
    until(lambda: all(life.errors for life in many.lives))
    assert many.nova.asked["single"] - single <= FEW + 20
    many.nova.error = None
    for uuid in many.uuids:
        many.nova.set(uuid)
    until(lambda: len(many.ended) == len(many.uuids))


def test_a_closed_poller_takes_no_more_steps(stage):
    some = stage(3).start()
    some.poller.close()
    steps = [life.steps for life in some.lives]
    some.lives[0].signals.cancel()
    time.sleep(0.05)
    assert [life.steps for life in some.lives] == steps


# The lookout --------------------------------------------------------------------------


def looks(*uuids):
    nova = FakeNova(uuids)
    seen = Lookout(types.SimpleNamespace(nova=nova), now=lambda: NOON)
    for uuid in uuids:
        seen.remember_migrations(uuid, nova.migrations(uuid))
    return nova, seen, {Watch(SERVER, uuid) for uuid in uuids}


def test_news_is_another_status_not_another_time():
    nova, seen, watched = looks("a", "b")
    nova.set("a", "running", NOON + datetime.timedelta(seconds=9))
    assert seen.look(watched, migrations=True, servers=False) == set()
    nova.set("b", "post-migrating")
    assert seen.look(watched, migrations=True, servers=False) == {Watch(SERVER, "b")}
    assert seen.migrations("b")[0].status == "post-migrating"
    assert seen.migrations("stranger") is None


def test_what_changed_is_asked_for_by_the_clock_of_the_cloud():
    nova, seen, watched = looks("a")
    late = NOON + datetime.timedelta(hours=3)
    nova.set("a", "running", late)
    for _ in range(2):
        seen.look(watched, migrations=True, servers=False)
    assert nova.since[0] < NOON
    assert nova.since[1] == late - datetime.timedelta(seconds=10)


def test_an_old_nova_tells_what_is_under_way_and_the_rest_is_asked_for():
    nova, seen, watched = looks("a", "b")
    nova.changed_migrations = lambda since: None
    nova.in_flight_migrations = lambda: [nova.rows["a"]]
    assert seen.look(watched, migrations=True, servers=False) == {Watch(SERVER, "b")}
    assert seen.migrations("a") is not None
    assert seen.migrations("b") is None
