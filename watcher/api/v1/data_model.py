"""The compute model as the decision engine has it, in rows of one node and one server."""

from collections.abc import Mapping
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import errors, types
from watcher.api.call import Call
from watcher.api.expose import SINCE_KEY, Resource, Route, expose

COMPUTE = "compute"
SINCE, SINCE_EXTENDED = 3, 6
_TEXT, _WHOLE, _NUMBER = ["string", "null"], ["integer", "null"], ["number", "null"]
# Keys of a row with their types; a model says nothing about what it does not know.
NODE: Mapping[str, Any] = {
    **dict.fromkeys(("uuid", "hostname", "status", "disabled_reason", "state"), _TEXT),
    **dict.fromkeys(("memory", "memory_mb_reserved", "disk"), _WHOLE),
    **dict.fromkeys(("disk_gb_reserved", "vcpus", "vcpu_reserved"), _WHOLE),
    **dict.fromkeys(("memory_ratio", "disk_ratio", "vcpu_ratio"), _NUMBER),
}
SERVER: Mapping[str, Any] = {
    **dict.fromkeys(("uuid", "name", "state", "project_id"), _TEXT),
    **dict.fromkeys(("watcher_exclude", "locked"), ["boolean", "null"]),
    **dict.fromkeys(("memory", "disk", "vcpus"), _WHOLE),
    "metadata": ["object", "null"],
}
SERVER_EXTENDED: Mapping[str, Any] = {
    "pinned_az": _TEXT,
    "flavor_extra_specs": ["object", "null"],
}


def _keys(minor: int) -> Mapping[str, Any]:
    """Return the keys of a row at a microversion, with their types"""
    keys = {f"node_{name}": kind for name, kind in NODE.items()}
    keys |= {f"server_{name}": kind for name, kind in SERVER.items()}
    if minor >= SINCE_EXTENDED:
        keys |= {f"server_{name}": kind for name, kind in SERVER_EXTENDED.items()}
    return keys


def _described(name: str, kind: Any) -> dict[str, Any]:
    since = {} if name in _keys(SINCE) else {SINCE_KEY: f"1.{SINCE_EXTENDED}"}
    return {"type": kind, **since}


ROWS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "context": {
            "type": "array",
            "description": "One row for each server and its node, and for empty nodes",
            "items": {
                "type": "object",
                "properties": {
                    name: _described(name, kind)
                    for name, kind in _keys(SINCE_EXTENDED).items()
                },
                "additionalProperties": False,
            },
        }
    },
    "required": ["context"],
    "additionalProperties": False,
}


class TypeNotFound(exception.ObjectNotFound):
    """There is no model of that kind to be shown"""

    msg_fmt = _("The data model type %(data_model_type)s could not be found")


class DataModel(Resource):
    """/v1/data_model"""

    name = "data_model"

    def arguments(self, route: Route) -> Mapping[str, Any]:
        """Return the arguments of the only method"""
        return {
            "data_model_type": types.TEXT.but(
                schema={"type": "string", "default": COMPUTE},
                help="Which model; there is no other than compute",
            ),
            "audit_uuid": types.UUID.but(
                help="UUID of the audit whose scope the model is cut to"
            ),
        }

    @expose(
        "GET",
        rule="data_model:get_all",
        answers=ROWS,
        since=SINCE,
        refuses=(404,),
    )
    def get_all(self, call: Call) -> Any:
        """Show the model, whole or cut to the scope of an audit"""
        kind = call.query.get("data_model_type", COMPUTE)
        if kind != COMPUTE:
            raise TypeNotFound(data_model_type=kind)
        audit = call.query.get("audit_uuid")
        try:
            told = self.parts.rpc.decision_engine.get_data_model_info(
                call.ctx, kind, audit
            )
        except exception.AuditNotFound as error:
            reason = error.format_message()
            raise errors.InvalidInput("audit_uuid", audit, reason) from None
        keys = _keys(call.minor)
        return {
            "context": [
                {key: row[key] for key in keys if key in row} for row in told["context"]
            ]
        }
