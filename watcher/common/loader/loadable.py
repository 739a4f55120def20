"""Base of classic plugins."""

import abc
from typing import Any, ClassVar


class Loadable(abc.ABC):
    """A plugin that is built with the values of its option group"""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    @classmethod
    @abc.abstractmethod
    def get_config_opts(cls) -> list[Any]:
        """Return the options of the plugin's group"""


class LoadableSingleton(Loadable):
    """A plugin of which a process has one instance for each class"""

    _instances: ClassVar[dict[type, "LoadableSingleton"]] = {}

    def __new__(cls, *_args: Any, **_kwargs: Any) -> "LoadableSingleton":
        if cls not in LoadableSingleton._instances:
            LoadableSingleton._instances[cls] = super().__new__(cls)
        return LoadableSingleton._instances[cls]
