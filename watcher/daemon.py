"""Starts and stops the parts of a daemon, and hears its signals.

A process of ours is its own supervisor's child (systemd, a container) and forks nobody.
The launcher of the library forks workers and ends them on SIGHUP or when one crashes,
together with whatever they were doing, while the repair of abandoned work only happens at
a full start. With one process a reload touches nothing that runs, and a crash is seen
by the supervisor and, through the lease, by the other hosts.
"""

import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from watcher import conf as config
from watcher import exception
from watcher.health import Health
from watcher.parts import FATAL, Part, summary, wait_for
from watcher.reports import Reports, Section

LOG = logging.getLogger(__name__)

# How long after the limit the interpreter may still tidy up.
LAST_GRACE_S = 5.0
Check = tuple[str, Callable[[], Any]]


class Daemon:
    """Parts that run together in one process.

    ``checks`` are what must work before any part starts, with the name of whom we wait
    for; an error that waiting cannot mend ends the daemon with a message and status 1.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        name: str,
        parts: Sequence[Part],
        *,
        checks: Sequence[Check] = (),
        sections: Mapping[str, Section] | None = None,
    ):
        self.conf = conf
        self.name = name
        self.parts = list(parts)
        self.health = Health(self.parts)
        self._checks = list(checks)
        self._sections = dict(sections or {})
        self._reason: str | None = "not started"
        self._abort = threading.Event()
        self._begun = threading.Event()
        self._running: list[Part] = []
        self._fatal: BaseException | None = None
        # SimpleQueue.put may be called by a signal handler; most other locks may not.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    # In one process with others ------------------------------------------------------

    def start(self) -> None:
        """Wait for what is checked, then start every part in order"""
        self._abort.clear()
        self._begun.clear()
        self._fatal = None
        self._start_parts()
        if self._fatal is not None:
            raise self._fatal

    def stop(self, within_s: float | None = None) -> None:
        """Stop every part, the last one first, within graceful_shutdown_timeout"""
        if within_s is None:
            within_s = self.conf.graceful_shutdown_timeout or float("inf")
        self._abort.set()
        deadline = time.monotonic() + within_s
        while self._running:
            part = self._running.pop()
            try:
                part.stop(deadline)
            except Exception:  # the others must be stopped all the same
                LOG.exception("%s did not stop cleanly", part.name)
        self._reason = "stopped"

    def reload(self) -> None:
        """Read mutable options again and tell the parts; nothing that runs is touched"""
        try:
            self.conf.mutate_config_files()
        except (cfg.Error, OSError, ValueError) as error:
            LOG.error("The configuration was not read again: %s", summary(error))
            return
        for part in list(self._running):
            reload = getattr(part, "reload", None)
            if callable(reload):
                try:
                    reload(self.conf)
                except Exception:  # the others must hear of it all the same
                    LOG.exception("%s did not take the new options", part.name)
        LOG.info("The configuration was read again")

    def reasons(self) -> list[str]:
        """Return why the daemon is not ready; empty when it is"""
        if self._reason:
            return [self._reason]
        return self.health.reasons()

    # As a process of its own ----------------------------------------------------------

    def run(self) -> int:
        """Run until a signal ends it; return the exit status"""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda got, _frame: self._signals.put(got))
        Reports(self.conf, self.name, self._sections).install()
        LOG.info("%s %s starts", self.name, config.version())
        starter = threading.Thread(target=self._background, name="start", daemon=True)
        starter.start()
        self._serve()
        self._stop_hard()
        starter.join(1)
        LOG.info("%s ended", self.name)
        return 1 if self._fatal else 0

    def _serve(self) -> None:
        every_s = _watchdog_s()
        while True:
            try:
                got = self._signals.get(timeout=every_s)
            except queue.Empty:
                _systemd("WATCHDOG=1")
                continue
            if got != signal.SIGHUP:
                return
            self.reload()

    def _stop_hard(self) -> None:
        """Stop the parts; whatever hangs ends with the process"""
        _systemd("STOPPING=1")
        limit_s = self.conf.graceful_shutdown_timeout
        guard = None
        if limit_s:
            guard = end_within(limit_s + LAST_GRACE_S, self.name)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        self.stop()
        if guard is not None:
            guard.cancel()

    def _background(self) -> None:
        try:
            self._start_parts()
        except FATAL as error:
            # Says what to do in its own words.
            self._fatal = error
        except Exception as error:  # a thread's outer edge
            LOG.exception("%s cannot start", self.name)
            self._fatal = error
        if self._fatal is not None:
            self._signals.put(signal.SIGTERM)
        elif self._begun.is_set():
            _systemd("READY=1")

    def _start_parts(self) -> None:
        try:
            for what, check in self._checks:
                wait_for(what, check, self._abort, told=self._told)
        except exception.WatcherException as error:
            self._fatal = error
            self._reason = summary(error)
            return
        for part in self.parts:
            if self._abort.is_set():
                return
            self._reason = f"{part.name} starts"
            self._running.append(part)
            part.start()
        self._reason = None
        self._begun.set()
        LOG.info("%s runs", self.name)

    def _told(self, reason: str | None) -> None:
        self._reason = reason or "starting"

    @property
    def fatal(self) -> BaseException | None:
        """Why the daemon ended by itself, or None"""
        return self._fatal


def end_within(seconds: float, name: str) -> threading.Timer:
    """End the process by force when it is still there then; cancel what is returned

    A script calls it when it has nothing more to do: the interpreter waits for the pools
    of libraries when it ends.
    """
    guard = threading.Timer(seconds, _give_up, (name,))
    guard.daemon = True
    guard.start()
    return guard


def _give_up(name: str) -> None:
    LOG.error("%s did not end in time", name)
    os._exit(1)


def _watchdog_s() -> float | None:
    """Return how often systemd wants to hear from us, or None"""
    wanted_us = os.environ.get("WATCHDOG_USEC", "")
    return int(wanted_us) / 2e6 if wanted_us.isdigit() else None


def _systemd(state: str) -> None:
    """Tell systemd, when it listens; no library is needed for one datagram"""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(state.encode(), address)
    except OSError as error:
        LOG.debug("systemd was not told %s: %s", state, error)
