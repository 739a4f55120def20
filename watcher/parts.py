"""Parts of a daemon: what they offer, a thread that ticks, waiting for dependencies.

A deadline is always a moment of ``time.monotonic()``, in seconds.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from oslo_log import log as logging

from watcher import exception

LOG = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 15.0
# How long a part that ends talks to another side, which may be away, in seconds: at least,
# when the work before took all the time, and at most, when there is no limit.
LEAST_GOODBYE_S = 1.0
GOODBYE_S = 5.0

# Waiting cannot mend these: somebody has to change a file or run a command.
FATAL = (
    exception.ConfigInvalid,
    exception.SchemaMismatch,
    exception.StartRefused,
)

# Errors of libraries that mean "the other side is away", by name so that no library
# has to be imported to recognise them.
_AWAY = frozenset((
    "CantStartEngineError", "ConnectFailure", "ConnectTimeout", "ConnectionError",
    "DBConnectionError", "DBDeadlock", "DBLockTimeout", "DiscoveryFailure",
    "InterfaceError", "MessageDeliveryFailure", "MessagingTimeout", "OperationalError",
    "Timeout",
))  # fmt: skip


class Part(Protocol):
    """Something a daemon starts and stops.

    ``ready()`` (the reason why not, or None) and ``reload(conf)`` are optional.
    """

    name: str

    def start(self) -> None:
        """Begin; must not block on anything that may be away"""

    def stop(self, deadline: float) -> None:
        """End before ``deadline``, leaving rows that the next start can take up"""


def is_outage(error: BaseException) -> bool:
    """Tell whether the error says that something else is away, not that we are wrong"""
    if isinstance(error, OSError | exception.WatcherException):
        return True
    return any(kind.__name__ in _AWAY for kind in type(error).__mro__)


def summary(error: BaseException) -> str:
    """Return one line that names the error; libraries like to add whole statements"""
    lines = str(error).strip().splitlines()
    if lines and isinstance(error, exception.WatcherException):
        return lines[0]  # a sentence of ours says it all
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def left(deadline: float) -> float:
    """Return the seconds until ``deadline``: never below zero, never too many to wait"""
    return min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)


def soon(deadline: float) -> float:
    """Return until when a last word to another side may take

    To stop without a limit means to wait for work as long as it takes, not for others who
    are away.
    """
    now = time.monotonic()
    return min(max(deadline, now + LEAST_GOODBYE_S), now + GOODBYE_S)


def goodbye(name: str, fn: Callable[[], Any], deadline: float) -> bool:
    """Call ``fn`` in a thread of its own and wait a little; False: it is left behind"""
    last = threading.Thread(target=fn, name=name, daemon=True)
    last.start()
    last.join(left(soon(deadline)))
    return not last.is_alive()


class Backoff:
    """Waiting times that double, with a little chance so that hosts do not march"""

    def __init__(self, first_s: float = FIRST_WAIT_S, most_s: float = LONGEST_WAIT_S):
        self._first_s = first_s
        self._most_s = most_s
        self.reset()

    def reset(self) -> None:
        """Start again with the shortest wait"""
        self._next_s = self._first_s

    def next(self) -> float:
        """Return how many seconds to wait this time"""
        wait_s = self._next_s
        self._next_s = min(self._next_s * 2, self._most_s)
        return wait_s * random.uniform(0.8, 1.0)


def wait_for(
    what: str,
    fn: Callable[[], T],
    stop: threading.Event,
    *,
    told: Callable[[str | None], None] | None = None,
    backoff: Backoff | None = None,
) -> T | None:
    """Call ``fn`` until it works and return its result, or None when ``stop`` is set.

    Logs one line when the reason changes and one when it works again. ``told`` hears the
    reason, and None in the end. Errors that waiting cannot mend are raised.
    """
    backoff = backoff or Backoff()
    last = None
    while not stop.is_set():
        try:
            result = fn()
        except FATAL:
            raise
        except Exception as error:  # the outer edge: any library, any error
            failure = error
        else:
            if last:
                LOG.info("%s is there", what)
            if told:
                told(None)
            return result
        # Logged out here because oslo.log adds the error that is being handled.
        reason = f"waiting for {what}: {summary(failure)}"
        if reason != last:
            LOG.warning("Still %s", reason, exc_info=_unexpected(failure))
            last = reason
        if told:
            told(reason)
        stop.wait(backoff.next())
    return None


def _unexpected(error: BaseException) -> BaseException | None:
    return None if is_outage(error) else error


class Ticker:
    """A thread that calls ``fn`` every so many seconds, and at once when woken.

    ``seconds`` may be a function, so that a changed option counts from the next round. An
    error is logged and never ends the thread; ``failures`` counts those in a row.
    """

    def __init__(
        self, name: str, seconds: float | Callable[[], float], fn: Callable[[], Any],
        *, at_start: bool = True, patience: int = 3,
    ):  # fmt: skip
        self.name = name
        self._seconds = seconds
        self._fn = fn
        self._at_start = at_start
        self._patience = patience
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.failures = 0
        self.rounds = 0
        self._reason: str | None = None

    def wake(self) -> None:
        """Let the next round begin now; several calls make one round"""
        self._wake.set()

    def start(self) -> None:
        """Start the thread; the first round is at once unless told otherwise"""
        self._stop.clear()
        if self._at_start:
            self._wake.set()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """End the thread; a round that lasts longer is left behind"""
        self._stop.set()
        self._wake.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(left(deadline))
            if self._thread.is_alive():
                LOG.warning("%s did not end in time and is left behind", self.name)

    @property
    def running(self) -> bool:
        """Tell whether the thread is there"""
        return self._thread is not None and self._thread.is_alive()

    def ready(self) -> str | None:
        """Return the last error once it has come up ``patience`` times in a row"""
        if self.failures >= self._patience:
            return f"{self.name}: {self._reason}"
        return None

    def _run(self) -> None:
        while True:
            seconds = self._seconds() if callable(self._seconds) else self._seconds
            self._wake.wait(seconds)
            if self._stop.is_set():
                return
            self._wake.clear()
            self._round()

    def _round(self) -> None:
        self.rounds += 1
        failure = None
        try:
            self._fn()
        except Exception as error:  # a thread's outer edge
            failure = error
        if failure is None:
            if self._reason:
                LOG.info("%s works again", self.name)
            self.failures = 0
            self._reason = None
            return
        self.failures += 1
        reason = summary(failure)
        if not is_outage(failure):
            LOG.error("%s failed", self.name, exc_info=failure)
        elif reason != self._reason:
            LOG.warning("%s failed, will be tried again: %s", self.name, reason)
        self._reason = reason
