"""Endpoints of outside collectors: what they are handed, and that they harm nobody."""

import threading
import time

import oslo_messaging
import pytest
from watcher.decision_engine.model.base import Model
from watcher.decision_engine.model.collector.base import BaseClusterDataModelCollector
from watcher.decision_engine.model.collector.manager import CollectorManager
from watcher.decision_engine.model.notification.base import NotificationEndpoint
from watcher.decision_engine.model.notification.filtering import NotificationFilter

from watcher import exception
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.endpoint import Courier
from watcher.cluster.collector.event import Event
from watcher.cluster.collector.kept import Kept
from watcher.context import RequestContext


class Tank(Model):
    """A model of an outside package: levels by name"""

    def __init__(self, **levels):
        self.levels = levels

    def to_string(self):
        return str(self.levels)

    def to_xml(self):
        return "<Tank/>"


class Fill(NotificationEndpoint):
    """Sets a level"""

    filter_rule = NotificationFilter(publisher_id="^pump", event_type=r"^tank\.fill$")

    def process_info(self, ctxt, publisher_id, event_type, payload, metadata):
        self.collector.seen.append((ctxt, publisher_id, event_type, payload, metadata))
        self.cluster_data_model.levels[payload["name"]] = payload["level"]


class Leak(NotificationEndpoint):
    """Cannot handle anything"""

    filter_rule = NotificationFilter(event_type=r"^tank\.")

    def process_info(self, ctxt, publisher_id, event_type, payload, metadata):
        raise payload.get("error", ValueError)("leak")


class TankCollector(BaseClusterDataModelCollector):
    """Reads ``levels``; has the endpoints of the given classes"""

    def __init__(self, *endpoints, **levels):
        super().__init__({"period": 3600})
        self.endpoints = endpoints
        self.levels = levels or {"a": 1}
        self.seen = []
        self.reads = 0

    def execute(self):
        self.reads += 1
        return Tank(**self.levels)

    def get_audit_scope_handler(self, audit_scope):
        return None

    @property
    def notification_endpoints(self):
        return [endpoint(self) for endpoint in self.endpoints]


def event(level=5, **more):
    values = {
        "publisher": "pump:1",
        "kind": "tank.fill",
        "payload": {"name": "a", "level": level},
        "context": {"request_id": "req-1", "user_id": "u"},
        "metadata": {"message_id": "m"},
        **more,
    }
    return Event(**values)


def kept(*endpoints, **levels):
    collector = TankCollector(*endpoints, **levels)
    return collector, Kept("tank", collector)


