"""Goal and strategy of a request: found by whatever clients call them, and matched."""

from collections.abc import Mapping
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import errors, types
from watcher.api.noun import LISTED, Field
from watcher.db import goals, strategies
from watcher.db.query import ListQuery
from watcher.domain.records import Audit, AuditTemplate, Goal, Strategy

# What lists and details tell of goal and strategy; lists can be sorted by it, too.
FIELDS = (
    Field(name="goal_uuid", type=types.UUID, show=LISTED, help="The goal"),
    Field(name="goal_name", type=types.NAME, show=LISTED, help="Name of the goal"),
    Field(name="strategy_uuid", type=types.UUID, show=LISTED, help="The strategy"),
    Field(
        name="strategy_name", type=types.NAME, show=LISTED, help="Name of the strategy"
    ),
)
SORT_KEYS = ("goal_id", "strategy_id", *(field.name for field in FIELDS))


def stated_goal(tx: Any, ident: str) -> Goal:
    """Return the goal that a body names

    :raises InvalidInput: there is none
    """
    try:
        found: Goal = goals.get(tx, ident)
    except exception.ResourceNotFound as error:
        raise errors.InvalidInput("goal", ident, error.format_message()) from None
    return found


def stated_strategy(tx: Any, ident: str) -> Strategy:
    """Return the strategy that a body names

    :raises InvalidInput: there is none
    """
    try:
        found: Strategy = strategies.get(tx, ident)
    except exception.ResourceNotFound as error:
        raise errors.InvalidInput("strategy", ident, error.format_message()) from None
    return found


def changed(
    tx: Any, old: Audit | AuditTemplate, found: Mapping[str, Any]
) -> tuple[dict[str, Any], Strategy | None]:
    """Return the columns of the changed fields ``found``, and the strategy that results

    :raises InvalidInput: goal or strategy do not exist, or do not fit
    """
    columns = {k: v for k, v in found.items() if k not in ("goal", "strategy")}
    ident = found.get("strategy", old.strategy_uuid)
    strategy = None if ident is None else stated_strategy(tx, ident)
    if "goal" in found or "strategy" in found:
        goal = stated_goal(tx, found.get("goal", old.goal_uuid) or "")
        match(tx, goal, strategy)
        columns["goal_id"] = goal.id
        columns["strategy_id"] = strategy.id if strategy else None
    return columns, strategy


def goal_name(tx: Any, old: Audit | AuditTemplate, columns: Mapping[str, Any]) -> str:
    """Return the name of the goal after a change of ``columns``; empty when it is gone"""
    if columns.get("goal_id", old.goal_id) == old.goal_id:
        return old.goal_name or ""
    found: Goal = goals.get(tx, columns["goal_id"])
    return found.name


def match(tx: Any, goal: Goal, strategy: Strategy | None) -> None:
    """Check that ``strategy`` pursues ``goal``

    :raises InvalidInput: it pursues another one; the text lists those that do
    """
    if strategy is None or strategy.goal_id == goal.id:
        return
    fitting = strategies.list(tx, ListQuery(filters={"goal_id": goal.id}))
    choices = ", ".join(f"{item.name} ({item.uuid})" for item in fitting)
    raise errors.InvalidInput(
        "strategy",
        strategy.name,
        _(
            "'%(strategy)s' strategy does not relate to the '%(goal)s' goal. Possible "
            "choices: %(choices)s"
        )
        % {"strategy": strategy.name, "goal": goal.name, "choices": choices or "none"},
    )
