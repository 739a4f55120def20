"""The loader of plugins in its published form, over the registry of ours."""

from typing import Any

from oslo_config import cfg

from watcher import plugins


class DefaultLoader:
    """Loads the plugins of one entry-point group

    ``conf`` is the configuration object that the plugin's options are read from.
    """

    def __init__(self, namespace: str, conf: cfg.ConfigOpts | None = None) -> None:
        self.namespace = namespace
        if conf is None:
            self._plugins = plugins.Plugins.of({namespace: {}})
            self._plugins = plugins.Plugins(self._plugins.conf)
        else:
            self._plugins = plugins.Plugins(conf)

    def load(self, name: str, **kwargs: Any) -> Any:
        """Build plugin ``name``; LoadingError when it cannot be"""
        return self._plugins.load(self.namespace, name, **kwargs)

    def list_available(self) -> dict[str, type]:
        """Return name and class of every usable plugin"""
        return self._plugins.classes(self.namespace)

    def get_entry_name(self, name: str) -> str:
        """Return the name of the plugin's option group"""
        return f"{self.namespace}.{name}"
