"""Base class of planners."""

from collections.abc import Callable
from typing import Any

from oslo_config import cfg
from oslo_utils import uuidutils

from watcher.decision_engine.solution import BaseSolution
from watcher.domain.records import NewAction


class BasePlanner:
    """Turns a solution into actions that know what they have to wait for

    Our planners write ``plan``, which decides and touches nothing: the engine stores the
    result with the audit's end in one transaction. A planner in the classic style
    overrides ``schedule`` and creates rows through ``watcher.objects``.
    """

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of group ``watcher_planners.<name>``"""
        return []

    def plan(
        self, solution: BaseSolution, new_uuid: Callable[[], str]
    ) -> list[NewAction]:
        """Return the solution's actions with their parents, each under a new UUID"""
        raise TypeError(f"{type(self).__name__} has neither plan() nor schedule()")

    def schedule(self, context: Any, audit_id: int, solution: BaseSolution) -> Any:
        """Plan in the published form; ours answers with the actions, not yet stored"""
        return self.plan(solution, uuidutils.generate_uuid)
