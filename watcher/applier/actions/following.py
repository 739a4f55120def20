"""Asks another service for one thing and follows it to its end, whoever asked first.

What differs from service to service is an ``Errand``: how to ask, and how to see what
became of it. Here intents are written, an earlier process's request is adopted, ends are
waited for, and a request is made again only when the first one surely never arrived.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions.sight import Sight
from watcher.applier.actions.steps import Wait, Watch
from watcher.applier.journal import Journal, UnknownOutcome
from watcher.applier.signals import Aborted
from watcher.domain.records import Operation

LOG = log.getLogger(__name__)

GROWTH = 1.5
# A request that the service accepted may show no trace for so long, in seconds.
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen: UNDERWAY, ARRIVED, FAILED, or SILENT when nothing shows of it

    ``text`` is how it stands or why it failed, ``facts`` are kept with the intent.
    ``touched`` says that something happened since the intent was written.
    """

    sight: Sight
    text: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    touched: bool = False


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One thing to ask of another service; times are in seconds"""

    kind: str
    noun: str  # what failed when it fails
    service: str
    watch: Watch
    limit_s: float
    interval_s: float
    # Called right before each request: what the intent is to remember.
    detail: Callable[[], dict[str, Any]]
    send: Callable[[str], str | None]
    # Raises the errors of clients while the service does not answer.
    look: Callable[[Operation], Look]
    # HTTP statuses of refusals that pass: it is asked again until the time is over.
    passing: frozenset[int] = frozenset()
    # False for what is taken back while a plan is being cancelled.
    heeds_cancel: bool = True
    # How long a request that was accepted may show no trace.
    grace_s: float = GRACE_S


Following = Generator[Wait, None, Operation]


class Follower:
    """Carries one errand out, or finds and completes what another process began"""

    def __init__(self, journal: Journal, errand: Errand) -> None:
        self._journal = journal
        self._errand = errand
        self._asked_again = False
        self._away = False
        self._told_cancel = False
        self._start = journal.clock()
        self._looked = self._start
        self._away_s = 0.0

    def steps(self) -> Following:
        """Return the intent when the errand is done; raise when it is not

        :raises ActionExecutionFailure: with what is known of the reason
        :raises Aborted: the plan was cancelled before anything was asked
        """
        operation = self._known()
        if operation is None:
            operation = yield from self._ask()
        elif operation.outcome:
            return self._remembered(operation)
        while True:
            last, ended = yield from self._follow(operation)
            if ended:
                return last
            operation = yield from self._ask(operation)

    # Asking ---------------------------------------------------------------------------

    def _known(self) -> Operation | None:
        found = [
            op
            for op in self._journal.operations
            if op.kind == self._errand.kind
            and op.outcome not in (journals.LOST, journals.REFUSED)
        ]
        return max(found, key=lambda op: (op.outcome is None, op.id), default=None)

    def _remembered(self, operation: Operation) -> Operation:
        """The other process knew how it ended, but not to write the action's end"""
        if operation.outcome == journals.SUCCEEDED:
            return operation
        if operation.outcome == journals.CANCELLED:
            raise Aborted
        raise exception.ActionExecutionFailure(
            str(operation.detail.get("reason") or f"it ended as {operation.outcome}")
        )

    def _ask(self, before: Operation | None = None) -> Following:
        """Send the request; ``before`` is an attempt that seems to have been lost"""
        interval = self._journal.timing.first_interval_s
        while True:
            if self._cancelled:
                if before is not None:
                    self._journal.done(before, journals.CANCELLED)
                raise Aborted
            operation = self._journal.begin(self._errand.kind, **self._errand.detail())
            try:
                sent = self._journal.call(operation, self._errand.send)
            except UnknownOutcome:
                sent = operation
            except exception.WatcherException as error:
                if self._stored(operation).outcome is None:
                    self._journal.done(operation, journals.REFUSED, reason=str(error))
                yield Wait(interval, self._errand.watch)
                interval = min(interval * GROWTH, self._errand.interval_s)
                if before is not None and self._has_begun(before):
                    # The first request was late, not lost.
                    return before
                if not self._passes(error):
                    raise self._failure(str(error)) from error
                LOG.info("%s is asked again: %s", self._errand.noun, error)
                continue
            if before is not None:
                self._journal.done(before, journals.LOST)
            return sent

    @property
    def _cancelled(self) -> bool:
        return self._errand.heeds_cancel and self._journal.signals.cancelled

    def _passes(self, error: exception.WatcherException) -> bool:
        status = getattr(error, "http_status", None)
        return status in self._errand.passing and self._waited() < self._errand.limit_s

    def _has_begun(self, operation: Operation) -> bool:
        look = self._look(operation)
        return look is not None and look.sight in (Sight.UNDERWAY, Sight.ARRIVED)

    # Following ------------------------------------------------------------------------

    def _waited(self) -> float:
        return self._journal.clock() - self._start

    def _follow(
        self, operation: Operation
    ) -> Generator[Wait, None, tuple[Operation, bool]]:
        """Watch one request; False when it never arrived and may be made again"""
        silent_s = 0.0
        interval = self._journal.timing.first_interval_s
        self._looked = self._journal.clock()
        while True:
            # A look may be as old as the last pause: none before the request counts.
            yield Wait(interval, self._errand.watch)
            interval = min(interval * GROWTH, self._errand.interval_s)
            since_s = self._since_last_look_s()
            look = self._look(operation)
            if look is None:
                self._forgive(since_s)
            elif look.sight is Sight.ARRIVED:
                self._journal.done(operation, journals.SUCCEEDED, **look.facts)
                return self._stored(operation), True
            elif look.sight is Sight.FAILED:
                self._fail(operation, journals.FAILED, look.text)
            elif look.sight is Sight.SILENT:
                silent_s += since_s
                if silent_s >= self._silence_s(operation):
                    self._give_up_or_repeat(operation, look)
                    return operation, False
            else:
                silent_s = 0.0
                self._tell(operation, look)
            if self._waited() >= self._errand.limit_s:
                self._fail(operation, journals.TIMEOUT, self._late(look))
            self._note_cancel()

    def _forgive(self, seconds: float) -> None:
        """Let time in which the service does not answer not count, once over"""
        if self._away_s < self._errand.limit_s:
            self._away_s += seconds
            self._start += seconds

    def _late(self, look: Look | None) -> str:
        service, after = self._errand.service, f"after {self._waited():.0f} s"
        if look is None:
            return f"{service} does not answer; {after} it is left to it"
        return f"it still goes on {after} ({look.text}) and is left to {service}"

    def _since_last_look_s(self) -> float:
        before, self._looked = self._looked, self._journal.clock()
        return self._looked - before

    def _look(self, operation: Operation) -> Look | None:
        """Look in the cloud; None while the service does not answer"""
        try:
            look = self._errand.look(operation)
        except (exception.ClientError, exception.AuthorizationFailure) as error:
            if not self._away:
                LOG.warning("Cannot see how %s goes on: %s", self._errand.noun, error)
            self._away = True
            return None
        self._away = False
        return look

    def _silence_s(self, operation: Operation) -> float:
        return (
            self._errand.grace_s if operation.sent_at else self._journal.timing.settle_s
        )

    def _give_up_or_repeat(self, operation: Operation, look: Look) -> None:
        service = self._errand.service
        if operation.sent_at or self._asked_again:
            why = look.text or f"{service} took the request and dropped it"
            self._fail(operation, journals.FAILED, why)
        if look.touched:
            self._fail(
                operation, journals.FAILED,
                f"{service} did not say whether it took the request; {look.text}",
            )  # fmt: skip
        LOG.info("Request %s never arrived: sent again", operation.request_id)
        self._asked_again = True

    def _stored(self, operation: Operation) -> Operation:
        return next(op for op in self._journal.operations if op.id == operation.id)

    def _tell(self, operation: Operation, look: Look) -> None:
        text = f"{self._errand.noun}: {look.text}"
        if self._cancelled:
            text += (
                f" ({self._errand.service} cannot interrupt it: it goes on to its end)"
            )
        self._journal.progress(
            operation, text, status=look.text,
            waited_s=round(self._waited()), **look.facts,
        )  # fmt: skip

    def _note_cancel(self) -> None:
        if self._cancelled and not self._told_cancel:
            self._told_cancel = True
            LOG.warning(
                "%s cannot be interrupted: the plan is cancelled when it has ended",
                self._errand.noun,
            )

    def _failure(self, why: str) -> exception.ActionExecutionFailure:
        return exception.ActionExecutionFailure(f"{self._errand.noun}: {why}")

    def _fail(self, operation: Operation, outcome: str, why: str) -> None:
        error = self._failure(why)
        self._journal.done(operation, outcome, reason=str(error))
        raise error
