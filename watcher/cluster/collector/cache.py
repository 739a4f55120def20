"""Keeps the models: read at start, refreshed when somebody needs one that is fresh."""

import copy
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from oslo_config import cfg
from oslo_log import log

from watcher import exception
from watcher.cluster.collector.base import (
    BaseClusterDataModelCollector,
    Reading,
    StaleModel,
)
from watcher.cluster.model.model_root import ModelRoot
from watcher.domain import scope as documents
from watcher.plugins import COLLECTORS, Plugins

LOG = log.getLogger(__name__)

COMPUTE = documents.COMPUTE
# What is decided on was read after the question: a server that an earlier plan moved a
# second ago must be seen where it is now. A refresh is a few requests.
FRESH_S = 0.0
BACKOFF_S = (1.0, 60.0)
# Seconds that stopping waits for a reading, which nobody needs any more.
PATIENCE_S = 2.0


class Kept:
    """One collector and its current model, read by one thread at a time

    Who asks while a reading is under way that began after the question waits for it and
    gets its result, or its error.
    """

    def __init__(
        self,
        name: str,
        collector: BaseClusterDataModelCollector,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.collector = collector
        self.error: str | None = None
        options = collector.config if isinstance(collector.config, Mapping) else {}
        self.period_s = float(options.get("period") or 0)
        self._clock = clock
        self._flight = threading.Lock()
        self._model: Any = None
        self._read_s: float | None = None
        self._full_s: float | None = None
        self._failed: tuple[float, BaseException] | None = None

    @property
    def age_s(self) -> float | None:
        """Seconds since the current model began to be read; None without a model"""
        return None if self._read_s is None else self._clock() - self._read_s

    @property
    def full_age_s(self) -> float | None:
        """Seconds since everything was last read; None without a model"""
        return None if self._full_s is None else self._clock() - self._full_s

    def get(self, max_age_s: float | None) -> Any:
        """Return a copy of a model not older than that; None takes any there is

        :raises ClusterDataModelCollectionError: there is none so fresh and reading failed
        """
        asked = self._clock()
        if not self._fresh(max_age_s):
            with self._flight:
                if not self._fresh(max_age_s) and not self._read_since(asked):
                    self._reraise(asked)
                    self._read(full=False)
        return copy.deepcopy(self._model)

    def refresh(self, full: bool = False) -> None:
        """Read now: everything, or what changed since the last reading"""
        with self._flight:
            self._read(full)

    def keep(self) -> None:
        """Read everything when that was not done within the period"""
        with self._flight:
            if self._overdue():
                self._read(full=True)

    def _fresh(self, max_age_s: float | None) -> bool:
        age = self.age_s
        if age is None or not self._usable():
            return False
        return max_age_s is None or age <= max_age_s

    def _read_since(self, asked: float) -> bool:
        began = self._read_s
        return began is not None and began >= asked and self._usable()

    def _usable(self) -> bool:
        # Outsiders say so on the collector when a model must not be trusted any more.
        marked = getattr(self.collector, "_cluster_data_model", None)
        return bool(self._model) and not isinstance(marked, StaleModel)

    def _overdue(self) -> bool:
        age = self.full_age_s
        return age is None or 0 < self.period_s <= age

    def _reraise(self, asked: float) -> None:
        # Do not repeat a reading that failed while we waited for it.
        if self._failed is not None and self._failed[0] > asked:
            raise self._wrapped(self._failed[1])

    def _read(self, full: bool) -> None:
        start = self._clock()
        try:
            fresh = None
            if not full and not self._overdue() and self._usable():
                fresh = self.collector.refresh(self._model)
            if fresh is None:
                fresh = self.collector.execute()
                self._full_s = start
            if fresh is None:
                raise exception.ClusterDataModelCollectionError(
                    f"Collector {self.name} built no model"
                )
        except Exception as error:
            # Collectors of other packages raise whatever they like; all are told.
            self.error = f"{type(error).__name__}: {error}"
            self._failed = (self._clock(), error)
            raise self._wrapped(error) from error
        self._model = fresh
        self._read_s = start
        self.error = self._failed = None
        self.collector.cluster_data_model = fresh

    def _wrapped(
        self, error: BaseException
    ) -> exception.ClusterDataModelCollectionError:
        if isinstance(error, exception.ClusterDataModelCollectionError):
            return error
        sentence = f"The cluster data model '{self.name}' could not be built: {error}"
        return exception.ClusterDataModelCollectionError(sentence)


class Models:
    """All models of this process; a part of a daemon, built in the background

    :param clients: handed to collectors as ``osc``
    """

    name = "models"

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        plugins: Plugins,
        clients: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        kept = {}
        halt = threading.Event()
        installed = plugins.classes(COLLECTORS)
        for name in conf.collector.collector_plugins:
            if name in installed:
                collector = plugins.load(COLLECTORS, name, osc=clients)
                collector.reading = Reading.of(conf, halt)
                kept[name] = Kept(name, collector, clock)
            else:
                LOG.info("There is no collector %s here; its model is not kept", name)
        self._begin(kept, halt)

    @classmethod
    def of(cls, collectors: Mapping[str, BaseClusterDataModelCollector]) -> "Models":
        """Keep the models of the given collectors, for tests and trials"""
        models = cls.__new__(cls)
        models._begin({n: Kept(n, c) for n, c in collectors.items()}, threading.Event())
        return models

    def _begin(self, kept: dict[str, Kept], halt: threading.Event) -> None:
        self.kept = kept
        self._halt = halt
        self._threads: list[threading.Thread] = []

    # Reading --------------------------------------------------------------------------

    def get(self, name: str, max_age_s: float | None = FRESH_S) -> Any:
        """Return a copy of a model, refreshed when it is older than ``max_age_s``

        :raises ClusterStateNotDefined: no such model is kept
        :raises ClusterDataModelCollectionError: the cloud could not be read
        """
        return self._kept(name).get(max_age_s)

    def compute(self, max_age_s: float | None = FRESH_S) -> ModelRoot:
        """Return a copy of the compute model; see ``get``"""
        model: ModelRoot = self.get(COMPUTE, max_age_s)
        return model

    def scoped(
        self, name: str, document: Any, max_age_s: float | None = FRESH_S
    ) -> Any:
        """Return a copy of a model, cut to what a scope document says"""
        kept = self._kept(name)
        model = kept.get(max_age_s)
        rules = documents.section(document, name)
        handler = kept.collector.get_audit_scope_handler(audit_scope=rules)
        return handler.get_scoped_model(model) if handler else model

    def collector(self, name: str) -> BaseClusterDataModelCollector:
        """Return a collector, for plugins that ask for it"""
        return self._kept(name).collector

    def refresh(self, full: bool = False, name: str = COMPUTE) -> None:
        """Read a model now"""
        self._kept(name).refresh(full)

    @property
    def age_s(self) -> float | None:
        """Seconds since the compute model was read; None without one"""
        return self.kept[COMPUTE].age_s if COMPUTE in self.kept else None

    @property
    def full_age_s(self) -> float | None:
        """Seconds since all of the compute model was read; None without one"""
        return self.kept[COMPUTE].full_age_s if COMPUTE in self.kept else None

    def ready(self) -> str | None:
        """Say which models are missing and why, or None"""
        missing = [
            f"{name} model: {kept.error or 'not read yet'}"
            for name, kept in sorted(self.kept.items())
            if kept.age_s is None
        ]
        return "; ".join(missing) or None

    def _kept(self, name: str) -> Kept:
        if name not in self.kept:
            raise exception.ClusterStateNotDefined(
                f"The {name} model is not kept: it is not in [collector] collector_plugins"
            )
        return self.kept[name]

    # Life -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read the models in the background, and again every period"""
        self._halt.clear()
        for name, kept in self.kept.items():
            thread = threading.Thread(
                target=self._keep, args=(kept,), name=f"model-{name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, deadline: float) -> None:
        """Read no more; a reading under way is given up with the process

        :param deadline: a moment of ``time.monotonic()``, as for every part
        """
        self._halt.set()
        end = min(deadline, time.monotonic() + PATIENCE_S)
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        self._threads.clear()

    def _keep(self, kept: Kept) -> None:
        wait_s, failures, first = 0.0, 0, True
        while not self._halt.wait(wait_s):
            try:
                kept.keep()
            except exception.WatcherException as error:
                wait_s = min(BACKOFF_S[0] * 2**failures, BACKOFF_S[1])
                failures += 1
                LOG.warning("%s Next attempt in %.0f s", error, wait_s)
            else:
                if first or failures:
                    LOG.info("The %s model is read", kept.name)
                first, failures = False, 0
                wait_s = kept.period_s or threading.TIMEOUT_MAX
