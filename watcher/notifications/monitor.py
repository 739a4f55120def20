"""Tells others when a service is gone or came back.

Every process looks at the services of its own kind, the one with the smallest host name
speaks. The others remember what they saw for a few rounds: should the speaker die before
it spoke, the next one does.
"""

from collections.abc import Callable, Sequence

from watcher.domain.records import Service
from watcher.notifications.services import ACTIVE, FAILED
from watcher.parts import Ticker

# Rounds after which a change must have been told by whoever spoke then.
REMEMBERED = 3
Look = Callable[[], Sequence[tuple[Service, float]]]
Tell = Callable[[Service, str, str], None]


class ServiceMonitor:
    """A part that looks at the services every ``period_s`` seconds"""

    name = "service monitor"

    def __init__(
        self, look: Look, tell: Tell, host: str, limit_s: float,
        period_s: float | Callable[[], float],
    ):  # fmt: skip
        self._look = look
        self._tell = tell
        self._host = host
        self._limit_s = limit_s
        self._known: dict[int, str] = {}
        self._untold: dict[int, tuple[Service, str, str, int]] = {}
        self._round = 0
        self._ticker = Ticker(self.name, period_s, self.look)

    def start(self) -> None:
        """Look now and from now on"""
        self._ticker.start()

    def stop(self, deadline: float) -> None:
        """End"""
        self._ticker.stop(deadline)

    def look(self) -> None:
        """Compare the services, given with the age of their last beat, with before"""
        self._round += 1
        rows = self._look()
        states = {row.id: _state(age_s, self._limit_s) for row, age_s in rows}
        for row, _age_s in rows:
            state = states[row.id]
            before = self._known.setdefault(row.id, state)
            if state != before:
                self._known[row.id] = state
                self._untold[row.id] = (row, before, state, self._round)
        alive = [row.host for row, _age_s in rows if states[row.id] == ACTIVE]
        speaks = bool(alive) and min(alive) == self._host
        for ident, (row, before, state, since) in list(self._untold.items()):
            if speaks:
                self._tell(row, before, state)
            if speaks or self._round - since >= REMEMBERED:
                del self._untold[ident]


def _state(age_s: float, limit_s: float) -> str:
    return ACTIVE if abs(age_s) <= limit_s else FAILED