class TestDelivery:
    def test_the_endpoint_changes_the_model_that_is_kept(self):
        collector, model = kept(Fill)
        model.refresh(full=True)
        assert Courier("tank", collector).deliver(event(level=9))
        assert model.get(None).levels == {"a": 9}
        assert collector.get_latest_cluster_data_model().levels == {"a": 9}
        assert collector.reads == 1
        ctxt, *rest = collector.seen[0]
        assert isinstance(ctxt, RequestContext) and ctxt.request_id == "req-1"
        assert rest == [
            "pump:1",
            "tank.fill",
            {"name": "a", "level": 9},
            {"message_id": "m"},
        ]

    @pytest.mark.parametrize("other", [{"publisher": "nova"}, {"kind": "tank.empty"}])
    def test_what_the_filter_holds_back_does_not_come(self, other):
        collector, model = kept(Fill)
        model.refresh(full=True)
        assert not Courier("tank", collector).deliver(event(**other))
        assert collector.seen == []

    def test_a_filter_of_the_library_or_none_at_all_will_do(self):
        class Everything(Fill):
            filter_rule = None

        class Theirs(Fill):
            filter_rule = oslo_messaging.NotificationFilter(event_type="^tank")

        collector, model = kept(Everything, Theirs)
        model.refresh(full=True)
        courier = Courier("tank", collector)
        assert courier.deliver(event()) and len(collector.seen) == 2
        assert courier.deliver(event(kind="other")) and len(collector.seen) == 3

    def test_without_a_model_there_is_nothing_to_follow(self):
        """models.md 6: dropped when there is no model yet; none is read for it"""
        collector, _model = kept(Fill)
        assert not Courier("tank", collector).deliver(event())
        assert collector.reads == 0 and collector.seen == []

    def test_endpoints_are_asked_for_once(self):
        """As the library does: an endpoint may keep what it learnt"""

        class Counting(Fill):
            count = 0

            def process_info(self, *args):
                self.count += 1
                self.collector.seen.append(self.count)

        collector, model = kept(Counting)
        model.refresh(full=True)
        courier = Courier("tank", collector)
        courier.deliver(event())
        courier.deliver(event())
        assert collector.seen == [1, 2]

    def test_a_model_that_an_endpoint_puts_in_place_is_kept(self):
        class Replace(Fill):
            def process_info(self, ctxt, publisher_id, event_type, payload, metadata):
                self.collector.cluster_data_model = Tank(new=1)

        collector, model = kept(Replace)
        model.refresh(full=True)
        Courier("tank", collector).deliver(event())
        assert model.get(None).levels == {"new": 1}

    def test_an_event_during_a_reading_is_applied_to_what_was_read(self):
        """It waits for sync_lock until the new model is in place"""
        collector, model = kept(Fill)
        model.refresh(full=True)
        courier = Courier("tank", collector)
        reading, go_on = threading.Event(), threading.Event()

        def slow():
            levels = dict(collector.levels)  # what the cloud said before the event
            reading.set()
            assert go_on.wait(10)
            return Tank(**levels)

        collector.execute = slow
        reader = threading.Thread(target=lambda: model.refresh(full=True))
        reader.start()
        assert reading.wait(10)
        listener = threading.Thread(target=lambda: courier.deliver(event(level=9)))
        listener.start()
        listener.join(0.05)
        assert listener.is_alive() and collector.seen == []
        go_on.set()
        reader.join(10)
        listener.join(10)
        assert model.get(None).levels == {"a": 9}

    def test_nobody_copies_a_model_that_is_half_changed(self):
        half, go_on = threading.Event(), threading.Event()

        class InTwoSteps(Fill):
            def process_info(self, *args):
                self.cluster_data_model.levels["a"] = 2
                half.set()
                assert go_on.wait(10)
                self.cluster_data_model.levels["b"] = 2

        collector, model = kept(InTwoSteps)
        model.refresh(full=True)
        courier = Courier("tank", collector)
        listener = threading.Thread(target=lambda: courier.deliver(event()))
        copies = []
        audit = threading.Thread(target=lambda: copies.append(model.get(None).levels))
        listener.start()
        assert half.wait(10)
        audit.start()
        audit.join(0.05)
        assert audit.is_alive()
        go_on.set()
        audit.join(10)
        listener.join(10)
        assert copies == [{"a": 2, "b": 2}]


class TestFailing:
    def told(self, caplog):
        return [r for r in caplog.records if "fails on notifications" in r.message]

    def test_l9_what_an_endpoint_could_not_handle_is_read_again(self, caplog):
        """models.md L9: an error of a handler lost the event until the next sync"""
        collector, model = kept(Leak)
        model.refresh(full=True)
        collector.levels = {"a": 7}
        assert Courier("tank", collector).deliver(event())
        assert not collector.cluster_data_model
        assert "Leak failed on tank.fill" in collector.cluster_data_model.stale_reason
        assert collector.get_latest_cluster_data_model().levels == {"a": 7}
        assert collector.reads == 2
        assert model.get(None).levels == {"a": 7} and collector.reads == 2

    def test_the_others_go_on_and_each_kind_of_error_is_told_once(self, caplog):
        collector, model = kept(Leak, Fill)
        model.refresh(full=True)
        courier = Courier("tank", collector)
        for error in (ValueError, ValueError, KeyError, KeyError):
            model.refresh(full=True)
            payload = {"name": "a", "level": 2, "error": error}
            courier.deliver(event(payload=payload))
        assert len(collector.seen) == 4
        first, second = self.told(caplog)
        assert "test_endpoint.Leak" in first.message and "tank model" in first.message
        assert first.exc_info[0] is ValueError and second.exc_info[0] is KeyError

    def test_a_filter_that_raises_is_an_endpoint_that_fails(self, caplog):
        class Odd(Fill):
            filter_rule = NotificationFilter(payload=lambda payload: payload["no"])

        collector, model = kept(Odd, Fill)
        model.refresh(full=True)
        courier = Courier("tank", collector)
        assert courier.post(event())
        courier.deliver(event())
        courier.deliver(event())
        assert len(self.told(caplog)) == 1
        assert "filter" in collector.cluster_data_model.stale_reason
        assert model.get(None).levels == {"a": 1} and collector.reads == 2

    def test_a_collector_that_cannot_say_what_it_wants_hears_no_more(self, caplog):
        """And keeps no other model from hearing"""

        class Crooked(TankCollector):
            def wants(self, publisher, kind):
                raise RuntimeError("crooked")

        model = Kept("tank", Crooked())
        assert not model.wants("nova", "x") and not model.wants("nova", "x")
        assert len([r for r in caplog.records if "hears no more" in r.message]) == 1
        assert model.get(None).levels == {"a": 1} and not model.followed

    @pytest.mark.parametrize("bad", ["none", "raising"])
    def test_g15_endpoints_that_are_none_or_cannot_be_had(self, bad, caplog):
        """plugins.md G15, models.md M6: null for the endpoints ended the start"""

        class Bare(TankCollector):
            @property
            def notification_endpoints(self):
                if bad == "raising":
                    raise RuntimeError("no endpoints today")

        collector = Bare()
        models = Models.of({"tank": collector})
        courier = Courier("tank", collector)
        assert courier.idle
        courier.start()
        assert not courier.post(event()) and not courier.deliver(event())
        courier.stop(time.monotonic())
        assert models.get("tank").levels == {"a": 1}
        assert len(self.told(caplog)) == (bad == "raising")


