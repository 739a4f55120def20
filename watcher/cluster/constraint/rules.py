"""The rules that hold everywhere."""

from collections.abc import Iterable, Sequence

from watcher.cluster.constraint import base
from watcher.cluster.constraint.aggregate import Aggregates
from watcher.cluster.constraint.base import Constraint, Verdict
from watcher.cluster.constraint.capacity import Capacity
from watcher.cluster.constraint.resources import Resources
from watcher.cluster.constraint.scope import Scope
from watcher.cluster.constraint.server_group import ServerGroups
from watcher.cluster.constraint.state import State
from watcher.cluster.constraint.traits import Traits
from watcher.cluster.constraint.zone import Zone
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.simulate import LIVE, View


def standard() -> list[Constraint]:
    """Return all rules, those first that explain a refusal best"""
    return [
        Scope(),
        State(),
        Zone(),
        Aggregates(),
        Traits(),
        ServerGroups(),
        Resources(),
        Capacity(),
    ]


def feasible(
    view: View,
    instance: Instance | str,
    candidates: Iterable[ComputeNode | str] | None = None,
    *,
    rules: Sequence[Constraint] | None = None,
    kind: str = LIVE,
) -> Verdict:
    """Return where an instance may go by the standard rules; see ``base.feasible``"""
    rules = standard() if rules is None else rules
    return base.feasible(view, instance, candidates, rules=rules, kind=kind)
