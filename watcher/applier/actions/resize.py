"""Gives a server another flavor."""

from typing import Any, ClassVar

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions import base
from watcher.applier.actions.resizing import RESIZE, Resizer, own_record
from watcher.applier.actions.server import ServerAction
from watcher.applier.actions.steps import Steps, drive
from watcher.clients.records import Flavor, Server
from watcher.domain.records import Operation

BACK = "resize_back"
RESIZABLE = ("ACTIVE", "SHUTOFF")
MB_PER_GB = 1024


class Resize(ServerAction):
    """Resize a server, confirm it and wait until Nova has done that"""

    FLAVOR = "flavor"
    KIND: ClassVar[str] = RESIZE

    def __init__(self, config: Any, osc: Any = None) -> None:
        super().__init__(config, osc)
        self._found: Flavor | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the parameters"""
        return {
            "type": "object",
            "properties": {
                "resource_id": {"type": "string", "pattern": base.UUID_PATTERN},
                "flavor": {"type": "string", "minLength": 1},
            },
            "required": ["resource_id", "flavor"],
            "additionalProperties": False,
        }

    @property
    def flavor(self) -> str:
        """Id or name of the flavor that the server shall have"""
        return str(self.input_parameters[self.FLAVOR])

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Gives a server another flavor; undone by giving it the former one again"

    def check_abort(self) -> bool:
        """Until it is confirmed Nova can take it back"""
        return True

    def pre_condition(self) -> None:
        """Skip when the server is gone or has the flavor; fail when it cannot get it"""
        server = self._known_server()
        wanted = self._wanted()
        sized = server.flavor is not None and server.flavor.same_size(wanted)
        if sized and server.status != "VERIFY_RESIZE":
            raise exception.ActionSkipped(
                f"Instance {self.instance_uuid} already has flavor {wanted.name}"
            )
        if server.status not in RESIZABLE:
            raise exception.ActionExecutionFailure(
                f"Instance {self.instance_uuid} is {server.status}; only an ACTIVE or "
                "SHUTOFF one can be resized"
            )

    def steps(self) -> Steps:
        """Resize the server and return when that is confirmed"""
        begun = self._begun()
        if begun is None:
            resizer = self._resizer(self._wanted(), self._server(), RESIZE)
        else:
            # What an earlier process began is not looked up again: Nova may be away, or
            # the flavor gone, and neither would make it a failure.
            self._found = Flavor(**begun.detail["size"])
            resizer = Resizer(
                self._nova, self.sights, self.journal, self.instance_uuid, self._found,
                limit_s=float(begun.detail["limit_s"]),
            )  # fmt: skip
        yield from resizer.steps()

    def revert(self) -> bool:
        """Give the server its former flavor back, if it still has that of this action

        :raises ActionExecutionFailure: the former flavor is gone, or Nova refuses
        """
        server, own = self._server(), self._last()
        if server is None or own is None or server.flavor is None:
            return True
        if server.flavor.name != own.detail.get("flavor"):
            return True
        former = str(own.detail.get("was"))
        flavor = self._nova.flavor(former)
        if flavor is None:
            raise exception.ActionExecutionFailure(
                f"There is no flavor {former} any more, which instance "
                f"{self.instance_uuid} had before"
            )
        drive(self._undo(server, own, flavor), self.journal.signals)
        return True

    def _undo(self, server: Server, own: Operation, former: Flavor) -> Steps:
        if self._waits(server, own):
            resizer = self._resizer(self._wanted(), server, RESIZE, heed_cancel=False)
            if (yield from resizer.take_back(own)):
                return
        yield from self._resizer(former, server, BACK, heed_cancel=False).steps()

    def _check_after(self, server: Server | None) -> None:
        wanted = self._wanted()
        if server is None:
            raise exception.ActionExecutionFailure(
                f"Instance {self.instance_uuid} was deleted after its resize"
            )
        sized = server.flavor is not None and server.flavor.same_size(wanted)
        if not sized or server.status == "VERIFY_RESIZE":
            size = server.flavor.name if server.flavor else "an unknown flavor"
            raise exception.ActionExecutionFailure(
                f"Instance {self.instance_uuid} is {server.status} with {size}, soon "
                f"after its resize to flavor {wanted.name}"
            )

    def _begun(self) -> Operation | None:
        found = [op for op in self.journal.operations if op.kind == RESIZE]
        return found[-1] if found else None

    def _last(self) -> Operation | None:
        """Return the request that may have given the server its flavor"""
        for operation in reversed(self.journal.operations):
            if operation.kind == RESIZE and operation.outcome not in (
                journals.REFUSED, journals.LOST, journals.CANCELLED,
            ):  # fmt: skip
                return operation if operation.detail.get("ours", True) else None
        return None

    def _waits(self, server: Server, own: Operation) -> bool:
        """Tell whether the resize of this action is still to be confirmed"""
        records = self._nova.migrations(self.instance_uuid)
        record = own_record(records, int(own.detail.get("after", 0)))
        return (
            server.status == "VERIFY_RESIZE"
            and record is not None
            and record.status == "finished"
        )

    def _wanted(self) -> Flavor:
        if self._found is None:
            self._found = self._nova.flavor(self.flavor)
        if self._found is None:
            raise exception.ActionExecutionFailure(f"There is no flavor {self.flavor}")
        return self._found

    def _resizer(
        self, flavor: Flavor, server: Server | None, kind: str, heed_cancel: bool = True
    ) -> Resizer:
        timing = self.journal.timing
        size = server.flavor if server is not None else None
        disk_gb = size.disk_gb + size.ephemeral_gb if size is not None else 0
        return Resizer(
            self._nova, self.sights, self.journal, self.instance_uuid, flavor, kind=kind,
            limit_s=timing.migration_s + disk_gb * MB_PER_GB * timing.per_memory_mb_s,
            heed_cancel=heed_cancel,
        )  # fmt: skip
