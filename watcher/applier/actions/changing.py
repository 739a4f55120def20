"""Changes of a server in place: stop, start, delete, shelve, unshelve."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from watcher import exception
from watcher.applier.actions.pursuit import GRACE_S, Pursuit, Stand
from watcher.applier.actions.steps import Sights
from watcher.applier.journal import Journal
from watcher.clients.protocols import Nova
from watcher.clients.records import InstanceAction, Server
from watcher.domain.records import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is wanted of a server, and how Nova shows that it has been done"""

    server: str
    kind: str  # of the intent, and Nova's name of it among the server's actions
    noun: str  # what has failed when it fails
    reached: frozenset[str]  # states of the server after it, as Nova's vm_state
    limit_s: float
    gone_is_done: bool = False


def judge(
    change: Change, server: Server, own: InstanceAction | None, was: str
) -> Stand:
    """Tell how the change stands; ``was`` is the vm state when it was asked for

    ``own`` is what Nova remembers of the request, looked up for a server that is idle.
    """
    if server.task_state:
        return Stand.UNDERWAY
    if server.vm_state in change.reached:
        return Stand.DONE
    if server.status == "ERROR" and was != "error":
        return Stand.FAILED
    if own is not None and own.message == "Error":
        return Stand.FAILED
    return Stand.SILENT


def own_action(
    change: Change, operation: Operation, actions: Sequence[InstanceAction]
) -> InstanceAction | None:
    """Return what Nova remembers of the request; ``actions`` come newest first

    When its answer was lost, it is the first of its kind after the last one known before.
    """
    last = operation.detail.get("last")
    found = None
    for action in actions:
        if operation.remote_id and action.request_id == operation.remote_id:
            return action
        if last is not None and action.request_id == last:
            break
        if action.action == change.kind:
            found = action
    return None if operation.remote_id else found


class Changer(Pursuit):
    """Carries one change out, or finds and completes what another process began"""

    def __init__(
        self, nova: Nova, sights: Sights, journal: Journal, change: Change, *,
        heed_cancel: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(nova, sights, journal, heed_cancel=heed_cancel)
        self._change = change
        self.noun = change.noun
        self.server_id = change.server
        self.kind = change.kind
        self.limit_s = change.limit_s
        self._own: InstanceAction | None = None

    def _before(self) -> dict[str, Any]:
        server = self._nova.server(self.server_id)
        known = self._nova.instance_actions(self.server_id)
        return {
            "was": server.vm_state,
            "host": server.host,
            "last": known[0].request_id if known else None,
        }

    def _send(self, request_id: str) -> str | None:
        calls: dict[str, Callable[[str, str], str | None]] = {
            "stop": self._nova.stop,
            "start": self._nova.start,
            "delete": self._nova.delete,
            "shelve": self._nova.shelve,
            "unshelve": self._nova.unshelve,
        }
        return calls[self.kind](self.server_id, request_id)

    def _stand(self, operation: Operation) -> Stand:
        self._own = None
        server = self._server = self._sights.server(self.server_id)
        if server.deleted:
            raise exception.InstanceNotFound(name=self.server_id)
        reached = server.vm_state in self._change.reached
        if not server.task_state and not (reached and operation.sent_at):
            self._own = self._find(operation)
        was = str(operation.detail.get("was"))
        return judge(self._change, server, self._own, was)

    def _find(self, operation: Operation) -> InstanceAction | None:
        actions = self._nova.instance_actions(self.server_id)
        return own_action(self._change, operation, actions)

    def _silence_s(self, operation: Operation) -> float:
        # What Nova remembers has arrived, whether it could answer or not.
        return GRACE_S if self._own is not None else super()._silence_s(operation)

    def _ours(self) -> bool:
        return self._server is None or self._own is not None

    def _vanished(self) -> bool:
        return self._change.gone_is_done

    def _reason(self, operation: Operation) -> str:
        server = self._server
        assert server is not None
        if server.status == "ERROR" and server.fault:
            why: str | None = server.fault
        else:
            own = self._own.request_id if self._own else operation.remote_id
            why = self._why(own)
        ended = f"{server.name} is {server.status} on {server.host or 'no host'}"
        return f"Nova says: {why}; {ended}" if why else f"it failed; {ended}"
