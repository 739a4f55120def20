"""What this process knows of places without asking: what its own plans have of them.

Thousands of actions may wait for a few places. Those that cannot get one, because plans
of this process have them all, or because the database just said so, cost no statement.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from watcher.domain.records import Place

Key = tuple[str, str]
# What others had is asked anew after so many seconds.
ASK_AGAIN_S = 2.0


class Counts:
    """Numbers of places that plans of this process have; threads share it"""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._mine: Counter[Key] = Counter()
        # Full for whoever may have so many at most, until that time.
        self._full: dict[Key, tuple[int, float]] = {}

    def reserve(self, places: Sequence[Place]) -> Place | None:
        """Count all of the places as ours, or return one that is full"""
        with self._lock:
            for place in places:
                if place.limit is not None and self._is_full(place.key, place.limit):
                    return place
            self._mine.update(place.key for place in places)
        return None

    def _is_full(self, key: Key, limit: int) -> bool:
        if self._mine.get(key, 0) >= limit:
            return True
        known = self._full.get(key)
        return known is not None and limit <= known[0] and self._clock() < known[1]

    def count(self, places: Iterable[Place]) -> None:
        """Count places as ours, room or not"""
        with self._lock:
            self._mine.update(place.key for place in places)

    def give_back(self, places: Iterable[Place]) -> None:
        """Count places as ours no more: others of this process may ask for them now"""
        with self._lock:
            for place in places:
                self._mine[place.key] -= 1
                if self._mine[place.key] <= 0:
                    del self._mine[place.key]
                self._full.pop(place.key, None)

    def refused(self, place: Place) -> None:
        """Remember that others have all there are of a place"""
        if place.limit is not None:
            with self._lock:
                self._full[place.key] = (place.limit, self._clock() + ASK_AGAIN_S)
