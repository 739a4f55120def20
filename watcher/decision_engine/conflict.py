"""Does a running plan touch what an audit is about to judge?"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from watcher.domain.records import Action, ActionPlan

# They change nothing in the cloud.
HARMLESS = frozenset(("nop", "sleep"))
HostOf = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Running:
    """A plan that an applier carries out, with its actions and its audit's scope"""

    plan: ActionPlan
    actions: Collection[Action]
    scope: Collection[Any]


def touched(actions: Iterable[Action], host_of: HostOf) -> set[str] | None:
    """Return the hosts that ``actions`` touch; None when that cannot be told

    Nothing is told either of a plan that only waits: its scope speaks for it.
    """
    hosts: set[str] = set()
    for action in actions:
        if action.action_type in HARMLESS:
            continue
        found = _hosts(action, host_of)
        if not found:
            return None
        hosts |= found
    return hosts or None


def _hosts(action: Action, host_of: HostOf) -> set[str]:
    given = action.input_parameters
    if action.action_type == "change_nova_service_state":
        return {name for name in (given.get("resource_name"),) if name}
    found = {given.get("source_node"), given.get("destination_node")}
    if action.action_type == "migrate" and not given.get("destination_node"):
        return set()  # The scheduler picks: it may be any host.
    resource = given.get("resource_id")
    if isinstance(resource, str):
        found.add(host_of(resource))
    return {host for host in found if host}


def overlaps(
    running: Running,
    hosts: Collection[str],
    *,
    scope_hosts: Callable[[Collection[Any]], Collection[str]],
    host_of: HostOf,
) -> bool:
    """Tell whether ``running`` can touch one of ``hosts``"""
    affected = touched(running.actions, host_of)
    if affected is None:
        affected = set(scope_hosts(running.scope))
    return not affected.isdisjoint(hosts)
