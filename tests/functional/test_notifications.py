"""From a committed row to a message of RabbitMQ: what, in which order, whatever happens."""

import contextlib
import json
import time

import kombu
import pytest

from tests import servers, worlds
from watcher import bus
from watcher.cmd import wiring as wiring_module
from watcher.cmd.wiring import Wiring
from watcher.db import action_plans, actions, audits, outbox
from watcher.domain import states
from watcher.notifications import emit

pytestmark = pytest.mark.rabbit


class Bench:
    """A world whose changes are told to a broker"""

    def __init__(self, database_url, broker_url, exchange):
        self.world = worlds.World(database_url)
        self.conf = self.world.conf
        bus.register(self.conf)
        self.conf.set_override("transport_url", broker_url)
        self.conf.set_override("control_exchange", exchange)
        self.conf.set_override("host", "api1")
        self.conf.set_override(
            "driver", ["messagingv2"], "oslo_messaging_notifications"
        )
        self.broker_url = broker_url
        self.exchange = exchange
        self.wiring = Wiring(self.conf, "watcher-api")
        self.world.db = self.wiring.db
        self.emitter = self.wiring.emitter()

    def start(self):
        self.wiring.lease.start()
        assert self.wiring.lease.wait(10)
        self.emitter.start()

    def stop(self):
        self.emitter.stop(time.monotonic() + 5)
        self.wiring.lease.stop(time.monotonic() + 5)
        self.world.close()

    @property
    def waiting(self):
        return self.world.db.read(outbox.size)

    def until_sent(self, seconds=20):
        end = time.monotonic() + seconds
        while self.waiting:
            assert time.monotonic() < end, f"{self.waiting} are left"
            time.sleep(0.05)

    def heard(self, priority="info"):
        """Return the notifications that arrived, oldest first"""
        got, key = [], f"notifications.{priority}"
        url = self.broker_url.replace("rabbit://", "amqp://") + "/"
        with kombu.Connection(url) as link:
            exchange = kombu.Exchange(self.exchange, "topic", durable=False)
            queue = kombu.Queue(key, exchange, key, durable=False)(link)
            queue.declare()
            while (message := queue.get()) is not None:
                message.ack()
                got.append(json.loads(message.payload["oslo.message"]))
        return [note for note in got if note["_unique_id"]]


@pytest.fixture
def bench(database_url, rabbit_url):
    made = Bench(database_url, rabbit_url, f"n-{worlds.new_uuid()}")
    # Queues of the shared broker are not per exchange: begin with empty ones.
    for priority in ("info", "warn", "error"):
        made.heard(priority)
    made.start()
    yield made
    made.stop()


def data(note):
    return note["payload"]["watcher_object.data"]


def test_the_life_of_an_audit_and_its_plan_is_told_in_order(bench):
    world, db = bench.world, bench.world.db
    audit = world.audit(name="nightly")
    claim = world.lease()
    audit = db.write(audits.claim, audit.uuid, claim, "h1")
    db.write(emit.phase, "audit.strategy.start", audit)
    plan = world.plan(audit, actions=2)
    db.write(audits.step, audit.uuid, states.ONGOING, states.SUCCEEDED, message="done")
    first = db.read(actions.of_plan, plan.uuid)[0]
    db.write(emit.phase, "action.execution.start", first)
    db.write(action_plans.soft_delete, plan.uuid)
    db.write(audits.soft_delete, audit.uuid)
    bench.until_sent()
    notes = bench.heard()
    told = [note["event_type"] for note in notes]
    assert told[:3] == ["audit.create", "audit.update", "audit.strategy.start"]
    assert sorted(told[3:6]) == ["action.create", "action.create", "action_plan.create"]
    assert told[6:8] == ["audit.update", "action.execution.start"]
    assert told.count("action.delete") == 2 and told.count("action_plan.delete") == 1
    assert told[-2:] == ["audit.update", "audit.delete"]
    assert {note["publisher_id"] for note in notes} == {"infra-optim:api1"}
    assert {note["priority"] for note in notes} == {"INFO"}
    steps = [
        data(note)["state_update"]["watcher_object.data"]
        for note in notes
        if note["event_type"] == "audit.update"
    ]
    assert [(step["old_state"], step["state"]) for step in steps] == [
        ("PENDING", "ONGOING"), ("ONGOING", "SUCCEEDED"), ("SUCCEEDED", "DELETED"),
    ]  # fmt: skip
    assert steps[1]["status_message"] == "done"
    assert data(notes[0])["goal"]["watcher_object.data"]["name"] == "dummy"
    assert data(notes[0])["strategy"]["watcher_object.data"]["name"] == "dummy"


def test_what_is_rolled_back_is_never_told(bench):
    def fails(tx):
        audits.create(
            tx, name="never", audit_type="ONESHOT", goal_id=bench.world.goal.id
        )
        raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError):
        bench.world.db.write(fails)
    assert bench.waiting == 0


def test_a_fault_goes_out_as_an_error(bench):
    audit = bench.world.audit()
    try:
        {}["key"]  # noqa: B018
    except KeyError as error:
        bench.world.db.write(emit.phase, "audit.strategy.error", audit, fault=error)
    bench.until_sent()
    [note] = bench.heard("error")
    fault = data(note)["fault"]["watcher_object.data"]
    assert note["priority"] == "ERROR"
    assert (fault["exception"], fault["function_name"]) == (
        "KeyError", "test_a_fault_goes_out_as_an_error",
    )  # fmt: skip


def test_a_dead_broker_blocks_nobody_and_loses_nothing(sqlite_url, server_folder):
    broker = servers.RabbitMQ(server_folder)
    bench = Bench(sqlite_url, broker.url, "n")
    bench.start()
    with contextlib.ExitStack() as stack:
        stack.callback(broker.stop)
        stack.callback(bench.stop)
        before = time.monotonic()
        names = [bench.world.audit().name for _ in range(20)]
        assert time.monotonic() - before < 10, "writing must not wait for a broker"
        assert bench.waiting == 20
        broker.start()
        bench.until_sent(60)
        assert [data(note)["name"] for note in bench.heard()] == names

        broker.kill()
        more = [bench.world.audit().name for _ in range(5)]
        time.sleep(2)
        broker.launch()
        bench.until_sent(90)
        heard = [data(note)["name"] for note in bench.heard()]
        assert heard[-5:] == more


def test_what_a_dead_process_had_taken_is_sent_by_another(bench):
    world = bench.world
    dead = world.lease()
    bench.emitter.stop(time.monotonic() + 3)
    world.audit(name="taken")
    assert len(world.db.write(outbox.take, dead, 10)) == 1
    world.expire(dead)
    second = bench.wiring.emitter()
    second.start()
    bench.until_sent()
    second.stop(time.monotonic() + 3)
    assert [data(note)["name"] for note in bench.heard()] == ["taken"]


def test_an_api_alone_sends_its_own_events(bench):
    bench.emitter.stop(time.monotonic() + 3)
    parts = wiring_module.speak(bench.conf, "watcher-api")
    try:
        bench.world.audit(name="lonely")
        bench.until_sent()
        assert [data(note)["name"] for note in bench.heard()] == ["lonely"]
    finally:
        for part in reversed(parts):
            part.stop(time.monotonic() + 3)
    bench.conf.set_override("driver", [], "oslo_messaging_notifications")
    assert wiring_module.speak(bench.conf, "watcher-api") == []
