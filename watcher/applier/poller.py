"""Drives the actions of this process that wait: one thread for the time, few for the steps.

A few actions look for themselves, soon and often. Many are looked at together: rounds of
bulk requests, at most one round in each interval, whatever their number. Between its steps
an action costs nothing but memory.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.applier.actions.steps import Wait, Watch
from watcher.applier.life import ActionLife
from watcher.applier.lookout import Lookout, SharedSights

LOG = log.getLogger(__name__)

THREADS = 16
# So many look for themselves; more are looked at in rounds.
FEW = 8
# Shortest time between two rounds, in seconds; it grows with the number that waits.
ROUND_S = 1.0
PER_SECOND = 100
# Steps that one thread takes one after the other.
CHUNK = 25
# Pause of the thread when nothing is due, in seconds.
IDLE_S = 60.0

Ended = Callable[[Sequence[ActionLife]], None]


@dataclass(eq=False, slots=True)
class Pursuit:
    """An action under way and the time of its next step"""

    life: ActionLife
    ended: Ended
    sights: SharedSights
    watch: Watch | None = None
    due: float = 0.0
    late: float = 0.0
    busy: bool = False
    woken: bool = False
    turn: int = 0
    number: int = field(default_factory=itertools.count().__next__)


class Poller:
    """Takes steps of actions when their time has come; threads may share it"""

    def __init__(
        self, clients: Any, *, interval_s: float = 5.0, threads: int = THREADS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._clients = clients
        self._interval_s = interval_s
        self._threads = threads
        self._clock = clock
        self._lookout = Lookout(clients)
        self._change = threading.Condition()
        # Beginnings make calls that take long: nothing that goes on shall wait for them.
        self._beginning = ThreadPoolExecutor(threads, thread_name_prefix="action-begin")
        self._stepping = ThreadPoolExecutor(threads, thread_name_prefix="action-step")
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="action-look")
        self._thread: threading.Thread | None = None
        self.closed = False
        self._watching: set[Pursuit] = set()
        self._timers: list[tuple[float, int, Pursuit]] = []
        self._looking = False
        self._looked = float("-inf")
        self.rounds = 0

    # From other threads ---------------------------------------------------------------

    def submit(self, job: Callable[[], None]) -> None:
        """Run ``job``, which begins actions, on one of the threads"""
        self._run(self._beginning, job)

    def sights(self) -> SharedSights:
        """Return the eyes of one action, to be handed to ``follow`` with it"""
        return SharedSights(self._clients, self._lookout)

    def follow(self, lives: Sequence[ActionLife], ended: Ended) -> None:
        """Take the first steps of actions as soon as a thread is free, the others in time

        ``ended`` is told of those that took their last step, several at a time.
        """
        for life in lives:
            pursuit = Pursuit(life, ended, life.plugin.sights, busy=True)
            life.signals.call(partial(self._wake, pursuit))
            # A thread for each: the first step makes a call that takes long.
            self._run(self._beginning, partial(self._step, [pursuit], (), None))

    def close(self) -> None:
        """Take no more steps; actions that wait are left as they are"""
        with self._change:
            self.closed = True
            thread, self._thread = self._thread, None
            self._watching.clear()
            self._timers.clear()
            self._change.notify_all()
        if thread is not None:
            thread.join()
        for pool in (self._beginning, self._stepping, self._looker):
            pool.shutdown(wait=False, cancel_futures=True)

    # The thread -----------------------------------------------------------------------

    def _run(self, pool: ThreadPoolExecutor, job: Callable[[], None]) -> None:
        with self._change:
            if self.closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._keep_time, name="action-poller", daemon=True
                )
                self._thread.start()
            pool.submit(_guarded, job)

    def _keep_time(self) -> None:
        while True:
            with self._change:
                if self.closed:
                    return
                now = self._clock()
                due, wait_s = self._due(now)
                if not due and wait_s > 0:
                    self._change.wait(wait_s)
                    continue
                for pursuit in due:
                    self._take(pursuit)
                looks = wait_s <= 0
                if looks:
                    self._looking, self._looked = True, now
            self._dispatch(due, (), None)
            if looks:
                self._run(self._looker, self._round)

    def _due(self, now: float) -> tuple[list[Pursuit], float]:
        """Return whose step is due, and the seconds until something else is; with the lock

        No seconds: it is time for a round.
        """
        due = [p for p in self._watching if p.woken]
        wait_s = IDLE_S
        while self._timers:
            at, _number, pursuit = self._timers[0]
            if pursuit.busy or pursuit.due != at or pursuit.watch is not None:
                heapq.heappop(self._timers)
            elif at <= now or pursuit.woken:
                heapq.heappop(self._timers)
                due.append(pursuit)
            else:
                wait_s = min(wait_s, at - now)
                break
        if len(self._watching) <= FEW:
            due += [p for p in self._watching if p.due <= now and not p.woken]
            rest = [p.due - now for p in self._watching if p.due > now]
            return due, max(min([wait_s, *rest]), 0.001)
        if self._looking:
            return due, wait_s
        return due, max(0.0, min(wait_s, self._looked + self._pause_s() - now))

    def _pause_s(self) -> float:
        many = len(self._watching) / PER_SECOND
        return max(min(ROUND_S, self._interval_s), min(many, self._interval_s))

    def _wake(self, pursuit: Pursuit) -> None:
        with self._change:
            pursuit.woken = True
            if pursuit.watch is None and not pursuit.busy:
                pursuit.due = float("-inf")
                heapq.heappush(self._timers, (pursuit.due, pursuit.number, pursuit))
            self._change.notify_all()

    def _take(self, pursuit: Pursuit) -> None:
        """Mark as being stepped; with the lock"""
        pursuit.busy, pursuit.woken = True, False
        pursuit.turn += 1
        self._watching.discard(pursuit)

    # Rounds ---------------------------------------------------------------------------

    def _round(self) -> None:
        """Look at everything that is watched, then step those that are concerned"""
        with self._change:
            watched = list(self._watching)
            turns = [p.turn for p in watched]
        kinds = self._wanted(watched)
        heard: set[Watch] = set()
        error: exception.WatcherException | None = None
        try:
            heard = self._lookout.look(
                {p.watch for p in watched if p.watch is not None},
                migrations="migrations" in kinds, servers="servers" in kinds,
            )  # fmt: skip
        except exception.WatcherException as failed:
            error = failed
        except Exception as failed:  # a round that breaks must not end all of them
            LOG.exception("A look at what is under way broke")
            name = type(failed).__name__
            error = exception.NovaClientError(service="Nova", reason=name)
        with self._change:
            now = self._clock()
            chosen = [
                p
                for p, turn in zip(watched, turns, strict=True)
                # What went on meanwhile has done something that this look has not seen.
                if p in self._watching
                and p.turn == turn
                and self._concerned(p, heard, error, now)
            ]
            for pursuit in chosen:
                self._take(pursuit)
            self._looking = False
            self.rounds += 1
            self._change.notify_all()
        self._dispatch(chosen, kinds, error)

    def _wanted(self, watched: Sequence[Pursuit]) -> set[str]:
        """Return what the actions looked at last, where several looked at it"""
        kinds = set()
        if any("migrations" in p.sights.used for p in watched):
            kinds.add("migrations")
        if sum("servers" in p.sights.used for p in watched) > FEW:
            kinds.add("servers")
        return kinds

    def _concerned(
        self, pursuit: Pursuit, heard: set[Watch], error: object, now: float
    ) -> bool:
        if pursuit.watch in heard:
            return True
        return now >= (pursuit.due if error else pursuit.late)

    # Steps ----------------------------------------------------------------------------

    def _dispatch(
        self, chosen: Sequence[Pursuit], kinds: Any,
        error: exception.WatcherException | None,
    ) -> None:  # fmt: skip
        size = max(1, min(CHUNK, -(-len(chosen) // self._threads)))
        for start in range(0, len(chosen), size):
            part = chosen[start : start + size]
            self._run(self._stepping, partial(self._step, part, kinds, error))

    def _step(
        self, some: Sequence[Pursuit], kinds: Any,
        error: exception.WatcherException | None,
    ) -> None:  # fmt: skip
        """Take one step of each, then tell of those that ended"""
        ended: dict[Ended, list[ActionLife]] = {}
        for pursuit in some:
            pursuit.sights.offer(kinds, error)
            wait = pursuit.life.advance()
            if wait is None:
                self._drop(pursuit)
                ended.setdefault(pursuit.ended, []).append(pursuit.life)
            else:
                self._pause(pursuit, wait)
        for tell, lives in ended.items():
            tell(lives)

    def _pause(self, pursuit: Pursuit, wait: Wait) -> None:
        now = self._clock()
        patience = wait.seconds if wait.patience is None else wait.patience
        with self._change:
            pursuit.watch = wait.watch
            pursuit.due = now + wait.seconds
            pursuit.late = now + max(wait.seconds, patience)
            pursuit.busy = False
            if self.closed:
                return
            if wait.watch is not None:
                self._watching.add(pursuit)
            elif pursuit.woken:
                pursuit.due = float("-inf")
            if wait.watch is None:
                heapq.heappush(self._timers, (pursuit.due, pursuit.number, pursuit))
            if pursuit.woken or len(self._watching) <= FEW + 1 or wait.watch is None:
                self._change.notify_all()

    def _drop(self, pursuit: Pursuit) -> None:
        pursuit.life.signals.call(None)
        pursuit.sights.close()


def _guarded(job: Callable[[], None]) -> None:
    try:
        job()
    except Exception:  # a thread's outer edge
        LOG.exception("A step of an action broke")
