"""Makes one request of Nova, or finds the one that another process made, and follows it.

What is seen is judged by pure functions of the subclasses. A request is made again only
when the first one surely never arrived, and never when the plan is being cancelled.
"""

import abc
import enum
from collections.abc import Generator
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions.steps import SERVER, Sights, Steps, Wait, Watch
from watcher.applier.journal import Journal, UnknownOutcome
from watcher.applier.signals import Aborted
from watcher.clients.protocols import Nova
from watcher.clients.records import Server
from watcher.domain.records import Operation

LOG = log.getLogger(__name__)

# How long a request that Nova accepted may show no trace, in seconds.
GRACE_S = 10.0
GROWTH = 1.5

Pauses = Generator[Wait, None, None]


class Stand(enum.Enum):
    """What a look says of a request"""

    UNDERWAY = enum.auto()
    SILENT = enum.auto()  # no trace of it
    UNSETTLED = enum.auto()  # Nova says here that it is done, and there that it is not
    TO_CONFIRM = enum.auto()
    DONE = enum.auto()
    FAILED = enum.auto()


class Pursuit(abc.ABC):
    """One request about one server, from its intent to its end"""

    noun: str
    server_id: str
    kind: str  # of the intent
    limit_s: float  # how long it may be under way, in seconds

    def __init__(
        self, nova: Nova, sights: Sights, journal: Journal, *, heed_cancel: bool = True
    ) -> None:
        self._nova = nova
        self._sights = sights
        self._journal = journal
        self._heeds = heed_cancel
        self._server: Server | None = None
        self._asked_again = False
        self._nova_away = False
        self._unsettled_since: float | None = None

    # What subclasses know -------------------------------------------------------------

    @abc.abstractmethod
    def _before(self) -> dict[str, Any]:
        """Return what the intent has to remember of how things were before"""

    @abc.abstractmethod
    def _send(self, request_id: str) -> str | None:
        """Make the request"""

    @abc.abstractmethod
    def _stand(self, operation: Operation) -> Stand:
        """Look in the cloud; failures are those of the clients"""

    @abc.abstractmethod
    def _reason(self, operation: Operation) -> str:
        """Return why it failed, from what the last look saw"""

    def _vanished(self) -> bool:
        """Tell whether a server that is gone is as good as what was asked for"""
        return False

    def _confirm(self, operation: Operation) -> Pauses:
        """Complete what waits for a confirmation"""
        raise NotImplementedError

    def _ours(self) -> bool:
        """Tell whether it was this request that brought about what the last look saw"""
        return True

    # The way --------------------------------------------------------------------------

    def steps(self) -> Steps:
        """Return when it is done; raise when it is not

        :raises ActionExecutionFailure: with Nova's reason
        :raises Aborted: the plan was cancelled, and the server is as it was
        """
        operation = self._open()
        if operation is None:
            operation = yield from self._ask()
        elif operation.outcome:
            self._remember(operation)
            return
        while operation is not None:
            if (yield from self._follow(operation)):
                return
            operation = yield from self._ask(operation)

    @property
    def _cancelled(self) -> bool:
        return self._heeds and self._journal.signals.cancelled

    def _open(self) -> Operation | None:
        found = [
            op
            for op in self._journal.operations
            if op.kind == self.kind and op.outcome != journals.LOST
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

    def _ask(
        self, before: Operation | None = None
    ) -> Generator[Wait, None, Operation | None]:
        """Send the request; ``before`` is an attempt that seems to have been lost"""
        if self._cancelled:
            raise Aborted
        followed: Operation | None = None
        try:
            detail = self._before()
            operation = self._journal.begin(self.kind, server=self.server_id, **detail)
            followed = operation
            followed = self._journal.call(operation, self._send)
        except UnknownOutcome:
            pass
        except exception.InstanceNotFound as error:
            if not self._vanished():
                raise exception.ActionExecutionFailure(
                    f"{self.noun}: it was deleted meanwhile"
                ) from error
            LOG.info("%s: server %s is gone", self.noun, self.server_id)
            followed = None
        except exception.WatcherException as error:
            if before is not None and getattr(error, "http_status", None) == 409:
                # The first request was late, not lost: Nova is at it.
                return before
            raise exception.ActionExecutionFailure(f"{self.noun}: {error}") from error
        if before is not None:
            self._journal.done(before, journals.LOST)
        # What is shown to all was seen before this request.
        yield from self._pause(self._journal.timing.first_interval_s)
        return followed

    def _follow(self, operation: Operation) -> Generator[Wait, None, bool]:
        """Watch one request; False when it never arrived and is to be made again"""
        clock = self._journal.clock
        started = seen = clock()
        blind_s = 0.0
        for pause_s in self._pauses_s():
            stand = self._look(operation)
            now = clock()
            # While Nova does not answer nothing is known, and nothing has failed.
            blind_s += now - seen if stand is None else 0.0
            seen = now
            waited = now - started - blind_s
            if stand is Stand.DONE:
                self._succeed(operation)
                return True
            if stand is Stand.FAILED:
                self._failed(operation)
            if stand is Stand.TO_CONFIRM:
                yield from self._confirm(operation)
                return True
            if stand is Stand.SILENT and waited >= self._silence_s(operation):
                self._give_up_or_repeat(operation)
                return False
            if stand is Stand.UNDERWAY:
                self._tell(operation)
            self._check_time(operation, waited, blind_s)
            yield from self._pause(pause_s)
        return True

    def _check_time(self, operation: Operation, waited: float, blind_s: float) -> None:
        if waited >= self.limit_s:
            text = f"it still goes on after {waited:.0f} s and is left to Nova"
            self._fail(operation, journals.TIMEOUT, text)
        if blind_s >= self._journal.timing.migration_s:
            text = (
                f"Nova has not answered for {blind_s:.0f} s, how it ended is not known"
            )
            self._fail(operation, journals.TIMEOUT, text)

    def _pauses_s(self) -> Generator[float, None, None]:
        pause_s = self._journal.timing.first_interval_s
        while True:
            yield pause_s
            pause_s = min(pause_s * GROWTH, self._journal.timing.interval_s)

    def _pause(self, seconds: float) -> Pauses:
        yield Wait(seconds, Watch(SERVER, self.server_id))
        self._journal.signals.check()

    def _silence_s(self, operation: Operation) -> float:
        return GRACE_S if operation.sent_at else self._journal.timing.settle_s

    def _look(self, operation: Operation) -> Stand | None:
        """Look in the cloud; None while Nova does not answer"""
        try:
            stand = self._stand(operation)
        except exception.InstanceNotFound:
            if self._vanished():
                return Stand.DONE
            self._fail(operation, journals.FAILED, "it was deleted meanwhile")
        except (exception.ClientError, exception.AuthorizationFailure) as error:
            if not self._nova_away:
                LOG.warning("Cannot see how the %s goes on: %s", self.noun, error)
            self._nova_away = True
            return None
        self._nova_away = False
        return self._settled(stand)

    def _settled(self, stand: Stand) -> Stand:
        """Give Nova's database a while to say everywhere what it says in one place"""
        now = self._journal.clock()
        if stand is not Stand.UNSETTLED:
            self._unsettled_since = None
            return stand
        if self._unsettled_since is None:
            self._unsettled_since = now
        late = now - self._unsettled_since >= GRACE_S
        return Stand.FAILED if late else Stand.UNSETTLED

    def _give_up_or_repeat(self, operation: Operation) -> None:
        if self._cancelled:
            self._journal.done(operation, journals.CANCELLED)
            raise Aborted
        if self._asked_again or (operation.sent_at and self._journal.mine(operation)):
            text = "Nova took the request and dropped it"
            self._fail(operation, journals.FAILED, text)
        LOG.info("Request %s never reached Nova: sent again", operation.request_id)
        self._asked_again = True

    def _tell(self, operation: Operation) -> None:
        server = self._server
        doing = (server.task_state or server.status) if server else "accepted"
        name = server.name if server else self.server_id
        self._journal.progress(
            operation, f"{self.noun} of {name} ({doing})", status=doing
        )

    def _succeed(self, operation: Operation) -> None:
        host = self._server.host if self._server else None
        # A request that was never answered may have been overtaken by somebody else's.
        ours = bool(operation.sent_at) or self._ours()
        self._journal.done(operation, journals.SUCCEEDED, host=host, ours=ours)

    def _failed(self, operation: Operation) -> None:
        self._fail(operation, journals.FAILED, self._reason(operation))

    def _fail(self, operation: Operation, outcome: str, why: str) -> None:
        text = f"{self.noun}: {why}"
        self._journal.done(operation, outcome, reason=text)
        raise exception.ActionExecutionFailure(text)

    def _why(self, request_id: str | None) -> str | None:
        """Return Nova's own words about a request that failed"""
        if request_id is None:
            return None
        try:
            return self._nova.why_failed(self.server_id, request_id)
        except (exception.ClientError, exception.AuthorizationFailure) as error:
            LOG.info("Nova does not tell why the %s failed: %s", self.noun, error)
            return None
