"""What the actions that change one server in place have in common."""

from typing import Any, ClassVar

from oslo_log import log

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions import base
from watcher.applier.actions.changing import Change, Changer
from watcher.applier.actions.steps import Steps, drive
from watcher.clients.protocols import Nova
from watcher.clients.records import Server
from watcher.domain.records import Operation

LOG = log.getLogger(__name__)


class ServerAction(base.BaseAction):
    """One change of one server; ``resource_id`` names it, and nothing else is accepted"""

    journalled: ClassVar[bool] = True
    KIND: ClassVar[str]  # of the intent, and Nova's name of what is asked

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the parameters"""
        return {
            "type": "object",
            "properties": {
                "resource_id": {"type": "string", "pattern": base.UUID_PATTERN}
            },
            "required": ["resource_id"],
            "additionalProperties": False,
        }

    @property
    def instance_uuid(self) -> str:
        """The server"""
        return str(self.resource_id)

    def change(self) -> Change:
        """Return what is wanted of the server"""
        raise NotImplementedError

    def change_back(self) -> Change:
        """Return what undoes it"""
        raise exception.UnsupportedError(f"{type(self).__name__} cannot be undone")

    def steps(self) -> Steps:
        """Ask for the change and wait until it is done"""
        return Changer(self._nova, self.sights, self.journal, self.change()).steps()

    def post_condition(self) -> None:
        """Look whether the server really is as the action left it"""
        if self._own() is None:
            return
        try:
            server = self._server()
        except (exception.ClientError, exception.AuthorizationFailure) as error:
            # It was seen to be done: that Nova is away now makes it no failure.
            LOG.warning(
                "Instance %s is not looked at again: %s", self.resource_id, error
            )
            return
        self._check_after(server)

    def _check_after(self, server: Server | None) -> None:
        change = self.change()
        if server is None:
            if not change.gone_is_done:
                raise exception.ActionExecutionFailure(
                    f"Instance {self.instance_uuid} was deleted after the {change.noun}"
                )
        elif server.vm_state not in change.reached:
            raise exception.ActionExecutionFailure(
                f"Instance {self.instance_uuid} is {server.status} again, soon after the "
                f"{change.noun}"
            )

    def revert(self) -> bool:
        """Undo it, if it was this action that did it and nobody changed it since"""
        back = self.change_back()
        own = self._own()
        server = self._server()
        if (
            own is None
            or server is None
            or server.vm_state not in self.change().reached
        ):
            return True
        changer = Changer(
            self._nova, self.sights, self.journal, back, heed_cancel=False
        )  # fmt: skip
        drive(changer.steps(), self.journal.signals)
        return True

    @property
    def _nova(self) -> Nova:
        nova: Nova = self.osc.nova
        return nova

    def _server(self) -> Server | None:
        """Return the server as it is now, None when it is gone"""
        try:
            server = self._nova.server(self.instance_uuid)
        except exception.InstanceNotFound:
            return None
        return None if server.deleted else server

    def _known_server(self) -> Server:
        """Return the server, or have the action skipped when it is gone"""
        gone = exception.ActionSkipped(f"Instance {self.instance_uuid} not found")
        try:
            server = self.sights.server(self.instance_uuid)
        except exception.InstanceNotFound:
            raise gone from None
        if server.deleted:
            raise gone
        return server

    def _own(self) -> Operation | None:
        """Return the request of this action that did what was wanted"""
        for operation in reversed(self.journal.operations):
            if operation.kind == self.KIND and operation.outcome == journals.SUCCEEDED:
                return operation if operation.detail.get("ours", True) else None
        return None
