"""Changes to rows that engines change at the same time."""

import contextlib
from collections.abc import Callable
from typing import Any

from watcher import exception
from watcher.api.call import Store

# Engines move a row a few times in its life, clients hardly ever at the same moment.
ATTEMPTS = 5


def change(db: Store, fn: Callable[[Any], Any]) -> Any:
    """Return ``fn(tx)`` of a writer transaction

    ``fn`` looks at a row and changes it. When another process changes its state in
    between, both are done again: the answer is the one of a request that came a moment
    later, which clients know.

    :raises StateChanged: others were faster again and again
    """
    for _attempt in range(ATTEMPTS - 1):
        with contextlib.suppress(exception.StateChanged):
            return db.write(fn)
    return db.write(fn)
