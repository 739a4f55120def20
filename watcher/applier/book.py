"""Every write about one plan, under the claim by which this process holds it.

A write that finds the claim gone ends the work on the plan here: the next owner has it.
While the database is away writes wait, as long as the lease may still be alive.
"""

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from oslo_log import log
from sqlalchemy import orm

from watcher import exception
from watcher.applier import aftermath, verdict
from watcher.applier.signals import Left
from watcher.db import action_plans, actions, operations
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
# Text columns hold so many characters.
MESSAGE_LENGTH = 255


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

    # Actions --------------------------------------------------------------------------

    def step(
        self, action: Action, new: str, *, message: str | None | Keep = KEEP,
        before: str | None = None, after: str | None = None,
        fault: BaseException | None = None,
    ) -> Action:  # fmt: skip
        """Move an action to state ``new``; events are told before or after the update

        :raises StateChanged: somebody else moved it first
        """
        stored = self.write(
            self._step, action, new, message=message, before=before, after=after,
            fault=fault,
        )  # fmt: skip
        if stored.state in states.ACTION_FINAL:
            self.ended[stored.uuid] = stored
        return stored

    def begin(self, action: Action, event: str) -> Action:
        """Let an action begin, if the plan still goes on

        :raises StateChanged: the action was moved, or the plan is being cancelled
        """
        return self.write(self._begin, action, event)

    def _begin(self, tx: orm.Session, action: Action, event: str) -> Action:
        if action_plans.get(tx, self.plan.uuid).state != states.ONGOING:
            raise exception.StateChanged(
                kind="action plan", ident=self.plan.uuid, expected=states.ONGOING
            )
        return self._step(
            tx, action, states.ONGOING, message=KEEP, before=event, after=None,
            fault=None,
        )  # fmt: skip

    def _step(
        self, tx: orm.Session, action: Action, new: str, *, message: str | None | Keep,
        before: str | None, after: str | None, fault: BaseException | None,
    ) -> Action:  # fmt: skip
        if isinstance(message, str):
            message = message[:MESSAGE_LENGTH]
        if before:
            # Told in the order in which it is published, with the state that is committed.
            self._phase(tx, before, dataclasses.replace(action, state=new))
        stored = actions.step(
            tx, action.uuid, action.state, new, message=message, claim=self.claim
        )
        if after:
            self._phase(tx, after, stored, fault=fault)
        return stored

    def step_all(
        self, some: Sequence[Action], new: str, *, message: str | None = None,
        events: Sequence[str] = (),
    ) -> list[Action]:  # fmt: skip
        """Move many actions, some in each transaction; returns the rows as they are"""
        stored = []
        for start in range(0, len(some), CHUNK):
            part = some[start : start + CHUNK]
            stored += self.write(self._step_all, part, new, message, events)
        self.ended.update({row.uuid: row for row in stored})
        return stored

    def _step_all(
        self, tx: orm.Session, some: Sequence[Action], new: str, message: str | None,
        events: Sequence[str],
    ) -> list[Action]:  # fmt: skip
        stored = []
        text = KEEP if message is None else message
        for action in some:
            try:
                row = self._step(
                    tx, action, new, message=text, before=None, after=None, fault=None
                )
            except exception.StateChanged:
                stored.append(actions.get(tx, action.uuid))
                continue
            for event in events:
                self._phase(tx, event, row)
            stored.append(row)
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
        """Store an intent while the plan is ours"""
        return self.write(
            operations.begin, action_uuid=action_uuid, plan_uuid=self.plan.uuid,
            claim=self.claim, kind=kind, request_id=request_id, detail=detail,
        )  # fmt: skip

    def operation_sent(self, ident: int, remote_id: str | None) -> None:
        """Store that the other service accepted the call"""
        self.write(operations.sent, ident, remote_id=remote_id)

    def operation_progress(self, ident: int, detail: Mapping[str, Any]) -> None:
        """Store how far it is"""
        self.write(operations.sent, ident, detail=detail)

    def operation_ended(
        self, ident: int, outcome: str, detail: Mapping[str, Any]
    ) -> None:
        """Store how it ended"""
        self.write(operations.finish, ident, outcome, detail=detail)
