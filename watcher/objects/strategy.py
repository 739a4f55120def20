"""Strategies as classic planners look them up."""

from typing import Any, ClassVar

from watcher.objects import base


class Strategy(base.Collected):
    """A strategy by its name: the engine knows which row it is"""

    fields: ClassVar = {"name": None, "display_name": None, "goal_id": None}

    @classmethod
    def get_by_name(cls, context: Any, name: str, **_kwargs: Any) -> "Strategy":
        """Return the strategy called ``name``"""
        found = cls(context, name=name)
        found.create()
        return found
