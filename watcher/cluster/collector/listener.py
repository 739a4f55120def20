"""Hears the notifications of other services, for the models and for outside endpoints.

Each host has a queue of its own, so that every engine hears everything. Messages are taken
one after the other, in the order of arrival. None is ever put back: what an event leaves
open is read before the next decision.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import watcher._threading  # noqa: F401

# isort: split
import oslo_messaging
from oslo_config import cfg
from oslo_log import log

from watcher import bus
from watcher.broker import Broker
from watcher.cluster.collector.endpoint import Courier
from watcher.cluster.collector.event import Event
from watcher.cluster.collector.kept import Kept
from watcher.parts import left, wait_for

LOG = log.getLogger(__name__)

POOL = "watcher-model-"
# Seconds that ending may take when the broker is away: the library may block.
LONELY_STOP_S = 2.0

Connect = Callable[[cfg.ConfigOpts, Sequence[Any]], Any]


def targets(entries: Sequence[str]) -> Iterator[oslo_messaging.Target]:
    """Yield what is listened to: entries are exchange.topic, or topics of our exchange"""
    for entry in entries:
        exchange, dot, topic = entry.partition(".")
        if dot:
            yield oslo_messaging.Target(exchange=exchange, topic=topic)
        else:
            yield oslo_messaging.Target(topic=entry)


class Ear:
    """What the library calls with each message"""

    def __init__(self, kept: Mapping[str, Kept]) -> None:
        self._kept = list(kept.values())
        couriers = [Courier(name, each.collector) for name, each in kept.items()]
        self.couriers = [courier for courier in couriers if not courier.idle]

    def info(
        self,
        ctxt: Mapping[str, Any],
        publisher_id: str,
        event_type: str,
        payload: Any,
        metadata: Mapping[str, Any],
    ) -> None:
        """Hand an event to whom it concerns; one without a sender or a type is no event"""
        if not isinstance(publisher_id, str) or not isinstance(event_type, str):
            return
        wanting = [k for k in self._kept if k.wants(publisher_id, event_type)]
        if not wanting and not self.couriers:
            return
        event = Event(
            publisher=publisher_id,
            kind=event_type,
            payload=payload if isinstance(payload, Mapping) else {},
            context=ctxt,
            metadata=metadata if isinstance(metadata, Mapping) else {},
        )
        for kept in wanting:
            kept.hear(event)
        for courier in self.couriers:
            courier.post(event)


class Listener:
    """A part of a daemon: takes notifications while the broker is there"""

    name = "notifications of the cloud"

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        kept: Mapping[str, Kept],
        connect: Connect | None = None,
    ) -> None:
        self._conf = conf
        self._kept = kept
        self._ear = Ear(kept)
        self._connect = connect or _connect
        self._server: Any = None
        self._stop = threading.Event()
        self._started = threading.Event()

    def start(self) -> None:
        """Begin to connect, in the background"""
        self._stop.clear()
        for courier in self._ear.couriers:
            courier.start()
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until messages are taken; False when that took too long"""
        return self._started.wait(timeout_s)

    def stop(self, deadline: float) -> None:
        """Take no more messages"""
        self._stop.set()
        ending = threading.Thread(target=self._end, name=self.name, daemon=True)
        ending.start()
        ending.join(min(left(deadline), LONELY_STOP_S))
        for courier in self._ear.couriers:
            courier.stop(deadline)

    def _run(self) -> None:
        try:
            bus.register(self._conf)
            broker = Broker(self._conf)
            wait_for("the message broker", broker.check, self._stop)
            # It may refuse us for now: while it starts, or until somebody grants a right.
            server = wait_for(self.name, self._listen, self._stop)
        except Exception:
            # Without events models are read before each decision, as they are at first.
            LOG.exception("Notifications of the cloud are not heard")
            return
        if server is None:
            return
        self._server = server
        if self._stop.is_set():
            self._end()
            return
        for kept in self._kept.values():
            kept.listen()
        self._started.set()
        topics = self._conf.watcher_decision_engine.notification_topics
        LOG.info("Notifications are taken from %s", ", ".join(topics))

    def _listen(self) -> Any:
        server = self._connect(self._conf, [self._ear])
        # One at a time, or the order would be lost.
        server.start(override_pool_size=1)
        return server

    def _end(self) -> None:
        self._started.clear()
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            server.wait()


def _connect(conf: cfg.ConfigOpts, endpoints: Sequence[Any]) -> Any:
    return oslo_messaging.get_notification_listener(
        bus.notification_transport(conf),
        list(targets(conf.watcher_decision_engine.notification_topics)),
        list(endpoints),
        executor="threading",
        allow_requeue=False,
        pool=f"{POOL}{conf.host}",
    )
