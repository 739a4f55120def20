"""Lets threads that want to write at the same time write together."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

I = TypeVar("I")  # noqa: E741
R = TypeVar("R")

# What one transaction carries at most.
MOST = 100


class _Slip(Generic[I, R]):
    """One thread's wish and what became of it"""

    def __init__(self, item: I) -> None:
        self.item = item
        self.result: R
        self.error: BaseException | None = None
        self.done = False
        self.turn = threading.Event()


class Gather(Generic[I, R]):
    """Hands ``write`` what came in while it was busy, all at once.

    The thread that finds nobody writing writes, the others wait for it; each gets its own
    result, or the error that all of them share. ``write`` returns results in order, errors
    of single ones among them.
    """

    def __init__(
        self, write: Callable[[Sequence[I]], Sequence[R | Exception]], most: int = MOST
    ) -> None:
        self._write = write
        self._most = most
        self._lock = threading.Lock()
        self._waiting: list[_Slip[I, R]] = []
        self._busy = False

    def __call__(self, item: I) -> R:
        """Return what ``write`` made of ``item``"""
        slip: _Slip[I, R] = _Slip(item)
        with self._lock:
            self._waiting.append(slip)
            leads, self._busy = not self._busy, True
        if not leads:
            slip.turn.wait()
        if not slip.done:
            self._lead()
        if slip.error is not None:
            raise slip.error
        return slip.result

    def _lead(self) -> None:
        """Write for all who wait, then wake one of those who came meanwhile to do it"""
        with self._lock:
            batch, self._waiting = (
                self._waiting[: self._most],
                self._waiting[self._most :],
            )
        try:
            results = self._write([slip.item for slip in batch])
            for slip, result in zip(batch, results, strict=True):
                if isinstance(result, Exception):
                    slip.error = result
                else:
                    slip.result = result
        except BaseException as error:
            for slip in batch:
                slip.error = error
        for slip in batch:
            slip.done = True
        with self._lock:
            follower = self._waiting[0] if self._waiting else None
            self._busy = follower is not None
        for slip in batch:
            slip.turn.set()
        if follower is not None:
            follower.turn.set()
