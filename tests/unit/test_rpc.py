"""Casts, calls and notifications on the in-process transport."""

import threading
import time
import uuid

import oslo_messaging
import pytest

import watcher.conf
from watcher import broker, bus, context, exception, rpc

UUID = "0c1bd0a8-6d4a-4a37-a7ba-c2b5e0d0e0a1"


def configured(url="fake://", **options):
    conf = watcher.conf.load("test", default_config_files=[], default_config_dirs=[])
    bus.register(conf)
    conf.set_override("transport_url", url)
    # The in-process transport keeps its queues for as long as the process lives.
    conf.set_override("control_exchange", uuid.uuid4().hex)
    for name, value in options.items():
        conf.set_override(name, value)
    return conf


class Engine:
    """Endpoints as a daemon has them"""

    secret = "not for the bus"

    def __init__(self):
        self.got = []
        self.arrived = threading.Event()

    def trigger_audit(self, ctx, audit_uuid):
        self.got.append((ctx, audit_uuid))
        self.arrived.set()
        return audit_uuid

    def launch_action_plan(self, ctx, action_plan_uuid):
        self.got.append((ctx, action_plan_uuid))
        self.arrived.set()

    def get_data_model_info(self, ctx, data_model_type, audit):
        return {"context": [data_model_type, audit]}

    def get_strategy_info(self, ctx, strategy_name):
        if strategy_name == "slow":
            time.sleep(3)
        if strategy_name == "broken":
            raise KeyError(strategy_name)
        raise exception.StrategyNotFound(strategy=strategy_name)

    def _hidden(self, ctx):
        return 1


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def serve(engine):
    running = []

    def start(conf):
        made = rpc.Rpc(conf)
        for topic in ("watcher.decision.control", "watcher.applier.control"):
            server = made.server(topic, [engine])
            server.start()
            running.append(server)
            assert server.wait(5)
            assert server.ready() is None
        return made

    yield start
    for server in running:
        server.stop(time.monotonic() + 3)


@pytest.fixture
def ctx():
    return context.RequestContext(
        auth_token="secret-token",
        user_id="u1",
        project_id="p1",
        roles=["admin"],
        auth_token_info={"token": {"catalog": ["big"]}},
    )


def test_a_cast_wakes_the_daemon_and_carries_no_token(serve, engine, ctx):
    made = serve(configured())
    assert made.decision_engine.trigger_audit(ctx, UUID) is True
    assert engine.arrived.wait(5)
    [(heard, ident)] = engine.got
    assert ident == UUID
    assert (heard.user_id, heard.project_id) == ("u1", "p1")
    assert heard.request_id == ctx.request_id
    assert heard.auth_token is None and heard.auth_token_info is None
    assert ctx.auth_token == "secret-token"  # the caller's own is not touched


def test_plans_are_launched_on_the_appliers_topic(serve, engine, ctx):
    assert serve(configured()).applier.launch_action_plan(ctx, UUID) is True
    assert engine.arrived.wait(5)
    assert engine.got[0][1] == UUID


@pytest.mark.parametrize("value", ["nightly", "", "12"])
def test_casts_refuse_what_is_no_uuid(serve, ctx, value):
    made = rpc.Rpc(configured())
    with pytest.raises(exception.Invalid):
        made.decision_engine.trigger_audit(ctx, value)
    with pytest.raises(exception.Invalid):
        made.applier.launch_action_plan(ctx, value)


def test_a_call_returns_what_the_engine_says(serve, ctx):
    made = serve(configured())
    got = made.decision_engine.get_data_model_info(ctx, audit="a1")
    assert got == {"context": ["compute", "a1"]}


def test_errors_cross_the_bus_as_themselves(serve, ctx):
    made = serve(configured())
    with pytest.raises(exception.StrategyNotFound) as caught:
        made.decision_engine.get_strategy_info(ctx, "none")
    assert type(caught.value) is exception.StrategyNotFound
    assert caught.value.code == 404
    assert str(caught.value) == "Strategy none could not be found"


