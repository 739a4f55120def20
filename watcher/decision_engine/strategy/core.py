"""What every strategy is, in the published form and in our own.

A strategy of ours writes ``solve``: it reads a view and yields moves and steps, each with
its reason. One in the classic style overrides ``do_execute`` and never notices.
"""

import abc
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any, ClassVar

from oslo_config import cfg
from oslo_config import types as cfg_types
from oslo_utils import strutils

from watcher import context, exception
from watcher.cluster.model.simulate import Move, View
from watcher.decision_engine.goal.base import Goal
from watcher.decision_engine.goal.goals import SHIPPED
from watcher.decision_engine.handle import Handle
from watcher.decision_engine.solution import BaseSolution, DefaultSolution
from watcher.decision_engine.strategy import steps
from watcher.decision_engine.strategy.params import Params
from watcher.plugins import GOALS, Options

DEFAULT_PLANNER = "weight"
DATASOURCES = ("gnocchi", "grafana", "prometheus", "aetos")


class StrategyLevel(enum.Enum):
    """Kept for outside packages: how much a strategy dares; nothing reads it"""

    conservative = "conservative"
    balanced = "balanced"
    growth = "growth"
    aggressive = "aggressive"


class BaseStrategy(abc.ABC):
    """Pursues one goal; a fresh instance decides each audit"""

    DATASOURCE_METRICS: ClassVar[Sequence[str]] = ()
    # The models it looks at, so that scopes about others are refused. None: perhaps all.
    MODELS: ClassVar[Sequence[str] | None] = None
    MIGRATION = "migrate"
    PARAMS: ClassVar[Params | None] = None

    def __init__(self, config: Any, osc: Any = None) -> None:
        self.config = config
        self.ctx = context.admin()
        self._osc = osc
        self._handle: Handle | None = None
        self._name = self.get_name()
        self._display_name = self.get_display_name()
        self._goal = self.get_goal()
        self._planner: str | None = None
        self._strategy_level = StrategyLevel.conservative
        self._input_parameters = Options()
        self._audit_scope: Sequence[Any] = ()
        self._compute_model: Any = None
        self._other_models: dict[str, Any] = {}
        self._solution: BaseSolution = DefaultSolution(goal=self._goal, strategy=self)

    # What it is -----------------------------------------------------------------------

    @classmethod
    @abc.abstractmethod
    def get_name(cls) -> str:
        """Return the unique name, equal to the entry point's"""

    @classmethod
    @abc.abstractmethod
    def get_display_name(cls) -> str:
        """Return the label in the reader's language"""

    @classmethod
    @abc.abstractmethod
    def get_translatable_display_name(cls) -> str:
        """Return the English label, which is stored"""

    @classmethod
    @abc.abstractmethod
    def get_goal_name(cls) -> str:
        """Return the name of the goal that the strategy pursues"""

    @classmethod
    def get_goal(cls) -> Goal:
        """Return the goal that the strategy pursues"""
        name = cls.get_goal_name()
        if name in SHIPPED:
            return SHIPPED[name]()
        for entry in metadata.entry_points(group=GOALS, name=name):
            goal: Goal = entry.load()(Options())
            return goal
        raise exception.LoadingError(name=name)

    @classmethod
    def get_schema(cls) -> Mapping[str, Any]:
        """Return the JSON schema of the parameters"""
        return cls.PARAMS.schema if cls.PARAMS is not None else {}

    @classmethod
    def get_parameters_spec(cls, config: Any) -> Mapping[str, Any]:
        """Return the schema as the API shows it and judges by it

        ``config`` has the values of the strategy's options.
        """
        return cls.get_schema()

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of group ``watcher_strategies.<name>``"""
        return [
            cfg.ListOpt(
                "datasources",
                item_type=cfg_types.String(choices=DATASOURCES),
                help="Datasources to ask, in this order, instead of those of "
                "[watcher_datasources]; unset or empty: those.",
            )
        ]

    # What it reads, so that metrics can be read ahead in bulk --------------------------

    def get_datasource_metrics(self) -> Sequence[str]:
        """Return the metrics that this run will ask for"""
        return self.DATASOURCE_METRICS

    def get_period(self, resource: str) -> int | None:
        """Return the seconds that metrics of ``resource`` cover; None: not known"""
        return None

    def get_granularity(self, resource: str) -> int | None:
        """Return the seconds between two values of a metric; None: not known"""
        return None

    def get_aggregate(self, resource: str) -> str | None:
        """Return how values of a metric become one; None: not known"""
        return None

    # What it is given -----------------------------------------------------------------

    @property
    def handle(self) -> Handle:
        """Models, readings, clock and notes of this run; the engine sets it"""
        if self._handle is None:
            raise exception.ClusterStateNotDefined()
        return self._handle

    @handle.setter
    def handle(self, handle: Handle) -> None:
        self._handle = handle

    @property
    def compute_model(self) -> Any:
        """The compute model cut to the scope; a private copy that may be changed"""
        if self._compute_model is None:
            self._compute_model = self.handle.models.compute()
        return self._compute_model

    @property
    def storage_model(self) -> Any:
        """The storage model cut to the scope"""
        return self._other_model("storage")

    @property
    def baremetal_model(self) -> Any:
        """The bare-metal model cut to the scope"""
        return self._other_model("baremetal")

    def _other_model(self, name: str) -> Any:
        if name not in self._other_models:
            build = getattr(self.handle.models, name, None)
            if build is None:
                raise exception.ClusterStateNotDefined(
                    f"The state of the cluster is not defined: no {name} model is kept"
                )
            self._other_models[name] = build()
        return self._other_models[name]

    @property
    def collector_manager(self) -> Any:
        """Gives collectors by name: ``get_cluster_model_collector(name, osc=None)``"""
        return getattr(self.handle.models, "collectors", None)

    @property
    def datasource_backend(self) -> Any:
        """The datasource that has the metrics this run asks for"""
        if self.handle.readings is None:
            raise exception.NoDatasourceAvailable()
        return self.handle.readings

    @property
    def input_parameters(self) -> Any:
        """Parameters of the run: items that read as attributes, too"""
        return self._input_parameters

    @input_parameters.setter
    def input_parameters(self, given: Mapping[str, Any]) -> None:
        self._input_parameters = Options(given)

    @property
    def audit_scope(self) -> Sequence[Any]:
        """The audit's scope as it was written down"""
        return self._audit_scope

    @audit_scope.setter
    def audit_scope(self, scope: Sequence[Any]) -> None:
        self._audit_scope = scope

    @property
    def osc(self) -> Any:
        """Clients for strategies written elsewhere"""
        return self._osc if self._osc is not None else self.handle.clients

    # What it says about itself and hands over ------------------------------------------

    @property
    def name(self) -> str:
        """The strategy's name"""
        return self._name

    @property
    def display_name(self) -> str:
        """The strategy's label"""
        return self._display_name

    @property
    def goal(self) -> Goal:
        """The goal it pursues"""
        return self._goal

    @property
    def planner(self) -> str:
        """Entry point of the planner that orders the solution"""
        return self._planner or DEFAULT_PLANNER

    @planner.setter
    def planner(self, name: str) -> None:
        self._planner = name

    @property
    def named_planner(self) -> str | None:
        """The planner that the strategy insists on; None leaves it to the operator"""
        return self._planner

    @property
    def strategy_level(self) -> StrategyLevel:
        """Kept for outside packages"""
        return self._strategy_level

    @strategy_level.setter
    def strategy_level(self, level: StrategyLevel) -> None:
        self._strategy_level = level

    @property
    def solution(self) -> Any:
        """What has been decided so far"""
        return self._solution

    @solution.setter
    def solution(self, solution: BaseSolution) -> None:
        self._solution = solution

    # The run --------------------------------------------------------------------------

    def execute(self, audit: Any = None) -> Any:
        """Decide: the three phases, then the efficacy of what they decided"""
        self.pre_execute()
        self.do_execute(audit=audit)
        self.post_execute()
        self.solution.compute_global_efficacy()
        return self.solution

    def pre_execute(self) -> None:
        """Refuse to decide without a model"""
        self._pre_execute()

    def _pre_execute(self) -> None:
        if not self.compute_model:
            raise exception.ClusterStateNotDefined()

    def do_execute(self, audit: Any = None) -> None:
        """Record what ``solve`` yields; classic strategies write this instead"""
        view = View(self.compute_model)
        for found in self.solve(view, self.input_parameters):
            step = self._as_step(found) if isinstance(found, Move) else found
            self.solution.add_action(
                step.action_type,
                step.parameters,
                step.resource_id,
                reason=step.reason,
            )

    def solve(self, view: View, p: Any) -> Iterator[Move | steps.Step]:
        """Yield what shall be done, in the order in which it was decided"""
        raise TypeError(f"{type(self).__name__} has neither solve() nor do_execute()")

    def post_execute(self) -> None:  # noqa: B027
        """Set indicators; nothing by default"""

    # Help for classic strategies --------------------------------------------------------

    def add_action_migrate(
        self,
        instance: Any,
        migration_type: str,
        source_node: Any,
        destination_node: Any,
    ) -> None:
        """Add the migration of ``instance`` from one node of the model to another"""
        step = steps.migrate(
            instance,
            migration_type,
            source_node.hostname,
            destination_node.hostname,
            "",
        )
        self.solution.add_action(self.MIGRATION, step.parameters, step.resource_id)

    def filter_instances_by_audit_tag(self, instances: Iterable[Any]) -> list[Any]:
        """Leave out servers whose metadata does not say ``optimize: true``

        Needs the strategy's option ``check_optimize_metadata``; a server without any
        metadata is kept.
        """
        if not self.config.check_optimize_metadata:
            return list(instances)
        return [
            instance
            for instance in instances
            if not instance.metadata
            or strutils.bool_from_string(instance.metadata.get("optimize"))
        ]

    def _as_step(self, move: Move) -> steps.Step:
        instance = self.compute_model.get_instance_by_uuid(move.instance)
        return steps.migrate(instance, move.kind, move.source, move.target, move.reason)
