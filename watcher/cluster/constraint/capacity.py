"""Room on the target."""

from collections.abc import Iterator

import numpy as np

from watcher.cluster.constraint.base import Bools, Breach, Constraint
from watcher.cluster.model.element import Instance
from watcher.cluster.model.simulate import View

NAMES = ("vCPUs", "MB of memory", "GB of disk")


class Capacity(Constraint):
    """A node is not promised more than Placement would grant

    Room is (total - reserved) x allocation ratio, less what servers use and what
    migrations under way hold; no single server may be larger than the node itself. A
    resource of which the server needs nothing is not looked at.
    """

    name = "capacity"

    def fits(self, view: View, instance: Instance) -> Bools:
        size = view.size(instance)
        needed = size > 0
        after = view.used + view.held + size
        ok = (after <= view.capacity) & (size <= view.total)
        result: Bools = np.all(ok[:, needed], axis=1)
        return result

    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        i = view.index[host]
        size = view.size(instance).tolist()
        room = view.room(host)
        for name, need, left, total in zip(
            NAMES, size, room, view.total[i].tolist(), strict=True
        ):
            if need and need > total:
                return f"{host} has {total} {name} in all, {instance.uuid} needs {need}"
            if need > 0 and need > left:
                return f"{host} has room for {max(left, 0):g} {name}, {instance.uuid} needs {need}"
        return None

    def breaks(self, view: View) -> Iterator[Breach]:
        promised = view.used + view.held
        for i, kind in np.argwhere(promised > view.capacity).tolist():
            yield Breach(
                f"{view.hosts[i]}/{NAMES[kind]}",
                f"{view.hosts[i]} has promised {promised[i, kind]} of "
                f"{view.capacity[i, kind]:g} {NAMES[kind]}",
            )
