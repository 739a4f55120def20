"""The compute model as the decision engine has it, in rows of one node and one server."""

from collections.abc import Mapping
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import types
from watcher.api.call import Call
from watcher.api.expose import Resource, Route, expose

COMPUTE = "compute"
NODE = (
    *("uuid", "hostname", "status", "disabled_reason", "state"),
    *("memory", "memory_mb_reserved", "memory_ratio"),
    *("disk", "disk_gb_reserved", "disk_ratio"),
    *("vcpus", "vcpu_reserved", "vcpu_ratio"),
)
SERVER = (
    *("uuid", "name", "state", "watcher_exclude", "locked"),
    *("memory", "disk", "vcpus", "metadata", "project_id"),
)
SERVER_EXTENDED = ("pinned_az", "flavor_extra_specs")
SINCE, SINCE_EXTENDED = 3, 6


class TypeNotFound(exception.ObjectNotFound):
    """There is no model of that kind to be shown"""

    msg_fmt = _("The data model type %(data_model_type)s could not be found")


class DataModel(Resource):
    """/v1/data_model"""

    name = "data_model"

    def arguments(self, route: Route) -> Mapping[str, Any]:
        """Return the arguments of the only method"""
        return {"data_model_type": types.TEXT, "audit_uuid": types.UUID}

    @expose("GET", rule="data_model:get_all")
    def get_all(self, call: Call) -> Any:
        """Show the model, whole or cut to the scope of an audit"""
        call.since(SINCE)
        kind = call.query.get("data_model_type") or COMPUTE
        if kind != COMPUTE:
            raise TypeNotFound(data_model_type=kind)
        told = self.parts.rpc.decision_engine.get_data_model_info(
            call.ctx, kind, call.query.get("audit_uuid")
        )
        keys = [f"node_{name}" for name in NODE] + [f"server_{name}" for name in SERVER]
        if call.minor >= SINCE_EXTENDED:
            keys += [f"server_{name}" for name in SERVER_EXTENDED]
        return {
            "context": [
                {key: row[key] for key in keys if key in row} for row in told["context"]
            ]
        }
