"""The threads that audits run on, and what waits for them.

Only UUIDs wait here. Whatever is lost with this memory is found again in the database by
the next scan, of this engine or another one.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from oslo_log import log

from watcher.parts import goodbye, is_outage, left, summary

LOG = log.getLogger(__name__)

PAUSE_S = 1.0


class Pool:
    """A part of a daemon: runs at most ``size`` audits at a time, none of them twice"""

    name = "audits"

    def __init__(
        self,
        size: int,
        run: Callable[..., None],
        *,
        may_start: Callable[[], bool],
        release: Callable[[], Any],
    ) -> None:
        self._size = size
        self._run = run
        self._may_start = may_start
        self._release = release
        self._waiting: dict[str, bool] = {}  # UUID -> whether it was triggered
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._news = threading.Condition()
        self._ending = False
        self._threads: list[threading.Thread] = []

    def offer(self, uuid: str, *, triggered: bool = False) -> None:
        """Let an audit run when a thread is free; several offers make one run

        A trigger during a run makes exactly one further run.
        """
        with self._news:
            if uuid in self._busy and not triggered:
                return
            self._waiting[uuid] = self._waiting.get(uuid, False) or triggered
            self._news.notify()

    def offer_all(self, uuids: Iterable[str]) -> None:
        """Offer what a scan found, and what ended because the database was away"""
        with self._news:
            again, self._again = self._again, set()
        for uuid in [*sorted(again), *uuids]:
            self.offer(uuid)

    @property
    def busy(self) -> set[str]:
        """UUIDs of the audits that run now"""
        with self._news:
            return set(self._busy)

    # A part of a daemon -----------------------------------------------------------------

    def start(self) -> None:
        """Start the threads"""
        self._ending = False
        for number in range(self._size):
            thread = threading.Thread(
                target=self._work, name=f"audit-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, deadline: float) -> None:
        """Begin nothing more, let what runs end until ``deadline``, give the rest back"""
        with self._news:
            self._ending = True
            self._waiting.clear()
            self._news.notify_all()
        for thread in self._threads:
            thread.join(left(deadline))
        self._threads.clear()
        if busy := self.busy:
            LOG.warning(
                "Audits are left to another engine: %s", ", ".join(sorted(busy))
            )
        goodbye(self.name, self._give_back, deadline)

    def _give_back(self) -> None:
        try:
            self._release()
        except Exception as error:  # a thread's outer edge
            # The lease ends with the process, and with it whatever it owns.
            LOG.warning("Audits were not given back: %s", summary(error))

    # Threads ----------------------------------------------------------------------------

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            uuid, triggered = taken
            try:
                self._run(uuid, triggered=triggered)
            except Exception as error:
                # A thread's outer edge: the audit is still ours and runs again.
                self._tell(uuid, error)
                with self._news:
                    self._again.add(uuid)
            finally:
                with self._news:
                    self._busy.discard(uuid)
                    self._news.notify_all()

    def _take(self) -> tuple[str, bool] | None:
        with self._news:
            while not self._ending:
                if self._may_start():
                    for uuid in self._waiting:
                        if uuid not in self._busy:
                            self._busy.add(uuid)
                            return uuid, self._waiting.pop(uuid)
                # Without a lease we look again soon; otherwise news will wake us.
                self._news.wait(PAUSE_S if self._waiting else None)
        return None

    @staticmethod
    def _tell(uuid: str, error: Exception) -> None:
        if is_outage(error):
            LOG.warning(
                "Audit %s was interrupted and will run again: %s", uuid, summary(error)
            )
        else:
            LOG.exception("Audit %s was interrupted and will run again", uuid)
