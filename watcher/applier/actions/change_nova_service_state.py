"""Enables or disables the compute service of a host."""

from typing import Any, ClassVar

from oslo_log import log

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions import base
from watcher.applier.journal import UnknownOutcome
from watcher.clients.protocols import Nova
from watcher.clients.records import ComputeService
from watcher.domain.records import Operation

LOG = log.getLogger(__name__)

ENABLED = "enabled"
DISABLED = "disabled"
KIND = "set_service"
BACK = "set_service_back"
# Asking twice does no harm: the state is named, not turned around.
ATTEMPTS = 3


class ChangeNovaServiceState(base.BaseAction):
    """Let the scheduler use a host, or keep it from doing so"""

    STATE = "state"
    REASON = "disabled_reason"
    RESOURCE_NAME = "resource_name"
    # Ours: enable it only if this, or no reason when null, is why it is disabled.
    IF_REASON = "if_disabled_reason"
    journalled: ClassVar[bool] = True
    idempotent: ClassVar[bool] = True

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the parameters"""
        return {
            "type": "object",
            "properties": {
                "resource_id": {"type": "string", "minLength": 1},
                "resource_name": {"type": "string", "minLength": 1},
                "state": {"type": "string", "enum": ["up", "down", ENABLED, DISABLED]},
                "disabled_reason": {"type": "string", "minLength": 1},
                self.IF_REASON: {"type": ["string", "null"]},
            },
            "required": ["resource_id", "state"],
            "additionalProperties": False,
        }

    @property
    def host(self) -> str:
        """The compute service's host; plans of old name it in ``resource_id`` alone"""
        name = self.input_parameters.get(self.RESOURCE_NAME)
        return str(name or self.resource_id)

    @property
    def state(self) -> str:
        """The state that is wanted"""
        return str(self.input_parameters[self.STATE])

    @property
    def reason(self) -> str | None:
        """What operators shall read beside a disabled service"""
        return self.input_parameters.get(self.REASON)

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Enables or disables the compute service of a host"

    def pre_condition(self) -> None:
        """Skip when the host has no service, or it is as it should be"""
        service = self._find()
        if service is None:
            raise exception.ActionSkipped(
                f"There is no nova-compute service on host {self.host}"
            )
        if service.status == self.state:
            why = service.disabled_reason
            raise exception.ActionSkipped(
                f"nova-compute service on {self.host} is already {self.state}"
                + (f" ({why})" if why and self.state == DISABLED else "")
            )
        if self.state == ENABLED and not self._may_enable(service):
            raise exception.ActionSkipped(
                f"nova-compute service on {self.host} is disabled for another reason "
                f"({service.disabled_reason or 'none given'})"
            )

    def run(self) -> None:
        """Set the state and see that Nova has taken it"""
        if self.state not in (ENABLED, DISABLED):
            raise exception.ActionExecutionFailure(
                f"A compute service cannot be set '{self.state}', only enabled or disabled"
            )
        self._set(self.state, self.reason, KIND)

    def revert(self) -> bool:
        """Put the service back as it was, if it was this action that changed it"""
        mine = self._own_change()
        service = self._find()
        if mine is None or service is None or service.status != self.state:
            return True
        if service.status == DISABLED and service.disabled_reason != self.reason:
            # Somebody disabled it for a reason of their own meanwhile.
            LOG.info(
                "Service on %s stays disabled: %s", self.host, service.disabled_reason
            )
            return True
        before = mine.detail
        self._set(str(before["was"]), before.get("was_reason"), BACK)
        return True

    @property
    def _nova(self) -> Nova:
        nova: Nova = self.osc.nova
        return nova

    def _find(self) -> ComputeService | None:
        found = [svc for svc in self._nova.services() if svc.host == self.host]
        return found[0] if found else None

    def _may_enable(self, service: ComputeService) -> bool:
        """Tell whether it is disabled for the reason that this action is about, if any"""
        if self.IF_REASON not in self.input_parameters:
            return True
        wanted = self.input_parameters[self.IF_REASON]
        return (service.disabled_reason or None) == (wanted or None)

    def _own_change(self) -> Operation | None:
        done = [
            op
            for op in self.journal.operations
            if op.kind == KIND and op.outcome == journals.SUCCEEDED
        ]
        return done[0] if done else None

    def _set(self, state: str, reason: str | None, kind: str) -> None:
        service = self._find()
        if service is None:
            raise exception.ActionExecutionFailure(
                f"There is no nova-compute service on host {self.host} any more"
            )
        intent = self._intent(kind)
        if intent is not None and service.status == state:
            # An earlier process did it, but could not say so any more.
            self.journal.done(intent, journals.SUCCEEDED)
            return
        for _attempt in range(ATTEMPTS):
            intent = self.journal.begin(
                kind, service=service.id, host=self.host,
                was=service.status, was_reason=service.disabled_reason, reason=reason,
            )  # fmt: skip
            if self._ask(intent, service.id, state, reason):
                self.journal.done(intent, journals.SUCCEEDED)
                return
            self.journal.done(intent, journals.LOST)
        raise exception.ActionExecutionFailure(
            f"nova-compute service on {self.host} did not become {state}"
        )

    def _ask(
        self, intent: Operation, service_id: str, state: str, reason: str | None
    ) -> bool:
        """Tell whether the service is as wanted after asking for it"""
        try:
            self.journal.call(
                intent,
                lambda ident: self._nova.set_service(
                    service_id, state == ENABLED, reason, ident
                ),
            )
        except UnknownOutcome:
            LOG.info("Looking whether the service on %s is %s", self.host, state)
        after = self._find()
        return after is not None and after.status == state

    def _intent(self, kind: str) -> Operation | None:
        found = [op for op in self.journal.operations if op.kind == kind]
        return found[-1] if found else None
