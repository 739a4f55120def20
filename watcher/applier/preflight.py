"""Looks before a plan is begun: is it still true, what of it is, and may it wait?

A plan that waits is judged by a model that was read after the question, before anybody
claims it: one that has lost its purpose becomes SUPERSEDED without ever having been
ONGOING. As long as the cloud cannot be read the plan waits, and says so.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from oslo_log import log

from watcher import exception
from watcher.cluster import planned, premise
from watcher.cluster.model.model_root import ModelRoot
from watcher.db import action_plans, actions, texts
from watcher.domain import states
from watcher.domain.records import ActionPlan
from watcher.domain.scope import COMPUTE
from watcher.parts import left

LOG = log.getLogger(__name__)

WAITS = "The plan waits until the cloud can be read: "
# How long leaving waits for a look that nobody needs any more, in seconds.
PATIENCE_S = 2.0


class Models(Protocol):
    """The cluster as data"""

    def compute(
        self, max_age_s: float | None = 0.0, followed_s: float = 0.0
    ) -> ModelRoot:
        """Return a copy of the compute model, read when it is older than that"""

    def keeps(self, name: str) -> bool:
        """Tell whether there is such a model at all"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a plan said"""

    begin: bool = False
    skipped: Mapping[str, str] = field(default_factory=dict)  # why, by action
    broken: str | None = None
    waits: str | None = None


class Preflight:
    """Looks at plans, each in a thread of its own, and has those begun that may be

    :param begin: called with the UUID of a plan that may begin, and the reasons of the
        actions that are to be skipped; it claims the plan
    :param wake: called when a plan does not begin, so that others can
    :param patience_s: so long a plan waits for the cloud to be readable, then it begins
        and each action looks for itself; 0: as long as it takes
    """

    def __init__(
        self, db: Any, models: Models, *, begin: Callable[[str, Mapping[str, str]], None],
        wake: Callable[[], None] = lambda: None, patience_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._db = db
        self._models = models
        self._begin = begin
        self._wake = wake
        self._patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._since: dict[str, float] = {}  # when a plan began to wait

    @property
    def busy(self) -> int:
        """How many plans are looked at just now"""
        with self._lock:
            return len(self._threads)

    def check(self, plan: ActionPlan) -> None:
        """Look at a plan in the background, unless that is being done"""
        with self._lock:
            if plan.uuid in self._threads:
                return
            thread = self._threads[plan.uuid] = threading.Thread(
                target=self._run,
                args=(plan,),
                name=f"check-{plan.uuid[:8]}",
                daemon=True,
            )
        thread.start()

    def join(self, deadline: float) -> None:
        """Wait a little for the looks under way; those that take longer are left behind"""
        end = min(deadline, time.monotonic() + PATIENCE_S)
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(left(end))

    def forget(self, waiting: set[str]) -> None:
        """Forget since when plans have waited that are not among ``waiting``"""
        with self._lock:
            for uuid in self._since.keys() - waiting:
                del self._since[uuid]

    def _run(self, plan: ActionPlan) -> None:
        found = Finding()
        try:
            found = self.look(plan)
            self._act(plan, found)
        except exception.WatcherException as error:
            LOG.warning("Plan %s is looked at again: %s", plan.uuid, error)
        except Exception:  # a thread's outer edge
            LOG.exception("Plan %s could not be looked at", plan.uuid)
        finally:
            with self._lock:
                self._threads.pop(plan.uuid, None)
            if found.broken is not None:
                self._wake()

    def look(self, plan: ActionPlan) -> Finding:
        """Judge a plan by the cluster as it is now"""
        if planned.is_trial(plan.strategy_name):
            return Finding(begin=True)
        if not self._models.keeps(COMPUTE):
            LOG.warning("Plan %s begins without a look: no compute model", plan.uuid)
            return Finding(begin=True)
        try:
            model = self._models.compute(0.0, 0.0)
        except exception.WatcherException as error:
            return self._unreadable(plan, error)
        with self._lock:
            self._since.pop(plan.uuid, None)
        found = self._db.read(actions.of_plan, plan.uuid)
        ended = [action.uuid for action in found if action.state != states.PENDING]
        try:
            judgement = premise.judge(model, found, ended)
        except (exception.WatcherException, KeyError, TypeError, ValueError) as error:
            # Rows of other planners may hold anything: their actions will find out.
            LOG.warning("Plan %s cannot be judged: %r", plan.uuid, error)
            return Finding(begin=True)
        if judgement.broken is not None:
            return Finding(broken=judgement.broken)
        return Finding(begin=True, skipped=judgement.skipped)

    def _unreadable(self, plan: ActionPlan, error: Exception) -> Finding:
        now = self._clock()
        with self._lock:
            waited_s = now - self._since.setdefault(plan.uuid, now)
        if self._patience_s and waited_s >= self._patience_s:
            LOG.warning("Plan %s begins without a look: %s", plan.uuid, error)
            return Finding(begin=True)
        return Finding(waits=str(error))

    def _act(self, plan: ActionPlan, found: Finding) -> None:
        if found.broken is not None:
            reason = texts.plain(found.broken)
            if self._db.write(action_plans.outdate, plan, reason):
                LOG.info("Plan %s is superseded: %s", plan.uuid, reason)
        elif found.waits is not None:
            message = texts.cut(texts.plain(WAITS + found.waits))
            if message != plan.status_message:
                LOG.warning("Plan %s waits: %s", plan.uuid, found.waits)
                self._db.write(action_plans.remark, plan, message)
        else:
            for action, reason in found.skipped.items():
                LOG.info("Action %s will be skipped: %s", action, reason)
            self._begin(plan.uuid, found.skipped)
