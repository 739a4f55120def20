"""Classic loaders of the applier's plugins, one for each group."""

from oslo_config import cfg

from watcher import plugins
from watcher.loader import DefaultLoader


class DefaultActionLoader(DefaultLoader):
    """Loads actions"""

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        super().__init__(plugins.ACTIONS, conf)


class DefaultWorkFlowEngineLoader(DefaultLoader):
    """Loads workflow engines"""

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        super().__init__(plugins.WORKFLOW_ENGINES, conf)
