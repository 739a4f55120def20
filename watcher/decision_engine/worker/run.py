"""One run of one strategy, as the engine's thread follows it."""

import datetime
import signal
import time
from collections.abc import Callable
from typing import Any

from oslo_context import context as current
from oslo_log import log

from watcher import context, exception
from watcher.decision_engine.decide import Snapshot, Still, Task
from watcher.decision_engine.worker import failure, wire
from watcher.decision_engine.worker.job import Order
from watcher.decision_engine.worker.process import BEGIN_S, Job, Limits, Lost, Process

LOG = log.getLogger(__name__)

# How often a running audit is looked at, in seconds.
LOOK_S = 1.0
# Seconds after the limit of a strategy when its nursery is taken for dead, too.
SLACK_S = 60.0
# Seconds until the nursery has told how a strategy ended that says nothing any more.
DEATH_S = 15.0
GROUP = "watcher_decision_engine"
# Returns a model by its name, and whether cut to the scope: "scoped" or "whole".
Give = Callable[[str, str], Any]


class Run:
    """One strategy that runs, or runs again"""

    def __init__(
        self,
        task: Task,
        snapshot: Snapshot,
        still: Still,
        *,
        give: Give,
    ) -> None:
        self._task = task
        self._snapshot = snapshot
        self._still = still
        self._give_model = give
        self._looked_s = time.monotonic()

    def once(
        self, process: Process, now: datetime.datetime, limits: Limits
    ) -> dict[str, Any]:
        """Return what the strategy answers

        :raises Lost: the nursery is gone
        :raises StrategyStopped: it ended without an answer
        """
        model, missing = None, None
        try:
            model = self._snapshot.whole
        except exception.WatcherException as error:
            # Told to the strategy when it asks for the model.
            missing = error
        order = Order(
            task=self._task,
            now=now,
            context=_context(),
            missing=None if missing is None else failure.encode(missing),
        )
        job = process.launch(wire.dump(order), model, limits)
        try:
            job.sock.settimeout(LOOK_S)
            answer = self._follow(process, job, limits)
        except BaseException:
            process.bury(job)
            raise
        process.close(job)
        return answer

    def _follow(self, process: Process, job: Job, limits: Limits) -> dict[str, Any]:
        reader = wire.Reader(job.sock)
        began_s = time.monotonic()
        while True:
            try:
                document = reader.read()
            except wire.Closed:
                raise self._death(job, limits) from None
            except wire.Garbled:
                raise stopped(self._task, "wrote into its own answer") from None
            if document and "model" in document:
                self._give(job, document)
            elif document is not None:
                return document
            self._look(process, job, began_s, limits.time_s)

    def _look(
        self, process: Process, job: Job, began_s: float, time_limit_s: float
    ) -> None:
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._still()
            self._looked_s = time.monotonic()
        if not job.begun.is_set() and now_s - began_s > BEGIN_S:
            process.destroy("does not begin")
        elif 0 < time_limit_s < now_s - began_s - SLACK_S - BEGIN_S:
            process.destroy("does not keep time")

    def _give(self, job: Job, document: dict[str, Any]) -> None:
        try:
            name, what = str(document["model"]), document.get("what", "")
            message = wire.dump((self._give_model(name, what), None))
        except Exception as found:
            # The strategy is told, whatever it is; models of other packages may do
            # anything when they are pickled.
            message = wire.dump((None, failure.encode(found)))
        try:
            job.sock.settimeout(SLACK_S)
            wire.post(job.sock, message)
        except OSError:
            LOG.debug("The strategy has ended before it got the model")
        finally:
            job.sock.settimeout(LOOK_S)

    def _death(self, job: Job, limits: Limits) -> Exception:
        """Return why there is no answer; waits until that is known"""
        end_s = time.monotonic() + DEATH_S
        while not job.ended.wait(LOOK_S):
            self._still()
            if time.monotonic() > end_s:
                return stopped(self._task, "closed the connection to its engine")
        if job.lost:
            return Lost()
        return stopped(self._task, _reason(job, limits))


def _reason(job: Job, limits: Limits) -> str:
    if job.why == "time":
        return (
            f"was stopped: it ran for more than {limits.time_s:g} s "
            f"([{GROUP}] strategy_time_limit)"
        )
    if job.why == "memory":
        return (
            f"was stopped: it used {job.used:g} MiB of memory, more than {limits.memory_mb:g} "
            f"([{GROUP}] strategy_memory_limit)"
        )
    if job.why is not None or job.status is None:
        return f"could not be started: {job.why}"
    if job.status >= 0:
        return f"ended its process with status {job.status} instead of an answer"
    return f"died by {_signal(-job.status)}; the engine's log may have the details"


def _signal(number: int) -> str:
    try:
        text = signal.Signals(number).name
    except ValueError:
        text = f"signal {number}"
    if number == signal.SIGKILL:
        text += ", which somebody sent, or the kernel because memory ran out"
    return text


def gone(fatal: str | None) -> str:
    if fatal:
        return f"could not be run: {fatal}"
    return "did not end: the process that runs strategies ended twice meanwhile"


def stopped(task: Task, reason: str) -> exception.StrategyStopped:
    return exception.StrategyStopped(strategy=task.strategy, reason=reason)


def _context() -> dict[str, Any]:
    values: dict[str, Any] = (current.get_current() or context.admin()).to_dict()
    return values