def test_notifications_reach_listeners_and_carry_no_token():
    conf = configured()
    conf.set_override("driver", ["messagingv2"], "oslo_messaging_notifications")
    heard, arrived = [], threading.Event()

    class Listener:
        def info(self, ctxt, publisher_id, event_type, payload, metadata):
            heard.append((ctxt, publisher_id, event_type, payload, metadata))
            arrived.set()

    listener = oslo_messaging.get_notification_listener(
        oslo_messaging.get_notification_transport(conf),
        [oslo_messaging.Target(topic="notifications")],
        [Listener()],
    )
    listener.start()
    try:
        bus.Notifier(conf).send(
            "audit.create", "info", {"a": 1}, ctx={"user": "u1", "auth_token": "secret"},
            identity={"message_id": "m-1"},
        )  # fmt: skip
        assert arrived.wait(5)
    finally:
        listener.stop()
        listener.wait()
    [(ctxt, publisher, event_type, payload, metadata)] = heard
    assert (event_type, payload) == ("audit.create", {"a": 1})
    assert publisher == f"infra-optim:{conf.host}" and metadata["message_id"] == "m-1"
    assert ctxt["user"] == "u1" and "secret" not in str(ctxt)


def test_a_slow_engine_is_no_answer(serve, ctx):
    made = serve(configured(rpc_response_timeout=1))
    before = time.monotonic()
    with pytest.raises(rpc.NoAnswer) as caught:
        made.decision_engine.get_strategy_info(ctx, "slow")
    assert caught.value.code == 500
    assert time.monotonic() - before < 4


class Judge:
    """An endpoint that knows more than the published ones"""

    VERSION = "1.1"

    def __init__(self):
        self.go_on = threading.Event()

    def check_scope(self, ctx, scope, goal, strategy=None):
        if goal == "slow":
            self.go_on.wait(30)
        if goal == "broken":
            raise exception.Invalid("nonsense")
        return {"missing": [], "asked": [scope, goal, strategy]}

    def get_strategy_info(self, ctx, strategy_name):
        return [strategy_name]


class TestScopes:
    """decisions.rst D5.8: engines are asked, and nobody waits long for them"""

    @pytest.fixture
    def judged(self):
        made, judge = rpc.Rpc(configured()), Judge()
        server = made.server("watcher.decision.control", [judge])
        server.start()
        assert server.wait(10)
        yield made
        judge.go_on.set()
        server.stop(time.monotonic() + 5)

    def test_an_engine_that_can_tell_is_asked(self, judged, ctx):
        found = judged.decision_engine.check_scope(ctx, [{"compute": []}], "g", "s")
        assert found["asked"] == [[{"compute": []}], "g", "s"]

    def test_it_still_answers_callers_of_earlier_versions(self, judged, ctx):
        assert judged.decision_engine.get_strategy_info(ctx, "s") == ["s"]

    def test_an_older_engine_refuses_at_once(self, serve, ctx):
        made = serve(configured())
        with pytest.raises(exception.WatcherException, match="1.1|support"):
            made.decision_engine.check_scope(ctx, [], "g")

    def test_errors_come_as_what_they_are(self, judged, ctx):
        with pytest.raises(exception.Invalid, match="nonsense"):
            judged.decision_engine.check_scope(ctx, [], "broken")

    @pytest.mark.parametrize("goal", ["slow", "nobody"])
    def test_nobody_waits_for_who_does_not_answer(self, goal, judged, ctx, monkeypatch):
        assert rpc.SCOPE_WAIT_S == 2
        monkeypatch.setattr(rpc, "SCOPE_WAIT_S", 0.3)
        asked = judged.decision_engine
        if goal == "nobody":
            asked = rpc.Rpc(configured()).decision_engine
        with pytest.raises(broker.NoAnswer):
            asked.check_scope(ctx, [], goal)

    def test_an_answer_leaves_no_thread_behind(self, judged, ctx):
        judged.decision_engine.check_scope(ctx, [], "g")
        for thread in threading.enumerate():
            if thread.name == "call check_scope":
                thread.join(5)
                assert not thread.is_alive()


def test_only_public_methods_are_served(serve, ctx):
    made = serve(configured())
    client = oslo_messaging.get_rpc_client(
        made.transport,
        oslo_messaging.Target(topic="watcher.decision.control", version="1.0"),
        serializer=bus.ContextSerializer(),
        timeout=2,
    )
    for name in ("_hidden", "secret", "arrived", "__init__"):
        with pytest.raises(Exception, match="does not support|NoSuchMethod"):
            client.call(ctx, name)
    with pytest.raises(oslo_messaging.MessagingException):
        client.call(ctx, "oslo_rpc_server_ping")


