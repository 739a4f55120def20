"""Takes out of the history what only grows: one note for each run of a CONTINUOUS audit."""

import datetime
from collections.abc import Callable
from typing import Any

from watcher.db import history

# How long it can be told which engine made which run.
KEPT = datetime.timedelta(days=7)


class Tidy:
    """Goes through the history once, and from then on through what has grown old since"""

    def __init__(self, db: Any, now: Callable[[], datetime.datetime]) -> None:
        self._db = db
        self._now = now
        self._upto = 0

    def look(self) -> None:
        """Remove notes that are older than a week, in short transactions"""
        more = True
        while more:
            limit = self._now() - KEPT
            self._upto, more = self._db.write(history.trim, self._upto, limit)
