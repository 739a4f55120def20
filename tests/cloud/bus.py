"""Hears what the services of a control plane tell each other's listeners."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import watcher._threading  # noqa: F401

# isort: split
import oslo_messaging
from oslo_config import cfg

from tests import servers

TARGETS = (("nova", "versioned_notifications"), ("openstack", "notifications"))


@dataclass(frozen=True)
class Heard:
    """A notification as it came"""

    priority: str
    publisher: str
    kind: str
    payload: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]


class _Endpoint:
    def __init__(self, take: Callable[[Heard], None]) -> None:
        self._take = take

    def _handle(self, priority: str) -> Callable[..., None]:
        def handle(context, publisher, kind, payload, metadata):
            self._take(Heard(priority, publisher, kind, payload, context, metadata))

        return handle

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name in ("info", "warn", "error"):
            return self._handle(name)
        raise AttributeError(name)


class Bus:
    """Collects all that is told to ``targets`` (exchange, topic) while it listens"""

    def __init__(self, url: str, targets: Sequence[tuple[str, str]] = TARGETS) -> None:
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        self._last = time.monotonic()
        conf = cfg.ConfigOpts()
        conf([])
        transport = oslo_messaging.get_notification_transport(conf, url=url)
        self._listener = oslo_messaging.get_notification_listener(
            transport,
            [oslo_messaging.Target(exchange=e, topic=t) for e, t in targets],
            [_Endpoint(self._take)],
            executor="threading",
            # A pool of its own: it hears everything and takes nothing from others.
            pool=f"tests-{uuid.uuid4().hex[:8]}",
        )

    def __enter__(self) -> "Bus":
        # One thread: the order of arrival is kept.
        self._listener.start(override_pool_size=1)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.stop()
        self._listener.wait()

    def _take(self, heard: Heard) -> None:
        with self._lock:
            self._last = time.monotonic()
            self._heard.append(heard)

    def since(self, start: int) -> list[Heard]:
        """Return what was heard after the first ``start`` notifications"""
        with self._lock:
            return self._heard[start:]

    def __len__(self) -> int:
        return len(self._heard)

    def silent(self, seconds: float) -> None:
        """Wait until nothing about a server was told for that long"""
        servers.wait_until(
            lambda: time.monotonic() - self._last > seconds, 60, "silence on the bus"
        )
