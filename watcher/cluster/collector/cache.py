"""Keeps the models: read at start, refreshed when somebody needs one that is fresh."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from oslo_config import cfg
from oslo_log import log

from watcher import exception
from watcher.cluster.collector.base import BaseClusterDataModelCollector, Reading
from watcher.cluster.collector.kept import Kept
from watcher.cluster.model.model_root import ModelRoot
from watcher.domain import scope as documents
from watcher.plugins import COLLECTORS, Plugins

LOG = log.getLogger(__name__)

COMPUTE = documents.COMPUTE
# What is decided on was read after the question: a server that an earlier plan moved a
# second ago must be seen where it is now. A refresh is a few requests.
FRESH_S = 0.0
# Unless the model follows events and has understood all of them: one of a server under way
# is not, so that after a move, of ours too, it is read again. Should events get lost, by a
# broker that restarts for one, a decision is wrong about what happened in these seconds.
FOLLOWED_S = 10.0
BACKOFF_S = (1.0, 60.0)
# Seconds after which a service that the cloud did not have is looked for again, where no
# period says so.
ABSENT_S = 3600.0
# Seconds that stopping waits for a reading, which nobody needs any more.
PATIENCE_S = 2.0


class Models:
    """All models of this process; a part of a daemon, built in the background

    :param clients: handed to collectors as ``osc``
    :param ahead: False: nothing is read before somebody asks for it
    """

    name = "models"

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        plugins: Plugins,
        clients: Any,
        clock: Callable[[], float] = time.monotonic,
        *,
        ahead: bool = True,
    ) -> None:
        self._ahead = ahead
        kept = {}
        halt = threading.Event()
        self._broken: dict[str, str] = {}
        installed = plugins.classes(COLLECTORS)
        for name in conf.collector.collector_plugins:
            if name not in installed:
                LOG.info("There is no collector %s here; its model is not kept", name)
                continue
            try:
                collector = plugins.load(COLLECTORS, name, osc=clients)
                collector.reading = Reading.of(conf, halt)
                kept[name] = Kept(name, collector, clock)
            except Exception as error:
                # One of another package may fail in any way; the others do their work.
                self._broken[name] = " ".join(str(error).split())
                LOG.exception("The %s model is not kept: its collector failed", name)
        self._begin(kept, halt)

    @classmethod
    def of(cls, collectors: Mapping[str, BaseClusterDataModelCollector]) -> "Models":
        """Keep the models of the given collectors, for tests and trials"""
        models = cls.__new__(cls)
        models._ahead = True
        models._broken = {}
        models._begin({n: Kept(n, c) for n, c in collectors.items()}, threading.Event())
        return models

    def _begin(self, kept: dict[str, Kept], halt: threading.Event) -> None:
        self.kept = kept
        self._halt = halt
        self._threads: list[threading.Thread] = []

    # Reading --------------------------------------------------------------------------

    def get(
        self,
        name: str,
        max_age_s: float | None = FRESH_S,
        followed_s: float = FOLLOWED_S,
    ) -> Any:
        """Return a copy of a model, refreshed when it is older than ``max_age_s``

        ``followed_s`` is how old its last reading may be while it follows events and has
        understood all of them.

        :raises ClusterStateNotDefined: no such model is kept
        :raises ClusterDataModelCollectionError: the cloud could not be read
        """
        return self._kept(name).get(max_age_s, followed_s)

    def compute(
        self, max_age_s: float | None = FRESH_S, followed_s: float = FOLLOWED_S
    ) -> ModelRoot:
        """Return a copy of the compute model; see ``get``"""
        model: ModelRoot = self.get(COMPUTE, max_age_s, followed_s)
        return model

    def scoped(
        self,
        name: str,
        document: Any,
        max_age_s: float | None = FRESH_S,
        followed_s: float = FOLLOWED_S,
    ) -> Any:
        """Return a copy of a model, cut to what a scope document says; see ``get``"""
        kept = self._kept(name)
        model = kept.get(max_age_s, followed_s)
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

    def keeps(self, name: str) -> bool:
        """Tell whether there is such a model at all, read or not"""
        return name in self.kept

    def lacks(self, name: str) -> str | None:
        """Return why a model cannot be looked at; None: it is there, or still being read"""
        kept = self.kept.get(name)
        if kept is None:
            return f"the {name} model is not kept here"
        if kept.absent:
            return f"there is no {name} model: {kept.absent}"
        if kept.age_s is None and kept.error:
            return f"the {name} model could not be read ({kept.error})"
        return None

    @property
    def followed(self) -> bool:
        """Whether events come, and the compute model has all that they said"""
        return COMPUTE in self.kept and self.kept[COMPUTE].followed

    def ready(self) -> str | None:
        """Say which models are missing and why, or None

        One that only packages from elsewhere know keeps nobody else waiting.
        """
        if not self._ahead:
            return None
        missing = [
            f"{name} model: {kept.error or 'not read yet'}"
            for name, kept in sorted(self.kept.items())
            if kept.age_s is None and not kept.absent and name in documents.MODELS
        ]
        return "; ".join(missing) or None

    def _kept(self, name: str) -> Kept:
        if name not in self.kept:
            reason = self._broken.get(
                name, "it is not in [collector] collector_plugins"
            )
            raise exception.ClusterStateNotDefined(
                f"The {name} model is not kept: {reason}"
            )
        return self.kept[name]

    # Life -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read the models in the background, and again every period"""
        self._halt.clear()
        if not self._ahead:
            return
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
            except exception.ClusterStateNotDefined as error:
                # A cloud may get the service later.
                LOG.log(log.WARNING if first else log.DEBUG, "%s", error)
                wait_s, first = kept.period_s or ABSENT_S, False
            except exception.WatcherException as error:
                wait_s = min(BACKOFF_S[0] * 2**failures, BACKOFF_S[1])
                failures += 1
                LOG.warning("%s Next attempt in %.0f s", error, wait_s)
            else:
                if first or failures:
                    LOG.info("The %s model is read", kept.name)
                first, failures = False, 0
                wait_s = kept.period_s or threading.TIMEOUT_MAX
