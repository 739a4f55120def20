"""Notifications over a real RabbitMQ reach the models, in order, each engine all of them."""

import datetime
import time

import kombu
import oslo_messaging
import pytest

import watcher.conf
from watcher import bus
from watcher.clients.simulated import SimulatedCloud
from watcher.cluster.collector.base import BaseClusterDataModelCollector
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.collector.listener import POOL, Listener
from watcher.cluster.model.base import Model

pytestmark = pytest.mark.rabbit


def configured(url, host="ctl1", topics=()):
    conf = watcher.conf.load("test", default_config_files=[], default_config_dirs=[])
    bus.register(conf)
    conf.set_override("transport_url", url)
    conf.set_override("host", host)
    conf.set_override("notification_topics", list(topics), "watcher_decision_engine")
    return conf


def until(check, seconds=20):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)


class NovaTells:
    """Sends what Nova would send, through the library that Nova uses"""

    def __init__(self, url, exchange, topic):
        self.conf = configured(url)
        self.conf.set_override("control_exchange", exchange)
        self.transport = oslo_messaging.get_notification_transport(self.conf)
        self.notifier = oslo_messaging.Notifier(
            self.transport, "nova-compute:h", driver="messagingv2", topics=[topic]
        )

    def server(self, row, host, kind="instance.update"):
        flavor = {"vcpus": row["vcpus"], "memory_mb": row["memory"], "root_gb": 1}
        data = {
            "uuid": row["uuid"],
            "host": host,
            "node": host,
            "state": "active",
            "display_name": row["name"],
            "tenant_id": row["project_id"],
            "image_uuid": "image",
            "flavor": {"nova_object.data": flavor},
        }
        payload = {"nova_object.version": "1.8", "nova_object.data": data}
        self.notifier.info({}, kind, payload)

    def other(self, kind, **payload):
        self.notifier.info({}, kind, payload)


@pytest.fixture
def names():
    stamp = f"{time.time_ns():x}"
    return f"nova{stamp}", f"versioned{stamp}"


@pytest.fixture
def cloud():
    return SimulatedCloud(1, hosts=4, servers=20)


class Engine:
    """The models of one engine, read an hour ago as far as clocks go"""

    def __init__(self, conf, cloud, **more):
        collectors = {"compute": ComputeCollector({}, cloud.clients()), **more}
        self.models = Models.of(collectors)
        self.kept = self.models.kept["compute"]
        self.listener = Listener(conf, self.models.kept)
        self.listener.start()
        assert self.listener.wait(20)
        self.kept.refresh()
        self.kept._model.read_at -= datetime.timedelta(hours=1)

    def stop(self):
        self.listener.stop(time.monotonic() + 5)

    def model(self):
        return self.kept.get(None)


@pytest.fixture
def engines(rabbit_url, cloud, names):
    made = []

    def make(host="ctl1", **more):
        conf = configured(rabbit_url, f"{host}-{names[0]}", [".".join(names)])
        made.append(Engine(conf, cloud, **more))
        return made[-1]

    yield make
    for engine in made:
        engine.stop()


def some(model):
    """A server, and a host that it is not on"""
    uuid, row = next(iter(sorted(model.instances_data.items())))
    hosts = sorted(d["hostname"] for d in model.nodes_data.values())
    return row, next(host for host in hosts if host != model.host_of(uuid))


def test_what_nova_tells_reaches_the_model(engines, rabbit_url, names):
    engine, nova = engines(), NovaTells(rabbit_url, *names)
    row, host = some(engine.model())
    nova.server(row, host)
    until(lambda: engine.model().host_of(row["uuid"]) == host)
    assert engine.kept._heard_s is not None


def test_each_engine_hears_everything(engines, rabbit_url, names):
    one, two = engines("ctl1"), engines("ctl2")
    nova = NovaTells(rabbit_url, *names)
    row, host = some(one.model())
    nova.server(row, host)
    for engine in (one, two):
        until(lambda e=engine: e.model().host_of(row["uuid"]) == host)


def test_the_order_is_kept(engines, rabbit_url, names):
    engine, nova = engines(), NovaTells(rabbit_url, *names)
    row, _host = some(engine.model())
    hosts = sorted(d["hostname"] for d in engine.model().nodes_data.values())
    heard, hear = [], engine.kept.hear
    engine.kept.hear = lambda event: (heard.append(event), hear(event))[1]
    for number in range(200):
        nova.server({**row, "name": str(number)}, hosts[number % 4])
    until(lambda: len(heard) == 200)
    names_heard = [e.payload["nova_object.data"]["display_name"] for e in heard]
    assert names_heard == [str(number) for number in range(200)]
    assert engine.model().host_of(row["uuid"]) == hosts[199 % 4]


def test_what_waited_while_the_engine_was_away_revives_nobody(
    engines, rabbit_url, names, cloud
):
    engine, nova = engines(), NovaTells(rabbit_url, *names)
    row, host = some(engine.model())
    engine.stop()
    nova.server(row, host)
    cloud.delete_server(row["uuid"])
    time.sleep(0.2)
    # Its queue has kept the message; the reading below knows better.
    again = engines()
    again.kept._model.read_at += datetime.timedelta(hours=1, seconds=6)
    until(lambda: again.kept._heard_s is not None)
    assert row["uuid"] not in again.model().instances_data


def test_the_queue_carries_the_published_name_no_more(engines, rabbit_url, names):
    """decisions D5.10: an engine of the reference on the same host keeps its own queue"""
    engine = engines("ctl9")
    pool = engine.listener._conf.host
    assert f"{POOL}{pool}".startswith("watcher-model-ctl9")
    with kombu.Connection(rabbit_url.replace("rabbit://", "amqp://") + "/") as link:
        link.default_channel.queue_declare(f"{POOL}{pool}", passive=True)


class Words(Model):
    def __init__(self):
        self.said = []

    def to_string(self):
        return str(self.said)

    to_xml = to_string


class Outside(BaseClusterDataModelCollector):
    """A collector of another package: endpoints in the published style"""

    def execute(self):
        return Words()

    def get_audit_scope_handler(self, audit_scope):
        return None

    @property
    def notification_endpoints(self):
        return [self]

    filter_rule = oslo_messaging.NotificationFilter(event_type=r"^word\.")

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        if payload.get("bad"):
            raise RuntimeError("boom")
        self.cluster_data_model.said.append(event_type)


def test_l9_endpoints_of_other_packages_hear_too_and_break_nothing(
    engines, rabbit_url, names
):
    """models.md L9"""
    outside = Outside({})
    engine, nova = engines(outside=outside), NovaTells(rabbit_url, *names)
    engine.models.kept["outside"].refresh()
    row, host = some(engine.model())
    nova.other("word.one")
    nova.other("unwanted")
    nova.server(row, host)
    until(lambda: outside.cluster_data_model.said == ["word.one"])
    nova.other("word.two", bad=True)
    until(lambda: engine.model().host_of(row["uuid"]) == host)
    # What it did not understand makes it read again.
    until(lambda: not engine.models.kept["outside"]._usable())


def test_without_a_broker_models_are_read_all_the_same(cloud):
    conf = configured("rabbit://guest:guest@127.0.0.1:1/", topics=["nova.x"])
    listener = Listener(conf, models := Models.of({}).kept)
    listener.start()
    assert not listener.wait(0.3) and models == {}
    begun = time.monotonic()
    listener.stop(begun + 30)
    assert time.monotonic() - begun < 10
