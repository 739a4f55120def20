"""A model that follows events: none is lost, and what they leave open is read."""

import threading

import pytest

from tests.unit.cluster.test_compute_events import event, payload
from watcher import exception
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.collector.event import Effect
from watcher.cluster.collector.kept import HEARING_S, Kept
from watcher.cluster.collector.listener import Ear

# Readings of these tests happen now.
LATER = "2999-01-01 12:00"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def collector(cloud):
    cloud.node("a").node("b").server("s", on="a").server("t", on="a")
    return ComputeCollector({}, cloud.clients)


@pytest.fixture
def kept(collector, clock):
    kept = Kept("compute", collector, clock)
    kept.refresh()
    kept.clients = collector.osc
    kept.clients.calls.clear()
    return kept


def moved(name="s", to="b", step=0):
    return event("instance.update", payload(name, to), LATER + f":{step:02}")


def test_an_event_changes_the_model_without_any_request(kept, clock):
    clock.now += 5
    assert kept.hear(moved()) is Effect.APPLIED
    assert kept.get(None).host_of("s") == "b"
    assert kept.get(0, followed_s=10).host_of("s") == "b"
    assert kept.clients.calls == []


def test_who_has_a_model_does_not_see_later_events(kept):
    mine = kept.get(None)
    kept.hear(moved())
    assert mine.host_of("s") == "a"


def test_followed_or_not_a_model_gets_too_old(kept, clock):
    kept.hear(moved())
    clock.now += 11
    kept.get(0, followed_s=10)
    assert "changes" in kept.clients.calls


def test_where_no_events_come_nothing_is_taken_for_followed(kept, clock):
    clock.now += 5
    kept.get(0, followed_s=10)
    assert "changes" in kept.clients.calls
    kept.hear(moved())
    assert kept.followed
    clock.now += HEARING_S + 1
    assert not kept.followed


def test_what_an_event_leaves_open_is_read_before_a_decision(kept, cloud, clock):
    kept.hear(event("aggregate.add_host.end", {}))
    assert not kept.followed
    clock.now += 5
    cloud.aggregate("fast", "a")
    assert kept.get(0, followed_s=10).aggregates
    assert kept.followed
    kept.clients.calls.clear()
    kept.get(0, followed_s=10)
    assert kept.clients.calls == []


def test_events_before_the_first_reading_are_not_needed(collector, clock):
    kept = Kept("compute", collector, clock)
    assert kept.hear(moved()) is Effect.IGNORED
    assert kept.get(None).host_of("s") == "a"


@pytest.mark.parametrize("full", [True, False])
def test_l6_no_event_is_lost_while_the_model_is_read(kept, clock, full):
    """models.md L6: events do not wait for a reading either"""
    services, heard = kept.clients.services, []

    def late():
        # Nova has answered with the servers before; now one moves, one goes.
        answer = services()
        heard.append(kept.hear(moved()))
        heard.append(kept.hear(event("instance.delete.end", payload("t"))))
        return answer

    kept.clients.services = late
    clock.now += 5
    kept.refresh(full)
    model = kept.get(None)
    assert heard == [Effect.APPLIED, Effect.APPLIED]
    assert model.host_of("s") == "b" and "t" not in model.instances_data


def test_what_is_heard_while_reading_and_left_open_is_read_once_more(kept, clock):
    services = kept.clients.services

    def late():
        kept.hear(event("aggregate.create.end", {}))
        return services()

    kept.clients.services = late
    kept.refresh()
    kept.clients.services = services
    assert not kept.followed
    kept.refresh()
    assert kept.followed


def test_a_reading_that_fails_loses_no_event_either(kept, clock):
    kept.clients.fails["services"] = [exception.NovaClientError(reason="gone")] * 10
    kept.collector.reading = type(kept.collector.reading)(attempts=1)
    clock.now += 5
    with pytest.raises(exception.ClusterDataModelCollectionError):
        kept.refresh()
    kept.hear(moved())
    assert kept.get(None).host_of("s") == "b"


def test_an_event_that_breaks_the_collector_is_read_instead(kept, monkeypatch):
    def broken(model, event):
        raise RuntimeError("boom")

    monkeypatch.setattr(kept.collector, "follow", broken)
    assert kept.hear(moved()) is Effect.INCOMPLETE
    assert not kept.followed


def test_events_that_break_the_collector_do_not_fill_the_log(kept, monkeypatch, caplog):
    def broken(model, event):
        raise RuntimeError("boom")

    monkeypatch.setattr(kept.collector, "follow", broken)
    for number in range(20):
        kept.hear(moved(step=number))
    assert caplog.text.count("RuntimeError: boom") == 1


def test_a_flood_while_reading_fills_no_memory_and_is_read_once_more(
    kept, monkeypatch, clock
):
    monkeypatch.setattr("watcher.cluster.collector.kept.JOURNAL", 10)
    services, most = kept.clients.services, []

    def late():
        for number in range(30):
            kept.hear(moved(step=number))
        most.append(len(kept._journal))
        return services()

    kept.clients.services = late
    kept.refresh()
    assert most == [11]
    assert not kept.followed


@pytest.mark.parametrize(
    ("publisher", "kind"),
    [(None, "instance.update"), (7, "instance.update"), ("nova-compute:a", None)],
)
def test_garbage_makes_no_model_deaf(kept, publisher, kind):
    """One message without a sender must not end the hearing of all that come later"""
    ear = Ear({"compute": kept})
    ear.info({}, publisher, kind, {}, {})
    known = moved()
    ear.info({}, known.publisher, known.kind, known.payload, None)
    ear.info({}, known.publisher, known.kind, known.payload, known.metadata)
    assert kept.get(None).host_of("s") == "b"


def test_readers_and_events_do_not_disturb_each_other(kept):
    stop, wrong = threading.Event(), []

    def read():
        while not stop.is_set():
            model = kept.get(None)
            hosts = {model.host_of("s"), model.host_of("t")}
            if not hosts <= {"a", "b"}:
                wrong.append(hosts)

    threads = [threading.Thread(target=read, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for step in range(60):
            kept.hear(moved("st"[step % 2], "ab"[step % 3 % 2], step))
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not wrong


def test_a_cloud_without_the_service_says_so(collector, clock, monkeypatch):
    kept = Kept("storage", collector, clock)
    monkeypatch.setattr(collector, "absent", lambda: "there is no block storage")
    with pytest.raises(exception.ClusterStateNotDefined, match="no block storage"):
        kept.get(None)
    assert kept.absent == "there is no block storage"
    monkeypatch.setattr(collector, "absent", lambda: None)
    assert kept.get(None) and kept.absent is None
