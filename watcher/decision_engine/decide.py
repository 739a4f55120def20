"""From an audit and the cluster to ordered actions: no database, no messages.

The model is taken once; the strategy, the rules and the planner see the same moment.
"""

import dataclasses
import datetime
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from watcher import context, exception
from watcher.cluster import planned
from watcher.cluster.collector.manager import CollectorManager
from watcher.decision_engine import choose
from watcher.decision_engine.handle import Handle, Notes
from watcher.decision_engine.planner.base import BasePlanner
from watcher.domain import scope as documents
from watcher.domain.records import Audit, EfficacyIndicator, NewAction
from watcher.plugins import ACTIONS, PLANNERS, SCOPE_HANDLERS, STRATEGIES, Plugins

SHOWN_BREACHES = 3
NO_NODE = "There is no compute node in the scope of the audit."


class Snapshot:
    """The compute model as it is now: whole, and cut to scopes

    :param default_scope: what an empty scope means; empty itself: the whole cluster
    """

    def __init__(
        self, models: Any, plugins: Plugins, default_scope: Collection[Any] = ()
    ) -> None:
        self._models = models
        self._plugins = plugins
        self._default = default_scope
        self._whole: Any = None

    @property
    def whole(self) -> Any:
        """The model of everything: for reading only"""
        if self._whole is None:
            self._whole = self._models.compute()
        return self._whole

    def meant(self, scope: Collection[Any]) -> Collection[Any]:
        """Return what a scope stands for"""
        return scope or self._default

    def cut(self, scope: Collection[Any]) -> Any:
        """Return a private copy cut to ``scope``, at the cost of what is left"""
        found = self._cut(scope)
        return found.copy() if found is self._whole else found

    def hosts(self, scope: Collection[Any]) -> set[str]:
        """Return the hosts that ``scope`` leaves"""
        return {str(data["hostname"]) for data in self._cut(scope).nodes_data.values()}

    def _cut(self, scope: Collection[Any]) -> Any:
        """Return the cut model, which is the whole one when nothing is cut off"""
        kind: Any = self._plugins.classes(SCOPE_HANDLERS)[documents.COMPUTE]
        rules = documents.section(self.meant(scope), documents.COMPUTE)
        handler = kind(rules, self._plugins.conf)
        # Only handlers that promise it leave the given model as it is.
        changes = getattr(handler, "CHANGES_MODEL", True)
        given = self.whole.copy() if changes else self.whole
        return handler.get_scoped_model(given)


class _Scoped:
    """What a strategy sees of the models"""

    def __init__(self, models: Any, snapshot: Snapshot, scope: Collection[Any]) -> None:
        self._models = models
        self._snapshot = snapshot
        self._scope = scope

    def compute(self) -> Any:
        """Return a private copy of the compute model"""
        return self._snapshot.cut(self._scope)

    def storage(self) -> Any:
        """Return a private copy of the storage model"""
        return self._models.scoped("storage", self._snapshot.meant(self._scope))

    def baremetal(self) -> Any:
        """Return a private copy of the bare-metal model"""
        return self._models.scoped("baremetal", self._snapshot.meant(self._scope))

    @property
    def collectors(self) -> CollectorManager:
        """What classic strategies call the collector manager"""
        return CollectorManager(self._models)


