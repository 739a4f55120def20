"""What the audit may touch."""

import numpy as np

from watcher.cluster.constraint.base import Bools, Constraint
from watcher.cluster.model.element import Instance
from watcher.cluster.model.simulate import LIVE, Move, View


class Scope(Constraint):
    """Excluded servers stay, and nothing leaves the scope: the model has only its nodes"""

    name = "scope"

    def pins(self, view: View, instance: Instance, kind: str = LIVE) -> str | None:
        if instance.data.get("watcher_exclude"):
            return f"{instance.uuid} is excluded by the scope"
        return None

    def fits(self, view: View, instance: Instance) -> Bools:
        return np.ones(len(view.hosts), dtype=bool)

    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        return None

    def why(self, view: View, move: Move) -> str | None:
        if move.target not in view.index:
            return f"{move.target} is outside the scope or unknown"
        return super().why(view, move)
