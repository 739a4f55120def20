"""The real cloud: clients of all services, made when first asked for."""

import threading

from keystoneauth1 import adapter as ks_adapter
from keystoneauth1 import session as ks_session
from oslo_config import cfg

from watcher import exception
from watcher.clients import session as sessions
from watcher.clients.cinder import Cinder
from watcher.clients.http import Service
from watcher.clients.ironic import OLDEST as IRONIC_OLDEST
from watcher.clients.ironic import Ironic
from watcher.clients.keystone import Keystone
from watcher.clients.maas import Maas
from watcher.clients.nova import OLDEST, Nova, Version
from watcher.clients.placement import Placement
from watcher.clients.protocols import Metal


class Clients:
    """Built once per process by its main; threads may share it"""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._lock = threading.RLock()
        self._sessions: dict[str, ks_session.Session] = {}
        self._nova: Nova | None = None
        self._placement: Placement | None = None
        self._ironic: Ironic | None = None
        self._maas: Maas | None = None
        self._cinder: Cinder | None = None
        self._keystone: Keystone | None = None

    @property
    def nova(self) -> Nova:
        """Return the compute service"""
        with self._lock:
            if self._nova is None:
                service = self._service("nova", "Nova", exception.NovaClientError)
                self._nova = Nova(service, oldest=self._oldest_nova())
            return self._nova

    @property
    def placement(self) -> Placement:
        """Return the placement service"""
        with self._lock:
            if self._placement is None:
                self._placement = Placement(
                    self._service(
                        "placement", "Placement", exception.PlacementClientError
                    )
                )
            return self._placement

    @property
    def ironic(self) -> Ironic:
        """Return the bare-metal service"""
        with self._lock:
            if self._ironic is None:
                link = sessions.plain_adapter(
                    self._conf, "ironic_client", "baremetal", self.session
                )
                self._ironic = Ironic(
                    self._retrying(link, "Ironic", exception.IronicClientError),
                    version=self._ironic_version(),
                )
            return self._ironic

    @property
    def metal(self) -> Metal:
        """Return what switches machines: MAAS where it is configured, else Ironic"""
        if not self._conf.maas_client.url:
            return self.ironic
        with self._lock:
            if self._maas is None:
                self._maas = Maas.of(self._conf)
            return self._maas

    @property
    def cinder(self) -> Cinder:
        """Return the block storage service"""
        with self._lock:
            if self._cinder is None:
                self._cinder = Cinder(
                    self._service("cinder", "Cinder", exception.CinderClientError)
                )
            return self._cinder

    @property
    def keystone(self) -> Keystone:
        """Return the identity service"""
        with self._lock:
            if self._keystone is None:
                self._keystone = Keystone(
                    self._service("keystone", "Keystone", exception.ClientError)
                )
            return self._keystone

    @property
    def session(self) -> ks_session.Session:
        """Return the session of [watcher_clients_auth], as outside plugins want it"""
        return self._session(sessions.FALLBACK_GROUP)

    def adapter(self, group: str) -> ks_adapter.Adapter:
        """Return an adapter of a service that has no client here"""
        source = sessions.auth_group(self._conf, group)
        return sessions.adapter(self._conf, group, self._session(source))

    def _session(self, source: str) -> ks_session.Session:
        # Services with the same credentials share one token.
        with self._lock:
            if source not in self._sessions:
                self._sessions[source] = sessions.session(self._conf, source)
            return self._sessions[source]

    def _service(
        self, group: str, name: str, error: type[exception.ClientError]
    ) -> Service:
        return self._retrying(self.adapter(group), name, error)

    def _retrying(
        self,
        link: ks_adapter.Adapter,
        name: str,
        error: type[exception.ClientError],
    ) -> Service:
        own = self._conf.nova
        return Service(
            link,
            name,
            error,
            retries=own.http_retries,
            retry_interval_s=own.http_retry_interval,
        )

    def _oldest_nova(self) -> Version:
        text = self._conf.nova.api_version or "2.56"
        major, _dot, minor = str(text).partition(".")
        version = (int(major), int(minor)) if minor.isdecimal() else (0, 0)
        if version < OLDEST:
            raise exception.ConfigInvalid(
                group="nova",
                option="api_version",
                reason=f"{text} is older than 2.56, the oldest that this program uses",
            )
        return version

    def _ironic_version(self) -> Version:
        text = str(self._conf.ironic_client.api_version)
        if text == "latest":
            return IRONIC_OLDEST
        major, _dot, minor = text.partition(".")
        if major != "1" or not (minor or "0").isdecimal():
            raise exception.ConfigInvalid(
                group="ironic_client",
                option="api_version",
                reason=f"{text} is neither 1, nor 1.<number>, nor latest",
            )
        return 1, int(minor or 0)
