"""Which strategy decides an audit, and with which parameters."""

from collections.abc import Mapping
from typing import Any

from watcher import exception
from watcher.decision_engine.strategy import params
from watcher.domain.records import Audit
from watcher.plugins import STRATEGIES, Options, Plugins


def strategy(plugins: Plugins, audit: Audit, *, has_readings: bool) -> str:
    """Return the strategy that was asked for, else the goal's first that can run

    :raises StrategyNotFound: the one that was asked for is not installed here
    :raises NoAvailableStrategyForGoal: none of the goal's can run, and why
    """
    if audit.strategy_id is not None:
        name = audit.strategy_name
        if name is None or name not in plugins.classes(STRATEGIES):
            raise exception.StrategyNotFound(
                f"The strategy '{name or audit.strategy_id}' is not installed on the "
                "host of this decision engine"
            )
        return name
    refused: list[str] = []
    for name, cls in plugins.classes(STRATEGIES).items():
        if _goal_of(cls) != audit.goal_name:
            continue
        reason = _hindrance(cls, audit.parameters, has_readings)
        if reason is None:
            return name
        refused.append(f"{name}: {reason}")
    if refused:
        raise exception.NoAvailableStrategyForGoal(
            f"No strategy for the goal '{audit.goal_name}' can run: {'; '.join(refused)}"
        )
    raise exception.NoAvailableStrategyForGoal(goal=audit.goal_name)


def parameters(plugins: Plugins, name: str, given: Mapping[str, Any]) -> Options:
    """Return the run's parameters: those given, completed and judged by the schema"""
    cls: Any = plugins.classes(STRATEGIES)[name]
    return params.resolve(cls.get_schema(), given)


def _goal_of(cls: Any) -> str:
    name: str = cls.get_goal_name()
    return name


def _hindrance(cls: Any, given: Mapping[str, Any], has_readings: bool) -> str | None:
    if cls.DATASOURCE_METRICS and not has_readings:
        return "it needs metrics and no datasource is configured"
    try:
        params.resolve(cls.get_schema(), given)
    except exception.Invalid as error:
        return error.format_message()
    return None
