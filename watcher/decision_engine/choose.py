"""Which strategy decides an audit, and with which parameters."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from watcher import exception
from watcher.decision_engine.strategy import params
from watcher.domain import scope as documents
from watcher.domain.records import Audit
from watcher.plugins import STRATEGIES, Options, Plugins

# Why a model cannot be looked at, by its name; None: it can.
Lacks = Callable[[str], str | None]


def strategy(
    plugins: Plugins,
    audit: Audit,
    *,
    has_readings: bool,
    lacks: Lacks = lambda model: None,
) -> str:
    """Return the strategy that was asked for, else the goal's first that can run

    First in the order of names, so that every engine chooses alike. One can run when its
    models, its metrics and its parameters are there, and the scope is about its models.

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
        reason = _hindrance(cls, audit, has_readings, lacks)
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


def _hindrance(cls: Any, audit: Audit, has_readings: bool, lacks: Lacks) -> str | None:
    # Strategies of other packages do not say which models they look at.
    looks_at: Collection[str] = getattr(cls, "MODELS", None) or ()
    for model in looks_at:
        if reason := lacks(model):
            return reason
    named = [
        model for model in documents.MODELS if documents.section(audit.scope, model)
    ]
    if named and looks_at and not set(named) & set(looks_at):
        return (
            f"it looks at {' and '.join(looks_at)}, the scope is about "
            f"{' and '.join(named)}"
        )
    if cls.DATASOURCE_METRICS and not has_readings:
        return "it needs metrics and no datasource is configured"
    try:
        params.resolve(cls.get_schema(), audit.parameters)
    except exception.Invalid as error:
        return error.format_message()
    return None
