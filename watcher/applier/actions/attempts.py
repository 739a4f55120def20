"""A move that is made towards another target when Nova did not bring the server to the first.

Attempts have intents of their own kinds (``migrate``, ``migrate_2``, ...), and with them
request ids of their own. The next one begins only when the journal says that all requests
of the one before have ended, badly; whoever takes the plan over goes on with the last one.
"""

from collections.abc import Callable, Generator

from oslo_log import log

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions.steps import Steps, Wait
from watcher.applier.actions.targets import Targets, Wish
from watcher.applier.journal import Journal
from watcher.domain.records import Operation

LOG = log.getLogger(__name__)

KIND = "migrate"
# How an attempt ended when nothing of it goes on.
ENDED_BADLY = (journals.FAILED, journals.REFUSED)
OVER = (*ENDED_BADLY, journals.LOST)
# Characters of what is said of an earlier attempt; a status message holds 255.
LONGEST = 110


def kind_of(attempt: int) -> str:
    """Return the kind of the intents of an attempt, which count from 1"""
    return KIND if attempt == 1 else f"{KIND}_{attempt}"


class Attempts:
    """The attempts of one action; ``move`` makes one, given a target and a kind"""

    def __init__(
        self, journal: Journal, targets: Targets, move: Callable[[str | None, str], Steps],
        *, server: str, source: str, dest: str | None, live: bool,
    ) -> None:  # fmt: skip
        self._journal = journal
        self._targets = targets
        self._move = move
        self._server = server
        self._source = source
        self._live = live
        self._dests: list[str | None] = [dest]
        self._failures: list[str] = []
        self._resume()

    def _resume(self) -> None:
        """Go on with the last attempt that an earlier process began"""
        while found := self._of(len(self._dests) + 1):
            for operation in self._of(len(self._dests)):
                if operation.outcome is None:
                    # The next attempt says that it had ended; there was no time to say how.
                    self._journal.done(operation, journals.FAILED)
            self._failures.append(self._reason(len(self._dests)))
            self._dests.append(found[-1].detail.get("dest"))

    @property
    def remark(self) -> str | None:
        """What to say of a move that succeeded, if not at once"""
        if not self._failures:
            return None
        return f"Moved to {self._dests[-1]} instead: {self._said()}"

    def steps(self) -> Steps:
        """End when the server has arrived somewhere; raise when it has not

        :raises ActionExecutionFailure: the last attempt failed; the text has all of them
        """
        while True:
            attempt = len(self._dests)
            try:
                yield from self._move(self._dests[-1], kind_of(attempt))
                return
            except exception.ActionExecutionFailure as error:
                other = yield from self._other(attempt)
                if other is None:
                    if not self._failures:
                        raise
                    text = f"{error} (before: {self._said()})"
                    raise exception.ActionExecutionFailure(text) from error
                LOG.info("Server %s goes to %s: %s", self._server, other, error)
                self._failures.append(str(error))
                self._dests.append(other)

    def _other(self, attempt: int) -> Generator[Wait, None, str | None]:
        """Return another target; None where it was not the target that failed"""
        tried = [dest for dest in self._dests if dest is not None]
        if len(tried) < attempt or not self._is_over(attempt):
            return None
        if self._journal.signals.cancelled:
            return None
        wish = Wish(self._server, self._source, tried, self._live)
        return (yield from self._targets.other(wish))

    def _is_over(self, attempt: int) -> bool:
        """Tell whether all requests of an attempt have ended, and one of them badly"""
        ends = [operation.outcome for operation in self._of(attempt)]
        return all(end in OVER for end in ends) and any(
            end in ENDED_BADLY for end in ends
        )

    def _of(self, attempt: int) -> list[Operation]:
        kind = kind_of(attempt)
        return [op for op in self._journal.operations if op.kind == kind]

    def _reason(self, attempt: int) -> str:
        reasons = [op.detail.get("reason") for op in self._of(attempt)]
        told = [str(reason) for reason in reasons if reason]
        return told[-1] if told else f"attempt {attempt} failed"

    def _said(self) -> str:
        first = self._failures[0]
        return first if len(first) <= LONGEST else first[: LONGEST - 3] + "..."
