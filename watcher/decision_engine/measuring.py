"""Plans that have ended: what they achieved is measured once, and stored beside the promise."""

import datetime
from collections.abc import Callable, Collection
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.db import action_plans, actions, audits
from watcher.decision_engine.decide import Snapshot
from watcher.decision_engine.goal.efficacy import achieved
from watcher.domain.records import ActionPlan, Audit
from watcher.plugins import GOALS, Plugins

LOG = log.getLogger(__name__)

# Plans measured in one look, by one model.
PAGE = 50
# What ended longer ago is not measured any more: the cluster has gone on since then.
LATEST = datetime.timedelta(hours=1)


class Measuring:
    """Looks for plans that an applier ended; several engines may: the first word stands"""

    def __init__(
        self, db: Any, models: Any, plugins: Plugins, *,
        now: Callable[[], datetime.datetime], default_scope: Collection[Any] = (),
    ) -> None:  # fmt: skip
        self._db = db
        self._models = models
        self._plugins = plugins
        self._now = now
        self._default_scope = default_scope

    def look(self) -> None:
        """Measure what ended since the last look

        :raises ClusterDataModelCollectionError: the cloud cannot be read; tried again
        """
        since = self._now() - LATEST
        while found := self._db.read(action_plans.unmeasured, since, PAGE):
            # Read after the plans had ended.
            snapshot = Snapshot(self._models, self._plugins, self._default_scope)
            for plan in found:
                document = self._measured(snapshot, plan)
                document["measured_at"] = f"{self._now().isoformat()}+00:00"
                self._db.write(action_plans.measured, plan.uuid, document)

    def _measured(self, snapshot: Snapshot, plan: ActionPlan) -> dict[str, Any]:
        try:
            audit = self._db.read(audits.get, plan.audit_id, show_deleted=True)
            facts = achieved.Facts(
                self._db.read(actions.of_plan, plan.uuid), snapshot.cut(audit.scope)
            )
            return achieved.measure(
                facts, plan.efficacy_indicators, self._specification(audit)
            )
        except exception.ClusterDataModelCollectionError:
            raise
        except Exception as error:
            # Rows and goals of other packages may hold and do anything.
            LOG.exception("What plan %s achieved cannot be measured", plan.uuid)
            why = f"It could not be measured: {error}"
            return {"indicators": [], "global": [], "actions": {}, "note": why}

    def _specification(self, audit: Audit) -> Any:
        if audit.goal_name not in self._plugins.classes(GOALS):
            return None
        return self._plugins.load(GOALS, audit.goal_name).efficacy_specification
