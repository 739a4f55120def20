"""What limits need to know of the cloud, asked for in bulk and at most once a minute."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from oslo_log import log

from watcher import exception
from watcher.cluster.model.element import ComputeNode
from watcher.cluster.model.model_root import ModelRoot

LOG = log.getLogger(__name__)

# What was read counts so long, in seconds; who moves what in the meantime does not matter
# for zones, aggregates and projects.
FRESH_S = 60.0


class Models(Protocol):
    """The cluster as data"""

    def compute(
        self, max_age_s: float | None = 0.0, followed_s: float = 0.0
    ) -> ModelRoot:
        """Return a copy of the compute model, read when it is older than that"""


class CloudFacts:
    """Asks models and Cinder; what cannot be read is not known, and told in the log

    Without ``models`` nothing is known of servers and hosts.
    """

    def __init__(
        self, models: Models | None, clients: Any, *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._models = models
        self._clients = clients
        self._clock = clock
        self._lock = threading.Lock()
        self._model: ModelRoot | None = None
        self._model_at: float | None = None
        self._pools: Mapping[str, str | None] = {}
        self._pools_at: float | None = None

    def host_of(self, server: str) -> str | None:
        """Return where a server was a minute ago or later"""
        node = self._node_of(server)
        return node.hostname if node else None

    def project_of(self, server: str) -> str | None:
        """Return whose it is"""
        model = self._compute()
        try:
            found = model.get_instance_by_uuid(server).project_id if model else None
        except exception.InstanceNotFound:
            return None
        return found or None

    def zone_of(self, host: str) -> str | None:
        """Return the availability zone of a host"""
        model = self._compute()
        try:
            return (model.get_node_by_name(host).zone or None) if model else None
        except exception.ComputeNodeNotFound:
            return None

    def aggregates_of(self, host: str) -> Sequence[str]:
        """Return the aggregates of a host"""
        model = self._compute()
        return [each.name for each in model.aggregates_of(host)] if model else []

    def pool_of(self, volume: str) -> str | None:
        """Return the storage pool that a volume is in"""
        with self._lock:
            if self._is_old(self._pools_at):
                self._pools_at = self._clock()
                self._pools = self._read("volumes", self._volumes) or {}
            return self._pools.get(volume)

    def _volumes(self) -> Mapping[str, str | None]:
        return {each.uuid: each.host for each in self._clients.cinder.volumes()}

    def _node_of(self, server: str) -> ComputeNode | None:
        model = self._compute()
        try:
            return model.get_node_by_instance_uuid(server) if model else None
        except exception.ComputeResourceNotFound:
            return None

    def _compute(self) -> ModelRoot | None:
        models = self._models
        if models is None:
            return None
        with self._lock:
            if self._is_old(self._model_at):
                self._model_at = self._clock()
                self._model = self._read("servers", lambda: models.compute(FRESH_S))
            return self._model

    def _is_old(self, read_at: float | None) -> bool:
        return read_at is None or self._clock() - read_at >= FRESH_S

    def _read(self, what: str, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except exception.WatcherException as error:
            LOG.warning("Limits that need to know of %s do not hold: %s", what, error)
            return None
