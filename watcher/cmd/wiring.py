"""Puts the parts of a process together; every main and the standalone runner use it.

Only here do database, notifications, lease and bus meet: they do not know each other.
"""

import atexit
import functools
import time
import types
from collections.abc import Callable, Sequence
from typing import Any

from oslo_config import cfg

from watcher import plugins as plugin_registry
from watcher import rpc as rpc_module
from watcher import service
from watcher.clients.cloud import Clients
from watcher.conf import version
from watcher.db import engine, leases, migration, outbox, related, services
from watcher.db.session import Database
from watcher.domain.records import Claim, Service
from watcher.lease import Lease
from watcher.notifications import emit
from watcher.notifications.monitor import ServiceMonitor
from watcher.notifications.outbox import Emitter
from watcher.parts import Part

ModelAge = Callable[[], float | None]
# Seconds after which a connection that does not answer is given up.
SILENCE_S = 10
# Seconds that a worker of a web server may take to say good-bye.
GOODBYE_S = 3.0
_SILENCE = {
    "mysql": f"read_timeout={SILENCE_S}&write_timeout={SILENCE_S}",
    "mariadb": f"read_timeout={SILENCE_S}&write_timeout={SILENCE_S}",
    "postgresql": f"tcp_user_timeout={SILENCE_S * 1000}",
}


class _Section:
    """An option group with some values replaced"""

    def __init__(self, base: Any, **changed: Any):
        self.__dict__.update(changed, _base=base)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


def brisk_database(conf: cfg.ConfigOpts, actor: str) -> Database:
    """Return a database for lease and heartbeat, whose statements are short.

    A network that swallows packets would otherwise hold the thread for as long as TCP
    tries again, well beyond the time to live of a lease. Work may take longer.
    """
    options = conf.database
    backend = engine.url_of(options.connection).get_backend_name()
    given = [options.connection_parameters, _SILENCE.get(backend, "")]
    section = _Section(
        options, connection_parameters="&".join(part for part in given if part)
    )
    view: Any = types.SimpleNamespace(database=section)
    return Database(view, actor=actor)


class LeaseTable:
    """Leases in the database, on connections that work does not share"""

    def __init__(self, db: Database):
        self._db = db

    def acquire(self, owner: str, *, service: str, host: str, ttl_s: int) -> int:
        """Insert a lease and return its epoch"""
        return self._db.write(
            leases.acquire, owner, service=service, host=host, ttl_s=ttl_s
        )

    def renew(self, claim: Claim, ttl_s: int) -> bool:
        """Prolong a living lease"""
        return self._db.write(leases.renew, claim, ttl_s)

    def release(self, claim: Claim) -> None:
        """End a lease now"""
        self._db.write(leases.release, claim)

    def purge(self, older_than_s: int) -> None:
        """Forget leases that ended long ago"""
        self._db.write(leases.purge, older_than_s)


class OutboxTable:
    """The outbox in the database, one transaction for each call"""

    def __init__(self, db: Database):
        self._db = db

    def take(self, claim: Claim, limit: int) -> Sequence[Any]:
        """Take the oldest rows that are due"""
        if not self._db.read(outbox.size):
            return ()
        return self._db.write(outbox.take, claim, limit)

    def done(self, ids: Sequence[int]) -> None:
        """Remove rows"""
        if ids:
            self._db.write(outbox.done, ids)

    def failed(self, ids: Sequence[int]) -> None:
        """Postpone rows"""
        if ids:
            self._db.write(outbox.failed, ids)

    def release(self, claim: Claim) -> None:
        """Put rows back in their place"""
        self._db.write(outbox.release, claim)


class _Related:
    """Rows that payloads mention"""

    goal = staticmethod(related.goal)
    strategy = staticmethod(related.strategy)
    audit = staticmethod(related.audit)
    plan = staticmethod(related.plan)


def database(conf: cfg.ConfigOpts, actor: str) -> Database:
    """Return a database whose changes are written to the outbox, by ``actor``"""
    return Database(conf, actor=actor, observer=observer(conf))


def observer(conf: cfg.ConfigOpts) -> emit.Observer | None:
    """Return what turns changes into notifications; None when nobody is to be told"""
    return emit.observer(conf, outbox=outbox.add, related=_Related())


def rpc(conf: cfg.ConfigOpts) -> rpc_module.Rpc:
    """Return the clients of both daemons and the maker of servers"""
    return rpc_module.Rpc(conf)


def clients(conf: cfg.ConfigOpts) -> Clients:
    """Return the clients of the cloud; nothing is connected yet"""
    return Clients(conf)


def plugins(conf: cfg.ConfigOpts) -> plugin_registry.Plugins:
    """Return the installed plugins"""
    return plugin_registry.Plugins(conf)


