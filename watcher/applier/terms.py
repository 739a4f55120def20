"""What the operator said of a plan, as it counts at this moment: pause, hours, budget."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oslo_log import log

from watcher.applier.limits import MOVES
from watcher.db import actions, execution_rules, pauses
from watcher.db.pauses import WAITS
from watcher.domain import states, windows
from watcher.domain.execution import Rules

LOG = log.getLogger(__name__)

# How often rules are read again while a plan runs, and how often its message may change,
# in seconds.
READ_S = 5.0
TELL_S = 10.0
PAUSED = pauses.PAUSED.removeprefix(WAITS)
NOT_UNDERSTOOD = "its execution rules are not understood here"
# Moves that used up some of the budget, whether or not they came to a good end.
SPENT = (states.SUCCEEDED, states.FAILED)


def utcnow() -> datetime.datetime:
    """Return the present as naive UTC"""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def closed(rules: Rules, at: windows.Moment) -> str | None:
    """Return until when the windows are closed, in words, or None when one is open"""
    opens = windows.opens(rules.windows, at)
    if opens == at:
        return None
    if opens is None:
        return "it has no execution window that will ever open"
    return f"its execution window opens at {windows.told(rules.windows, opens)}"


def not_yet(document: Mapping[str, Any], at: windows.Moment) -> str | None:
    """Return why a plan may not begin at all at this moment, for its row, or None"""
    try:
        why = closed(Rules.of(document), at)
    except ValueError as error:
        why = f"{NOT_UNDERSTOOD}: {error}"
    return None if why is None else WAITS + why


class Terms:
    """Rules of one running plan, read again every few seconds"""

    def __init__(
        self, book: Any, *, now: Callable[[], datetime.datetime],
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self.rules = Rules()
        self._book = book
        self._now = now
        self._clock = clock
        self._read_at: float | None = None
        self._broken: str | None = None
        self._told = _own(book.plan.status_message)
        self._told_at: float | None = None

    def held(self) -> str | None:
        """Return why the plan may begin nothing now, or None"""
        self._read()
        if self._book.plan.paused:
            return PAUSED
        return self._broken or closed(self.rules, self._now())

    def _read(self) -> None:
        if self._read_at is not None and self._clock() - self._read_at < READ_S:
            return
        plan = self._book.plan.uuid
        document = self._book.read(execution_rules.for_plan, plan)
        self._read_at = self._clock()
        try:
            self.rules, self._broken = Rules.of(document), None
        except ValueError as error:
            # It was understood when it was stored: data of time zones went missing here.
            LOG.warning(
                "Plan %s: its execution rules are not understood: %s", plan, error
            )
            self._broken = f"{NOT_UNDERSTOOD}: {error}"

    def tell(self, why: str | None) -> None:
        """Say in the plan's row what it waits for, at most every few seconds"""
        message = None if why is None else WAITS + why
        now = self._clock()
        if message == self._told:
            return
        if message and self._told_at is not None and now - self._told_at < TELL_S:
            return
        self._told, self._told_at = message, now
        plan = self._book.plan
        self._book.write(pauses.waits, plan.uuid, states.ONGOING, message)

    def moves_left(self, running: int) -> tuple[int | None, str]:
        """Return how many moves may still begin, and why no more; None: any number

        0 may become more when a move that runs turns out to be needless; -1 never.
        """
        most = self.rules.max_moves
        if most is None:
            return None, ""
        spent = self._book.read(actions.count_of_plan, self._book.plan.id, MOVES, SPENT)
        if spent >= most:
            return -1, f"the plan may move {most} servers and volumes, and it has"
        left = max(0, most - spent - running)
        return (
            left,
            f"the plan may move {most} servers and volumes, the last are moving",
        )


class Quota:
    """How many more actions the plan itself may run, by what was said of it"""

    def __init__(
        self, rules: Rules, kinds: Iterable[str], left: int | None, why_no_more: str
    ) -> None:
        self._rules = rules
        self._kinds = Counter(kinds)
        self._running = self._kinds.total()
        self._left = left
        self._why_no_more = why_no_more

    def refuses(self, kind: str) -> str | None:
        """Return why no further action of this type may run, or None"""
        most = self._rules.running
        if most is not None and self._running >= most:
            return (
                f"{most} actions of this plan are running, as many as its rules allow"
            )
        most = self._rules.types.get(kind)
        if most is not None and self._kinds[kind] >= most:
            return f"{most} actions {kind} of this plan are running, as its rules say"
        if self._left is not None and self._left <= 0 and kind in MOVES:
            return self._why_no_more
        return None

    def count(self, kind: str) -> None:
        """Count one that begins"""
        self._running += 1
        self._kinds[kind] += 1
        if self._left is not None and kind in MOVES:
            self._left -= 1


def _own(message: str | None) -> str | None:
    return message if message and message.startswith(WAITS) else None
