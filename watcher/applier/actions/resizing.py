"""Gives a server another flavor, and confirms it or takes it back."""

import dataclasses
from collections.abc import Callable, Generator, Sequence
from typing import Any

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions.pursuit import GRACE_S, Pauses, Pursuit, Stand
from watcher.applier.actions.sight import fault_is_newer
from watcher.applier.actions.steps import Sights, Wait
from watcher.applier.journal import Journal, UnknownOutcome
from watcher.applier.signals import Aborted
from watcher.clients.protocols import Nova
from watcher.clients.records import ENDED_BADLY, Flavor, Migration, Server
from watcher.domain.records import Operation

RESIZE = "resize"
CONFIRM = "confirm_resize"
TAKE_BACK = "revert_resize"


def judge(wanted: Flavor, server: Server, record: Migration | None) -> Stand:
    """Tell how a resize stands; ``record`` is newer than the request for it"""
    if server.task_state:
        return Stand.UNDERWAY
    if server.status == "ERROR":
        return Stand.FAILED
    sized = server.flavor is not None and server.flavor.same_size(wanted)
    waits = server.status == "VERIFY_RESIZE"
    if record is None:
        return Stand.DONE if sized and not waits else Stand.SILENT
    if record.status in ENDED_BADLY:
        return Stand.UNSETTLED if waits else Stand.FAILED
    if record.status == "finished" and waits:
        return Stand.TO_CONFIRM if sized else Stand.UNSETTLED
    if record.in_flight:
        return Stand.UNDERWAY
    return Stand.DONE if sized and not waits else Stand.UNSETTLED


def own_record(records: Sequence[Migration], after: int) -> Migration | None:
    """Return the newest record of a resize that was asked for after record ``after``"""
    found = [r for r in records if r.id > after and r.kind == RESIZE]
    return max(found, key=lambda record: record.id, default=None)


def remember(flavor: Flavor) -> dict[str, Any]:
    """Return what an intent keeps of a flavor, which may be gone when it is looked for"""
    return {**dataclasses.asdict(flavor), "extra_specs": {}}


