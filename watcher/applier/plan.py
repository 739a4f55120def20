"""Carries one action plan from its claim to its end state.

The runner's own thread admits actions: each starts as soon as its parents are done and
the limits have room. The actions themselves run in a pool, through the workflow engine.
"""

import functools
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oslo_log import log

from watcher import exception, logs
from watcher import plugins as registry
from watcher.applier import together, verdict
from watcher.applier.actions.factory import ActionFactory
from watcher.applier.admission import Admission, NoLimits
from watcher.applier.book import Book
from watcher.applier.drive import Drive
from watcher.applier.ending import Ending, is_final
from watcher.applier.journal import RowJournal, Timing
from watcher.applier.life import ActionLife
from watcher.applier.poller import Poller
from watcher.applier.retarget import Retargets
from watcher.applier.signals import Left, Signals
from watcher.applier.turns import Turns
from watcher.applier.workflow_engine.base import BaseWorkFlowEngine
from watcher.domain import states
from watcher.domain.graph import BrokenGraph, Frontier
from watcher.domain.needs import needs
from watcher.domain.records import Action

LOG = log.getLogger(__name__)

# How often the plan's state is looked at, in seconds.
LOOK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator says of carrying plans out"""

    engine: str = "taskflow"
    timing: Timing = field(default_factory=Timing)
    parallelization: Mapping[str, int] = field(default_factory=dict)
    admission: Admission = field(default_factory=NoLimits)
    retargets: Retargets | None = None


class PlanRunner:
    """Runs one plan that this process has claimed; also the engine's applier manager"""

    def __init__(
        self, book: Book, *, fresh: bool, plugins: registry.Plugins, clients: Any,
        settings: Settings, on_end: Callable[["PlanRunner"], None] | None = None,
        poller: Poller | None = None,
    ) -> None:  # fmt: skip
        self.book = book
        self.clients = clients
        self.cancelling = False
        self._poller = poller or Poller(clients, interval_s=settings.timing.interval_s)
        self._own_poller = poller is None
        self.action_factory = ActionFactory(
            plugins, clients, self._journal, self._poller.sights
        )
        if settings.retargets is not None:
            self.action_factory.targets = functools.partial(settings.retargets.of, book)
        self._checker = ActionFactory(plugins, clients)
        self._plugins = plugins
        self._fresh = fresh
        self._settings = settings
        self._on_end = on_end
        self._lock = threading.Lock()
        self._lives: dict[str, ActionLife] = {}
        self._events: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._end = Ending(book, self._look, lambda: self.cancelling)
        self._actions = self._end.actions
        self._turns: Turns | None = None
        self._draining = False
        self._cancel_told = False
        self._strays = Signals()  # of actions that an outside engine runs by itself
        self._looked = 0.0
        self._drive: Drive | None = None
        self._thread = threading.Thread(
            target=self.run, name=f"plan-{self.uuid[:8]}", daemon=True
        )
        book.on_left.append(self._on_left)

    # From other threads ---------------------------------------------------------------

    @property
    def uuid(self) -> str:
        """The plan"""
        return self.book.plan.uuid

    @property
    def waiting(self) -> Mapping[str, str]:
        """Why actions that could begin must wait for limits, by their UUID"""
        return self._turns.reasons if self._turns else {}

    @property
    def alive(self) -> bool:
        """Whether it still runs"""
        return self._thread.is_alive()

    def start(self) -> None:
        """Run the plan in a thread of its own"""
        self._thread.start()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the plan has ended or was given up"""
        self._thread.join(timeout_s)

    def wake(self) -> None:
        """Look at the plan's state now"""
        self._looked = 0.0
        self._events.put(None)

    def drain(self) -> None:
        """Start nothing new; what another process can go on with is left now"""
        self._draining = True
        for life in self._attended():
            life.let_go(now=False)
        self._events.put(None)

    def leave(self) -> None:
        """Give the plan up at once, writing nothing"""
        self.book.leave()

    # What engines call ----------------------------------------------------------------

    def attend(self, life: ActionLife) -> None:
        """Take note of an action that begins to run"""
        with self._lock:
            self._lives[life.action.uuid] = life
        if self.cancelling:
            life.signals.cancel()
        if self.book.left or self._draining:
            life.let_go(now=self.book.left)

    def notify(self, action: Action, state: str, message: str | None = None) -> None:
        """Write a state that an outside engine found"""
        stored = self.book.reread(action.uuid)
        if stored.state != state:
            self.book.step(stored, state, message=message)

    def tell_cancel_start(self) -> None:
        """Tell, once, that the plan is being cancelled"""
        with self._lock:
            told, self._cancel_told = self._cancel_told, True
        if not told:
            self.book.tell("action_plan.cancel.start")

    # The thread -----------------------------------------------------------------------

    def run(self) -> None:
        """Carry the plan out"""
        with logs.about(plan=self.uuid):
            self._run()

    def _run(self) -> None:
        try:
            self._carry_out()
        except Left:
            LOG.info("Plan %s is left to whoever takes it", self.uuid)
        except Exception as error:  # a thread's outer edge
            LOG.exception("Plan %s broke", self.uuid)
            if self._drive:
                self._drive.close(wait=True)
            self._end.break_off(error)
            if self._turns and not self.book.left:
                self._turns.close(everything=True)
        finally:
            if self._drive:
                self._drive.close(wait=False)
            if self._own_poller:
                self._poller.close()
            if self._on_end:
                self._on_end(self)

    def _carry_out(self) -> None:
        self._end.load()
        engine = self._engine()
        rule = engine.rule_for(self.book.plan.strategy_name)
        engine.execution_rule = rule
        if not self._sound():
            return
        parents = {uuid: tuple(a.parents) for uuid, a in self._actions.items()}
        front = Frontier(parents, rule, self._needs)
        front.restore(
            {u: a.state for u, a in self._actions.items() if is_final(a.state)}
        )  # fmt: skip
        drive = self._drive = Drive(
            engine, self.action_factory, self._poller, name=self._thread.name,
            ended=self._events.put,
        )  # fmt: skip
        self._look()
        if engine.orders_actions:
            self._run_whole(drive)
        else:
            self._run_in_order(engine, front, drive)
        self._end.finish()

    def _needs(self, child: str, parent: str) -> bool:
        return needs(self._actions[child], self._actions[parent])

    def _engine(self) -> BaseWorkFlowEngine:
        engine: BaseWorkFlowEngine = self._plugins.load(
            registry.WORKFLOW_ENGINES, self._settings.engine,
            context=None, applier_manager=self,
        )  # fmt: skip
        return engine

    def _sound(self) -> bool:
        """Tell whether the plan can be carried out; ends it when it cannot"""
        try:
            Frontier({uuid: tuple(a.parents) for uuid, a in self._actions.items()})
        except BrokenGraph as error:
            self._end.refuse(f"the order of its actions is broken: {error}", {})
            return False
        if not self._fresh:
            return True
        waiting = [a for a in self._actions.values() if a.state == states.PENDING]
        checked = {a.uuid: self._checker.check(a) for a in waiting}
        problems = {uuid: wrong for uuid, wrong in checked.items() if wrong}
        if problems:
            first = self._actions[next(iter(problems))]
            self._end.refuse(
                f"{verdict.name_of(first)} cannot be carried out", problems
            )
        return not problems

    # In the order of the graph --------------------------------------------------------

    def _run_in_order(
        self, engine: BaseWorkFlowEngine, front: Frontier, drive: Drive
    ) -> None:
        given = self._settings
        turns = self._turns = Turns(
            self.book, self._actions, front, admission=given.admission,
            limit=lambda kind: given.parallelization.get(kind, engine.max_workers),
            total=engine.max_workers,
        )  # fmt: skip
        begun = (states.ONGOING, states.CANCELLING)
        turns.adopt(a for a in self._actions.values() if a.state in begun)
        drive.run(list(turns.running.values()))
        while not front.finished:
            if self.cancelling:
                self._cancel_waiting(front, turns)
            self._skip_refused(front, engine)
            if not (self.cancelling or self._draining):
                drive.run(turns.next())
                self._skip_limited(front, turns)
            if front.finished:
                break
            if self._draining and not turns.running:
                self.book.flush()
                self.book.leave()
                raise Left
            self._await(front, turns)
        turns.close()

    def _skip_refused(self, front: Frontier, engine: BaseWorkFlowEngine) -> None:
        while True:
            refusals = list(front.refused())
            if not refusals:
                return
            for refusal in refusals:
                parent = self._actions[refusal.parent]
                text = verdict.refused(parent, engine.execution_rule)
                action = self._actions[refusal.action]
                self._end.settle(action, states.SKIPPED, text)
                front.settle(refusal.action, self._actions[refusal.action].state)

    def _skip_limited(self, front: Frontier, turns: Turns) -> None:
        for uuid, why in turns.to_skip().items():
            action = self._actions[uuid]
            self._end.settle(action, states.SKIPPED, verdict.skipped(why))
            front.settle(uuid, self._actions[uuid].state)

    def _await(self, front: Frontier, turns: Turns) -> None:
        """Wait for an action to end, or for the time to look at the plan's state"""
        try:
            event = self._events.get(timeout=min(LOOK_S, turns.pause_s))
            while True:
                if event is not None:
                    self._ended(event, front, turns)
                event = self._events.get_nowait()
        except queue.Empty:
            pass
        if time.monotonic() - self._looked >= LOOK_S:
            self._look()
        if time.monotonic() - self.book.flushed_at >= self._settings.timing.interval_s:
            self.book.flush()

    def _ended(self, uuid: str, front: Frontier, turns: Turns) -> None:
        life = self._lives.pop(uuid, None)
        if life is not None and life.failure is not None:
            self._end.failures[uuid] = life.failure
        row = self.book.ended.get(uuid)
        if self.book.left:
            raise Left
        if row is None and not (life is not None and life.signals.left):
            # The engine broke under it: nobody will end it if we do not.
            action = self.book.reread(uuid)
            if not is_final(action.state):
                error = exception.WorkflowExecutionException(error="see the log")
                self._end.failures[uuid] = error
                self._end.settle(
                    action, states.FAILED, f"Action failed in execute: {error}", error
                )
            row = self.book.ended.get(uuid)
        if row is None:
            turns.let_go(uuid)
            return
        turns.end(uuid)
        self._actions[uuid] = row
        front.settle(uuid, row.state)

    # A whole plan at once, for engines written elsewhere ------------------------------

    def _run_whole(self, drive: Drive) -> None:
        todo = [a for a in self._actions.values() if not is_final(a.state)]
        future = drive.run_whole(todo)
        future.add_done_callback(lambda _: self._events.put(None))
        while not future.done():
            try:
                self._events.get(timeout=LOOK_S)
            except queue.Empty:
                pass
            self._look()
        error = future.exception()
        self._end.load()
        left = [a for a in self._actions.values() if not is_final(a.state)]
        if isinstance(error, exception.ActionPlanCancelled) or self.cancelling:
            self._end.settle_all(left, states.CANCELLED, None)
        elif error is not None:
            raise error
        for action in left if not self.cancelling else ():
            begun = action.state != states.PENDING
            self._end.settle(
                action, states.FAILED if begun else states.SKIPPED,
                verdict.skipped("the workflow engine did not run it to its end"),
            )  # fmt: skip

    # Cancel ---------------------------------------------------------------------------

    def _look(self) -> None:
        """Look whether the plan is to be cancelled, or is not ours any more"""
        self._looked = time.monotonic()
        state = self.book.plan_state()
        if state == states.CANCELLING and not self.cancelling:
            LOG.info("Plan %s is being cancelled", self.uuid)
            self.cancelling = True
            self.tell_cancel_start()
            self._strays.cancel()
            together.cancel(self.book, self._attended())
        elif state not in (states.ONGOING, states.CANCELLING):
            LOG.warning("Plan %s is %s: somebody else ended it", self.uuid, state)
            self.book.leave()
            raise Left

    def _cancel_waiting(self, front: Frontier, turns: Turns) -> None:
        waiting = [
            action
            for uuid, action in self._actions.items()
            if uuid not in turns.running and action.state == states.PENDING
        ]
        self._end.settle_all(waiting, states.CANCELLED, None)
        for action in waiting:
            front.settle(action.uuid, self._actions[action.uuid].state)

    # Inner workings -------------------------------------------------------------------

    def _attended(self) -> list[ActionLife]:
        with self._lock:
            return list(self._lives.values())

    def _on_left(self) -> None:
        self._strays.leave()
        for life in self._attended():
            life.let_go(now=True)
        self._events.put(None)

    def _journal(self, action: Action) -> RowJournal:
        with self._lock:
            life = self._lives.get(action.uuid)
        signals = life.signals if life else self._strays
        fresh = action.state == states.PENDING
        return RowJournal(
            self.book, self.uuid, action, signals, self._settings.timing,
            () if fresh else self.book.operations(action.uuid),
        )  # fmt: skip
