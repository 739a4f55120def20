"""What a plan has achieved: its indicators measured again in the cluster as it is now; pure.

Measured is what can be told from the plan's actions and the compute model alone, without
running the strategy again. What was counted before the plan (candidates) stays as it was
promised; what needs metrics is not measured, and the note says so.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.cluster import planned
from watcher.cluster.model.model_root import ModelRoot
from watcher.decision_engine.goal.efficacy.base import EfficacySpecification
from watcher.domain import states
from watcher.domain.needs import MIGRATE, SERVICE
from watcher.domain.records import Action, EfficacyIndicator
from watcher.plugins import Options

VOLUME_MIGRATE = "volume_migrate"
COLD = "cold"


@dataclass(frozen=True, slots=True)
class Facts:
    """A plan that has ended, and the model of its audit's scope read after its end"""

    actions: Sequence[Action]
    model: ModelRoot

    def of(self, kind: str, *ends: str) -> list[Action]:
        """Return the actions of a type, with ``ends`` those alone that ended so"""
        return [
            action
            for action in self.actions
            if action.action_type == kind and (not ends or action.state in ends)
        ]

    @property
    def moved(self) -> list[Action]:
        """The moves that were made, and whose servers have not come back since"""
        return [a for a in self.of(MIGRATE, states.SUCCEEDED) if not self._is_back(a)]

    def _is_back(self, action: Action) -> bool:
        given = action.input_parameters
        server = str(given.get("resource_id"))
        if server not in self.model.instances_data:
            return False
        return self.model.host_of(server) == given.get("source_node")

    @property
    def to_empty(self) -> set[str]:
        """The hosts that servers were to leave, or that were to be closed"""
        left = {a.input_parameters.get("source_node") for a in self.of(MIGRATE)}
        return {str(host) for host in left if host} | self.to_close

    @property
    def to_close(self) -> set[str]:
        """The hosts that were to be disabled or switched off"""
        return {host for _n, host in planned.closing(self.model, self.actions)}

    def on(self, host: str) -> list[str]:
        """Return the servers on a host"""
        node = self.model.by_host.get(host)
        return [] if node is None else list(self.model.uuids_on(node))


def _nodes(facts: Facts) -> int:
    # Those that the plan itself disabled were counted when it was made.
    done = {
        planned.host_of(facts.model, action)
        for action in facts.of(SERVICE, states.SUCCEEDED)
        if action.input_parameters.get("state") == "disabled"
    }
    return sum(
        data.get("state") == "up"
        and (data.get("status") == "enabled" or data["hostname"] in done)
        for data in facts.model.nodes_data.values()
    )


def _released(facts: Facts) -> int:
    known = facts.to_empty & facts.model.by_host.keys()
    return sum(not facts.on(host) for host in known)


def _moved(facts: Facts, *, cold: bool) -> int:
    kinds = [action.input_parameters.get("migration_type") for action in facts.moved]
    return sum((kind == COLD) is cold for kind in kinds)


def _volumes(facts: Facts) -> int:
    return len(facts.of(VOLUME_MIGRATE, states.SUCCEEDED))


MEASURES: Mapping[str, Callable[[Facts], int]] = {
    "compute_nodes_count": _nodes,
    "released_compute_nodes_count": _released,
    "instance_migrations_count": lambda facts: len(facts.moved),
    "instances_count": lambda facts: len(facts.model.instances_data),
    "planned_live_migrate_instance_count": lambda facts: _moved(facts, cold=False),
    "planned_cold_migrate_instance_count": lambda facts: _moved(facts, cold=True),
    "planned_volume_migrate_count": _volumes,
    "planned_volume_update_count": _volumes,
}
# What was there to be chosen from, before anything was done.
BEFORE = frozenset(
    (
        "live_migrate_instance_count",
        "cold_migrate_instance_count",
        "volume_migrate_count",
        "volume_update_count",
        "standard_deviation_before_audit",
    )
)


def measure(
    facts: Facts,
    promised: Sequence[EfficacyIndicator],
    specification: EfficacySpecification | None,
) -> dict[str, Any]:
    """Return the document that is stored beside what was promised, but for its time"""
    rows, values, unknown = [], {}, []
    for one in promised:
        if one.name in MEASURES:
            values[one.name] = value = MEASURES[one.name](facts)
        elif one.name in BEFORE:
            values[one.name] = value = one.value  # type: ignore[assignment]
        else:
            value = None  # type: ignore[assignment]
            unknown.append(one.name)
        rows.append(_row(one.name, one.description, one.unit, value, one.value))
    rows += _ours(facts)
    return {
        "indicators": rows,
        "global": _global(specification, values) if not unknown else [],
        "actions": dict(Counter(action.state for action in facts.actions)),
        "note": _note(unknown),
    }


def _ours(facts: Facts) -> list[dict[str, Any]]:
    """Return what can be told of every plan, also of goals without indicators"""
    rows = []
    if moves := facts.of(MIGRATE):
        text = "Servers that were moved and have not come back."
        rows.append(_row("moves_made", text, None, len(facts.moved), len(moves)))
    if closed := facts.to_close & facts.model.by_host.keys():
        left = sum(len(facts.on(host)) for host in closed)
        text = "Servers on the hosts that the plan was to close."
        rows.append(_row("servers_left", text, None, left, None))
    return rows


def _row(
    name: str, text: str | None, unit: str | None, value: Any, promised: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "description": text,
        "unit": unit,
        "value": value,
        "promised": promised,
    }


def _global(
    specification: EfficacySpecification | None, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    if specification is None or not values:
        return []
    found = specification.get_global_efficacy_indicator(Options(values))
    several = found if isinstance(found, list | tuple) else [found]
    return [indicator.to_dict() for indicator in several if indicator is not None]


def _note(unknown: Sequence[str]) -> str:
    text = "Measured by the plan's actions and the compute model after its end."
    if unknown:
        text += f" Not measured, since that takes more: {', '.join(unknown)}."
    return text
