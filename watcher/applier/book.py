"""Every write about one plan, under the claim by which this process holds it.

A write that finds the claim gone ends the work on the plan here: the next owner has it.
While the database is away writes wait, as long as the lease may still be alive.
"""

import dataclasses
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from oslo_log import log
from sqlalchemy import orm

from watcher import exception
from watcher.applier import aftermath, verdict
from watcher.applier.gather import Gather
from watcher.applier.signals import Left
from watcher.db import action_plans, actions, many, operations
from watcher.db.session import Database
from watcher.db.work import KEEP, Keep
from watcher.domain import states
from watcher.domain.records import Action, ActionPlan, Claim, Operation

LOG = log.getLogger(__name__)
T = TypeVar("T")

# Pause before the database is asked again, in seconds.
PAUSE_S = 1.0
# Actions that are moved in one transaction.
CHUNK = 100
# Threads whose steps go into one transaction.
JOBS = 8


class Phase(Protocol):
    """Tells the outbox that something begins, ends or fails"""

    def __call__(
        self, tx: orm.Session, event_type: str, record: Any, *,
        fault: BaseException | None = None,
    ) -> None:  # fmt: skip
        """Insert the notification in transaction ``tx``"""


class Tenure(Protocol):
    """The lease of this process"""

    @property
    def claim(self) -> Claim:
        """The claim, or LeaseLost"""

    def may_start(self) -> bool:
        """Tell whether something may be started now"""


def silent(
    tx: orm.Session, event_type: str, record: Any, *, fault: BaseException | None = None
) -> None:
    """A phase that tells nobody"""


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """An action's step, with the events that are told before and after it"""

    action: Action
    new: str
    message: str | None | Keep = KEEP
    before: str | None = None
    after: str | None = None
    fault: BaseException | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Job:
    """Steps that one thread wants, perhaps only while the plan is in a state"""

    moves: Sequence[Move]
    plan_state: str | None = None


def _row(result: many.Stepped) -> Action:
    if result.after is None:
        assert result.error is not None
        raise result.error
    return result.after


