"""Hands admitted actions to the engine: those that wait to the poller, others to threads."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from oslo_log import log

from watcher.applier.actions.factory import ActionFactory
from watcher.applier.life import ActionLife
from watcher.applier.poller import CHUNK, THREADS, Poller
from watcher.applier.workflow_engine.base import BaseWorkFlowEngine
from watcher.domain.records import Action

LOG = log.getLogger(__name__)

# Actions that one flow begins, at least, where so many begin at the same time.
TOGETHER = 8
# Flows that end actions, side by side.
ENDERS = 2
# How often it is seen that the poller was closed, in seconds.
LOOK_S = 1.0


class Drive:
    """Runs actions of one plan; ``ended`` is told the UUID of each that came to its end

    It is told, from other threads, of those too that were let go or broke their engine.
    """

    def __init__(
        self, engine: BaseWorkFlowEngine, factory: ActionFactory, poller: Poller, *,
        name: str, ended: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._engine = engine
        self._factory = factory
        self._poller = poller
        self._tell_end = ended
        self._change = threading.Condition()
        self._under_way = 0
        self._came_to_end: list[ActionLife] = []
        self._enders = 0
        # One callable for all: the poller gathers what ends by it.
        self._gather_ended = self._gather
        self._pool = ThreadPoolExecutor(
            max(1, engine.max_workers), thread_name_prefix=name
        )

    def run(self, some: Sequence[Action]) -> None:
        """Run actions whose turn has come"""
        waiting = []
        for action in some:
            if self._engine.hands_back and self._factory.hands_back(action):
                waiting.append(action)
            else:
                self._pool.submit(self._run_alone, action)
        with self._change:
            self._under_way += len(waiting)
        size = min(CHUNK, max(TOGETHER, -(-len(waiting) // THREADS)))
        for start in range(0, len(waiting), size):
            part = waiting[start : start + size]
            self._poller.submit(partial(self._begin, part))

    def run_whole(self, some: Sequence[Action]) -> "Future[object]":
        """Let an engine written elsewhere run a whole plan, in its own order"""
        return self._pool.submit(self._engine.execute, some)

    def close(self, *, wait: bool) -> None:
        """Begin nothing more; with ``wait`` what runs comes to its end first"""
        self._pool.shutdown(wait=wait, cancel_futures=True)
        with self._change:
            while wait and self._under_way and not self._poller.closed:
                self._change.wait(LOOK_S)

    # In other threads -----------------------------------------------------------------

    def _run_alone(self, action: Action) -> None:
        try:
            self._engine.execute([action])
        except Exception:  # a thread's outer edge
            LOG.exception("Action %s broke its engine", action.uuid)
        finally:
            self._tell_end(action.uuid)

    def _begin(self, some: Sequence[Action]) -> None:
        try:
            lives = self._engine.begin(some)
        except Exception:  # a thread's outer edge
            LOG.exception("%d actions broke their engine", len(some))
            for action in some:
                self._ended(action.uuid)
            return
        for life in lives:
            if life.done:
                self._ended(life.action.uuid)
        self._poller.follow(
            [life for life in lives if not life.done], self._gather_ended
        )

    def _ended(self, uuid: str) -> None:
        with self._change:
            self._under_way -= 1
            self._change.notify_all()
        self._tell_end(uuid)

    def _gather(self, lives: Sequence[ActionLife]) -> None:
        """End these actions, with those that other threads bring meanwhile"""
        with self._change:
            self._came_to_end += lives
            if self._enders >= ENDERS:
                return
            self._enders += 1
        while True:
            with self._change:
                some = self._came_to_end[:CHUNK]
                del self._came_to_end[:CHUNK]
                if not some:
                    self._enders -= 1
                    return
            self._conclude(some)

    def _conclude(self, lives: Sequence[ActionLife]) -> None:
        try:
            if any(not life.done for life in lives):
                self._engine.end(lives)
        except Exception:  # a thread's outer edge
            LOG.exception("%d actions broke their engine", len(lives))
        finally:
            for life in lives:
                self._ended(life.action.uuid)
