"""Messaging over a real RabbitMQ, which is stopped and started under us."""

import contextlib
import json
import threading
import time

import kombu
import pytest

import watcher.conf
from tests import servers
from watcher import bus, context, exception, rpc

pytestmark = pytest.mark.rabbit
UUID = "0c1bd0a8-6d4a-4a37-a7ba-c2b5e0d0e0a1"
DECISIONS = "watcher.decision.control"


def configured(url, exchange="watcher", **options):
    conf = watcher.conf.load("test", default_config_files=[], default_config_dirs=[])
    bus.register(conf)
    conf.set_override("transport_url", url)
    conf.set_override("control_exchange", exchange)
    conf.set_override("host", "ctl1")
    conf.set_override("driver", ["messagingv2"], "oslo_messaging_notifications")
    for name, value in options.items():
        conf.set_override(name, value)
    return conf


class Engine:
    def __init__(self):
        self.got = []

    def trigger_audit(self, ctx, audit_uuid):
        self.got.append((ctx, audit_uuid))
        return audit_uuid

    def get_data_model_info(self, ctx, data_model_type, audit):
        return {"context": [data_model_type, audit]}

    def get_strategy_info(self, ctx, strategy_name):
        raise exception.StrategyNotFound(strategy=strategy_name)


def until(check, seconds):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)


@contextlib.contextmanager
def served(conf, engine, topic=DECISIONS):
    made = rpc.Rpc(conf)
    server = made.server(topic, [engine])
    server.start()
    try:
        yield made, server
    finally:
        server.stop(time.monotonic() + 5)


def drained(url, exchange_name, key, count, seconds=10):
    """Return ``count`` raw messages of a queue bound to ``key``"""
    got = []
    with kombu.Connection(url.replace("rabbit://", "amqp://") + "/") as link:
        exchange = kombu.Exchange(exchange_name, "topic", durable=False)
        queue = kombu.Queue(key, exchange, key, durable=False)

        def keep(body, message):
            got.append((body, message))
            message.ack()

        with link.Consumer(queue, callbacks=[keep]):
            end = time.monotonic() + seconds
            while len(got) < count and time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    link.drain_events(timeout=0.5)
    return got


def test_cast_call_and_errors(rabbit_url):
    engine, ctx = Engine(), context.RequestContext(auth_token="secret", user_id="u1")
    with served(configured(rabbit_url, "t1"), engine) as (made, server):
        assert server.wait(10) and server.ready() is None
        before = time.monotonic()
        assert made.decision_engine.trigger_audit(ctx, UUID) is True
        assert time.monotonic() - before < 2
        until(lambda: engine.got, 5)
        [(heard, ident)] = engine.got
        assert (ident, heard.user_id, heard.auth_token) == (UUID, "u1", None)
        got = made.decision_engine.get_data_model_info(ctx, "compute")
        assert got == {"context": ["compute", None]}
        with pytest.raises(exception.StrategyNotFound) as caught:
            made.decision_engine.get_strategy_info(ctx, "none")
        assert str(caught.value) == "Strategy none could not be found"


class Judge(Engine):
    VERSION = "1.1"

    def check_scope(self, ctx, scope, goal, strategy=None):
        return {"missing": [], "asked": [scope, goal, strategy]}


def test_scopes_are_judged_by_engines_that_can(rabbit_url):
    """decisions.rst D5.8: an engine of 1.1 answers both versions, one of 1.0 refuses"""
    ctx, scope = context.RequestContext(), [{"compute": []}]
    with served(configured(rabbit_url, "t8"), Judge()) as (made, server):
        assert server.wait(10)
        found = made.decision_engine.check_scope(ctx, scope, "g", "s")
        assert found["asked"] == [scope, "g", "s"]
        assert made.decision_engine.get_data_model_info(ctx)["context"] == [
            "compute",
            None,
        ]
    with served(configured(rabbit_url, "t9"), Engine()) as (made, server):
        assert server.wait(10)
        with pytest.raises(exception.WatcherException, match="1.1"):
            made.decision_engine.check_scope(ctx, scope, "g")
    with pytest.raises(exception.WatcherException):
        made.decision_engine.check_scope(ctx, scope, "g")


def test_a_cast_looks_as_published_on_the_wire(rabbit_url):
    made = rpc.Rpc(configured(rabbit_url, "t2"))
    ctx = context.RequestContext(
        auth_token="secret", user_id="u1", project_id="p1", roles=["admin"]
    )
    # Nobody serves the topic: the queue that a server would share is made by hand.
    drained(rabbit_url, "t2", DECISIONS, 0, 0)
    assert made.decision_engine.trigger_audit(ctx, UUID)
    [(body, message)] = drained(rabbit_url, "t2", DECISIONS, 1)
    assert message.content_type == "application/json"
    assert body["oslo.version"] == "2.0"
    inner = json.loads(body["oslo.message"])
    assert inner["method"] == "trigger_audit"
    assert inner["args"] == {"audit_uuid": UUID}
    assert inner["version"] == "1.0" and "namespace" not in inner
    assert len(inner["_unique_id"]) == 32 and "_msg_id" not in inner
    assert inner["_context_user"] == "u1" and inner["_context_roles"] == ["admin"]
    assert inner["_context_request_id"] == ctx.request_id
    assert inner["_context_auth_token"] is None
    assert "secret" not in str(body)


