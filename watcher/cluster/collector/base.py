"""What collectors derive from, also those written elsewhere."""

import abc
import copy
import datetime
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass, field
from typing import Any, ClassVar, ParamSpec, TypeVar

from oslo_config import cfg
from oslo_log import log

from watcher import exception
from watcher.cluster.collector.event import Effect, Event
from watcher.cluster.model.base import Model

LOG = log.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Reading:
    """How clouds are read: attempts for each query, seconds between, threads, limit

    Once ``halt`` is set nothing is tried again: the process is about to stop.
    """

    attempts: int = 10
    interval_s: float = 1
    timeout_s: float = 600
    threads: int = 4
    extended_attributes: bool = False
    halt: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, conf: cfg.ConfigOpts, halt: threading.Event) -> "Reading":
        """Take the values from the configuration"""
        return cls(
            halt=halt,
            attempts=conf.collector.api_query_max_retries,
            interval_s=conf.collector.api_query_interval,
            timeout_s=conf.collector.compute_resources_collector_timeout,
            extended_attributes=conf.compute_model.enable_extended_attributes,
        )


class BaseModelBuilder:
    """Asks a cloud, again when it fails; the last error is raised as it came"""

    def __init__(self, osc: Any = None, reading: Reading | None = None) -> None:
        self.osc = osc
        self.reading = reading or Reading()
        self._over = threading.Event()

    def call_retry(self, f: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call ``f`` until it answers, at most [collector]/api_query_max_retries times"""
        for left in range(self.reading.attempts - 1, -1, -1):
            try:
                return f(*args, **kwargs)
            except Exception as error:
                # Clients of other packages raise whatever they like.
                if not left or self.reading.halt.is_set() or self._over.is_set():
                    raise
                LOG.warning(
                    "Reading the cloud failed, %d attempts left: %s", left, error
                )
                self.call_retry_reset(error)
                self.reading.halt.wait(self.reading.interval_s)
        raise AssertionError("unreachable")

    def call_retry_reset(self, exc: BaseException) -> None:
        """Prepare the next attempt; for builders that must reconnect"""

    def execute(self, model_scope: Any = None) -> Any:
        """Build and return the model"""
        return None

    def in_parallel(self, calls: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
        """Make calls at once, with retries; the first error ends all and comes as it is

        The threads do not keep the process from ending.
        """
        slots = threading.BoundedSemaphore(self.reading.threads)

        def run(call: Callable[[], Any], future: Future[Any]) -> None:
            with slots:
                if self._over.is_set():
                    return
                try:
                    future.set_result(self.call_retry(call))
                except Exception as error:
                    # The thread's outer edge: whoever waits gets it.
                    future.set_exception(error)

        futures: dict[str, Future[Any]] = {name: Future() for name in calls}
        for name, call in calls.items():
            threading.Thread(
                target=run, args=(call, futures[name]), name=f"read-{name}", daemon=True
            ).start()
        done, waiting = wait(futures.values(), self.reading.timeout_s, FIRST_EXCEPTION)
        if waiting:
            self._over.set()
        for future in done:
            if error := future.exception():
                raise error
        if waiting:
            raise exception.ClusterDataModelCollectionError(
                f"Reading the cloud took more than {self.reading.timeout_s:g} s"
            )
        return {name: future.result() for name, future in futures.items()}


class BaseClusterDataModelCollector(abc.ABC):
    """Builds a model of a part of the cloud and keeps the current one

    ``reading`` and ``latest`` are set by the program after construction; ``osc`` are the
    clients.
    """

    SCHEMA: ClassVar[Mapping[str, Any] | None] = None
    reading: Reading = Reading()
    latest: Callable[[], Any] | None = None

    def __init__(self, config: Any, osc: Any = None) -> None:
        self.config = config
        self.osc = osc
        self.lock = threading.RLock()
        self.sync_lock = threading.RLock()
        self._cluster_data_model: Any = None

    @abc.abstractmethod
    def execute(self) -> Any:
        """Build and return the model, or None when there is nothing to build yet"""

    def refresh(self, model: Any) -> Any:
        """Return a newer model than ``model`` by a few queries, or None: build it afresh"""
        return None

    def absent(self) -> str | None:
        """Say why there is nothing to read in this cloud, or None; asked before reading

        Asks the cloud at most once or twice; an error means the same as one of ``execute``.
        """
        return None

    def wants(self, publisher: str, kind: str) -> bool:
        """Tell cheaply whether ``follow`` understands events of that publisher and type"""
        return False

    def follow(self, model: Any, event: Event) -> Effect:
        """Bring ``model`` up to date with an event, in place and without any request

        Called under the model's lock, in the order of arrival, which is not always that of
        what happened; the same event may come again on a newer model. Never raises for
        what a payload holds or lacks: INCOMPLETE is the answer then.
        """
        return Effect.IGNORED

    @abc.abstractmethod
    def get_audit_scope_handler(self, audit_scope: Any) -> Any:
        """Return an object whose ``get_scoped_model`` cuts a model to the scope"""

    @property
    @abc.abstractmethod
    def notification_endpoints(self) -> Sequence[Any] | None:
        """Objects that handle notifications for this model"""

    @classmethod
    def get_config_opts(cls) -> list[cfg.Opt]:
        """Return the options of the collector's own group"""
        return [
            cfg.IntOpt(
                "period",
                default=3600,
                min=0,
                help="Seconds after which the model is read again from scratch.",
            )
        ]

    @property
    def cluster_data_model(self) -> Any:
        """The current model; it is built when there is none"""
        with self.lock:
            if self._cluster_data_model is None:
                self._cluster_data_model = self.execute()
            return self._cluster_data_model

    @cluster_data_model.setter
    def cluster_data_model(self, model: Any) -> None:
        with self.lock:
            self._cluster_data_model = model

    @property
    def current(self) -> Any:
        """The current model; None when there is none, or one that is stale"""
        return self._cluster_data_model or None

    def get_latest_cluster_data_model(self) -> Any:
        """Return a copy of the current model that the caller may change

        Where the program keeps the model (``latest``), one that is missing or stale is
        read first, once for all who ask.
        """
        if self.latest is not None:
            return self.latest()
        with self.lock:
            return copy.deepcopy(self.cluster_data_model)

    def synchronize(self) -> None:
        """Read the model afresh; the old one stays when that fails"""
        with self.sync_lock:
            self.cluster_data_model = self.execute()

    def set_cluster_data_model_as_stale(self, reason: str = "") -> None:
        """Say that the current model must not be reasoned on, and why"""
        self.cluster_data_model = stale(self._cluster_data_model, reason)


def stale(model: Any, reason: str = "") -> Any:
    """Return what stands for ``model`` when it cannot be trusted any more: it is false

    For a model of ours that is an empty one of its type. It has ``stale_reason`` and
    ``read_at``, which is when the model was read.
    """
    own = isinstance(model, Model) and hasattr(model, "stale_reason")
    marker: Any = type(model)(stale=True) if own else StaleModel()
    marker.stale_reason = reason or None
    marker.read_at = getattr(model, "read_at", None)
    return marker


class StaleModel(Model):
    """Stands for an outside model that cannot be trusted: it is false"""

    stale_reason: str | None = None
    read_at: datetime.datetime | None = None

    def __bool__(self) -> bool:
        return False

    def to_string(self) -> str:
        return "stale"

    def to_xml(self) -> str:
        return "<ModelRoot/>"
