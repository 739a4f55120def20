"""What is asked before an action begins: limits that reach beyond one plan.

A plan obeys its own limits by itself (``plan.py``). What several plans, or several
appliers, must share is behind ``Admission``: the plan's thread asks, and nobody else, so
that an answer may take a few statements to the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from watcher.domain.records import Action


@dataclass(frozen=True, slots=True)
class Answer:
    """Who may begin now, why the others that were looked at must wait, and who never will

    All by the actions' UUID; texts are for operators.
    """

    admitted: Sequence[str] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


class Admission(Protocol):
    """The limits; one for each process. ``book`` is that of the plan, with its claim.

    Errors of the database are those of ``book``: it waits, or raises ``Left``.
    """

    def hold(self, book: Any) -> str | None:
        """Return why nothing of the plan may begin now (window, pause, budget), or None"""

    def adopt(self, book: Any, running: Sequence[Action]) -> None:
        """Count actions that had begun when this process took the plan, come what may"""

    def admit(self, book: Any, waiting: Sequence[Action], room: int) -> Answer:
        """Let at most ``room`` of the actions begin, those first that come first

        Those admitted hold what they need until ``release``.
        """

    def release(self, book: Any, ended: Sequence[Action]) -> None:
        """Give back what the actions held; they have ended, or were let go"""


class NoLimits:
    """Everybody may begin at once"""

    def hold(self, book: Any) -> str | None:
        """Nothing is held up"""
        return None

    def adopt(self, book: Any, running: Sequence[Action]) -> None:
        """Nothing is counted"""

    def admit(self, book: Any, waiting: Sequence[Action], room: int) -> Answer:
        """Let the first ones begin"""
        return Answer([action.uuid for action in waiting[:room]])

    def release(self, book: Any, ended: Sequence[Action]) -> None:
        """Nothing was counted"""
