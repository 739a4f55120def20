"""What a workflow engine is: the contract that outside engines are built on.

An engine written elsewhere is given all actions of a plan and orders them itself. One
that sets ``orders_actions`` to False is given actions whose turn has come, from several
threads at once.
"""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

from oslo_config import cfg
from oslo_log import log

from watcher.applier.actions.factory import ActionFactory
from watcher.domain.graph import Rule
from watcher.domain.records import Action

LOG = log.getLogger(__name__)


class BaseWorkFlowEngine(abc.ABC):
    """Runs actions; one instance for each run of a plan.

    ``applier_manager`` is the plan's runner: it owns the rows and what may be built.
    """

    # Whether ``execute`` takes a whole plan and obeys ``parents`` by itself.
    orders_actions: ClassVar[bool] = True
    # Whether it can begin and end several actions at a time (``begin`` and ``end``), so
    # that those which wait in ``steps`` hold no thread meanwhile.
    hands_back: ClassVar[bool] = False

    def __init__(
        self, config: Any, context: Any = None, applier_manager: Any = None
    ) -> None:
        self.config = config
        self.context = context
        self.applier_manager = applier_manager
        self.execution_rule: Rule = Rule.NEEDED

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of the group ``watcher_workflow_engines.<name>``"""
        return []

    @property
    def osc(self) -> Any:
        """Clients of the other services"""
        return self.applier_manager.clients

    @property
    def book(self) -> Any:
        """The rows of the plan"""
        return self.applier_manager.book

    @property
    def action_factory(self) -> ActionFactory:
        """Builds actions: ``make_action(action_object, osc=None)``"""
        factory: ActionFactory = self.applier_manager.action_factory
        return factory

    @property
    def max_workers(self) -> int:
        """How many actions may run at the same time"""
        return 1

    def rule_for(self, strategy: str | None) -> Rule:
        """Return what the operator says of failed parents in this strategy's plans"""
        return Rule.NEEDED

    def notify(
        self, action: Action, state: str, status_message: str | None = None
    ) -> None:
        """Write the state of an action"""
        self.applier_manager.notify(action, state, status_message)

    def notify_cancel_start(self, action_plan_uuid: str) -> None:
        """Tell, once, that the plan is being cancelled"""
        self.applier_manager.tell_cancel_start()

    def begin(self, actions: Sequence[Action]) -> Sequence[Any]:
        """Check and announce actions and return their lives, in the same order"""
        raise NotImplementedError

    def end(self, lives: Sequence[Any]) -> None:
        """Look at the results of actions and write down how they ended"""
        raise NotImplementedError

    @abc.abstractmethod
    def execute(self, actions: Sequence[Action]) -> Any:
        """Run the actions

        :raises ActionPlanCancelled: the plan was cancelled meanwhile
        :raises WorkflowExecutionException: the engine broke
        """


def __getattr__(name: str) -> Any:
    # The published class is a TaskFlow task: the library stays out of this module.
    if name == "BaseTaskFlowActionContainer":
        from watcher.applier.workflow_engine import taskflow

        return taskflow.BaseTaskFlowActionContainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
