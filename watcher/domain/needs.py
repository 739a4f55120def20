"""Whether an action has a use for what another one, that comes before it, achieves.

The parents of an action are those it needs, and those that the operator's order of types
puts before it. The rows do not tell them apart, so this rule does: by types and parameters,
alike for the planner, which promises that what really depends is needed, and for the
applier, which keeps an action from running when something that it needs has failed.
"""

from collections.abc import Mapping
from typing import Any, Protocol

MIGRATE = "migrate"
SERVICE = "change_nova_service_state"
POWER = "change_node_power_state"
SLEEP_STATE = "turn_host_to_acpi_s3_state"
VOLUME = "volume_migrate"

# They change nothing: they give nobody anything and need nobody.
IDLE = frozenset(("nop", "sleep"))
# They open, close or switch one host, named by ``resource_name``.
OF_HOST = frozenset((SERVICE, POWER, SLEEP_STATE))
# They change one server, named by ``resource_id``, on a host that they do not name.
OF_SERVER = frozenset(("resize", "stop", "start", "delete", "shelve", "unshelve"))
# They need room on a host that Nova picks, or give room back.
ARRIVING = frozenset((MIGRATE, "resize", "unshelve"))
LEAVING = frozenset((MIGRATE, "resize", "delete", "shelve"))


class Step(Protocol):
    """An action, planned or stored"""

    @property
    def action_type(self) -> str:
        """The name of its type"""

    @property
    def input_parameters(self) -> Mapping[str, Any]:
        """What it is to work on"""


def needs(child: Step, parent: Step) -> bool:
    """Tell whether ``child`` would be wrong, or in vain, when ``parent`` has failed

    Needed is what concerns the same server, opens or closes a host that the child moves a
    server to or away from, empties the host that the child closes or switches off, and
    makes room where a server arrives. Pools and compute hosts have nothing to do with each
    other. When in doubt, the parent is needed.
    """
    if child.action_type in IDLE or parent.action_type in IDLE:
        return False
    if _same_resource(child, parent):
        return True
    kinds = {child.action_type == VOLUME, parent.action_type == VOLUME}
    others = [step for step in (child, parent) if step.action_type != VOLUME]
    if len(kinds) == 2 and all(map(_known, others)):
        return False
    if not (_known(child) and _known(parent)):
        return True
    if child.action_type not in OF_HOST and parent.action_type not in OF_HOST:
        # Both are of servers, and of different ones: it is a matter of room.
        return (
            child.action_type in ARRIVING
            and parent.action_type in LEAVING
            and _may_be_same(
                _host(child, "destination_node"), _host(parent, "source_node")
            )
        )
    return any(_may_be_same(a, b) for a in _hosts(child) for b in _hosts(parent))


def _known(step: Step) -> bool:
    kind = step.action_type
    return kind == MIGRATE or kind in OF_HOST or kind in OF_SERVER


def _same_resource(child: Step, parent: Step) -> bool:
    resource = child.input_parameters.get("resource_id")
    return bool(resource) and resource == parent.input_parameters.get("resource_id")


def _hosts(step: Step) -> list[str | None]:
    """Return the hosts that the action concerns, None for one that is not named"""
    if step.action_type == MIGRATE:
        return [_host(step, "source_node"), _host(step, "destination_node")]
    if step.action_type in OF_SERVER:
        return [None]
    return [_host(step, "resource_name")]


def _host(step: Step, name: str) -> str | None:
    host = step.input_parameters.get(name)
    return host if isinstance(host, str) and host else None


def _may_be_same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other
