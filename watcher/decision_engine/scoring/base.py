"""Base classes of scoring engines, kept as outside packages know them."""

import abc
from typing import Any

from oslo_config import cfg


class ScoringEngine(abc.ABC):
    """Turns features into a score, both as text; by convention JSON"""

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of group ``watcher_scoring_engines.<name>``"""
        return []

    @abc.abstractmethod
    def get_name(self) -> str:
        """Return the name that strategies ask for"""

    @abc.abstractmethod
    def get_description(self) -> str:
        """Return what the engine is for"""

    @abc.abstractmethod
    def get_metainfo(self) -> str:
        """Return what features go in and what comes out, by convention JSON"""

    @abc.abstractmethod
    def calculate_score(self, features: str) -> str:
        """Return the score of ``features``"""


class ScoringEngineContainer(abc.ABC):
    """Offers several engines, possibly others at every call"""

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of group ``watcher_scoring_engine_containers.<name>``"""
        return []

    @classmethod
    @abc.abstractmethod
    def get_scoring_engine_list(cls) -> list[ScoringEngine]:
        """Return the engines there are now"""
