"""Triggers of EVENT audits by many senders, with engines that come and go."""

import random
import threading
import time

import pytest

from tests.functional.api import life
from tests.functional.api.life import together
from watcher.db import audits, models

SENDERS, EACH = 6, 8


@pytest.fixture
def bench(database_url):
    made = life.Bench(database_url)
    yield made
    made.close()


class Engine(threading.Thread):
    """Looks for work as the scanner does, and hears messages, most of them twice"""

    def __init__(self, bench, name, messages):
        super().__init__(name=name, daemon=True)
        self.runner = bench.engine(name)
        self.db, self.messages = bench.db, messages
        self.over = threading.Event()
        self.chance = random.Random(name)

    def run(self):
        while not self.over.is_set():
            for uuid in self.db.read(audits.claimable):
                self.runner.run(uuid)
            for uuid in self.messages[-2:]:
                self.runner.run(uuid, triggered=True)
            time.sleep(self.chance.uniform(0, 0.02))


def until(check, seconds=30):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


@pytest.mark.parametrize("messages", ["doubled", "lost"])
def test_w41_no_trigger_is_lost_and_none_makes_two_runs(bench, messages):
    uuid = bench.audit("EVENT", force=True)
    heard = bench.bus.audits if messages == "doubled" else []
    engines = [Engine(bench, name, heard) for name in ("one", "two")]
    for engine in engines:
        engine.start()
    asked = []

    def send():
        chance = random.Random()
        for _ in range(EACH):
            before = models.utcnow()
            assert bench.client.post(f"/v1/webhooks/{uuid}", {}).status == 202
            asked.append(before)
            time.sleep(chance.uniform(0, 0.1))

    together(*[send] * SENDERS)
    until(lambda: bench.get(uuid).triggered_at is None)
    until(lambda: bench.get(uuid).state == "SUCCEEDED")
    # Whatever is still on its way is a duplicate by now.
    time.sleep(0.5)
    for engine in engines:
        engine.over.set()
        engine.join(30)
    began = [moment for _uuid, moment in bench.decider.began]
    assert max(asked) < max(began), "a run began after each trigger"
    assert 1 <= len(began) <= len(asked)
    assert len(bench.plans(uuid)) == len(began)
    print(f"{len(asked)} triggers, {len(began)} runs")


def test_many_senders_of_one_alarm_make_one_run(bench):
    for _ in range(5):
        uuid = bench.audit("EVENT", force=True)
        path = f"/v1/webhooks/{uuid}"
        found = together(*[lambda p=path: bench.client.post(p, {})] * 6)
        assert {answer.status for answer in found} == {202}
        engines = [bench.engine(f"{name} {uuid}") for name in ("one", "two", "three")]
        together(*[lambda e=e, u=uuid: e.run(u, triggered=True) for e in engines * 2])
        assert bench.get(uuid).state == "SUCCEEDED"
        assert len(bench.plans(uuid)) == 1


def test_triggers_during_a_run_make_one_further_run(bench):
    uuid = bench.audit("EVENT", force=True)
    path = f"/v1/webhooks/{uuid}"
    bench.client.post(path, {})
    run = bench.computing(uuid)
    together(*[lambda: bench.client.post(path, {})] * 6)
    other = bench.engine("other")
    other.run(uuid, triggered=True)
    assert bench.plans(uuid) == [], "it is still being computed"
    bench.finish(run)
    for _message in range(6):
        other.run(uuid, triggered=True)
    assert len(bench.plans(uuid)) == 2


def test_the_trigger_of_a_dead_engine_is_answered_by_another(bench):
    uuid = bench.audit("EVENT", force=True)
    bench.client.post(f"/v1/webhooks/{uuid}", {})
    doomed = bench.engine("doomed")
    run = bench.computing(uuid, doomed)
    assert bench.db.read(audits.claimable) == []
    doomed.lease.die()
    assert bench.db.read(audits.claimable) == [uuid]
    bench.decider.go_on.set()
    bench.engine("heir").run(uuid)
    bench.finish(run)
    found = bench.get(uuid)
    assert (found.state, found.hostname) == ("SUCCEEDED", "heir")
    assert len(bench.plans(uuid)) == 1
