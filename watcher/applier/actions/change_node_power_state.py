"""Switches the machine of a host on or off."""

from typing import Any, ClassVar

from oslo_log import log

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions import base
from watcher.applier.actions.following import GRACE_S, Errand, Follower, Look
from watcher.applier.actions.sight import Sight
from watcher.applier.actions.steps import NODE, Steps, Watch, drive
from watcher.clients.protocols import Clients
from watcher.clients.records import BaremetalNode, Hypervisor
from watcher.domain.records import Operation

LOG = log.getLogger(__name__)

ON = "on"
OFF = "off"
KIND = "set_power"
BACK = "set_power_back"

# Ironic's words; others tell nothing.
POWER = {
    "power on": ON,
    "rebooting": ON,
    "soft reboot": ON,
    "power off": OFF,
    "soft power off": OFF,
}
# Provision states in which Ironic itself works on a machine, and needs its power.
BUSY = frozenset(
    (
        *("verifying", "inspecting", "inspect wait", "adopting"),
        *("cleaning", "clean wait", "clean hold", "deploying", "wait call-back"),
        *("deploy hold", "deleting", "rescuing", "rescue wait", "unrescuing"),
        *("servicing", "service wait", "service hold"),
    )
)
# A conductor holds a machine for moments while it looks at its power.
LOCKED = frozenset((409,))


class ChangeNodePowerState(base.BaseAction):
    """Switch a machine by Ironic, and wait until it is as wanted"""

    STATE = "state"
    RESOURCE_NAME = "resource_name"
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
                "state": {"type": "string", "enum": [ON, OFF]},
            },
            "required": ["resource_id", "state"],
            "additionalProperties": False,
        }

    @property
    def node_uuid(self) -> str:
        """The machine, as Ironic knows it"""
        return str(self.resource_id)

    @property
    def state(self) -> str:
        """``on`` or ``off``"""
        return str(self.input_parameters[self.STATE])

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Switches the machine of a host on or off"

    def steps(self) -> Steps:
        """Switch the machine, unless it is as wanted already"""
        yield from self._switch(self.state, KIND)

    def post_condition(self) -> None:
        """See that the machine is what it should be"""
        found = self._clients.metal.node(self.node_uuid)
        if POWER.get(found.power_state or "") != self.state:
            raise exception.ActionExecutionFailure(
                f"Machine {self.node_uuid} is '{found.power_state}', not {self.state}"
            )

    def revert(self) -> bool:
        """Switch the machine back, if it was this action that switched it"""
        mine = [
            op
            for op in self.journal.operations
            if op.kind == KIND and op.outcome == journals.SUCCEEDED
        ]
        if mine:
            opposite = OFF if self.state == ON else ON
            drive(self._switch(opposite, BACK), self.journal.signals)
        return True

    # Inner workings -------------------------------------------------------------------

    @property
    def _clients(self) -> Clients:
        clients: Clients = self.osc
        return clients

    def _switch(self, state: str, kind: str) -> Steps:
        if not any(op.kind == kind for op in self.journal.operations):
            node = self._node()
            if settled(node) == state:
                LOG.info("Machine %s is %s already", self.node_uuid, state)
                return
            self._check(node, state)
        timing = self.journal.timing
        errand = Errand(
            kind=kind, noun=f"switching machine {self.node_uuid} {state}",
            service="Ironic", watch=Watch(NODE, self.node_uuid),
            limit_s=timing.power_s, interval_s=timing.power_interval_s,
            detail=lambda: self._detail(state),
            send=lambda ident: self._clients.metal.set_power(
                self.node_uuid, state == ON, ident
            ),
            look=lambda operation: self._look(operation, state),
            grace_s=GRACE_S if self._clients.metal.tells_progress else timing.power_s,
            passing=LOCKED, heeds_cancel=kind != BACK,
        )  # fmt: skip
        yield from Follower(self.journal, errand).steps()

    def _node(self) -> BaremetalNode:
        try:
            return self._clients.metal.node(self.node_uuid)
        except exception.IronicNodeNotFound:
            raise exception.ActionExecutionFailure(
                f"Ironic knows no machine {self.node_uuid}"
            ) from None

    def _detail(self, state: str) -> dict[str, Any]:
        node = self._node()
        # Right before each request: somebody may have begun to use it meanwhile.
        self._check(node, state)
        was = POWER.get(node.power_state or "")
        return {"node": self.node_uuid, "was": was, "wanted": state}

    def _look(self, operation: Operation, state: str) -> Look:
        try:
            node = self.sights.node(self.node_uuid)
        except exception.IronicNodeNotFound:
            return Look(Sight.FAILED, "Ironic does not know the machine any more")
        return judge(node, state, operation.sent_at is not None)

    # What forbids it ------------------------------------------------------------------

    def _check(self, node: BaremetalNode, state: str) -> None:
        why = None
        if node.maintenance:
            reason = node.maintenance_reason or "no reason given"
            why = f"it is in maintenance ({reason})"
        elif node.provision_state in BUSY:
            why = (
                f"Ironic is busy with it: its provision state is {node.provision_state}"
            )
        elif state == OFF:
            why = self._in_use(node)
        if why:
            raise exception.ActionExecutionFailure(
                f"Machine {self.node_uuid} is not switched {state}: {why}"
            )

    def _in_use(self, node: BaremetalNode) -> str | None:
        """Return what the machine is used for, None for nothing"""
        hypervisor = self._hypervisor(node)
        if hypervisor is None:
            if name := self.input_parameters.get(self.RESOURCE_NAME):
                return f"Nova knows no hypervisor {name}, so what runs there is unknown"
            if node.instance:
                return f"server {node.instance} was deployed on it"
            return None
        host = hypervisor.hostname
        servers = self._clients.nova.servers_on(host)
        if servers:
            return f"{len(servers)} servers are on {host}, {servers[0].uuid} for one"
        for move in self._clients.nova.in_flight_migrations():
            if host in (move.dest_host, move.source_host):
                return f"server {move.server} migrates from or to {host}"
        return None

    def _hypervisor(self, node: BaremetalNode) -> Hypervisor | None:
        """Return the machine's hypervisor: Ironic's by its UUID, MAAS's by its name"""
        ident = node.extra.get("compute_node_id")
        names = {self.input_parameters.get(self.RESOURCE_NAME), node.name} - {None, ""}
        for found in self._clients.nova.hypervisors() if ident or names else ():
            if ident == found.uuid or names & {found.name, found.hostname}:
                return found
        return None


def settled(node: BaremetalNode) -> str | None:
    """Return ``on`` or ``off``; None while it is being switched, or nobody knows"""
    return None if node.target_power_state else POWER.get(node.power_state or "")


def judge(node: BaremetalNode, state: str, accepted: bool) -> Look:
    """Tell how switching goes on; ``accepted`` says that Ironic took the request"""
    text = f"it is '{node.power_state}'"
    if node.target_power_state:
        return Look(Sight.UNDERWAY, f"{text}, going to '{node.target_power_state}'")
    if settled(node) == state:
        return Look(Sight.ARRIVED, text, {"power": node.power_state})
    if node.reservation:
        return Look(Sight.UNDERWAY, f"{text}, held by conductor {node.reservation}")
    if node.last_error and accepted:
        return Look(Sight.FAILED, f"Ironic says: {node.last_error}; {text}")
    return Look(Sight.SILENT, text)
