"""One model and what keeps it fresh: readings, and events heard in between."""

import copy
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from oslo_log import log

from watcher import exception
from watcher.cluster.collector.base import BaseClusterDataModelCollector
from watcher.cluster.collector.event import Effect, Event

LOG = log.getLogger(__name__)

# Seconds since the last event after which nobody can tell whether any would still come.
HEARING_S = 600.0
# Part of the period by which one engine may be earlier than another.
EARLY = 0.1
# More events than that during one reading, and the model is read once more instead.
JOURNAL = 20_000


class Kept:
    """One collector and its current model, read by one thread at a time

    Who asks while a reading is under way that began after the question waits for it and
    gets its result, or its error. Events change the model in place; those that come
    during a reading are applied to its result once more, so that none is lost.
    """

    def __init__(
        self,
        name: str,
        collector: BaseClusterDataModelCollector,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.collector = collector
        self.error: str | None = None
        self.absent: str | None = None  # why the cloud has nothing to be read
        options = collector.config if isinstance(collector.config, Mapping) else {}
        # A little less than the period, so that engines do not read all at the same time.
        self.period_s = float(options.get("period") or 0) * (1 - EARLY * chance())
        self._clock = clock
        self._flight = threading.Lock()
        self._news = threading.Lock()
        self._journal: list[Event] | None = None
        self._model: Any = None
        self._read_s: float | None = None
        self._full_s: float | None = None
        self._heard_s: float | None = None
        self._incomplete = False
        self._deaf = False
        self._told: set[str] = set()  # events that its collector fails on
        self._failed: tuple[float, BaseException] | None = None
        # Who asks the collector for its latest model gets this one, too.
        collector.latest = lambda: self.get(None)

    @property
    def age_s(self) -> float | None:
        """Seconds since the current model began to be read; None without a model"""
        return None if self._read_s is None else self._clock() - self._read_s

    @property
    def full_age_s(self) -> float | None:
        """Seconds since everything was last read; None without a model"""
        return None if self._full_s is None else self._clock() - self._full_s

    @property
    def followed(self) -> bool:
        """Whether events come, and the model has all that they said"""
        heard = self._heard_s
        if self._deaf or heard is None or self._clock() - heard > HEARING_S:
            return False
        return not self._incomplete

    @property
    def current(self) -> Any:
        """The model that is there, not a copy: for reading under its lock; None: there is none"""
        return self._model if self._usable() else None

    # Giving -----------------------------------------------------------------------------

    def get(self, max_age_s: float | None, followed_s: float = 0.0) -> Any:
        """Return a copy of a model not older than that; None takes any there is

        ``followed_s``: how old the last reading may be while the model follows events.
        :raises ClusterDataModelCollectionError: there is none so fresh and reading failed
        :raises ClusterStateNotDefined: the cloud has no such service
        """
        asked = self._clock()
        if not self._fresh(max_age_s, followed_s):
            with self._flight:
                if not self._fresh(max_age_s, followed_s) and not self._since(asked):
                    self._reraise(asked)
                    self._read(full=False)
        return self._before()

    def refresh(self, full: bool = False) -> None:
        """Read now: everything, or what changed since the last reading"""
        with self._flight:
            self._read(full)

    def keep(self) -> None:
        """Read everything when that was not done within the period"""
        with self._flight:
            if self._overdue():
                self._read(full=True)

    def _fresh(self, max_age_s: float | None, followed_s: float) -> bool:
        age = self.age_s
        if age is None or not self._usable():
            return False
        if max_age_s is None or age <= max_age_s:
            return True
        return age <= followed_s and self.followed

    def _since(self, asked: float) -> bool:
        began = self._read_s
        return began is not None and began >= asked and self._usable()

    def _usable(self) -> bool:
        # False when the collector says that its model must not be trusted any more.
        return bool(self._model) and bool(self._current())

    def _current(self) -> Any:
        # Endpoints of outside collectors may put another model in place.
        placed = getattr(self.collector, "_cluster_data_model", None)
        return self._model if placed is None else placed

    def _overdue(self) -> bool:
        age = self.full_age_s
        return age is None or 0 < self.period_s <= age

    # Hearing ----------------------------------------------------------------------------

    def listen(self) -> None:
        """Say that from now on events are heard: those before may have been missed"""
        with self._news:
            self._incomplete = True

    def wants(self, publisher: str, kind: str) -> bool:
        """Tell whether the collector understands such events; one that raises does not"""
        if self._deaf:
            return False
        try:
            return self.collector.wants(publisher, kind)
        except Exception:
            # One of another package; the others are to hear the event.
            LOG.exception("The %s model hears no more events", self.name)
            self._deaf = True
            return False

    def hear(self, event: Event) -> Effect:
        """Bring the model up to date with an event; one that is not there yet ignores it"""
        with self._news:
            self._heard_s = self._clock()
            if self._journal is not None and len(self._journal) <= JOURNAL:
                self._journal.append(event)
            if not self._usable():
                return Effect.IGNORED
            return self._follow(self._model, event)

    def _follow(self, model: Any, event: Event) -> Effect:
        try:
            with model.lock:
                effect = self.collector.follow(model, event)
        except Exception:
            # Whatever a payload holds, the model is read again before it is reasoned on.
            if event.kind not in self._told:
                # A cloud sends them all day long.
                self._told.add(event.kind)
                LOG.exception(
                    "The %s model does not take events %s; it is told once",
                    self.name,
                    event.kind,
                )
            effect = Effect.INCOMPLETE
        if effect is Effect.INCOMPLETE:
            self._incomplete = True
        return effect

    def _install(self, fresh: Any, start: float, full: bool) -> None:
        """Make what was read the current model, with the events heard meanwhile"""
        with self._news:
            heard, self._journal = self._journal or [], None
            self._incomplete = len(heard) > JOURNAL
            for event in heard[:JOURNAL]:
                self._follow(fresh, event)
            self._model = fresh
            self._read_s = start
            if full:
                self._full_s = start
            self.collector.cluster_data_model = fresh
        self.error = self._failed = self.absent = None

    # Reading ----------------------------------------------------------------------------

    def _reraise(self, asked: float) -> None:
        # Do not repeat a reading that failed while we waited for it.
        if self._failed is not None and self._failed[0] > asked:
            raise self._wrapped(self._failed[1])

    def _read(self, full: bool) -> None:
        start = self._clock()
        with self._news:
            self._journal = []
        # Endpoints of outside collectors wait for this lock, and then find what was read.
        with self.collector.sync_lock:
            try:
                fresh = None
                if not full and not self._overdue() and self._usable():
                    fresh = self.collector.refresh(self._before())
                if whole := fresh is None:
                    fresh = self._everything()
            except Exception as error:
                # Collectors of other packages raise whatever they like; all are told.
                with self._news:
                    self._journal = None
                self.error = f"{type(error).__name__}: {error}"
                self._failed = (self._clock(), error)
                raise self._wrapped(error) from error
            self._install(fresh, start, whole)

    def _before(self) -> Any:
        # A copy: events and endpoints go on changing the current one.
        with self.collector.lock:
            return copy.deepcopy(self._current())

    def _everything(self) -> Any:
        self.absent = self.collector.absent()
        if self.absent:
            self._model = None
            raise exception.ClusterStateNotDefined(
                f"There is no {self.name} model: {self.absent}"
            )
        fresh = self.collector.execute()
        if fresh is None:
            raise exception.ClusterDataModelCollectionError(
                f"Collector {self.name} built no model"
            )
        return fresh

    def _wrapped(self, error: BaseException) -> exception.WatcherException:
        if isinstance(
            error,
            exception.ClusterDataModelCollectionError
            | exception.ClusterStateNotDefined,
        ):
            return error
        sentence = f"The cluster data model '{self.name}' could not be built: {error}"
        return exception.ClusterDataModelCollectionError(sentence)
