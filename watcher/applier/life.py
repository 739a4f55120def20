"""The life of one action, from PENDING to its end, with every write it makes.

Steps may be overridden by engines written elsewhere (``do_pre_execute`` and so on); what
surrounds them writes states and notifications, and never lets an error through: an
action ends, the engine goes on.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from oslo_log import log

from watcher import exception, logs
from watcher.applier.actions.steps import Steps, Wait
from watcher.applier.book import Move
from watcher.applier.signals import Aborted, Left, Signals
from watcher.db.many import Stepped
from watcher.db.work import KEEP
from watcher.domain import states
from watcher.domain.records import Action

LOG = log.getLogger(__name__)

START = "action.execution.start"
END = "action.execution.end"
ERROR = "action.execution.error"
CANCEL_START = "action.cancel.start"
CANCEL_END = "action.cancel.end"
CANCEL_ERROR = "action.cancel.error"


def reason_of(error: BaseException) -> str:
    """Return what users may read of an error: our text, or the class of another's"""
    if isinstance(error, exception.WatcherException):
        return str(error)
    return type(error).__name__


class ActionLife:
    """Runs one action; ``engine`` offers ``book``, ``action_factory`` and ``osc``"""

    def __init__(
        self, action: Action, engine: Any, *, signals: Signals | None = None
    ) -> None:
        self.action = action
        self.engine = engine
        self.signals = signals or Signals()
        self.plugin: Any = None
        self.failure: BaseException | None = None
        self._book = engine.book
        self.lock = threading.RLock()
        self._failed_in: tuple[str, BaseException] | None = None
        self._aborted = False
        self._done = False
        self._active = False
        self._to_interrupt = False
        self._steps: Steps | None = None
        engine.applier_manager.attend(self)

    # Steps that engines may override --------------------------------------------------

    def do_pre_execute(self) -> None:
        """Build the action and look before acting"""
        self.plugin = self.engine.action_factory.make_action(
            self.action, osc=self.engine.osc
        )
        if self.action.state != states.PENDING:
            if self._begun_before():
                return
            if self.signals.cancelled:
                raise Aborted
            LOG.info("Action %s is begun again", self.action.uuid)
        self.plugin.pre_condition()

    def do_execute(self) -> Any:
        """Act; only True is success"""
        return self.plugin.execute()

    def do_post_execute(self) -> None:
        """Look after acting"""
        self.plugin.post_condition()

    def do_revert(self) -> Any:
        """Undo"""
        return self.plugin.revert()

    def do_abort(self) -> Any:
        """Interrupt"""
        return self.plugin.abort()

    # What an engine calls -------------------------------------------------------------

    def pre_execute(self) -> None:
        """Build, check and announce the action"""
        if self.prepare():
            self.begin()

    def execute(self, *_args: Any, **_kwargs: Any) -> bool:
        """Act unless it has ended already; True when it succeeded"""
        if self._done:
            return True
        self._active = True
        with self._judging("execute"):
            result = self.do_execute()
            if result is not True:
                raise exception.ActionExecutionFailure(
                    f"the action reported no success ({result!r})"
                )
        return not (self._done or self._aborted or self._failed_in)

    def post_execute(self) -> None:
        """Look at the result and write down how it ended"""
        if self.judge():
            with self.lock:
                self._write(self.last_move())

    # The same in parts, for many actions at a time (``together.py``) ------------------

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do here"""
        return self._done

    def prepare(self) -> bool:
        """Build and check the action; False when it has ended, or will not begin"""
        if self.action.state in states.ACTION_FINAL:
            self._done = True
            return False
        if self.action.state == states.CANCELLING:
            self.signals.cancel()
        if self.engine.orders_actions and self.engine.applier_manager.cancelling:
            self._done = True
            self.engine.notify_cancel_start(self._book.plan.uuid)
            raise exception.ActionPlanCancelled(uuid=self._book.plan.uuid)
        return self._beginning(self.do_pre_execute)

    def begin(self) -> bool:
        """Step to ONGOING unless another process did; False when it does not begin"""
        with self.lock:
            return self._beginning(self._begin)

    def first_move(self) -> Move | None:
        """Return the step to ONGOING, None when it was made before; with the lock"""
        self.signals.check()
        if self.action.state != states.PENDING:
            return None
        if self.signals.cancelled:
            raise Aborted
        return Move(self.action, states.ONGOING, KEEP, START)

    def begun(self, result: Stepped) -> bool:
        """Hear what became of the step to ONGOING; with the lock"""
        return self._beginning(lambda: self._begun(result))

    def advance(self) -> Wait | None:
        """Go on with an action that defines ``steps`` up to its next pause, or its end"""
        if self._done:
            return None
        with self._judging("execute"):
            self._active = True
            self.signals.check()
            if self._steps is None:
                self._steps = self.plugin.steps()
            return next(self._steps, None)
        return None

    def judge(self) -> bool:
        """Look at the result; False when nothing is to be written about it"""
        if self._done:
            return False
        if not self._aborted:
            # What failed first is what counts.
            with self._judging("post_condition"):
                self.do_post_execute()
        return not self._done

    def last_move(self) -> Move:
        """Return the step to the end; with the lock"""
        self._done = True
        if self._failed_in:
            return self._failure(*self._failed_in)
        if self._aborted:
            return Move(self.action, states.CANCELLED, after=CANCEL_END)
        remark = getattr(self.plugin, "remark", None)
        return Move(self.action, states.SUCCEEDED, remark or KEEP, after=END)

    def ended(self, result: Stepped) -> None:
        """Hear what became of the step to the end; with the lock"""
        if result.after is not None:
            self.action = result.after
        elif isinstance(result.error, exception.StateChanged):
            # An administrator, or the next owner of the plan, was faster.
            self._reread()
        else:
            LOG.error(
                "Action %s could not be ended: %s", self.action.uuid, result.error
            )

    def left(self) -> None:
        """Hear that this process gave the plan up"""
        self._done = True

    def revert(self, *_args: Any, **_kwargs: Any) -> None:
        """Hear that the engine unwinds: the plan is cancelled, or the engine broke

        What is done stays done; ``do_revert`` is for engines that roll back.
        """
        if self.engine.applier_manager.cancelling:
            self.cancel()

    # What the runner calls from its own thread ----------------------------------------

    def cancel(self) -> None:
        """Ask the running action to stop, when its kind can"""
        with self.lock:
            move = self.cancel_move()
            if move is not None:
                with contextlib.suppress(Left):
                    self.cancelled(self._book.step_each([move])[0])
        self.interrupt()

    def cancel_move(self) -> Move | None:
        """Signal the cancel, return the step to CANCELLING if any; with the lock"""
        self.signals.cancel()
        if self._done or self.action.state != states.ONGOING or not self._can_abort():
            return None
        return Move(self.action, states.CANCELLING, after=CANCEL_START)

    def cancelled(self, result: Stepped) -> None:
        """Hear what became of the step to CANCELLING; with the lock"""
        if result.after is not None:
            self.action = result.after
            self._to_interrupt = not getattr(self.plugin, "journalled", False)

    def interrupt(self) -> None:
        """Interrupt an action that does not listen to signals; without the lock"""
        if self._to_interrupt and self._active:
            self._to_interrupt = False
            self._abort_from_outside()

    def let_go(self, *, now: bool) -> None:
        """Give the action up: at once, or only if somebody else can go on with it

        That is one that has not begun, can be begun again, or whose journal tells the next
        process what to look for.
        """
        begun = self.action.state != states.PENDING
        handed_over = ("interruptible", "journalled")
        if now or not begun or any(getattr(self.plugin, n, False) for n in handed_over):
            self.signals.leave()

    # Inner workings -------------------------------------------------------------------

    def _begun_before(self) -> bool:
        """Tell whether an earlier process acted already, so that looking comes too late

        :raises ActionExecutionFailure: it may have, and the action cannot find out
        """
        if getattr(self.plugin, "journalled", False):
            return bool(self.plugin.journal.operations)
        if getattr(self.plugin, "idempotent", False):
            return False
        raise exception.ActionExecutionFailure(
            "its applier stopped while it ran; what it had done by then is not known, "
            "and doing it twice might do harm"
        )

    def _can_abort(self) -> bool:
        check = getattr(self.plugin, "check_abort", None)
        return bool(check and check())

    def _abort_from_outside(self) -> None:
        try:
            self._aborted = self.do_abort() is True
        except Exception:  # code written elsewhere
            LOG.exception("Action %s could not be interrupted", self.action.uuid)

    def _named(self) -> contextlib.AbstractContextManager[None]:
        """Let what this thread logs inside name the plan and the action"""
        return logs.about(plan=self._book.plan.uuid, action=self.action.uuid)

    @contextlib.contextmanager
    def _judging(self, phase: str) -> Iterator[None]:
        """Remember how a phase ended; the action's outer edge"""
        try:
            with self._named():
                yield
        except Left:
            self._done = True
        except Aborted:
            self._aborted = True
        except Exception as error:
            self._failed_in = self._failed_in or (phase, error)

    def _beginning(self, act: Callable[[], None]) -> bool:
        """Do what comes before ``execute``; the action's outer edge"""
        with self._named():
            return self._tried(act)

    def _tried(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except Left:
            self._done = True
        except Aborted:
            self._end(states.CANCELLED, before=CANCEL_START, after=CANCEL_END)
        except exception.ActionSkipped as skip:
            LOG.info("Action %s skipped: %s", self.action.uuid, skip)
            self._end(
                states.SKIPPED, message=f"Action was skipped automatically: {skip}"
            )
        except Exception as error:
            with self.lock:
                self._done = True
                self._write(self._failure("pre_condition", error))
        return not self._done

    def _begin(self) -> None:
        move = self.first_move()
        if move is not None:
            self._begun(self._book.begin_each([move])[0])

    def _begun(self, result: Stepped) -> None:
        if result.after is not None:
            self.action = result.after
            return
        if not isinstance(result.error, exception.StateChanged):
            assert result.error is not None
            raise result.error
        self._reread()
        if self.action.state == states.PENDING:
            # It is the plan that changed: it is being cancelled.
            raise Aborted
        self._done = True

    def _failure(self, phase: str, error: BaseException) -> Move:
        self.failure = error
        expected = isinstance(error, exception.WatcherException)
        with self._named():
            LOG.warning(
                "Action %s (%s) failed in %s", self.action.uuid,
                self.action.action_type, phase, exc_info=None if expected else error,
            )  # fmt: skip
            LOG.info("Why action %s failed: %s", self.action.uuid, reason_of(error))
        event = CANCEL_ERROR if self.action.state == states.CANCELLING else ERROR
        message = f"Action failed in {phase}: {reason_of(error)}"
        return Move(self.action, states.FAILED, message, None, event, error)

    def _end(self, state: str, **more: Any) -> None:
        with self.lock:
            self._done = True
            self._write(Move(self.action, state, **more))

    def _write(self, move: Move) -> None:
        try:
            self.ended(self._book.step_each([move])[0])
        except Left:
            return

    def _reread(self) -> None:
        try:
            self.action = self._book.reread(self.action.uuid)
        except Left:
            return
        LOG.info("Action %s is %s already", self.action.uuid, self.action.state)
