"""What an action writes down before it changes the cloud, so that nothing is done twice.

Before each changing call stands an intent in the database. Whoever takes a plan over
reads the intents of the actions that were running and finds in the cloud what became of
them. The request id of an intent is derived from plan, action and kind: it is the same
whoever sends it, and however often.
"""

import dataclasses
import datetime
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from oslo_log import log

from watcher import exception
from watcher.applier.signals import Signals
from watcher.domain.records import Action, Operation

LOG = log.getLogger(__name__)

SUCCEEDED = "succeeded"
FAILED = "failed"
REFUSED = "refused"  # by the other service: nothing was done
CANCELLED = "cancelled"
LOST = "lost"  # it never reached the other service
TIMEOUT = "timeout"  # it was still going on when we stopped to wait

# How often progress is written down, in seconds; it is for display only.
PROGRESS_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things may take, in seconds"""

    migration_s: float = 900.0
    # Added for each MB of memory, or of disk: time to copy it once over a slow network.
    per_memory_mb_s: float = 0.01
    interval_s: float = 5.0
    first_interval_s: float = 0.2
    confirm_s: float = 120.0
    stop_s: float = 300.0
    delete_s: float = 15.0
    shelve_s: float = 15.0
    # A call that began before its sender lost the lease (5 s to connect, 30 s to be
    # answered) has arrived or never will, so many seconds after the plan was taken over.
    settle_s: float = 35.0
    # Of volumes, the second for each GB; and of machines that are switched.
    volume_s: float = 3600.0
    per_gb_s: float = 60.0
    volume_interval_s: float = 10.0
    power_s: float = 600.0
    power_interval_s: float = 10.0

    @property
    def stall_s(self) -> float:
        """How long the copy of a late migration may stand still"""
        return self.migration_s / 10

    @classmethod
    def of(cls, conf: Any) -> "Timing":
        """Read the options of ``[nova]``, ``[cinder]`` and ``[ironic_client]``"""
        nova, cinder, ironic = conf.nova, conf.cinder, conf.ironic_client
        return cls(
            migration_s=nova.migration_max_retries * nova.migration_interval,
            interval_s=nova.migration_interval,
            volume_s=cinder.volume_migration_timeout,
            per_gb_s=cinder.volume_migration_timeout_per_gb,
            volume_interval_s=cinder.volume_migration_interval,
            power_s=ironic.power_timeout,
            power_interval_s=ironic.power_interval,
            stop_s=nova.stop_timeout,
            delete_s=nova.delete_max_retries * nova.delete_interval,
            shelve_s=nova.shelve_max_retries * nova.shelve_interval,
        )


class UnknownOutcome(Exception):
    """The call may or may not have been done: look in the cloud"""


class Journal(Protocol):
    """What built-in actions are handed as ``journal``"""

    signals: Signals
    timing: Timing
    clock: Callable[[], float]

    @property
    def operations(self) -> Sequence[Operation]:
        """Intents of this action so far, oldest first, of earlier processes too"""

    def mine(self, operation: Operation) -> bool:
        """Tell whether this execution wrote the intent"""

    def begin(self, kind: str, **detail: Any) -> Operation:
        """Write an intent down; raises Left when the plan is not ours any more"""

    def call(
        self, operation: Operation, send: Callable[[str], str | None]
    ) -> Operation:
        """Make the call ``send(request_id)`` unless it is too late to start anything

        :raises UnknownOutcome: it may have been done
        :raises WatcherException: it was refused, nothing was done
        """

    def done(self, operation: Operation, outcome: str, **detail: Any) -> None:
        """Write down how the operation ended"""

    def progress(self, operation: Operation, text: str, **numbers: Any) -> None:
        """Tell how far it is; cheap, may be called at every look"""


def request_id(plan_uuid: str, action_uuid: str, kind: str) -> str:
    """Return the request id that every attempt of this step carries"""
    name = f"{plan_uuid}/{action_uuid}/{kind}"
    return f"req-{uuid.uuid5(uuid.NAMESPACE_URL, name)}"


class LooseJournal:
    """Keeps intents in memory, for an action that no engine runs"""

    def __init__(self, timing: Timing | None = None) -> None:
        self.signals = Signals()
        self.timing = timing or Timing()
        self.clock: Callable[[], float] = time.monotonic
        self._operations: list[Operation] = []
        self._ident = str(uuid.uuid4())

    @property
    def operations(self) -> Sequence[Operation]:
        """Intents so far, oldest first"""
        return tuple(self._operations)

    def mine(self, operation: Operation) -> bool:
        """There is nobody else"""
        return True

    def begin(self, kind: str, **detail: Any) -> Operation:
        """Remember an intent"""
        self.signals.check()
        operation = Operation(
            id=len(self._operations) + 1, action_uuid=self._ident, kind=kind,
            owner="nobody", owner_epoch=0, detail=detail,
            request_id=request_id(self._ident, self._ident, kind),
        )  # fmt: skip
        self._operations.append(operation)
        return operation

    def call(
        self, operation: Operation, send: Callable[[str], str | None]
    ) -> Operation:
        """Make the call"""
        return _send(operation, send)

    def done(self, operation: Operation, outcome: str, **detail: Any) -> None:
        """Remember the end"""
        ended = dataclasses.replace(
            operation, outcome=outcome, detail={**operation.detail, **detail}
        )
        self._operations = [
            ended if known.id == operation.id else known for known in self._operations
        ]

    def progress(self, operation: Operation, text: str, **numbers: Any) -> None:
        """Nobody asks"""


class Writer(Protocol):
    """The part of the plan's book that a journal needs"""

    def begin_operation(
        self, action_uuid: str, kind: str, request_id: str, detail: Mapping[str, Any]
    ) -> Operation:
        """Store an intent under the claim of the plan"""

    def note(self, operation: Operation) -> None:
        """Store, a little later, that it was sent, how far it is, or how it ended"""

    def may_start(self) -> bool:
        """Tell whether the lease is fresh enough to start something"""


