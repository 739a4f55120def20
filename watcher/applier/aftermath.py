"""What follows a plan that failed: nothing, or a plan that takes back what it did.

That plan is stored in the transaction that ends the failed one: there is one or none of
them, whenever a process dies.
"""

from collections.abc import Callable

from oslo_config import cfg
from oslo_log import log
from sqlalchemy import exc, orm

from watcher import exception
from watcher.db import action_plans, execution_rules, undo_plans
from watcher.domain import execution, states

LOG = log.getLogger(__name__)

STATES = {execution.OFFER: states.RECOMMENDED, execution.RUN: states.PENDING}
NOTES = {
    execution.OFFER: "Rollback recommended: action plan %s",
    execution.RUN: "Rolled back by action plan %s",
}
BACK = "Action plan %s is rolled back."
NOT_BACK = "Action plan %s is not rolled back, or only in part."
# Told of a plan in the transaction that ends it, before its state changes: its UUID and
# the new state. What it returns is added to the plan's message.
OnFinish = Callable[[orm.Session, str, str], str | None]


def nothing(tx: orm.Session, plan_uuid: str, state: str) -> str | None:
    """Nothing follows"""
    return None


class Aftermath:
    """Does what ``on_failure`` says: of the plan, its audit, its template, or the option"""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def __call__(self, tx: orm.Session, plan_uuid: str, state: str) -> str | None:
        """Store the way back of a plan that fails, if somebody wants one"""
        plan = action_plans.get(tx, plan_uuid)
        if plan.undoes:
            # What could not be taken back once is for people to look at.
            return (BACK if state == states.SUCCEEDED else NOT_BACK) % plan.undoes
        if state != states.FAILED or plan.state != states.ONGOING:
            # Whoever cancelled it says what follows.
            return None
        rules = execution_rules.for_plan(tx, plan_uuid)
        wanted = rules.get("on_failure") or self._conf.watcher_applier.on_failure
        if wanted not in STATES:
            return None
        try:
            with tx.begin_nested():
                made = undo_plans.store(tx, plan, STATES[wanted])
        except exception.RollbackRefused as refusal:
            LOG.info("Plan %s: %s", plan_uuid, refusal)
            return None
        except (exc.SQLAlchemyError, exception.DatabaseUnavailable):
            raise
        except Exception:  # the plan has to end, whatever its rows hold
            LOG.exception("How to take plan %s back cannot be found out", plan_uuid)
            return None
        LOG.info("Plan %s takes plan %s back (%s)", made.uuid, plan_uuid, made.state)
        return NOTES[wanted] % made.uuid
