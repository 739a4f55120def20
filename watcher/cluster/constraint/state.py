"""Servers that can be moved, nodes that can take one."""

from watcher.cluster.constraint.base import Bools, Constraint
from watcher.cluster.model.element import Instance, InstanceState, ServiceState
from watcher.cluster.model.simulate import COLD, LIVE, View

MOVABLE = {
    LIVE: (InstanceState.ACTIVE,),
    COLD: (InstanceState.ACTIVE, InstanceState.STOPPED),
}


class State(Constraint):
    """The server can be moved now, the target is up and enabled, and not being emptied"""

    name = "state"

    def pins(self, view: View, instance: Instance, kind: str = LIVE) -> str | None:
        uuid, data = instance.uuid, instance.data
        if data.get("locked"):
            return f"{uuid} is locked"
        if task := data.get("task_state"):
            return f"{uuid} is busy: {task}"
        if uuid in view.model.migrations:
            return f"{uuid} is being migrated"
        if data["state"] not in MOVABLE[kind]:
            return f"{uuid} is {data['state']}: no {kind} migration"
        host = view.host_of(uuid)
        if host is None:
            return f"{uuid} is on no node"
        if host in view.index and view.node(host).state != ServiceState.ONLINE:
            return f"{uuid} is on {host}, which is down"
        return None

    def fits(self, view: View, instance: Instance) -> Bools:
        return view.is_open

    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        if view.is_open[view.index[host]]:
            return None
        if host in view.disabled:
            return f"{host} is being emptied or disabled by this plan"
        node = view.node(host)
        return f"{host} is {node.status} and {node.state}"