class Book:
    """The rows of one plan, while this process holds it"""

    def __init__(
        self, db: Database, lease: Tenure, plan: ActionPlan, *, phase: Phase = silent,
        on_finish: aftermath.OnFinish = aftermath.nothing,
    ) -> None:  # fmt: skip
        assert plan.owner is not None and plan.owner_epoch is not None
        self.plan = plan
        self.claim = Claim(plan.owner, plan.owner_epoch)
        self._db = db
        self._lease = lease
        self._phase = phase
        self._on_finish = on_finish
        self._left = threading.Event()
        self._lock = threading.Lock()
        self._notes: dict[int, Operation] = {}
        # One transaction of each sort at a time: connections are few, batches are large.
        self._begun = Gather(self._begin_operations)
        self._stepped = Gather(self._step_jobs, most=JOBS)
        self.flushed_at = time.monotonic()
        self.on_left: list[Callable[[], None]] = []
        self.ended: dict[str, Action] = {}

    # The claim ------------------------------------------------------------------------

    @property
    def left(self) -> bool:
        """Whether this process gave the plan up"""
        return self._left.is_set()

    def leave(self) -> None:
        """Give the plan up: nothing is written any more"""
        if not self._left.is_set():
            self._left.set()
            for listener in list(self.on_left):
                listener()

    def may_start(self) -> bool:
        """Tell whether something may be started now; gives up when the lease is gone"""
        try:
            held = self._lease.claim == self.claim
        except exception.LeaseLost:
            held = False
        if not held:
            self.leave()
        return held and self._lease.may_start()

    def write(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Run ``fn(tx, ...)`` in a transaction; raises Left when the plan is not ours"""
        return self._patiently(lambda: self._db.write(fn, *args, **kwargs))

    def read(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Run ``fn(tx, ...)`` in a reader transaction"""
        return self._patiently(lambda: self._db.read(fn, *args, **kwargs))

    def _patiently(self, attempt: Callable[[], T]) -> T:
        while True:
            if self.left:
                raise Left
            try:
                return attempt()
            except exception.LeaseLost as error:
                LOG.warning("Plan %s is given up: %s", self.plan.uuid, error)
                self.leave()
                raise Left from error
            except exception.DatabaseUnavailable as error:
                LOG.warning("Plan %s waits for the database: %s", self.plan.uuid, error)
                self._left.wait(PAUSE_S)
                self.may_start()

    # Reading --------------------------------------------------------------------------

    def plan_state(self) -> str:
        """Return the plan's state as it is now; ``plan`` is its row from then on"""
        self.plan = self.read(action_plans.get, self.plan.uuid)
        return self.plan.state

    def actions(self) -> Sequence[Action]:
        """Return the plan's actions in the order in which they were stored"""
        return self.read(actions.of_plan, self.plan.uuid)

    def operations(self, action_uuid: str) -> Sequence[Operation]:
        """Return the intents of an action, oldest first"""
        return self.read(operations.of_action, action_uuid)

    def all_operations(self) -> Sequence[Operation]:
        """Return the intents of all actions of the plan, oldest first"""
        self.flush()
        return self.read(operations.of_plan, self.plan.uuid)

    # Actions --------------------------------------------------------------------------

    def step(
        self, action: Action, new: str, *, message: str | None | Keep = KEEP,
        before: str | None = None, after: str | None = None,
        fault: BaseException | None = None,
    ) -> Action:  # fmt: skip
        """Move an action to state ``new``; events are told before or after the update

        :raises StateChanged: somebody else moved it first
        """
        move = Move(action, new, message, before, after, fault)
        return _row(self.step_each([move])[0])

    def step_each(self, moves: Sequence[Move]) -> list[many.Stepped]:
        """Move actions in one transaction, with what was noted of their operations

        Each is moved or not by itself; see ``Stepped.error``.
        """
        done = self._stepped(_Job(moves))
        for result in done:
            if result.after and result.after.state in states.ACTION_FINAL:
                self.ended[result.after.uuid] = result.after
        return done

    def begin_each(self, moves: Sequence[Move]) -> list[many.Stepped]:
        """Let actions begin, those of them that still may, if the plan still goes on"""
        return self._stepped(_Job(moves, states.ONGOING))

    def _step_jobs(
        self, jobs: Sequence[_Job]
    ) -> Sequence[list[many.Stepped] | Exception]:
        """Write what several threads want, or each by itself when that cannot be done"""
        notes = self._take_notes({m.action.uuid for job in jobs for m in job.moves})
        try:
            return self.write(self._step_each, jobs, notes)
        except Exception as error:
            if len(jobs) == 1 or isinstance(error, Left):
                raise
        for note in notes:
            self.note(note)
        results: list[list[many.Stepped] | Exception] = []
        for job in jobs:
            try:
                results += self._step_jobs([job])
            except Exception as error:
                results.append(error)
        return results

    def _step_each(
        self, tx: orm.Session, jobs: Sequence[_Job], notes: Sequence[Operation]
    ) -> list[list[many.Stepped]]:
        state = many.held(tx, self.plan.uuid, self.claim)
        moves = [
            m for job in jobs if job.plan_state in (None, state) for m in job.moves
        ]
        for move in moves:
            if move.before:
                # Told in the order in which it is published, with the new state.
                record = dataclasses.replace(move.action, state=move.new)
                self._phase(tx, move.before, record)
        many.note(tx, notes)
        done = many.step(
            tx, self.claim,
            [many.Step(action=m.action, new=m.new, message=m.message) for m in moves],
        )  # fmt: skip
        for move, result in zip(moves, done, strict=True):
            if move.after and result.after is not None:
                self._phase(tx, move.after, result.after, fault=move.fault)
        rest = iter(done)
        return [
            [next(rest) for _ in job.moves]
            if job.plan_state in (None, state)
            else [self._changed(move) for move in job.moves]
            for job in jobs
        ]

    def _changed(self, move: Move) -> many.Stepped:
        changed = exception.StateChanged(
            kind="action plan", ident=self.plan.uuid, expected=states.ONGOING
        )
        return many.Stepped(move.action, None, changed)

    def step_all(
        self, some: Sequence[Action], new: str, *, message: str | None = None,
        events: Sequence[str] = (), reason: str | None = None,
    ) -> list[Action]:  # fmt: skip
        """Move many actions, some in each transaction; returns the rows as they are"""
        stored = []
        for start in range(0, len(some), CHUNK):
            part = some[start : start + CHUNK]
            stored += self.write(self._step_all, part, new, message, events, reason)
        self.ended.update({row.uuid: row for row in stored})
        return stored

    def _step_all(
        self, tx: orm.Session, some: Sequence[Action], new: str, message: str | None,
        events: Sequence[str], reason: str | None,
    ) -> list[Action]:  # fmt: skip
        many.held(tx, self.plan.uuid, self.claim)
        text = KEEP if message is None else message
        steps = [
            many.Step(action=action, new=new, message=text, reason=reason)
            for action in some
        ]
        stored = []
        for action, result in zip(some, many.step(tx, self.claim, steps), strict=True):
            if result.after is None:
                stored.append(actions.get(tx, action.uuid))
                continue
            for event in events:
                self._phase(tx, event, result.after)
            stored.append(result.after)
        return stored

    def reread(self, action_uuid: str) -> Action:
        """Return the action's row as it is now"""
        stored = self.read(actions.get, action_uuid)
        if stored.state in states.ACTION_FINAL:
            self.ended[stored.uuid] = stored
        return stored

    # The plan -------------------------------------------------------------------------

    def tell(self, event_type: str) -> None:
        """Tell the outbox something about the plan"""
        self.write(self._tell, event_type)

    def _tell(self, tx: orm.Session, event_type: str) -> None:
        self._phase(tx, event_type, action_plans.get(tx, self.plan.uuid))

    def finish(
        self, old: str, new: str, *, message: str | None, event: str,
        fault: BaseException | None = None,
    ) -> ActionPlan:  # fmt: skip
        """End the plan

        :raises StateChanged: a cancel came at the last moment
        """
        self.flush()
        return self.write(self._finish, old, new, message, event, fault)

    def _finish(
        self, tx: orm.Session, old: str, new: str, message: str | None, event: str,
        fault: BaseException | None,
    ) -> ActionPlan:  # fmt: skip
        note = self._on_finish(tx, self.plan.uuid, new)
        stored = action_plans.step(
            tx, self.plan.uuid, old, new, claim=self.claim,
            message=verdict.noted(message, note),
        )  # fmt: skip
        self._phase(tx, event, stored, fault=fault)
        return stored

    # Intents --------------------------------------------------------------------------

    def begin_operation(
        self, action_uuid: str, kind: str, request_id: str, detail: Mapping[str, Any]
    ) -> Operation:
        """Store an intent while the plan is ours, together with those of other threads"""
        return self._begun(
            many.Intent(
                action_uuid=action_uuid, kind=kind, request_id=request_id, detail=detail
            )
        )  # fmt: skip

    def _begin_operations(self, intents: Sequence[many.Intent]) -> list[Operation]:
        return self.write(many.begin, self.plan.uuid, self.claim, intents)

    def note(self, operation: Operation) -> None:
        """Store how far an operation is, or how it ended, with the next write about it

        Nothing depends on it: who takes the plan over looks in the cloud.
        """
        with self._lock:
            self._notes[operation.id] = operation

    def flush(self) -> None:
        """Store what was noted since"""
        notes = self._take_notes(None)
        if notes:
            self.write(many.note, notes)
        self.flushed_at = time.monotonic()

    def _take_notes(self, of: Collection[str] | None) -> list[Operation]:
        with self._lock:
            taken = [
                op for op in self._notes.values() if of is None or op.action_uuid in of
            ]
            for op in taken:
                del self._notes[op.id]
        return taken