@dataclass
class Decision:
    """What was decided, or how far it got"""

    notes: Notes = field(default_factory=Notes)
    strategy: str | None = None
    solution: Any = None
    planner: str | None = None
    actions: Sequence[NewAction] = ()

    @property
    def indicators(self) -> list[EfficacyIndicator]:
        """The solution's indicators as they are stored"""
        return [
            EfficacyIndicator(**indicator)
            for indicator in self.solution.efficacy_indicators
        ]


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one strategy; ``parameters`` are complete"""

    strategy: str
    parameters: Mapping[str, Any]
    audit: Audit


# Raises when the audit that a strategy runs for is not ours any more.
Still = Callable[[], None]


class Solver(Protocol):
    """Runs strategies somewhere"""

    def solve(
        self, task: Task, snapshot: Snapshot, decision: Decision, still: Still
    ) -> None:
        """Put solution, planner and notes into ``decision``; notes also on failure"""


class Inline:
    """Runs strategies in the thread that asks: trusted ones, where nothing may fork"""

    def __init__(
        self,
        plugins: Plugins,
        models: Any,
        *,
        clients: Any = None,
        readings: Any = None,
        now: Callable[[], datetime.datetime],
    ) -> None:
        self._plugins = plugins
        self._models = models
        self._clients = clients
        self._readings = readings
        self._now = now

    def solve(
        self,
        task: Task,
        snapshot: Snapshot,
        decision: Decision,
        still: Still = lambda: None,
    ) -> None:
        """Let the strategy decide"""
        audit = task.audit
        strategy = self._plugins.load(STRATEGIES, task.strategy, osc=self._clients)
        strategy.handle = Handle(
            models=_Scoped(self._models, snapshot, audit.scope),
            readings=self._readings,
            now=self._now,
            note=decision.notes.add,
            clients=self._clients,
            chance=random.Random(audit.uuid),
        )
        strategy.input_parameters = task.parameters
        strategy.audit_scope = audit.scope
        decision.solution = strategy.execute(audit=audit)
        decision.planner = strategy.named_planner


class Decider:
    """Runs strategies and planners; ``solver`` says where strategies run"""

    def __init__(
        self,
        plugins: Plugins,
        models: Any,
        *,
        clients: Any = None,
        readings: Any = None,
        now: Callable[[], datetime.datetime],
        new_uuid: Callable[[], str],
        solver: Solver | None = None,
        default_scope: Collection[Any] = (),
    ) -> None:
        self._plugins = plugins
        self._models = models
        self._has_readings = readings is not None
        self._new_uuid = new_uuid
        self._default_scope = default_scope
        self._solver: Solver = solver or Inline(
            plugins, models, clients=clients, readings=readings, now=now
        )

    def snapshot(self) -> Snapshot:
        """Return the cluster as it is now; nothing is read before it is needed"""
        return Snapshot(self._models, self._plugins, self._default_scope)

    def solve(
        self,
        audit: Audit,
        snapshot: Snapshot,
        decision: Decision,
        still: Still = lambda: None,
    ) -> None:
        """Let the strategy decide; ``still`` is asked now and then while it does"""
        audit = dataclasses.replace(audit, scope=list(snapshot.meant(audit.scope)))
        decision.strategy = choose.strategy(
            self._plugins,
            audit,
            has_readings=self._has_readings,
            lacks=lambda model: self._models.lacks(model),
        )
        parameters = choose.parameters(
            self._plugins, decision.strategy, audit.parameters
        )
        task = Task(decision.strategy, parameters, audit)
        self._solver.solve(task, snapshot, decision, still)
        # The strategy may have changed its own copy.
        before = decision.solution.model_before = snapshot.cut(audit.scope)
        if before and not getattr(before, "nodes_data", True):
            decision.notes.add(None, NO_NODE)

    def plan(self, audit: Audit, decision: Decision) -> None:
        """Let the planner put the actions in order, and the rules judge the result"""
        name = decision.planner or self._plugins.conf.watcher_planner.planner
        planner: BasePlanner = self._plugins.load(PLANNERS, name)
        if type(planner).schedule is BasePlanner.schedule:
            decision.actions = planner.plan(decision.solution, self._new_uuid)
        else:
            # In the classic style: rows are made through objects that only collect.
            made = planner.schedule(context.admin(), audit.id, decision.solution)
            decision.actions = made.new_actions()
        self._known(decision.actions)
        _judge(decision)

    def _known(self, actions: Sequence[NewAction]) -> None:
        """Refuse a plan that would stop half-way because nobody can do a part of it"""
        installed = self._plugins.names(ACTIONS)
        missing = sorted({a.action_type for a in actions} - set(installed))
        if installed and missing:
            raise exception.UnsupportedActionType(
                f"The plan needs actions that are not installed: {', '.join(missing)}; "
                f"there are: {', '.join(installed)}"
            )


def _judge(decision: Decision) -> None:
    if planned.is_trial(decision.strategy):
        return
    breaches = planned.breaches(decision.solution.model_before, decision.actions)
    if not breaches:
        return
    decision.notes.remarks.extend(breaches)
    shown = "; ".join(breaches[:SHOWN_BREACHES])
    more = len(breaches) - SHOWN_BREACHES
    if more > 0:
        shown += f"; and {more} more"
    raise exception.Invalid(f"The plan would break rules of the cluster: {shown}")
