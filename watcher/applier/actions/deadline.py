"""When the wait for a live migration is over: not while its memory copy comes nearer."""

from watcher.clients.records import MigrationProgress

# The copy has come nearer when so much less of the memory is left than ever before.
NEARER = 0.001


class Deadline:
    """Seconds that a migration may take, and those that its copy may stand still after"""

    def __init__(self, limit_s: float, stall_s: float) -> None:
        self._limit_s = limit_s
        self._stall_s = stall_s
        self._end = limit_s
        self._least: float | None = None

    def start(self, now: float) -> None:
        """Count from now on"""
        self._end = now + self._limit_s

    def see(self, progress: MigrationProgress | None, now: float) -> None:
        """Give more time when less is left than at any look before

        A guest that writes faster than it is copied comes no nearer, whatever is sent.
        """
        if progress is None or not progress.memory_total:
            return
        left = float(progress.memory_remaining or 0)
        if self._least is None or self._least - left >= NEARER * progress.memory_total:
            self._least = left
            self._end = max(self._end, now + self._stall_s)

    def over(self, now: float) -> bool:
        """Tell whether the time is over"""
        return now >= self._end
