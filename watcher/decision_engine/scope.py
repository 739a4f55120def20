"""Import path kept for plugins packaged outside this tree."""

from watcher.legacy import doorway

doorway(__name__, "watcher.cluster.scope", ("base", "compute", "storage", "baremetal"))
