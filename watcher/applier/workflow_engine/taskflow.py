"""Runs the life of each admitted action as a small TaskFlow flow.

Order and limits are decided before (``applier/plan.py``): one flow of a whole plan costs
memory and time that grow faster than the plan.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from oslo_config import cfg
from oslo_log import log
from taskflow import task
from taskflow.engines.action_engine.engine import SerialActionEngine
from taskflow.patterns import linear_flow
from taskflow.utils import persistence_utils

from watcher import exception
from watcher.applier import together
from watcher.applier.life import ActionLife
from watcher.applier.workflow_engine.base import BaseWorkFlowEngine
from watcher.domain.graph import Rule
from watcher.domain.records import Action

LOG = log.getLogger(__name__)


class BaseTaskFlowActionContainer(ActionLife, task.Task):  # type: ignore[misc]
    """One action as a task; steps named ``do_...`` may be overridden"""

    def __init__(
        self, name: str, db_action: Action, engine: Any, **kwargs: Any
    ) -> None:
        ActionLife.__init__(
            self, db_action, engine, signals=kwargs.pop("signals", None)
        )
        task.Task.__init__(self, name=name, **kwargs)


class TaskFlowActionContainer(BaseTaskFlowActionContainer):
    """An action of a plan as it stands in the database"""

    def __init__(self, db_action: Action, engine: Any) -> None:
        name = f"action_type:{db_action.action_type} uuid:{db_action.uuid}"
        super().__init__(name, db_action, engine)


class TaskFlowEngine(BaseWorkFlowEngine):
    """The engine that is used unless the operator names another"""

    orders_actions: ClassVar[bool] = False
    hands_back: ClassVar[bool] = True

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of ``[watcher_workflow_engines.taskflow]``"""
        return [
            cfg.IntOpt(
                "max_workers", default=os.cpu_count() or 1, min=1, required=True,
                sample_default="number of CPUs",
                help="Actions of one plan that may run at the same time.",
            ),
            cfg.DictOpt(
                "action_execution_rule", default={},
                help="What failed parents mean for the actions of a strategy's plans, as "
                "strategy:rule. ALWAYS: children run however their parents ended. ANY: "
                "children run only when a parent did not succeed. Without an entry a "
                "child is skipped when one that it needs failed.",
            ),
        ]  # fmt: skip

    @property
    def max_workers(self) -> int:
        """How many actions may run at the same time"""
        return int(self.config.max_workers)

    def rule_for(self, strategy: str | None) -> Rule:
        """Return what the operator says of failed parents in this strategy's plans"""
        rules: Mapping[str, str] = self.config.get("action_execution_rule") or {}
        name = rules.get(strategy or "", "")
        if not name:
            return Rule.NEEDED
        try:
            return Rule[name.strip().upper()]
        except KeyError:
            LOG.warning("action_execution_rule %s:%s is unknown", strategy, name)
            return Rule.NEEDED

    def execute(self, actions: Sequence[Action]) -> None:
        """Run actions whose turn has come, one after the other"""
        for action in actions:
            life = TaskFlowActionContainer(action, self)
            _run(life.name, life)

    def begin(self, actions: Sequence[Action]) -> Sequence[ActionLife]:
        """Check and announce actions in one flow and return their lives"""
        lives = [ActionLife(action, self) for action in actions]
        _run("begin", _Phase("begin", lambda: together.begin(self.book, lives)))
        return lives

    def end(self, lives: Sequence[ActionLife]) -> None:
        """Look at the results of actions in one flow and write down how they ended"""
        _run("end", _Phase("end", lambda: together.end(self.book, lives)))


class _Phase(task.Task):  # type: ignore[misc]
    """A part of the lives of several actions: a flow costs as much as an action may"""

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        super().__init__(name=name)
        self._act = act

    def execute(self) -> None:
        """Do it"""
        self._act()


def _run(name: str, step: task.Task) -> None:
    flow = linear_flow.Flow(name).add(step)
    try:
        # Found by its name, the engine would be looked for among all installed packages
        # each time.
        book = persistence_utils.create_flow_detail(flow)
        SerialActionEngine(flow, book, None, {}).run()
    except Exception as error:  # TaskFlow may raise anything
        raise exception.WorkflowExecutionException(error=error) from error