def test_servers_share_the_published_queues(rabbit_url):
    ctx, one, two = context.RequestContext(), Engine(), Engine()
    with (
        served(configured(rabbit_url, "t3"), one) as (made, first),
        served(configured(rabbit_url, "t3", host="ctl2"), two) as (_, second),
    ):
        assert first.wait(10) and second.wait(10)
        for _ in range(10):
            assert made.decision_engine.trigger_audit(ctx, UUID)
        until(lambda: len(one.got) + len(two.got) == 10, 5)
        assert one.got and two.got
        with kombu.Connection(rabbit_url.replace("rabbit", "amqp") + "/") as link:
            for name in (DECISIONS, f"{DECISIONS}.ctl1", f"{DECISIONS}.ctl2"):
                link.default_channel.queue_declare(name, passive=True)


def test_a_message_of_the_reference_is_understood(rabbit_url):
    engine = Engine()
    inner = {
        "method": "trigger_audit",
        "args": {"audit_uuid": UUID},
        "version": "1.0",
        "_unique_id": "a" * 32,
        "_context_user": "u1",
        "_context_auth_token": "their-token",
        "_context_auth_token_info": {"token": {}},
        "_context_unheard_of": 1,
    }
    with served(configured(rabbit_url, "t4"), engine) as (_, server):
        assert server.wait(10)
        with kombu.Connection(rabbit_url.replace("rabbit", "amqp") + "/") as link:
            link.Producer().publish(
                {"oslo.version": "2.0", "oslo.message": json.dumps(inner)},
                exchange="t4", routing_key=DECISIONS,
            )  # fmt: skip
        until(lambda: engine.got, 5)
        assert engine.got[0][0].user_id == "u1"


def test_notifications_as_published_and_with_a_lasting_identity(rabbit_url):
    conf = configured(rabbit_url, "t5")
    notifier = bus.Notifier(conf)
    ctx = {"user": "u1", "auth_token": "secret", "request_id": "req-1"}
    identity = {"message_id": "m-1", "timestamp": "2026-08-01 10:00:00.000000"}
    notifier.send("audit.create", "info", {"a": 1}, ctx=ctx, identity=identity)
    notifier.send("service.update", "warning", {}, publisher_id="infra-optim:api1")
    notifier.send("audit.strategy.error", "error", {})
    [(body, _)] = drained(rabbit_url, "t5", "notifications.info", 1)
    inner = json.loads(body["oslo.message"])
    assert inner["event_type"] == "audit.create" and inner["payload"] == {"a": 1}
    assert inner["priority"] == "INFO" and inner["publisher_id"] == "infra-optim:ctl1"
    assert inner["message_id"] == "m-1"
    assert inner["timestamp"] == "2026-08-01 10:00:00.000000"
    assert inner["_context_request_id"] == "req-1" and "secret" not in str(body)
    [(body, _)] = drained(rabbit_url, "t5", "notifications.warn", 1)
    inner = json.loads(body["oslo.message"])
    assert inner["priority"] == "WARN" and inner["publisher_id"] == "infra-optim:api1"
    [(body, _)] = drained(rabbit_url, "t5", "notifications.error", 1)
    assert json.loads(body["oslo.message"])["priority"] == "ERROR"
    notifier.close()


@pytest.fixture
def own_broker(server_folder):
    """A broker that this test may stop and start"""
    server = servers.RabbitMQ(server_folder)
    yield server
    server.stop()


def test_the_broker_comes_late_goes_away_and_comes_back(own_broker):
    engine, ctx = Engine(), context.RequestContext()
    conf = configured(own_broker.url, "t6")
    with served(conf, engine) as (made, server):
        notifier = bus.Notifier(conf)
        assert not server.wait(0.5)
        assert made.decision_engine.trigger_audit(ctx, UUID) is False
        with pytest.raises(bus.NotSent):
            notifier.send("audit.create", "info", {})

        own_broker.start()
        assert server.wait(60), "a server must not need a broker at its start"
        until(lambda: made.decision_engine.trigger_audit(ctx, UUID), 10)
        until(lambda: len(engine.got) == 1, 5)
        notifier.send("audit.create", "info", {})

        own_broker.kill()
        until(lambda: server.ready() is not None, 10)
        longest = _longest_cast(made, ctx)
        assert longest < 2.6, f"a dead broker held a caller up for {longest:.1f} s"

        own_broker.launch()
        until(lambda: server.ready() is None, 30)
        seen = len(engine.got)

        def arrives():
            made.decision_engine.trigger_audit(ctx, UUID)
            return len(engine.got) > seen

        until(arrives, 60)
        until(lambda: _sent(notifier), 30)


def _longest_cast(made, ctx):
    times = []

    def cast():
        before = time.monotonic()
        assert made.decision_engine.trigger_audit(ctx, UUID) is False
        times.append(time.monotonic() - before)

    cast()
    threads = [threading.Thread(target=cast) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 9
    return max(times)


def _sent(notifier):
    try:
        notifier.send("audit.create", "info", {})
    except bus.NotSent:
        return False
    return True
