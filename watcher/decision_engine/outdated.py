"""Plans that nobody has begun yet, and that the cloud has left behind.

A plan is judged again, as the applier will before it begins, when the model has changed since.
Nothing is asked of the cloud for that: the model follows it anyway.
"""

import datetime
import time
from collections.abc import Callable, Sequence
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.cluster import planned, premise
from watcher.cluster.model.model_root import ModelRoot
from watcher.db import action_plans, actions, texts
from watcher.domain import states
from watcher.domain.records import Action, ActionPlan

LOG = log.getLogger(__name__)

# Plans read at once, and the seconds of one look; the next one goes on where it ended.
PAGE = 50
BUDGET_S = 0.5
# A plan may be that much newer than the model of this engine, clocks included, in seconds.
SETTLED_S = 30.0


def holds(model: ModelRoot, found: Sequence[Action]) -> str | None:
    """Return why it is not worth beginning the plan any more, or None

    What cannot be told at the moment, such as a server that is busy, counts as good, and
    so does what the applier would leave out (``cluster.premise``).
    """
    ended = [action.uuid for action in found if action.state != states.PENDING]
    judgement = premise.judge(model, found, ended)
    if judgement.broken is not None:
        return judgement.broken
    if judgement.needless and not judgement.left:
        return "nothing of it is left to be done: " + next(
            iter(judgement.needless.values())
        )
    return None


class Outdated:
    """Looks through the plans each time the model has changed, a part at a time

    Several engines may do so: a plan is taken out of the way by compare and set.
    """

    def __init__(
        self,
        db: Any,
        models: Any,
        *,
        now: Callable[[], datetime.datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._models = models
        self._now = now
        self._clock = clock
        self._after = 0  # the plan that was judged last
        self._judging: Any = None  # the model that this round began with
        self._judged: Any = None  # the model by which all plans were judged

    def look(self) -> None:
        """Judge plans by the model as it is now, until the time for it is over"""
        if self._models.age_s is None:
            return
        model = self._models.compute(max_age_s=None)
        seen = (model.read_at, model.version)
        if self._after == 0:
            self._judging = seen
        if seen == self._judged:
            return
        end = self._clock() + BUDGET_S
        newest = self._newest(model)
        while True:
            page = self._db.read(_page, self._after)
            for plan, found in page:
                if plan.created_at is None or plan.created_at <= newest:
                    self._judge(model, plan, found)
                else:
                    self._judging = None  # it has to be judged yet
                self._after = plan.id
                if self._clock() > end:
                    return
            if len(page) < PAGE:
                self._after, self._judged = 0, self._judging
                return

    def _newest(self, model: ModelRoot) -> datetime.datetime:
        """Return when plans were made whose servers this model must know"""
        settled = datetime.timedelta(seconds=SETTLED_S)
        if self._models.followed or model.read_at is None:
            return self._now() - settled
        return model.read_at - settled

    def _judge(
        self, model: ModelRoot, plan: ActionPlan, found: Sequence[Action]
    ) -> None:
        try:
            reason = holds(model, found)
        except (exception.WatcherException, KeyError, TypeError, ValueError) as error:
            # Rows of other releases may hold anything; the applier will find out.
            LOG.debug("Plan %s cannot be judged: %s", plan.uuid, error)
            return
        if reason is None:
            return
        if self._db.write(action_plans.outdate, plan, texts.plain(reason)):
            LOG.info("Plan %s is superseded: %s", plan.uuid, reason)


def _page(tx: Any, after: int) -> list[tuple[ActionPlan, Sequence[Action]]]:
    plans = action_plans.not_begun(tx, after=after, limit=PAGE)
    of = actions.of_plans(tx, [plan.id for plan in plans])
    return [
        (plan, () if planned.is_trial(plan.strategy_name) else of.get(plan.id, ()))
        for plan in plans
    ]