class TestOwnThread:
    """Who hears the bus never waits for a collector"""

    @pytest.fixture
    def hanging(self):
        go_on = threading.Event()
        inside = threading.Event()

        class Hang(Fill):
            def process_info(self, *args):
                inside.set()
                assert go_on.wait(10)
                super().process_info(*args)

        collector, model = kept(Hang)
        model.refresh(full=True)
        courier = Courier("tank", collector, longest=2)
        courier.start()
        yield collector, model, courier, inside, go_on
        go_on.set()
        courier.stop(time.monotonic() + 10)

    def test_events_wait_and_come_in_order(self, hanging):
        collector, model, courier, inside, go_on = hanging
        for level in (1, 2, 3):
            assert courier.post(event(level=level))
            assert inside.wait(10)
        assert collector.seen == []
        go_on.set()
        wait_for(lambda: len(collector.seen) == 3)
        assert [payload["level"] for _c, _p, _k, payload, _m in collector.seen] == [
            1,
            2,
            3,
        ]
        assert model.get(None).levels == {"a": 3}

    def test_too_many_make_the_model_stale_instead_of_growing(self, hanging):
        collector, model, courier, inside, go_on = hanging
        courier.post(event())
        assert inside.wait(10)
        for level in range(10):
            courier.post(event(level=level))
        collector.levels = {"a": 100}
        go_on.set()
        wait_for(lambda: not collector.current)
        assert "more notifications" in collector.cluster_data_model.stale_reason
        assert model.get(None).levels == {"a": 100}

    def test_it_ends_though_an_endpoint_hangs(self, hanging):
        _collector, _model, courier, inside, _go_on = hanging
        courier.post(event())
        assert inside.wait(10)
        courier.stop(time.monotonic())  # returns

    def test_unwanted_events_are_not_even_kept(self, hanging):
        _collector, _model, courier, inside, _go_on = hanging
        assert not courier.post(event(kind="other"))

    def test_it_outlives_a_collector_that_raises_anywhere(self, caplog):
        class Crooked(TankCollector):
            broken = True

            @property
            def current(self):
                if self.broken:
                    raise RuntimeError("crooked")
                return super().current

        collector = Crooked(Fill)
        model = Kept("tank", collector)
        model.refresh(full=True)
        courier = Courier("tank", collector)
        courier.start()
        courier.post(event())
        wait_for(lambda: "fails on notifications" in caplog.text)
        collector.broken = False
        courier.post(event(level=8))
        wait_for(lambda: collector.seen)
        courier.stop(time.monotonic() + 10)
        assert model.get(None).levels == {"a": 8}


class TestManager:
    def test_it_gives_what_the_process_keeps(self):
        first, second = TankCollector(Fill, Leak), TankCollector()
        manager = CollectorManager(Models.of({"tank": first, "well": second}))
        assert manager.get_collectors() == {"tank": first, "well": second}
        assert manager.get_cluster_model_collector("tank", osc=object()) is first
        found = manager.get_notification_endpoints()
        assert [type(endpoint) for endpoint in found] == [Fill, Leak]
        with pytest.raises(exception.ClusterStateNotDefined, match="lake"):
            manager.get_cluster_model_collector("lake")

    def test_a_collector_without_endpoints_may_say_none(self):
        class Bare(TankCollector):
            notification_endpoints = None

        manager = CollectorManager(
            Models.of({"tank": Bare(), "well": TankCollector(Fill)})
        )
        assert len(manager.get_notification_endpoints()) == 1


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)
