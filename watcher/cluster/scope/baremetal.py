"""Scope of the bare-metal model."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from oslo_log import log

from watcher.cluster.model.baremetal import BaremetalModelRoot
from watcher.cluster.scope.base import BaseScope, Missing
from watcher.cluster.scope.schemas import BAREMETAL

LOG = log.getLogger(__name__)


class BaremetalScope(BaseScope):
    """Every node, less those that are excluded

    An excluded node that is not there excludes nothing: that is said in the log, as for
    the other models. (The published handler gave up the audit.)
    """

    SCHEMA: ClassVar[Mapping[str, Any] | None] = BAREMETAL
    CHANGES_MODEL: ClassVar[bool] = False

    def get_scoped_model(
        self, cluster_model: BaremetalModelRoot | None
    ) -> BaremetalModelRoot | None:
        """Return a model without the excluded nodes: the given one when there are none"""
        if not cluster_model:
            return cluster_model
        for lack in self.missing(cluster_model):
            LOG.warning("Excluded %s %s is not in the model", lack.what, lack.name)
        excluded = {uuid for _path, uuid in self._excluded()}
        left = [uuid for uuid in cluster_model.nodes_data if uuid not in excluded]
        if len(left) == len(cluster_model.nodes_data):
            return cluster_model
        return cluster_model.part(left)

    def missing(self, cluster_model: BaremetalModelRoot) -> list[Missing]:
        """Return the excluded nodes that the model lacks"""
        return [
            Missing(path, "Ironic node", uuid)
            for path, uuid in self._excluded()
            if uuid not in cluster_model.nodes_data
        ]

    def _excluded(self) -> Iterator[tuple[str, str]]:
        for at, rule in enumerate(self.scope or ()):
            for inner, item in enumerate(rule.get("exclude") or ()):
                for place, node in enumerate(item.get("ironic_nodes") or ()):
                    if "uuid" in node:
                        path = f"/{at}/exclude/{inner}/ironic_nodes/{place}/uuid"
                        yield path, node["uuid"]
