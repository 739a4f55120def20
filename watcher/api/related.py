"""Goal and strategy of a request: found by whatever clients call them, and matched."""

from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import errors
from watcher.db import goals, strategies
from watcher.db.query import ListQuery
from watcher.domain.records import Goal, Strategy


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