def test_the_ping_of_the_library_can_be_switched_on(serve, ctx):
    made = serve(configured(rpc_ping_enabled=True))
    client = oslo_messaging.get_rpc_client(
        made.transport,
        oslo_messaging.Target(topic="watcher.decision.control", version="1.0"),
        timeout=2,
    )
    assert client.call({}, "oslo_rpc_server_ping") == "pong"


def test_contexts_of_other_releases_are_understood():
    ctx = bus.ContextSerializer().deserialize_context(
        {"user": "u1", "project_id": "p1", "from_the_future": 1, "auth_token": None}
    )
    assert (ctx.user_id, ctx.project_id) == ("u1", "p1")
    assert bus.ContextSerializer().deserialize_context({}).user_id is None


def test_our_exchange_is_the_default_and_the_file_wins():
    conf = watcher.conf.load("test", default_config_files=[], default_config_dirs=[])
    bus.register(conf)
    bus.register(conf)
    assert conf.control_exchange == "watcher"
    assert conf.oslo_messaging_tracing.tracing_enabled is False
    assert conf.oslo_messaging_metrics.metrics_enabled is False
    conf.set_override("control_exchange", "mine")
    bus.rpc_transport(conf)
    assert conf.control_exchange == "mine"


@pytest.fixture
def deaf():
    """A port that accepts connections and never says a word"""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(50)
        yield sock.getsockname()[1]


def test_casts_to_a_refusing_broker_return_false_at_once(ctx, caplog):
    from tests.servers import free_port

    made = rpc.Rpc(configured(f"rabbit://u:p@127.0.0.1:{free_port()}/"))
    for _ in range(3):
        before = time.monotonic()
        assert made.decision_engine.trigger_audit(ctx, UUID) is False
        assert time.monotonic() - before < 2.5
    lines = [r for r in caplog.records if r.name == "watcher.rpc"]
    assert len(lines) == 3 and all(line.exc_info is None for line in lines)
    assert "secret-token" not in caplog.text


def test_casts_to_a_silent_broker_return_false_in_time(ctx, deaf):
    made = rpc.Rpc(configured(f"rabbit://u:p@127.0.0.1:{deaf}/"))
    times = []
    for _ in range(4):
        before = time.monotonic()
        assert made.decision_engine.trigger_audit(ctx, UUID) is False
        times.append(time.monotonic() - before)
    assert max(times) < 2.5
    assert max(times[2:]) < 0.5, "later ones must not queue behind the first"


def test_calls_to_a_refusing_broker_are_not_ready(ctx):
    from tests.servers import free_port

    made = rpc.Rpc(configured(f"rabbit://u:p@127.0.0.1:{free_port()}/"))
    with pytest.raises(exception.NotReady) as caught:
        made.decision_engine.get_data_model_info(ctx)
    assert caught.value.code == 503


def test_a_server_that_the_broker_refuses_at_first_is_there_later(monkeypatch):
    class Refused(Exception):
        """What the library raises when a right is missing"""

    server = rpc.Rpc(configured()).server("a_topic", [])
    make, refusals = server._make, [1, 2]

    def refusing():
        if refusals:
            refusals.pop()
            raise Refused("Login was refused")
        return make()

    monkeypatch.setattr(server, "_make", refusing)
    server.start()
    try:
        assert server.wait(20)
        assert server.ready() is None
    finally:
        server.stop(time.monotonic() + 5)


def test_a_server_without_a_broker_starts_is_not_ready_and_stops():
    from tests.servers import free_port

    made = rpc.Rpc(configured(f"rabbit://u:p@127.0.0.1:{free_port()}/"))
    server = made.server("watcher.decision.control", [Engine()])
    before = time.monotonic()
    server.start()
    assert not server.wait(0.2)
    assert "not reachable" in server.ready()
    server.stop(float("inf"))
    assert time.monotonic() - before < 5


def test_any_of_several_brokers_will_do(deaf):
    from tests.servers import free_port

    url = f"rabbit://u:p@127.0.0.1:{free_port()},u:p@127.0.0.1:{deaf}/"
    assert broker.Broker(configured(url)).ready() is None
