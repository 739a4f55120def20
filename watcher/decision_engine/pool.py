"""The threads that audits run on, and what waits for them.

Only UUIDs wait here. Whatever is lost with this memory is found again in the database by
the next scan, of this engine or another one.
"""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from oslo_log import log

from watcher.parts import Backoff, goodbye, is_outage, left, summary

LOG = log.getLogger(__name__)

PAUSE_S = 1.0
# Waits of an audit that was interrupted, in seconds: the first and the longest.
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0


class Lane:
    """Audits of one kind: how many run at a time, and which wait for a thread"""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self.waiting: dict[str, bool] = {}  # UUID -> whether it was triggered


@dataclasses.dataclass(slots=True)
class Trouble:
    """An audit whose run was interrupted again and again: when it may be tried again"""

    backoff: Backoff
    not_before: float


class Pool:
    """A part of a daemon: runs audits on threads, none of them twice

    :param size: ONESHOT and EVENT audits that run at a time
    :param routine: CONTINUOUS audits that run at a time; neither can starve the others
    """

    name = "audits"

    def __init__(
        self,
        size: int,
        run: Callable[..., None],
        *,
        may_start: Callable[[], bool],
        release: Callable[[], Any],
        routine: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._once = Lane("audit", size)
        self._routine = Lane("continuous", routine)
        self._run = run
        self._may_start = may_start
        self._release = release
        self._clock = clock
        self._busy: set[str] = set()
        self._troubled: dict[str, Trouble] = {}
        self._news = threading.Condition()
        self._ending = False
        self._threads: list[threading.Thread] = []

    def offer(self, uuid: str, *, triggered: bool = False) -> None:
        """Let an audit run when a thread is free; several offers make one run

        A trigger during a run makes exactly one further run.
        """
        with self._news:
            self._offer(self._once, uuid, triggered)

    def offer_all(self, uuids: Iterable[str]) -> None:
        """Offer the ONESHOT and EVENT audits that a scan found"""
        with self._news:
            for uuid in uuids:
                self._offer(self._once, uuid)

    def offer_due(self, uuids: Iterable[str]) -> None:
        """Offer the CONTINUOUS audits that a tick found"""
        with self._news:
            for uuid in uuids:
                self._offer(self._routine, uuid)

    def _offer(self, lane: Lane, uuid: str, triggered: bool = False) -> None:
        if uuid in self._busy and not triggered:
            return
        lane.waiting[uuid] = lane.waiting.get(uuid, False) or triggered
        self._news.notify_all()

    @property
    def busy(self) -> set[str]:
        """UUIDs of the audits that run now"""
        with self._news:
            return set(self._busy)

    @property
    def troubled(self) -> list[str]:
        """UUIDs of audits that are tried again later, whether or not they are offered"""
        with self._news:
            return sorted(self._troubled)

    # A part of a daemon -----------------------------------------------------------------

    def start(self) -> None:
        """Start the threads"""
        self._ending = False
        for lane in (self._once, self._routine):
            for number in range(lane.size):
                thread = threading.Thread(
                    target=self._work,
                    args=(lane,),
                    name=f"{lane.name}-{number}",
                    daemon=True,
                )
                self._threads.append(thread)
                thread.start()

    def stop(self, deadline: float) -> None:
        """Begin nothing more, let what runs end until ``deadline``, give the rest back"""
        with self._news:
            self._ending = True
            self._once.waiting.clear()
            self._routine.waiting.clear()
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

    def _work(self, lane: Lane) -> None:
        while (taken := self._take(lane)) is not None:
            uuid, triggered = taken
            failure: BaseException | None = None
            try:
                self._run(uuid, triggered=triggered)
            except (Exception, SystemExit) as error:  # a thread's outer edge
                failure = error
            with self._news:
                self._busy.discard(uuid)
                if failure is None:
                    self._troubled.pop(uuid, None)
                else:
                    # It is still ours and runs again; no scan would find it.
                    self._later(uuid)
                    self._offer(lane, uuid)
                self._news.notify_all()
            if failure is not None:
                self._tell(uuid, failure)

    def _later(self, uuid: str) -> None:
        trouble = self._troubled.setdefault(
            uuid, Trouble(Backoff(FIRST_WAIT_S, LONGEST_WAIT_S), 0.0)
        )
        trouble.not_before = self._clock() + trouble.backoff.next()

    def _take(self, lane: Lane) -> tuple[str, bool] | None:
        with self._news:
            while not self._ending:
                if self._may_start():
                    now = self._clock()
                    for uuid in lane.waiting:
                        if uuid not in self._busy and self._may_try(uuid, now):
                            self._busy.add(uuid)
                            return uuid, lane.waiting.pop(uuid)
                # Without a lease we look again soon; otherwise news will wake us.
                self._news.wait(PAUSE_S if lane.waiting else None)
        return None

    def _may_try(self, uuid: str, now: float) -> bool:
        trouble = self._troubled.get(uuid)
        return trouble is None or trouble.not_before <= now

    @staticmethod
    def _tell(uuid: str, error: BaseException) -> None:
        if is_outage(error):
            LOG.warning(
                "Audit %s was interrupted and will run again: %s", uuid, summary(error)
            )
        else:
            LOG.error(
                "Audit %s was interrupted and will run again", uuid, exc_info=error
            )
