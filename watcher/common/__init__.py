"""Import paths kept for packages written elsewhere; our own code never uses them."""

from watcher.legacy import doorway

doorway(
    __name__,
    "watcher",
    {
        "exception": "watcher.exception",
        "context": "watcher.context",
        "policy": "watcher.policy",
    },
)
