"""The models as a decision engine keeps them, in the process of the tests."""

import time

import watcher.conf
from tests import servers
from tests.cloud import agreement
from tests.cloud.daemons import Daemons
from watcher.clients.cloud import Clients
from watcher.cluster.collector.cache import COMPUTE, Models
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.collector.listener import Listener
from watcher.cluster.model.model_root import ModelRoot
from watcher.plugins import COLLECTORS, Plugins


class Mirror:
    """Hears what engines hear, and is asked without their API in between"""

    def __init__(self, daemons: Daemons) -> None:
        self.plane = daemons.plane
        conf = watcher.conf.load(
            "tests", default_config_files=[daemons.file("mirror")],
            overrides={("collector", "collector_plugins"): [COMPUTE]})  # fmt: skip
        plugins = Plugins.of({COLLECTORS: {COMPUTE: ComputeCollector}}, conf)
        self.models = Models(conf, plugins, Clients(conf))
        self.kept = self.models.kept[COMPUTE]
        self._listener = Listener(conf, self.models.kept)

    def __enter__(self) -> "Mirror":
        self._listener.start()
        assert self._listener.wait(30)
        self.models.start()
        servers.wait_until(lambda: self.models.ready() is None, 60, "the first reading")
        return self

    def __exit__(self, *_: object) -> None:
        end = time.monotonic() + 5
        self.models.stop(end)
        self._listener.stop(end)

    def unread(self) -> ModelRoot:
        """Return the model as events left it: nothing is asked"""
        return self.models.compute(max_age_s=None)

    def read(self) -> ModelRoot:
        """Return the model after asking what changed"""
        self.models.refresh()
        return self.models.compute(max_age_s=None)

    def wrong(self, model: ModelRoot, but: frozenset[str] = frozenset()) -> list[str]:
        """Return what a model says otherwise than Nova"""
        return [
            *agreement.differences(
                agreement.nodes(self.plane), agreement.nodes_of(model), but=but
            ),
            *agreement.differences(
                agreement.servers(self.plane), agreement.servers_of(model)
            ),
        ]
