"""Import path kept for plugins packaged outside this tree."""

from watcher.legacy import doorway

_CLUSTER = "watcher.cluster"
doorway(
    __name__,
    _CLUSTER,
    {
        "base": f"{_CLUSTER}.model.base",
        "element": f"{_CLUSTER}.model.element",
        "model_root": f"{_CLUSTER}.model.model_root",
        "collector.base": f"{_CLUSTER}.collector.base",
        "collector.manager": f"{_CLUSTER}.collector.manager",
        "collector.nova": f"{_CLUSTER}.collector.compute",
        "collector.ironic": f"{_CLUSTER}.collector.baremetal",
        "notification.base": f"{_CLUSTER}.collector.endpoint",
        "notification.filtering": f"{_CLUSTER}.collector.filtering",
        "collector.cinder": f"{_CLUSTER}.collector.storage",
    },
)
