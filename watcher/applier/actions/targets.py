"""How an action that failed to move something asks for another target."""

from collections.abc import Collection, Generator
from dataclasses import dataclass
from typing import Protocol

from watcher.applier.actions.steps import Wait


@dataclass(frozen=True, slots=True)
class Wish:
    """A server that is still on ``source``; the ``tried`` targets did not take it"""

    server: str
    source: str
    tried: Collection[str]
    live: bool


class Targets(Protocol):
    """Knows where else a server may go"""

    def other(self, wish: Wish) -> Generator[Wait, None, str | None]:
        """Return a host that is kept free for the server, None when there is none

        To be driven like steps: it pauses while the cloud is read.
        """


class NoTargets:
    """There is never another one"""

    def other(self, wish: Wish) -> Generator[Wait, None, str | None]:
        """Return None"""
        yield from ()
        return None
