"""Classic loaders of the decision engine's plugins, one for each group."""

from oslo_config import cfg

from watcher import plugins
from watcher.loader import DefaultLoader


class DefaultStrategyLoader(DefaultLoader):
    """Loads strategies"""

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        super().__init__(plugins.STRATEGIES, conf)


class DefaultGoalLoader(DefaultLoader):
    """Loads goals"""

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        super().__init__(plugins.GOALS, conf)


class DefaultPlannerLoader(DefaultLoader):
    """Loads planners"""

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        super().__init__(plugins.PLANNERS, conf)


class ClusterDataModelCollectorLoader(DefaultLoader):
    """Loads collectors"""

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        super().__init__(plugins.COLLECTORS, conf)


class DefaultScoringLoader(DefaultLoader):
    """Loads scoring engines"""

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        super().__init__(plugins.SCORING_ENGINES, conf)


class DefaultScoringContainerLoader(DefaultLoader):
    """Loads containers of scoring engines"""

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        super().__init__(plugins.SCORING_ENGINE_CONTAINERS, conf)
