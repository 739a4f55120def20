"""Notifications for collectors that were written elsewhere.

A collector of ours follows events itself (``wants``, ``follow``); one from elsewhere has
endpoints, each with a filter and a handler that changes the model in place.
"""

import abc
import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

from oslo_log import log

from watcher import context
from watcher.cluster.collector.base import stale
from watcher.cluster.collector.event import Event

LOG = log.getLogger(__name__)

# Events of one collector that may wait while it reads, or while an endpoint is slow.
LONGEST = 10_000


class NotificationEndpoint(abc.ABC):
    """Handles the notifications that its filter lets through, for one collector"""

    def __init__(self, collector: Any) -> None:
        self.collector = collector

    @property
    @abc.abstractmethod
    def filter_rule(self) -> Any:
        """The ``NotificationFilter`` of this endpoint; None lets everything through"""

    @abc.abstractmethod
    def process_info(
        self,
        ctxt: Any,
        publisher_id: str,
        event_type: str,
        payload: Any,
        metadata: Any,
    ) -> Any:
        """Bring the model up to date; the collector reads nothing meanwhile"""

    def info(
        self,
        ctxt: Any,
        publisher_id: str,
        event_type: str,
        payload: Any,
        metadata: Any,
    ) -> Any:
        """Call the handler under the collector's ``sync_lock``"""
        with self.collector.sync_lock:
            return self.process_info(ctxt, publisher_id, event_type, payload, metadata)

    @property
    def cluster_data_model(self) -> Any:
        """The collector's current model, to be changed in place"""
        return self.collector.cluster_data_model


class Courier:
    """Brings events to the endpoints of one collector, one after the other

    Whatever endpoints do harms nobody else: they run on a thread of their own, and one
    that raises is logged once for each kind of error. The model may lack what it was to
    handle, so that it is marked stale: it is read again before anybody decides on it.
    """

    def __init__(self, name: str, collector: Any, longest: int = LONGEST) -> None:
        self.name = name
        self._collector = collector
        self._told: set[tuple[str, str]] = set()
        self._waiting: queue.Queue[Event | None] = queue.Queue(longest)
        self._lost: str | None = None  # why events did not reach their endpoints
        self._thread: threading.Thread | None = None
        self._endpoints = self._find()

    @property
    def idle(self) -> bool:
        """Whether the collector has no endpoint that could want anything"""
        return not self._endpoints

    # On the thread of whoever hears the bus -------------------------------------------

    def post(self, event: Event) -> bool:
        """Keep an event for the collector's own thread, without waiting; False: unwanted"""
        if not self._wanting(event) and not self._lost:
            return False
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._lost = "more notifications came than its endpoints could handle"
        return True

    def start(self) -> None:
        """Begin to deliver what is posted"""
        if not self.idle:
            self._thread = threading.Thread(
                target=self._run, name=f"events-{self.name}", daemon=True
            )
            self._thread.start()

    def stop(self, deadline: float) -> None:
        """Deliver no more; an endpoint that hangs is left behind with the process

        :param deadline: a moment of ``time.monotonic()``
        """
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(queue.Empty):
                while True:
                    self._waiting.get_nowait()
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(None)
            thread.join(max(0.0, deadline - time.monotonic()))

    # On the collector's own thread ----------------------------------------------------

    def deliver(self, event: Event) -> bool:
        """Let the endpoints handle an event; False: no endpoint wants it, or no model is there

        Waits while the collector reads. Without a model there is nothing to follow: what
        is read later knows of the event.
        """
        endpoints = self._wanting(event)
        if not endpoints and not self._lost:
            return False
        # The second lock lets nobody copy a model that is half changed.
        with self._collector.sync_lock, self._collector.lock:
            if lost := self._lost:
                self._lost = None
                self._distrust(lost)
            if not self._collector.current:
                return False
            failed = [e for e in endpoints if not self._hand(e, event)]
            if failed:
                self._distrust(f"{_name(failed[0])} failed on {event.kind}")
        return bool(endpoints)

    def _run(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self.deliver(event)
            except Exception as error:
                # The thread's outer edge: collectors of other packages override anything.
                self._failed(self._collector, error)

    def _hand(self, endpoint: Any, event: Event) -> bool:
        ctxt = context.RequestContext.from_dict(dict(event.context))
        try:
            endpoint.info(
                ctxt, event.publisher, event.kind, event.payload, event.metadata
            )
        except Exception as error:
            # Endpoints of other packages raise whatever they like.
            self._failed(endpoint, error)
            return False
        return True

    # Trouble --------------------------------------------------------------------------

    def _find(self) -> list[tuple[Any, Any]]:
        """Return the endpoints with their filters, asked for once as oslo.messaging does"""
        try:
            found: Sequence[Any] = self._collector.notification_endpoints or ()
            return [(e, getattr(e, "filter_rule", None)) for e in found]
        except Exception as error:
            # The collector is somebody else's; its model is read all the same.
            self._failed(self._collector, error)
            return []

    def _wanting(self, event: Event) -> list[Any]:
        return [e for e, rule in self._endpoints if self._matches(e, rule, event)]

    def _matches(self, endpoint: Any, rule: Any, event: Event) -> bool:
        if rule is None:
            return True
        try:
            return bool(
                rule.match(
                    event.context,
                    event.publisher,
                    event.kind,
                    event.metadata,
                    event.payload,
                )
            )
        except Exception as error:
            # A callable in a rule may raise on values that it did not expect.
            self._failed(endpoint, error)
            self._lost = f"the filter of {_name(endpoint)} failed on {event.kind}"
            return False

    def _distrust(self, reason: str) -> None:
        if model := self._collector.current:
            self._collector.cluster_data_model = stale(model, reason)

    def _failed(self, culprit: Any, error: Exception) -> None:
        kind = (_name(culprit), type(error).__name__)
        if kind not in self._told:
            self._told.add(kind)
            LOG.error(
                "%s fails on notifications for the %s model; each kind of error is told "
                "once",
                kind[0],
                self.name,
                exc_info=error,
            )


def _name(found: Any) -> str:
    return f"{type(found).__module__}.{type(found).__qualname__}"
