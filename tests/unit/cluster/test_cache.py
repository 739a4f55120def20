"""Keeping models: fresh enough, read once, and honest about failures."""

import threading

import pytest

import watcher.conf
from watcher import exception
from watcher.cluster.collector.base import BaseClusterDataModelCollector
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.collector.kept import Kept
from watcher.cluster.model.base import Model
from watcher.plugins import COLLECTORS, Plugins


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def models(cloud, clock):
    cloud.node("a").server("s", on="a")
    conf = watcher.conf.load(
        "test", overrides={("collector", "api_query_max_retries"): 1}
    )
    plugins = Plugins.of({COLLECTORS: {"compute": ComputeCollector}}, conf)
    models = Models(conf, plugins, cloud.clients, clock)
    models.clients = models.collector("compute").osc
    return models


def broken():
    return [exception.NovaClientError(reason="gone")]


def test_the_first_who_asks_gets_a_model(models):
    assert models.ready() == "compute model: not read yet"
    assert list(models.compute().instances_data) == ["s"]
    assert models.ready() is None


def test_a_fresh_one_is_not_read_again_an_old_one_by_its_changes(models, clock):
    models.compute()
    models.clients.calls.clear()
    clock.now += 20
    models.compute(max_age_s=30)
    assert models.clients.calls == [] and models.age_s == 20
    clock.now += 20
    models.compute(max_age_s=30)
    assert "changes" in models.clients.calls and "servers" not in models.clients.calls
    assert models.age_s == 0


def test_what_is_decided_on_was_read_after_the_question(models, clock):
    models.compute()
    models.clients.calls.clear()
    clock.now += 0.1
    models.compute()
    assert "changes" in models.clients.calls


def test_after_the_period_everything_is_read(models, clock):
    models.compute()
    models.clients.calls.clear()
    clock.now += 3600
    models.compute()
    assert "servers" in models.clients.calls


def test_another_host_is_noticed(models, cloud, clock):
    models.compute()
    clock.now += 60
    cloud.node("b")
    assert len(models.compute().get_all_compute_nodes()) == 2


def test_everybody_gets_a_model_of_his_own(models):
    mine = models.compute()
    mine.remove_instance("s")
    assert list(models.compute().instances_data) == ["s"]


def test_a_failed_reading_keeps_the_old_model_and_says_so(models, clock):
    models.compute()
    clock.now += 60
    models.clients.fails["services"] = broken()
    with pytest.raises(exception.ClusterDataModelCollectionError, match="gone"):
        models.compute()
    assert models.kept["compute"].error == "NovaClientError: Nova: gone"
    assert models.age_s == 60
    assert list(models.compute(max_age_s=None).instances_data) == ["s"]
    models.compute()
    assert models.kept["compute"].error is None


def test_without_any_model_the_reason_is_told(models):
    models.clients.fails["services"] = broken()
    with pytest.raises(exception.ClusterDataModelCollectionError):
        models.compute()
    assert models.ready() == "compute model: NovaClientError: Nova: gone"


def test_a_model_marked_stale_is_read_afresh(models):
    models.compute()
    models.clients.calls.clear()
    models.collector("compute").set_cluster_data_model_as_stale()
    models.compute()
    assert "servers" in models.clients.calls


def test_many_who_ask_at_once_cause_one_reading(models, clock):
    gate, asked = threading.Event(), threading.Semaphore(0)
    services = models.clients.services

    def slow():
        gate.wait(10)
        return services()

    models.clients.services = slow
    found = []

    def ask():
        asked.release()
        found.append(models.compute())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in threads:
        asked.acquire()
    gate.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8 and models.clients.calls.count("services") == 1


def test_many_who_ask_at_once_share_one_failure(models):
    gate, begun = threading.Event(), threading.Event()
    calls = []

    def fail():
        calls.append(1)
        begun.set()
        gate.wait(10)
        raise exception.NovaClientError(reason="gone")

    models.clients.services = fail
    kept = models.kept["compute"]
    # A clock that goes on, so that "failed after I asked" can be told.
    ticks = iter(range(10**6))
    kept._clock = lambda: float(next(ticks))
    errors = []

    def ask():
        try:
            models.compute()
        except exception.ClusterDataModelCollectionError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    threading.Event().wait(0.2)  # the others have asked by now
    gate.set()
    for thread in threads:
        thread.join(10)
    assert len(errors) == 6 and len(calls) == 1
    assert all("gone" in error for error in errors)


def test_the_background_builds_at_start_and_again_after_failures(models, monkeypatch):
    monkeypatch.setattr("watcher.cluster.collector.cache.BACKOFF_S", (0.01, 0.01))
    models.clients.fails["services"] = broken() * 3
    models.start()
    try:
        for _ in range(500):
            if models.ready() is None:
                break
            threading.Event().wait(0.01)
        assert models.ready() is None
        assert models.clients.calls.count("services") == 4
    finally:
        models.stop(float("inf"))


def test_a_scope_cuts_a_copy(models, cloud, clock):
    clock.now += 60
    cloud.node("b", zone="other")
    scope = [{"compute": [{"availability_zones": [{"name": "other"}]}]}]
    cut = models.scoped("compute", scope)
    assert [n.hostname for n in cut.get_all_compute_nodes().values()] == ["b"]
    assert len(models.compute().get_all_compute_nodes()) == 2
    assert len(models.scoped("compute", []).get_all_compute_nodes()) == 2


def test_a_model_that_is_not_kept(models):
    with pytest.raises(exception.ClusterStateNotDefined, match="storage"):
        models.get("storage")


class Rack(Model):
    def __init__(self, names):
        self.names = names

    def to_string(self):
        return ",".join(self.names)

    def to_xml(self):
        return "<Rack/>"


class RackCollector(BaseClusterDataModelCollector):
    """As somebody else would write one: only what the contract asks for"""

    def execute(self):
        return Rack(["r1"])

    def get_audit_scope_handler(self, audit_scope):
        return None

    @property
    def notification_endpoints(self):
        return None


def test_collectors_written_elsewhere_are_kept_alike():
    conf = watcher.conf.load(
        "test", overrides={("collector", "collector_plugins"): ["racks", "missing"]}
    )
    models = Models(
        conf, Plugins.of({COLLECTORS: {"racks": RackCollector}}, conf), None
    )
    mine = models.get("racks")
    mine.names.append("r2")
    assert models.get("racks").names == ["r1"]
    assert models.scoped("racks", []).names == ["r1"]
    collector = models.collector("racks")
    assert collector.get_latest_cluster_data_model().names == ["r1"]
    assert collector.config.period == 3600
    collector.synchronize()
    assert collector.cluster_data_model.names == ["r1"]


def test_a_collector_that_has_nothing_yet():
    class Nothing(RackCollector):
        def execute(self):
            return None

    with pytest.raises(exception.ClusterDataModelCollectionError, match="no model"):
        Kept("racks", Nothing({})).get(None)


def test_what_is_lacking_is_told_but_not_of_what_is_only_being_read(models):
    assert models.lacks("storage") == "the storage model is not kept here"
    assert models.lacks("compute") is None
    models.clients.fails["services"] = broken()
    with pytest.raises(exception.ClusterDataModelCollectionError):
        models.compute()
    assert "could not be read (NovaClientError: Nova: gone)" in models.lacks("compute")
    models.compute()
    assert models.lacks("compute") is None
    models.kept["compute"].absent = "the cloud has no Nova"
    assert models.lacks("compute").endswith("the cloud has no Nova")
