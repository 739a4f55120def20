"""JSON schemas of scope rules, for each model that documents may speak of.

Documents with rules for a model whose collector is not enabled are valid all the same.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

ANY = "*"


def _closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _array(items: Schema) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


_TEXT = {"type": "string"}
_NAMES = _array(_closed(name=_TEXT))
_UUIDS = _array(_closed(uuid=_TEXT))
_AGGREGATES = _array(
    {
        "anyOf": [
            _closed(id={"oneOf": [{"type": "integer"}, {"enum": [ANY]}]}),
            _closed(name=_TEXT),
        ]
    }
)

COMPUTE: Schema = _array(
    _closed(
        host_aggregates=_AGGREGATES,
        availability_zones=_NAMES,
        exclude=_array(
            _closed(
                instances=_UUIDS,
                compute_nodes=_NAMES,
                host_aggregates=_AGGREGATES,
                instance_metadata=_array({"type": "object"}),
                projects=_UUIDS,
            )
        ),
    )
)
STORAGE: Schema = _array(
    _closed(
        availability_zones=_NAMES,
        volume_types=_NAMES,
        exclude=_array(_closed(storage_pools=_NAMES, volumes=_UUIDS, projects=_UUIDS)),
    )
)
BAREMETAL: Schema = _array(_closed(exclude=_array(_closed(ironic_nodes=_UUIDS))))
PUBLISHED: Mapping[str, Schema] = {
    "compute": COMPUTE,
    "storage": STORAGE,
    "baremetal": BAREMETAL,
}