class RowJournal:
    """Keeps the intents of one action in the database"""

    def __init__(
        self, writer: Writer, plan_uuid: str, action: Action, signals: Signals,
        timing: Timing, earlier: Sequence[Operation] = (),
    ) -> None:  # fmt: skip
        self.signals = signals
        self.timing = timing
        self.clock: Callable[[], float] = time.monotonic
        self._writer = writer
        self._plan_uuid = plan_uuid
        self._action = action
        self._operations = {operation.id: operation for operation in earlier}
        self._mine: set[int] = set()
        self._told = 0.0

    @property
    def operations(self) -> Sequence[Operation]:
        """Intents of this action so far, oldest first, of earlier processes too"""
        return tuple(self._operations[ident] for ident in sorted(self._operations))

    def mine(self, operation: Operation) -> bool:
        """Tell whether this execution wrote the intent"""
        return operation.id in self._mine

    def begin(self, kind: str, **detail: Any) -> Operation:
        """Write an intent down; raises Left when the plan is not ours any more"""
        self.signals.check()
        ident = request_id(self._plan_uuid, self._action.uuid, kind)
        operation = self._writer.begin_operation(self._action.uuid, kind, ident, detail)
        self._operations[operation.id] = operation
        self._mine.add(operation.id)
        return operation

    def call(
        self, operation: Operation, send: Callable[[str], str | None]
    ) -> Operation:
        """Make the call ``send(request_id)`` unless it is too late to start anything"""
        # The database may be slow without being lost: the lease then comes back or ends.
        while not self._writer.may_start():
            self.signals.wait(0.2)
        self.signals.check()
        try:
            sent = _send(operation, send)
        except exception.WatcherException as error:
            self.done(operation, REFUSED, reason=str(error))
            raise
        self._note(sent)
        return sent

    def done(self, operation: Operation, outcome: str, **detail: Any) -> None:
        """Write down how the operation ended"""
        known = self._operations.get(operation.id, operation)
        everything = {**known.detail, **operation.detail, **detail}
        sent_at, remote = operation.sent_at, operation.remote_id
        self._note(
            dataclasses.replace(
                operation, outcome=outcome, detail=everything,
                sent_at=sent_at or known.sent_at, remote_id=remote or known.remote_id,
            )
        )  # fmt: skip

    def _note(self, operation: Operation) -> None:
        self._operations[operation.id] = operation
        self._writer.note(operation)

    def progress(self, operation: Operation, text: str, **numbers: Any) -> None:
        """Log how far it is, and keep it for display, every few seconds"""
        now = self.clock()
        if now - self._told < PROGRESS_EVERY_S:
            return
        self._told = now
        LOG.info("Action %s: %s", self._action.uuid, text)
        known = self._operations.get(operation.id, operation)
        seen = {"text": text, "at": _now().isoformat(), **numbers}
        detail = {**known.detail, "progress": seen}
        self._note(dataclasses.replace(known, detail=detail))


def _send(operation: Operation, send: Callable[[str], str | None]) -> Operation:
    try:
        remote = send(operation.request_id)
    except exception.ClientError as error:
        if error.unknown:
            LOG.warning("Nobody knows yet whether it was done: %s", error)
            raise UnknownOutcome from error
        raise
    return dataclasses.replace(operation, remote_id=remote, sent_at=_now())


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