def speak(conf: cfg.ConfigOpts, service_name: str) -> list[Part]:
    """Send notifications from a process that a web server runs; return what was started.

    The API may be the only process of ours (beside engines of the reference), so it must
    not leave its events to others. Call it after the fork; ends with the process.
    """
    if observer(conf) is None:
        return []
    process = Wiring(conf, service_name)
    parts: list[Part] = [process.lease, process.emitter()]
    for part in parts:
        part.start()

    def end() -> None:
        deadline = time.monotonic() + GOODBYE_S
        for part in reversed(parts):
            part.stop(deadline)

    atexit.register(end)
    return parts


class Wiring:
    """What one process shares; made when first asked for.

    ``service_name`` is e.g. watcher-applier; ``db``, ``rpc``, ``clients``, ``plugins`` and
    ``lease`` may be given, so that several services can share them in one process.
    """

    def __init__(self, conf: cfg.ConfigOpts, service_name: str, **shared: Any):
        self.conf = conf
        self.service_name = service_name
        # cached_property looks here first.
        self.__dict__.update(shared)

    def beside(self, service_name: str) -> "Wiring":
        """Return the wiring of another service in this process; all but the name shared"""
        names = ("rpc", "clients", "plugins", "lease")
        shared = {name: getattr(self, name) for name in names}
        other = Wiring(self.conf, service_name, **shared)
        other.__dict__["db"] = self.db.acting(other.actor)
        return other

    @property
    def actor(self) -> str:
        """What history calls this process"""
        return f"{self.service_name} on {self.conf.host}"

    @functools.cached_property
    def db(self) -> Database:
        """The database for work"""
        return database(self.conf, self.actor)

    @functools.cached_property
    def rpc(self) -> rpc_module.Rpc:
        """The bus"""
        return rpc(self.conf)

    @functools.cached_property
    def clients(self) -> Any:
        """The cloud"""
        return clients(self.conf)

    @functools.cached_property
    def plugins(self) -> plugin_registry.Plugins:
        """The plugins"""
        return plugins(self.conf)

    @functools.cached_property
    def lease(self) -> Lease:
        """The lease of this process, on a database connection of its own"""
        store = LeaseTable(brisk_database(self.conf, self.service_name))
        return Lease(store, service=self.service_name, host=self.conf.host)

    def first_parts(self, model_age_s: ModelAge | None = None) -> list[Part]:
        """Return what starts first and stops last: lease and heartbeat

        ``model_age_s`` tells how old the compute model of this process is, see
        ``watcher.db.services.beat``.
        """
        return [self.lease, self.heartbeat(model_age_s)]

    def heartbeat(self, model_age_s: ModelAge | None = None) -> service.Heartbeat:
        """Return the heartbeat of this service, on a connection of its own"""
        db = brisk_database(self.conf, self.service_name)
        told_s: float | None = None

        def beat(stopped: bool) -> Service:
            nonlocal told_s
            told_s = model_age_s() if model_age_s else None
            return db.write(
                services.beat, self.service_name, self.conf.host,
                runtime=f"openstack-watcher {version()}", stopped=stopped,
                model_age_s=told_s,
            )  # fmt: skip

        def eager() -> bool:
            # The API is not ready before it hears that there is a model.
            return model_age_s is not None and told_s is None

        return service.Heartbeat(self.conf, beat, eager)

    def notification_parts(self) -> list[Part]:
        """Return what sends notifications; nothing when no driver is configured"""
        if observer(self.conf) is None:
            return []
        monitor = ServiceMonitor(
            lambda: self.db.read(services.ages, self.service_name),
            lambda *told: self.db.write(emit.service_changed, *told),
            self.conf.host,
            float(self.conf.service_down_time),
            lambda: float(self.conf.periodic_interval),
        )
        return [self.emitter(), monitor]

    def emitter(self) -> Emitter:
        """Return what drains the outbox"""
        store = OutboxTable(Database(self.conf, actor=self.service_name))
        return Emitter(store, self.rpc.notifier(), lambda: self.lease.claim)

    def checks(self, *, alone: bool = True) -> list[service.Check]:
        """Return what must hold before any part starts.

        ``alone``: refuse beside living engines of another implementation.
        """
        db = Database(self.conf, actor=self.service_name)

        def check() -> None:
            db.ping()
            migration.ensure_current(db.engine)
            if alone:
                alive_s = float(self.conf.service_down_time)
                service.refuse_foreign(db.read(services.foreign, alive_s), alive_s)

        return [("the database", check)]

    def daemon(self, parts: Sequence[Part], **kwargs: Any) -> service.Daemon:
        """Return the daemon of this service: the shared parts first, then ``parts``"""
        return service.Daemon(
            self.conf,
            self.service_name,
            [*self.first_parts(), *self.notification_parts(), *parts],
            checks=self.checks(),
            **kwargs,
        )
