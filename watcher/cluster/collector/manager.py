"""Collectors by name, in the form that strategies written elsewhere know."""

from typing import Any


class CollectorManager:
    """What ``collector_manager`` of a strategy is

    Nothing here is global: it is made of the models that a process keeps
    (``watcher.cluster.collector.cache.Models``) and gives their collectors.
    """

    def __init__(self, models: Any) -> None:
        self._models = models

    def get_collectors(self) -> dict[str, Any]:
        """Return every collector in use by name"""
        return {name: kept.collector for name, kept in self._models.kept.items()}

    def get_notification_endpoints(self) -> list[Any]:
        """Return the endpoints of all collectors; one without any may say None"""
        return [
            endpoint
            for collector in self.get_collectors().values()
            for endpoint in collector.notification_endpoints or ()
        ]

    def get_cluster_model_collector(self, name: str, osc: Any = None) -> Any:
        """Return a collector or raise ClusterStateNotDefined

        ``osc`` is accepted for outside callers: a process has each collector once, with
        the clients that it was built with.
        """
        return self._models.collector(name)
