"""Reads the bare-metal model from Ironic: complete, or not at all."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from watcher.clients.protocols import Clients
from watcher.clients.records import BaremetalNode
from watcher.cluster.collector.base import (
    BaseClusterDataModelCollector,
    BaseModelBuilder,
)
from watcher.cluster.model.baremetal import BaremetalModelRoot
from watcher.cluster.scope.baremetal import BaremetalScope

SERVICE_TYPE = "baremetal"


class BaremetalCollector(BaseClusterDataModelCollector):
    """Keeps the model of Ironic nodes; what it reads is a few requests, made each time"""

    osc: Clients
    SCHEMA: ClassVar[Mapping[str, Any] | None] = BaremetalScope.SCHEMA

    def absent(self) -> str | None:
        """Say that the catalogue has no bare-metal service"""
        if self.osc.keystone.has_service(SERVICE_TYPE):
            return None
        return f"the catalogue has no enabled service of type {SERVICE_TYPE}"

    def execute(self) -> BaremetalModelRoot:
        """Read every node"""
        return BaremetalModelBuilder(self.osc, self.reading).execute()

    def get_audit_scope_handler(self, audit_scope: Any) -> BaremetalScope:
        """Return the handler of bare-metal rules"""
        return BaremetalScope(audit_scope, self.config)

    @property
    def notification_endpoints(self) -> Sequence[Any]:
        """None: Ironic is asked whenever somebody needs the model"""
        return []


class BaremetalModelBuilder(BaseModelBuilder):
    """One reading of Ironic"""

    osc: Clients

    def execute(self, model_scope: Any = None) -> BaremetalModelRoot:
        """Read every node and build a model"""
        read_at = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        model = BaremetalModelRoot()
        for node in self.call_retry(self.osc.ironic.nodes):
            model.put_node(values(node))
        model.read_at = read_at
        return model


def values(node: BaremetalNode) -> dict[str, Any]:
    """Return the values of an Ironic node"""
    return {
        "uuid": node.uuid,
        "human_id": node.name,
        "power_state": node.power_state,
        "maintenance": node.maintenance,
        "maintenance_reason": node.maintenance_reason,
        "extra": dict(node.extra),
    }
