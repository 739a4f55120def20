"""Base class of goals."""

import abc
from typing import Any

from oslo_config import cfg

from watcher.decision_engine.goal.efficacy.base import EfficacySpecification


class Goal(abc.ABC):
    """An aim that strategies pursue; the entry point is named as ``get_name`` says"""

    def __init__(self, config: Any = None) -> None:
        self.config = config
        self.name = self.get_name()
        self.display_name = self.get_display_name()
        self.efficacy_specification = self.get_efficacy_specification()

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of group ``watcher_goals.<name>``"""
        return []

    @classmethod
    @abc.abstractmethod
    def get_name(cls) -> str:
        """Return the unique name, at most 63 characters"""

    @classmethod
    @abc.abstractmethod
    def get_display_name(cls) -> str:
        """Return the label in the reader's language"""

    @classmethod
    @abc.abstractmethod
    def get_translatable_display_name(cls) -> str:
        """Return the English label, which is stored; at most 63 characters"""

    @classmethod
    @abc.abstractmethod
    def get_efficacy_specification(cls) -> EfficacySpecification:
        """Return how plans for this goal are measured"""
