"""Transactions: a function over ``tx`` is run in one, and run again when it must be.

``db.write(fn, ...)`` commits what ``fn(tx, ...)`` did as a whole or not at all. Because
the function is run again after a deadlock, it must not do anything but SQL.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy
from oslo_config import cfg
from sqlalchemy import exc, orm

from watcher import exception
from watcher.db import engine as engines
from watcher.db import errors
from watcher.db.changes import Change as Change
from watcher.db.changes import Observer as Observer

LOG = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

# First pause after a deadlock, in seconds; doubled each time up to db_retry_interval.
FIRST_PAUSE_S = 0.01
# No run begins after that many seconds of others being in the way: each may wait for a
# lock as long as the server lets it, and somebody waits for the answer.
PATIENCE_S = 30.0


class Database:
    """The way in: reader and writer transactions with retries; safe to share by threads"""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        *,
        actor: str = "watcher",
        observer: Observer | None = None,
    ) -> None:
        self._options = conf.database
        self._info = {"actor": actor, "observer": observer}
        self.engine: sqlalchemy.Engine = engines.create(conf)
        replica = self.engine
        if conf.database.slave_connection and not conf.database.synchronous_reader:
            replica = engines.create(conf, conf.database.slave_connection)
        self._replica = replica
        self._reader = replica.execution_options(**{engines.READER: True})
        # One connection is shared by all threads when the database is in memory.
        memory = engines.is_memory(self.engine.url)
        self._alone: contextlib.AbstractContextManager[Any] = (
            threading.Lock() if memory else contextlib.nullcontext()
        )
        self._inside = threading.local()

    def acting(self, actor: str) -> "Database":
        """Return this database for another actor of ``history``; connections are shared"""
        other = object.__new__(Database)
        other.__dict__.update(self.__dict__, _info={**self._info, "actor": actor})
        return other

    def read(
        self,
        fn: Callable[Concatenate[orm.Session, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return ``fn(tx, ...)``; what it writes is thrown away"""
        return self._retried(False, lambda tx: fn(tx, *args, **kwargs))

    def write(
        self,
        fn: Callable[Concatenate[orm.Session, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return ``fn(tx, ...)`` after committing what it did"""
        return self._retried(True, lambda tx: fn(tx, *args, **kwargs))

    def ping(self) -> None:
        """Raise DatabaseUnavailable when the database does not answer"""
        try:
            self._once(False, lambda tx: tx.scalar(sqlalchemy.select(1)))
        except _Failed as failed:
            raise errors.translate(failed.error) from failed.error

    def dispose(self) -> None:
        """Close every connection that is not in use"""
        self.engine.dispose()
        if self._replica is not self.engine:
            self._replica.dispose()

    def _retried(self, writes: bool, run: Callable[[orm.Session], T]) -> T:
        end = time.monotonic() + PATIENCE_S
        for pause in self._pauses():
            try:
                return self._once(writes, run)
            except errors.Again:
                if pause is None:
                    raise exception.DatabaseUnavailable(
                        reason="other transactions were faster again and again"
                    )
            except _Failed as failed:
                away = errors.kind(failed.error) is errors.Kind.AWAY
                late = time.monotonic() > end and not away
                if pause is None or late or not self._may_retry(failed):
                    raise errors.translate(failed.error) from failed.error
                LOG.debug("Transaction is run again: %s", failed.error.orig)
                if away:
                    pause = self._options.db_retry_interval
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _may_retry(self, failed: "_Failed") -> bool:
        what = errors.kind(failed.error)
        if what is errors.Kind.AWAY:
            # After a COMMIT without an answer nobody knows whether it was done.
            return bool(self._options.use_db_reconnect) and not failed.committing
        return what is errors.Kind.DEADLOCK

    def _pauses(self) -> Iterator[float | None]:
        longest = max(self._options.db_retry_interval, FIRST_PAUSE_S)
        if self._options.db_inc_retry_interval:
            longest = max(longest, self._options.db_max_retry_interval)
        pause, tries = FIRST_PAUSE_S, 0
        while self._options.db_max_retries < 0 or tries < self._options.db_max_retries:
            yield pause * random.uniform(0.5, 1.5)
            pause, tries = min(pause * 2, longest), tries + 1
        yield None

    def _once(self, writes: bool, run: Callable[[orm.Session], T]) -> T:
        if getattr(self._inside, "busy", False):
            raise RuntimeError("transactions do not nest: pass tx on instead")
        self._inside.busy = True
        committing = False
        try:
            with (
                self._alone,
                orm.Session(
                    self.engine if writes else self._reader,
                    autoflush=False,
                    expire_on_commit=False,
                    info=dict(self._info),
                ) as tx,
            ):
                try:
                    value = run(tx)
                    committing = writes
                    if writes:
                        tx.commit()
                except BaseException:
                    # Closing alone does not roll back what COMMIT left open.
                    with contextlib.suppress(exc.DBAPIError):
                        tx.rollback()
                    raise
                return value
        except exc.DBAPIError as error:
            raise _Failed(error, committing) from error
        except exc.TimeoutError as error:
            raise exception.DatabaseUnavailable(reason=str(error)) from error
        finally:
            self._inside.busy = False


class _Failed(Exception):
    """A driver's error together with the moment it came"""

    def __init__(self, error: exc.DBAPIError, committing: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.committing = committing
