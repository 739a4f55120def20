"""Asks Nova for one migration and follows it to its end, whoever asked first.

What is seen is judged by pure functions (``sight.py``). Here intents are written, ends
waited for, and a request is made again only when the first one surely never arrived.
"""

from collections.abc import Generator
from typing import TypeVar

from oslo_log import log

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions.deadline import Deadline
from watcher.applier.actions.sight import (
    Route,
    Sight,
    fault_is_newer,
    judge,
    own_record,
)
from watcher.applier.actions.steps import SERVER, Sights, Steps, Wait, Watch
from watcher.applier.journal import Journal, UnknownOutcome
from watcher.applier.signals import Aborted
from watcher.clients.protocols import Nova
from watcher.clients.records import ENDED_BADLY, Migration, Server
from watcher.domain.records import Operation

LOG = log.getLogger(__name__)
R = TypeVar("R")

CONFIRM = "confirm_resize"
ABORT = "abort_live_migration"
# How long a request that Nova accepted may show no trace, in seconds.
GRACE_S = 10.0
GROWTH = 1.5
# While memory is copied and the engine hears of it by itself, a look is not needed sooner.
PATIENCE_S = 30.0
Following = Generator[Wait, None, R]


class Mover:
    """Carries one migration out, or finds and completes what another process began"""

    def __init__(
        self, nova: Nova, journal: Journal, sights: Sights, route: Route, *, kind: str,
        size_mb: int = 0,
    ) -> None:  # fmt: skip
        self._nova = nova
        self._journal = journal
        self._sights = sights
        self._watch = Watch(SERVER, route.server)
        self._route = route
        self._kind = kind
        timing = journal.timing
        self._deadline = Deadline(
            timing.migration_s + size_mb * timing.per_memory_mb_s, timing.stall_s
        )
        self._server: Server | None = None
        self._record: Migration | None = None
        self._asked_again = False
        self._abort: Operation | None = None
        self._abort_sent = False
        self._nova_away = False
        self._unsettled_since: float | None = None

    def steps(self) -> Steps:
        """End when the server has arrived; raise when it has not

        :raises ActionExecutionFailure: with Nova's reason
        :raises Aborted: the plan was cancelled, the server stays where it was
        """
        operation = self._open()
        if operation is None:
            operation = self._ask()
        elif operation.outcome:
            self._remember(operation)
            return
        while operation is not None:
            operation = yield from self._follow(operation)

    # Asking ---------------------------------------------------------------------------

    def _open(self) -> Operation | None:
        found = [
            op
            for op in self._journal.operations
            if op.kind == self._kind and op.outcome != journals.LOST
        ]
        # One that is open counts more than a later attempt that Nova refused.
        return max(found, key=lambda op: (op.outcome is None, op.id), default=None)

    def _remember(self, operation: Operation) -> None:
        """The other process knew how it ended, but not to write the action's end"""
        if operation.outcome == journals.SUCCEEDED:
            return
        if operation.outcome == journals.CANCELLED:
            raise Aborted
        raise exception.ActionExecutionFailure(
            str(operation.detail.get("reason") or f"it ended as {operation.outcome}")
        )

    def _ask(self, before: Operation | None = None) -> Operation:
        """Send the request; ``before`` is an attempt that seems to have been lost"""
        if self._journal.signals.cancelled:
            raise Aborted
        route = self._route
        known = self._sights.migrations(route.server)
        operation = self._journal.begin(
            self._kind, server=route.server, source=route.source, dest=route.dest,
            after=max((record.id for record in known), default=0),
        )  # fmt: skip
        call = self._nova.live_migrate if route.live else self._nova.cold_migrate
        try:
            sent = self._journal.call(
                operation, lambda ident: call(route.server, route.dest, ident)
            )
            if before is not None:
                self._journal.done(before, journals.LOST)
            return sent
        except UnknownOutcome:
            if before is not None:
                self._journal.done(before, journals.LOST)
            return operation
        except exception.WatcherException as error:
            if before is not None and getattr(error, "http_status", None) == 409:
                # The first request was late, not lost: Nova is at it.
                return before
            raise exception.ActionExecutionFailure(
                f"{route.noun} {route.text}: {error}"
            ) from error

    # Following ------------------------------------------------------------------------

    def _follow(self, operation: Operation) -> Following[Operation | None]:
        """Watch one request; returns the next one when this one never arrived"""
        start = self._journal.clock()
        self._deadline.start(start)
        interval = self._journal.timing.first_interval_s
        if self._journal.mine(operation):
            yield Wait(interval, self._watch)
        while True:
            sight = self._settled(self._look(operation))
            waited = self._journal.clock() - start
            if sight in (Sight.ARRIVED, Sight.FAILED, Sight.CANCELLED):
                self._end(operation, sight)
                return None
            if sight is Sight.TO_CONFIRM:
                yield from self._confirm(operation)
                return None
            if sight is Sight.SILENT and waited >= self._silence_s(operation):
                return self._lost(operation)
            if sight is Sight.UNDERWAY:
                self._tell(operation)
                if self._journal.signals.cancelled and self._route.live:
                    self._try_abort()
            if self._too_late():
                self._fail(
                    operation, journals.TIMEOUT,
                    f"it still goes on after {waited:.0f} s and is left to Nova",
                )  # fmt: skip
            yield self._pause(sight, interval)
            interval = min(interval * GROWTH, self._journal.timing.interval_s)

    def _pause(self, sight: Sight | None, interval: float) -> Wait:
        copies = sight is Sight.UNDERWAY and self._record is not None
        if not copies or self._journal.signals.cancelled:
            return Wait(interval, self._watch)
        return Wait(interval, self._watch, max(interval, PATIENCE_S))

    def _too_late(self) -> bool:
        """Tell whether the time is over, after a look of our own at how far it is"""
        if not self._deadline.over(self._journal.clock()):
            return False
        try:
            records = self._nova.migrations(self._route.server)
        except (exception.ClientError, exception.AuthorizationFailure):
            return True
        for record in records:
            if self._record is not None and record.id == self._record.id:
                self._deadline.see(record.progress, self._journal.clock())
        return self._deadline.over(self._journal.clock())

    def _silence_s(self, operation: Operation) -> float:
        return GRACE_S if operation.sent_at else self._journal.timing.settle_s

    def _look(self, operation: Operation) -> Sight | None:
        """Look in the cloud; None while Nova does not answer"""
        try:
            self._record = own_record(
                self._route,
                self._sights.migrations(self._route.server),
                int(operation.detail.get("after", 0)),
            )
            if self._record is not None:
                self._deadline.see(self._record.progress, self._journal.clock())
                if self._record.in_flight and self._route.live:
                    return Sight.UNDERWAY
            self._server = server = self._sights.server(self._route.server)
        except exception.InstanceNotFound:
            self._fail(operation, journals.FAILED, "it was deleted meanwhile")
        except (exception.ClientError, exception.AuthorizationFailure) as error:
            if not self._nova_away:
                LOG.warning("Cannot see how the migration goes on: %s", error)
            self._nova_away = True
            return None
        self._nova_away = False
        return judge(self._route, server, self._record)

    def _settled(self, sight: Sight | None) -> Sight | None:
        """Give Nova's database a while to say everywhere what it says in one place"""
        busy = sight in (Sight.FAILED, Sight.CANCELLED) and (
            self._server is not None and self._server.task_state is not None
        )
        if not busy and sight is not Sight.UNSETTLED:
            self._unsettled_since = None
            return sight
        now = self._journal.clock()
        if self._unsettled_since is None:
            self._unsettled_since = now
        if now - self._unsettled_since < GRACE_S:
            return Sight.UNSETTLED
        return sight if busy else Sight.FAILED

    def _lost(self, operation: Operation) -> Operation:
        if self._journal.signals.cancelled:
            self._journal.done(operation, journals.CANCELLED)
            raise Aborted
        if self._asked_again or (operation.sent_at and self._journal.mine(operation)):
            self._fail(
                operation, journals.FAILED, "Nova took the request and dropped it"
            )
        LOG.info("Request %s never reached Nova: sent again", operation.request_id)
        self._asked_again = True
        return self._ask(operation)

    def _tell(self, operation: Operation) -> None:
        record = self._record
        text = f"{self._route.noun} of {self._route.server} {self._route.text}"
        if (
            record is None
            or record.progress is None
            or not record.progress.memory_total
        ):
            status = record.status if record else "accepted"
            self._journal.progress(operation, f"{text} ({status})", status=status)
            return
        total, rest = record.progress.memory_total, record.progress.memory_remaining
        percent = round(100 * (1 - (rest or 0) / total))
        self._journal.progress(
            operation, f"{text}: {percent} % of the memory copied",
            status=record.status, percent=percent, memory_total=total,
            memory_remaining=rest,
        )  # fmt: skip

    # Ends -----------------------------------------------------------------------------

    def _end(self, operation: Operation, sight: Sight) -> None:
        if sight is Sight.ARRIVED:
            host = self._server.host if self._server else None
            self._journal.done(operation, journals.SUCCEEDED, host=host)
            for other in self._journal.operations:
                # Of a process that died between its request and the answer.
                if other.outcome is None and other.kind == CONFIRM:
                    self._journal.done(other, journals.SUCCEEDED)
            return
        if sight is Sight.CANCELLED and self._aborted_by_us():
            if self._abort is not None:
                self._journal.done(self._abort, journals.SUCCEEDED)
            self._journal.done(operation, journals.CANCELLED)
            raise Aborted
        self._fail(operation, journals.FAILED, self._reason(sight))

    def _aborted_by_us(self) -> bool:
        return any(
            op.kind == ABORT and op.outcome != journals.REFUSED
            for op in self._journal.operations
        )

    def _reason(self, sight: Sight) -> str:
        server, record = self._server, self._record
        assert server is not None
        number = f" (migration {record.id})" if record else ""
        if sight is Sight.CANCELLED:
            why = f"somebody cancelled it in Nova{number}"
        elif server.fault and fault_is_newer(server, record):
            why = f"Nova says: {server.fault}{number}"
        elif record and record.status in ENDED_BADLY:
            why = f"Nova ended it with status '{record.status}'{number}"
        elif server.host == self._route.source:
            why = "Nova did not move it"
        else:
            why = "it went elsewhere"
        return f"{why}; {server.name} is {server.status} on {server.host}"

    def _fail(self, operation: Operation, outcome: str, why: str) -> None:
        text = f"{self._route.noun} {self._route.text}: {why}"
        self._journal.done(operation, outcome, reason=text)
        raise exception.ActionExecutionFailure(text)

    def _try_abort(self) -> None:
        """Ask Nova to give the running migration up; it refuses until it has begun"""
        record = self._record
        if self._abort_sent or record is None:
            return
        self._abort = self._journal.begin(ABORT, migration=record.id)
        try:
            self._journal.call(
                self._abort,
                lambda ident: self._nova.abort_live_migration(
                    self._route.server, record.id, ident
                ),
            )
        except UnknownOutcome:
            return
        except exception.WatcherException as error:
            LOG.info("Nova does not abort migration %s (yet): %s", record.id, error)
            return
        self._abort_sent = True

    # Confirming a cold migration ------------------------------------------------------

    def _confirm(self, operation: Operation) -> Steps:
        """Confirm, unless Nova or an earlier process does, and wait for the effect"""
        server = self._route.server
        problem = None
        intent = self._journal.begin(CONFIRM, server=server)
        try:
            self._journal.call(
                intent, lambda ident: self._nova.confirm_resize(server, ident)
            )
        except UnknownOutcome:
            pass
        except exception.WatcherException as error:
            problem = str(error)
        yield from self._await_confirmed(operation, intent, problem)

    def _await_confirmed(
        self, operation: Operation, intent: Operation, problem: str | None
    ) -> Steps:
        timing = self._journal.timing
        # A refusal may mean that Nova confirms by itself just now.
        limit_s = min(GRACE_S, timing.confirm_s) if problem else timing.confirm_s
        deadline = self._journal.clock() + limit_s
        interval = timing.first_interval_s
        while self._journal.clock() < deadline:
            yield Wait(interval, self._watch)
            interval = min(interval * GROWTH, timing.interval_s)
            sight = self._settled(self._look(operation))
            if sight in (Sight.ARRIVED, Sight.FAILED, Sight.CANCELLED):
                arrived = sight is Sight.ARRIVED
                outcome = journals.SUCCEEDED if arrived else journals.FAILED
                self._journal.done(intent, outcome)
                self._end(operation, sight)
                return
        self._journal.done(intent, journals.FAILED, reason=problem)
        host = self._server.host if self._server else None
        self._fail(
            operation, journals.FAILED,
            f"it is on {host} but could not be confirmed: {problem or 'no effect seen'}",
        )  # fmt: skip
