"""The engine's part that runs strategies in processes of their own."""

import datetime
import threading
from collections.abc import Callable
from typing import Any

from oslo_config import cfg
from oslo_log import log

from watcher import exception
from watcher.decision_engine.decide import Decision, Snapshot, Still, Task
from watcher.decision_engine.handle import Stay
from watcher.decision_engine.solution import DefaultSolution
from watcher.decision_engine.worker import failure
from watcher.decision_engine.worker.process import Limits, Lost, Process
from watcher.decision_engine.worker.run import GROUP, Give, Run, gone, stopped
from watcher.decision_engine.worker.setup import Setup
from watcher.parts import Ticker, soon
from watcher.plugins import STRATEGIES, Options, Plugins

LOG = log.getLogger(__name__)

# How often the nursery is given what is new, so that an audit finds little to hand over.
WARM_S, FIRST_S = 30.0, 0.5


class Strategies:
    """A part of a daemon that runs each strategy in a process of its own

    It takes as long as the strategy does; the audit is looked at every second, and when
    it is not ours any more, the process is killed.
    """

    name = "strategies"

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        plugins: Plugins,
        models: Any,
        *,
        now: Callable[[], datetime.datetime],
    ) -> None:
        self._conf = conf
        self._plugins = plugins
        self._models = models
        self._now = now
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._warmed = False
        self._ending = False
        self._ticker = Ticker("warm strategies", self._pause_s, self._warm)

    # A part of a daemon -----------------------------------------------------------------

    def start(self) -> None:
        """Start the nursery; the model is given to it as soon as there is one"""
        self._ending = False
        self._ticker.start()

    def stop(self, deadline: float) -> None:
        """Kill whatever runs"""
        self._ending = True
        self._ticker.stop(soon(deadline))
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.stop()

    def reload(self, conf: cfg.ConfigOpts) -> None:
        """Start a new nursery with the new options; what runs ends in the old one"""
        with self._lock:
            old, self._process = self._process, None
        if old is not None:
            old.retire()
        self._warmed = False
        self._ticker.wake()

    def ready(self) -> str | None:
        """Say why strategies cannot run, or None"""
        if fatal := self._fatal():
            return f"strategies cannot run: {fatal}"
        return None

    def _fatal(self) -> str | None:
        process = self._process
        return None if process is None else process.fatal

    def _pause_s(self) -> float:
        return WARM_S if self._warmed else FIRST_S

    def _warm(self) -> None:
        process = self._current()
        if self._models.age_s is not None:
            try:
                process.bring(self._models.compute(max_age_s=None))
            except Lost:
                return
            self._warmed = True

    def _current(self) -> Process:
        with self._lock:
            if self._ending:
                raise exception.NotReady(reason="the engine stops")
            if self._process is None or not self._process.alive:
                self._process = Process(Setup.of(self._conf, self._plugins))
            return self._process

    # Running a strategy -----------------------------------------------------------------

    def solve(
        self, task: Task, snapshot: Snapshot, decision: Decision, still: Still
    ) -> None:
        """Let the strategy decide in a process of its own

        :raises StrategyStopped: it ended without an answer, and why
        """
        try:
            run = Run(task, snapshot, still, give=self._give(task))
            for last in (False, True):
                try:
                    answer = run.once(self._current(), self._now(), self._limits())
                    break
                except Lost as lost:
                    still()
                    if last or self._ending:
                        raise stopped(task, gone(self._fatal())) from lost
                    LOG.warning(
                        "Audit %s begins again: its nursery is gone", task.audit.uuid
                    )
        except exception.StrategyStopped:
            # When nobody wants it any more, it is not worth a word.
            still()
            raise
        _keep_notes(answer, decision)
        if "failure" in answer:
            raise failure.decode(answer["failure"])
        result = answer["result"]
        decision.planner = result["planner"]
        decision.solution = _solution(self._plugins, task, result)

    def _limits(self) -> Limits:
        # As they are now: both can be changed while the engine runs.
        options = self._conf[GROUP]
        return Limits(options.strategy_time_limit, options.strategy_memory_limit)

    def _give(self, task: Task) -> Give:
        def give(name: str, what: str) -> Any:
            if what == "scoped":
                return self._models.scoped(name, task.audit.scope)
            return self._models.get(name, None)

        return give


def _keep_notes(answer: dict[str, Any], decision: Decision) -> None:
    decision.notes.remarks.extend(answer.get("remarks", ()))
    decision.notes.stays.extend(Stay(*stay) for stay in answer.get("stays", ()))


def _solution(plugins: Plugins, task: Task, result: dict[str, Any]) -> DefaultSolution:
    """Return what the strategy decided, as planners know it"""
    cls: Any = plugins.classes(STRATEGIES)[task.strategy]
    strategy = Options(name=task.strategy, display_name=cls.get_display_name())
    solution = DefaultSolution(goal=cls.get_goal(), strategy=strategy)
    solution.actions.extend(result["actions"])
    solution.reasons.extend(result["reasons"])
    solution.efficacy_indicators = result["efficacy_indicators"]
    solution.global_efficacy = result["global_efficacy"]
    return solution
