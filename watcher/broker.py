"""Is the broker there, and how to talk to it without waiting for ever."""

import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import watcher._threading  # noqa: F401

# isort: split
import oslo_messaging
from oslo_config import cfg

from watcher import exception

CONNECT_S = 1.0
PROBE_KEPT_S = 5.0


class NoAnswer(exception.WatcherException):
    """A daemon did not answer in time"""

    msg_fmt = "No answer: %(reason)s"


class Broker:
    """Knows whether a broker of the transport URL accepts connections"""

    def __init__(self, conf: cfg.ConfigOpts):
        url = oslo_messaging.TransportURL.parse(conf)
        default = 5671 if conf.oslo_messaging_rabbit.ssl else 5672
        self._hosts: list[tuple[str, int]] = []
        if url.transport.split("+")[0] == "rabbit":
            hosts = [(h.hostname or "localhost", h.port or default) for h in url.hosts]
            self._hosts = hosts or [("localhost", default)]
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._reason: str | None = None

    def ready(self, kept_s: float = PROBE_KEPT_S) -> str | None:
        """Return why no broker is reachable, or None; asks at most every ``kept_s``"""
        with self._lock:
            if time.monotonic() - self._asked >= kept_s:
                self._reason = self._ask()
                self._asked = time.monotonic()
            return self._reason

    def check(self) -> None:
        """Raise NotReady when no broker accepts connections"""
        reason = self.ready(0)
        if reason:
            raise exception.NotReady(reason=reason)

    def _ask(self) -> str | None:
        reasons = []
        for host, port in self._hosts:
            try:
                socket.create_connection((host, port), CONNECT_S).close()
                return None
            except OSError as error:
                reasons.append(f"{host}:{port}: {error}")
        if not reasons:
            return None
        return f"the message broker is not reachable ({'; '.join(reasons)})"


class _Item:
    def __init__(self, fn: Callable[[], Any]):
        self.fn = fn
        self.done = threading.Event()
        self.dropped = False
        self.error: BaseException | None = None
        self.result: Any = None

    def run(self) -> None:
        try:
            self.result = self.fn()
        except BaseException as error:  # handed over to the caller
            self.error = error

    def outcome(self, wait_s: float) -> Any:
        if not self.done.wait(wait_s):
            self.dropped = True
            raise NoAnswer(reason=f"the message broker did not react in {wait_s:g} s")
        if self.error is not None:
            raise self.error
        return self.result


class Line:
    """One daemon thread that does things in order, while callers wait for a while.

    The library may block without end inside a connection; whoever waits must not.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._busy_since: float | None = None

    def do(self, fn: Callable[[], Any], wait_s: float) -> Any:
        """Run ``fn`` there and return its result; NoAnswer after ``wait_s``"""
        busy = self._busy_since
        if busy is not None and time.monotonic() - busy > wait_s:
            raise NoAnswer(reason="the message broker does not take earlier messages")
        item = _Item(fn)
        self._queue.put(item)
        self._ensure()
        return item.outcome(wait_s)

    def _ensure(self) -> None:
        with self._lock:
            # A server that forks after loading us leaves threads behind.
            if self._thread is None or not self._thread.is_alive():
                self._busy_since = None
                self._thread = threading.Thread(
                    target=self._run, name=self._name, daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item.dropped:
                continue
            self._busy_since = time.monotonic()
            item.run()
            self._busy_since = None
            item.done.set()


def in_time(name: str, fn: Callable[[], Any], wait_s: float) -> Any:
    """Return what ``fn`` does, in a thread that ends with it; NoAnswer after ``wait_s``"""
    item = _Item(fn)

    def run() -> None:
        item.run()
        item.done.set()

    threading.Thread(target=run, name=name, daemon=True).start()
    return item.outcome(wait_s)
