"""Plans that an applier of the other implementation left behind.

Plans of our own dead appliers are resumed (``plan.py``): their intents tell what was
begun. Of these plans nothing is known but their rows, so they are never gone on with.
"""

from oslo_log import log
from sqlalchemy import orm

from watcher.applier.book import Phase
from watcher.db import action_plans, actions, services
from watcher.domain import states
from watcher.domain.records import ActionPlan

LOG = log.getLogger(__name__)

RUNNING = frozenset((states.ONGOING, states.CANCELLING))


def is_leftover(plan: ActionPlan) -> bool:
    """Tell whether the plan runs without ever having had an owner of ours"""
    return plan.state in RUNNING and plan.owner is None


def cancel_leftover(
    tx: orm.Session, uuid: str, *, alive_s: float, phase: Phase
) -> ActionPlan | None:
    """Cancel the plan and its open actions; None while its applier may be alive

    :raises StateChanged: somebody else was faster
    """
    plan = action_plans.get(tx, uuid)
    if not is_leftover(plan) or services.foreign(tx, alive_s):
        return None
    why = (
        f"because applier {plan.hostname or 'unknown'} stopped while the action plan "
        "was ongoing. It is not known what had been done by then."
    )
    # The plan first, like everybody who locks plans and their actions.
    stored = action_plans.step(
        tx, uuid, plan.state, states.CANCELLED,
        message=f"Action plan was cancelled {why}",
    )  # fmt: skip
    for action in actions.of_plan(tx, uuid):
        if action.state not in states.ACTION_FINAL:
            actions.step(
                tx, action.uuid, action.state, states.CANCELLED,
                message=f"Action was cancelled {why}",
            )  # fmt: skip
    phase(tx, "action_plan.cancel.end", stored)
    return stored
