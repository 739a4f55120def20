"""How the runner of a plan talks to an action that is busy in another thread."""

import threading
import time
from collections.abc import Callable


class Left(Exception):
    """This process gives the action up; another one may have it, so nothing is written"""


class Aborted(Exception):
    """A cancelled action really stopped: what it was to do has not been done"""


class Signals:
    """What an action that waits must hear: stop if you can, or let go at once"""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._cancelled = False
        self._left = False
        self._on_signal: Callable[[], None] | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the action shall stop what can be stopped"""
        return self._cancelled

    @property
    def left(self) -> bool:
        """Whether this process gave the action up"""
        return self._left

    def cancel(self) -> None:
        """Ask the action to stop if it can"""
        self._cancelled = True
        self._tell()

    def leave(self) -> None:
        """Let go: the next thing the action does here raises Left"""
        self._left = True
        self._tell()

    def call(self, listener: Callable[[], None] | None) -> None:
        """Call ``listener`` at each signal, for an action that waits without a thread"""
        self._on_signal = listener

    def _tell(self) -> None:
        self._wake.set()
        listener = self._on_signal
        if listener is not None:
            listener()

    def check(self) -> None:
        """Raise Left when this process gave the action up"""
        if self._left:
            raise Left

    def wait(self, seconds: float) -> None:
        """Wait, at most until a new signal comes; raises Left"""
        self.check()
        self._wake.wait(max(0.0, seconds))
        self._wake.clear()
        self.check()

    def sleep(self, seconds: float) -> None:
        """Wait that long; raises Aborted when cancelled meanwhile, Left when let go"""
        end = time.monotonic() + seconds
        while True:
            self.check()
            if self._cancelled:
                raise Aborted
            rest = end - time.monotonic()
            if rest <= 0:
                return
            self.wait(rest)
