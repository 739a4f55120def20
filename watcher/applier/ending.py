"""Writes the ends of a plan and of actions that did not end by themselves."""

from collections.abc import Callable, Mapping, Sequence

from oslo_log import log

from watcher import exception
from watcher.applier import verdict
from watcher.applier.book import Book
from watcher.applier.life import CANCEL_END, CANCEL_START, ERROR
from watcher.applier.signals import Left
from watcher.domain import states
from watcher.domain.records import Action

LOG = log.getLogger(__name__)

PLAN_ERROR = "action_plan.execution.error"
PLAN_CANCEL_ERROR = "action_plan.cancel.error"


def is_final(state: str) -> bool:
    """Tell whether an action in ``state`` has ended"""
    return state in states.ACTION_FINAL


class Ending:
    """The actions of a plan as they are known, and how they and the plan end.

    ``look`` reads the plan's state again; ``cancelling`` tells what it found.
    """

    def __init__(
        self, book: Book, look: Callable[[], None], cancelling: Callable[[], bool]
    ) -> None:
        self.actions: dict[str, Action] = {}
        self.failures: dict[str, BaseException] = {}
        self._book = book
        self._look = look
        self._cancelling = cancelling

    def load(self) -> None:
        """Read the actions' rows"""
        self.actions.update((row.uuid, row) for row in self._book.actions())

    def settle(
        self, action: Action, state: str, message: str | None,
        fault: BaseException | None = None,
    ) -> None:  # fmt: skip
        """End an action"""
        event = ERROR if state == states.FAILED else None
        if fault is not None:
            self.failures[action.uuid] = fault
        try:
            stored = self._book.step(
                action, state, message=message, after=event, fault=fault
            )
        except exception.StateChanged:
            stored = self._book.reread(action.uuid)
        self.actions[action.uuid] = stored

    def settle_all(
        self, some: Sequence[Action], state: str, message: str | None
    ) -> None:
        """End those of the actions that have not ended"""
        events = (CANCEL_START, CANCEL_END) if state == states.CANCELLED else ()
        for stored in self._book.step_all(
            [action for action in some if not is_final(action.state)], state,
            message=message, events=events,
        ):  # fmt: skip
            self.actions[stored.uuid] = stored

    def refuse(
        self, why: str, problems: Mapping[str, exception.WatcherException]
    ) -> None:
        """End a plan before it starts; ``problems`` are those of its actions"""
        for uuid, error in problems.items():
            message = f"Action failed in pre_condition: {error}"
            self.settle(self.actions[uuid], states.FAILED, message, error)
        rest = [row for uuid, row in self.actions.items() if uuid not in problems]
        text = verdict.skipped(f"the plan was not started: {why}")
        self.settle_all(rest, states.SKIPPED, text)
        self.finish(fallback=None if problems else f"Not started: {why}")

    def finish(self, fallback: str | None = None) -> None:
        """End the plan as its actions ended, or FAILED with ``fallback``"""
        while True:
            cancelling = self._cancelling()
            result = verdict.ended(
                tuple(self.actions.values()), cancelling=cancelling,
                operations=self._book.all_operations() if cancelling else (),
            )  # fmt: skip
            if fallback is not None and not cancelling:
                result = verdict.Verdict(states.FAILED, fallback, PLAN_ERROR)
            fault = self._fault(result) if result.state == states.FAILED else None
            try:
                self._book.finish(
                    states.CANCELLING if cancelling else states.ONGOING, result.state,
                    message=result.message, event=result.event, fault=fault,
                )  # fmt: skip
            except exception.StateChanged:
                # A cancel came with the last action: the plan ends CANCELLED.
                self._look()
                if cancelling:
                    raise
                continue
            LOG.info("Plan %s is %s", self._book.plan.uuid, result.state)
            return

    def _fault(self, result: verdict.Verdict) -> BaseException:
        for uuid in self.actions:
            if uuid in self.failures:
                return self.failures[uuid]
        return exception.ActionExecutionFailure(result.message)

    def break_off(self, error: BaseException) -> None:
        """End a plan that this program cannot carry out, so that it blocks nobody"""
        try:
            self.load()
            for action in list(self.actions.values()):
                if action.state == states.PENDING:
                    text = verdict.skipped("the applier broke")
                    self.settle(action, states.SKIPPED, text)
                elif not is_final(action.state):
                    text = "Action failed in execute: the applier broke"
                    self.settle(action, states.FAILED, text, error)
            cancelling = self._book.plan_state() == states.CANCELLING
            fault = exception.WorkflowExecutionException(error=type(error).__name__)
            self._book.finish(
                states.CANCELLING if cancelling else states.ONGOING, states.FAILED,
                message=f"{fault}; see the applier's log", fault=fault,
                event=PLAN_CANCEL_ERROR if cancelling else PLAN_ERROR,
            )  # fmt: skip
        except Left:
            LOG.info("Plan %s is left to whoever takes it", self._book.plan.uuid)
        except Exception:  # the outer edge of an outer edge
            LOG.exception("Plan %s is given up and tried again", self._book.plan.uuid)
            self._book.leave()
