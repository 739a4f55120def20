"""What other processes may ask of the decision engine over the bus.

Methods of version 1.0 are the published ones; endpoints that know more say so.
"""

import dataclasses
from collections.abc import Collection
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.db import audits
from watcher.decision_engine.existence import Existence
from watcher.decision_engine.pool import Pool
from watcher.plugins import STRATEGIES, Plugins

LOG = log.getLogger(__name__)

# What is shown may be that old, in seconds; a refresh takes a few requests.
SHOWN_AGE_S = 2.0
AVAILABLE = "available"
NOT_AVAILABLE = "not available"
NO_DATASOURCE = "No datasource is needed, or none is configured that has the metrics"


class AuditEndpoint:
    """Wakes the engine; the row is what counts"""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def trigger_audit(self, context: Any, audit_uuid: str) -> str:
        """Run an audit soon; an EVENT audit that had ended runs once more"""
        self._pool.offer(audit_uuid, triggered=True)
        return audit_uuid


class StrategyEndpoint:
    """Tells what a strategy needs"""

    def __init__(self, plugins: Plugins, models: Any, readings: Any = None) -> None:
        self._plugins = plugins
        self._models = models
        self._readings = readings

    def get_strategy_info(
        self, context: Any, strategy_name: str
    ) -> list[dict[str, Any]]:
        """Return whether datasource, metrics and models of a strategy are there"""
        cls: Any = self._plugins.classes(STRATEGIES).get(strategy_name)
        if cls is None:
            raise exception.StrategyNotFound(strategy=strategy_name)
        kept = self._models.kept
        datasource, metrics = self._datasource(cls)
        return [
            _requirement("Datasource", datasource, True),
            _requirement("Metrics", metrics, False),
            _requirement(
                "CDM",
                [
                    {
                        f"{name}_model": _word(
                            name in kept and kept[name].age_s is not None
                        )
                    }
                    for name in ("compute", "storage", "baremetal")
                ],
                True,
            ),
        ]

    def _datasource(self, cls: Any) -> tuple[str, list[dict[str, str]]]:
        if not cls.DATASOURCE_METRICS or self._readings is None:
            return NO_DATASOURCE, []
        backend = self._readings.get_backend(cls.DATASOURCE_METRICS)
        there = backend.list_metrics()
        names = [backend.METRIC_MAP[metric] for metric in cls.DATASOURCE_METRICS]
        return (
            f"{backend.NAME}: {backend.check_availability()}",
            [{name: _word(name in there)} for name in names],
        )


class DataModelEndpoint:
    """Shows the data model

    :param default_scope: what the empty scope of an audit means
    """

    def __init__(
        self, db: Any, models: Any, default_scope: Collection[Any] = ()
    ) -> None:
        self._db = db
        self._models = models
        self._default = default_scope

    def get_data_model_info(
        self,
        context: Any,
        data_model_type: str = "compute",
        audit: str | None = None,
    ) -> dict[str, Any]:
        """Return the elements of the model that is there, cut to an audit's scope

        :raises NotReady: it has not been read yet, and why
        """
        kept = self._models.kept.get(data_model_type)
        if kept is None:
            raise exception.ClusterStateNotDefined(
                f"No {data_model_type} model is kept here"
            )
        if kept.age_s is None:
            raise exception.NotReady(
                reason=f"the {data_model_type} model has not been read yet"
                + (f" ({kept.error})" if kept.error else "")
            )
        scope: Collection[Any] = []
        if audit is not None:
            scope = self._db.read(audits.get, audit).scope or self._default
        try:
            model = self._models.scoped(data_model_type, scope, max_age_s=SHOWN_AGE_S)
        except exception.ClusterDataModelCollectionError as error:
            # Better the last known state than none, in the time that a caller waits.
            LOG.warning("The model shown is not the newest: %s", error)
            model = self._models.scoped(data_model_type, scope, max_age_s=None)
        return {"context": model.to_list() if model else []}


class ScopeEndpoint:
    """Judges scopes before somebody stores them"""

    VERSION = "1.1"

    def __init__(self, existence: Existence) -> None:
        self._existence = existence

    def check_scope(
        self, context: Any, scope: list[Any], goal: str, strategy: str | None = None
    ) -> dict[str, Any]:
        """Return what a scope names in vain, and what cannot be told

        ``missing`` has a path, the kind and the name of each; ``unused`` the paths of
        sections about models that no strategy in question looks at; ``unknown`` says for
        each model that could not be asked why.
        """
        found = self._existence.of(scope, goal, strategy)
        return {
            "missing": [dataclasses.asdict(item) for item in found.missing],
            "unused": list(found.unused),
            "unknown": dict(found.unknown),
        }


def _requirement(kind: str, state: Any, mandatory: bool) -> dict[str, Any]:
    return {"type": kind, "state": state, "mandatory": mandatory, "comment": ""}


def _word(there: bool) -> str:
    return AVAILABLE if there else NOT_AVAILABLE