class Resizer(Pursuit):
    """Carries one resize out, or finds and completes what another process began"""

    def __init__(
        self, nova: Nova, sights: Sights, journal: Journal, server: str, wanted: Flavor,
        *, kind: str = RESIZE, limit_s: float, heed_cancel: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(nova, sights, journal, heed_cancel=heed_cancel)
        self.server_id = server
        self.kind = kind
        self.limit_s = limit_s
        self.noun = f"resize to flavor {wanted.name}"
        self._wanted = wanted
        self._record: Migration | None = None

    # What the pursuit asks for --------------------------------------------------------

    def _before(self) -> dict[str, Any]:
        server = self._nova.server(self.server_id)
        known = self._nova.migrations(self.server_id)
        return {
            "flavor": self._wanted.name,
            "size": remember(self._wanted),
            "was": server.flavor.name if server.flavor else None,
            "host": server.host,
            "limit_s": self.limit_s,
            "after": max((record.id for record in known), default=0),
        }

    def _send(self, request_id: str) -> str | None:
        return self._nova.resize(self.server_id, self._wanted.id, request_id)

    def _stand(self, operation: Operation) -> Stand:
        # The record first: a server that is seen later is never behind it.
        records = self._sights.migrations(self.server_id)
        self._record = own_record(records, int(operation.detail.get("after", 0)))
        server = self._server = self._sights.server(self.server_id)
        if server.deleted:
            raise exception.InstanceNotFound(name=self.server_id)
        return judge(self._wanted, server, self._record)

    def _ours(self) -> bool:
        return self._record is not None

    @property
    def _reverted(self) -> bool:
        return self._record is not None and self._record.status == "reverted"

    def _succeed(self, operation: Operation) -> None:
        self._settle(CONFIRM, journals.SUCCEEDED)
        super()._succeed(operation)

    def _failed(self, operation: Operation) -> None:
        """Say why, unless it was this action that took it back"""
        mine = any(
            op.kind == TAKE_BACK and op.outcome != journals.REFUSED
            for op in self._journal.operations
        )
        if mine and self._reverted:
            self._settle(TAKE_BACK, journals.SUCCEEDED)
            self._journal.done(operation, journals.CANCELLED)
            raise Aborted
        super()._failed(operation)

    def _reason(self, operation: Operation) -> str:
        server, record = self._server, self._record
        assert server is not None
        number = f" (migration {record.id})" if record else ""
        if server.fault and server.status == "ERROR" and fault_is_newer(server, record):
            why = f"Nova says: {server.fault}"
        elif self._reverted:
            why = "somebody took it back in Nova"
        elif text := self._why(operation.remote_id):
            why = f"Nova says: {text}"
        elif record is not None and record.status in ENDED_BADLY:
            why = f"Nova ended it with status '{record.status}'"
        else:
            why = "Nova did not do it"
        size = server.flavor.name if server.flavor else "an unknown flavor"
        return f"{why}{number}; {server.name} is {server.status} with {size}"

    # Confirming, or taking back -------------------------------------------------------

    def _confirm(self, operation: Operation) -> Pauses:
        """Confirm it; when the plan is being cancelled take it back instead"""
        if self._cancelled and (yield from self.take_back(operation)):
            self._failed(operation)
        for _attempt in range(2):
            answered, problem = self._call(CONFIRM, self._nova.confirm_resize)
            ended = yield from self._await(operation, answered, problem)
            if ended is Stand.DONE:
                self._succeed(operation)
                return
            self._settle(CONFIRM, journals.FAILED if answered else journals.LOST)
            if ended is Stand.FAILED:
                self._failed(operation)
            if answered:
                break
        text = f"it could not be confirmed: {problem or 'no effect seen'}"
        self._fail(operation, journals.FAILED, text)

    def take_back(self, operation: Operation) -> Generator[Wait, None, bool]:
        """Tell whether the server has its former flavor and host again"""
        answered, problem = self._call(TAKE_BACK, self._nova.revert_resize)
        ended = yield from self._await(operation, answered, problem)
        done = ended is Stand.FAILED and self._reverted
        outcome = journals.SUCCEEDED if done else journals.FAILED
        self._settle(TAKE_BACK, outcome)
        return done

    def _call(
        self, kind: str, call: Callable[[str, str], str | None]
    ) -> tuple[bool, str | None]:
        """Ask for one of both; tells whether Nova answered, and what if it refused"""
        intent = self._journal.begin(kind, server=self.server_id)
        try:
            self._journal.call(intent, lambda ident: call(self.server_id, ident))
        except UnknownOutcome:
            return False, None
        except exception.WatcherException as error:
            # It may mean that Nova confirms by itself just now.
            return True, str(error)
        return True, None

    def _await(
        self, operation: Operation, answered: bool, problem: str | None
    ) -> Generator[Wait, None, Stand | None]:
        """Return how it ended, None when it still waits for its confirmation"""
        timing = self._journal.timing
        start = self._journal.clock()
        # After this it is sure that what shows no effect has not arrived.
        idle_s = timing.confirm_s if answered else timing.settle_s
        idle_s = min(GRACE_S, idle_s) if problem else idle_s
        for pause_s in self._pauses_s():
            yield from self._pause(pause_s)
            stand = self._look(operation)
            if stand in (Stand.DONE, Stand.FAILED):
                return stand
            waited = self._journal.clock() - start
            limit_s = idle_s if stand is Stand.TO_CONFIRM else timing.confirm_s
            if stand is not None and waited >= limit_s:
                return None
        return None

    def _settle(self, kind: str, outcome: str) -> None:
        """End intents, those too of a process that died before it had the answer"""
        for operation in self._journal.operations:
            if operation.kind == kind and operation.outcome is None:
                self._journal.done(operation, outcome)
