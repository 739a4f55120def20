"""Sends what the outbox holds, on a thread of its own.

A row is removed after the broker took its message, so every event goes out at least once;
one that goes out twice keeps its message_id. A broker that is away costs nothing but rows,
and those are given up after a day.
"""

import datetime
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from oslo_log import log as logging

from watcher import exception
from watcher.domain.records import Claim
from watcher.parts import Backoff, Ticker, is_outage, left, summary

LOG = logging.getLogger(__name__)

EVERY_S = 1.0
BATCH = 100
GIVE_UP_S = 24 * 3600
STOP_S = 5.0
_IDS = uuid.UUID("6f1f6f1c-6f0f-4d0c-9a57-8f5e8b1c33d4")


class Store(Protocol):
    """Where the rows are; every call is a transaction of its own"""

    def take(self, claim: Claim, limit: int) -> Sequence[Any]:
        """Return the oldest rows that are due (id, event_type, ...) and mark them as ours"""

    def done(self, ids: Sequence[int]) -> None:
        """Remove rows that were sent or given up"""

    def failed(self, ids: Sequence[int]) -> None:
        """Put rows back, to be tried later than those after them"""

    def release(self, claim: Claim) -> None:
        """Put everything back that we took, in its old place"""


class Sender(Protocol):
    """Talks to the broker; raises when it is away"""

    def send(
        self, event_type: str, priority: str, payload: Mapping[str, Any], *,
        ctx: Mapping[str, Any] | None = None,
        identity: Mapping[str, str] | None = None, publisher_id: str | None = None,
    ) -> None:  # fmt: skip
        """Send one notification"""


class Emitter:
    """The part of a daemon that drains the outbox"""

    name = "notifications"

    def __init__(
        self, store: Store, sender: Sender, claim: Callable[[], Claim], *,
        every_s: float = EVERY_S, now: Callable[[], datetime.datetime] | None = None,
    ):  # fmt: skip
        self._store = store
        self._sender = sender
        self._claim = claim
        self._now = now or _utcnow
        self._backoff = Backoff(1.0, 30.0)
        self._not_before = 0.0
        self._reason: str | None = None
        self._ending = threading.Event()
        self._ticker = Ticker(self.name, every_s, self._drain)

    def start(self) -> None:
        """Start the thread"""
        self._ending.clear()
        self._ticker.start()

    def stop(self, deadline: float) -> None:
        """Send what is left, if the broker takes it, and end; rows outlive us"""
        self._ending.set()
        self._ticker.stop(min(deadline, time.monotonic() + STOP_S))
        if self._reason is None and not self._ticker.running:
            self._ending.clear()
            last = threading.Thread(target=self._last, name=self.name, daemon=True)
            last.start()
            last.join(min(left(deadline), STOP_S))
            self._ending.set()

    def wake(self) -> None:
        """Look into the outbox now"""
        self._ticker.wake()

    def ready(self) -> str | None:
        """Notifications that wait for their broker do not make a daemon unready"""
        return None

    @property
    def reason(self) -> str | None:
        """Why nothing can be sent at the moment, or None"""
        return self._reason

    def _last(self) -> None:
        try:
            self._drain()
        except Exception as error:  # a thread's outer edge
            LOG.warning("The last notifications stay behind: %s", summary(error))

    def _drain(self) -> None:
        if time.monotonic() < self._not_before:
            return
        try:
            claim = self._claim()
        except exception.LeaseLost:
            return  # without a lease nothing may be taken; the rows wait
        while not self._ending.is_set():
            items = self._store.take(claim, BATCH)
            if not items or not self._send_all(claim, items):
                return

    def _send_all(self, claim: Claim, items: Sequence[Any]) -> bool:
        """Send in order; False when the broker is away and the rest was put back"""
        settled: list[int] = []
        odd: list[int] = []
        away = False
        for item in items:
            if away:
                # Each attempt may take long; rows that come in faster would pile up.
                if not self._too_old(item):
                    break
                settled.append(item.id)
                continue
            failure = self._send(item)
            away = failure is not None and is_outage(failure.__cause__ or failure)
            if failure is None or self._too_old(item):
                settled.append(item.id)
            elif not away:
                # The broker is there and takes others: this one must not hold them up.
                odd.append(item.id)
        self._store.done(settled)
        self._store.failed(odd)
        if away:
            # In its place, so that events keep their order.
            self._store.release(claim)
        return not away

    def _send(self, item: Any) -> BaseException | None:
        envelope = item.context or {}
        failure = None
        try:
            self._sender.send(
                item.event_type, item.priority, item.payload,
                ctx=envelope.get("request"), identity=identity(item),
                publisher_id=envelope.get("publisher_id"),
            )  # fmt: skip
        except Exception as error:  # libraries of brokers raise what they like
            failure = error
        if failure is None:
            if self._reason:
                LOG.info("Notifications are sent again")
            self._reason = None
            self._backoff.reset()
            return None
        if self._reason is None:
            LOG.warning("Notifications wait: %s", summary(failure))
        self._reason = summary(failure)
        self._not_before = time.monotonic() + self._backoff.next()
        return failure

    def _too_old(self, item: Any) -> bool:
        age_s = (self._now() - item.created_at).total_seconds()
        if age_s < GIVE_UP_S:
            return False
        LOG.warning(
            "Notification given up after %d s", age_s, extra={"event": item.event_type}
        )
        return True


def identity(item: Any) -> dict[str, str]:
    """Return message_id and timestamp, the same whenever and by whomever it is sent"""
    created = item.created_at.strftime("%Y-%m-%d %H:%M:%S.%f")
    return {
        "message_id": str(uuid.uuid5(_IDS, f"{item.id} {created}")),
        "timestamp": created,
    }


def _utcnow() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
