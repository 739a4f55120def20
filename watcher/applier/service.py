"""Puts the parts of the applier together."""

from collections.abc import Callable
from typing import Any, Protocol

from oslo_config import cfg
from oslo_log import log

from watcher import exception
from watcher import plugins as registry
from watcher.applier.crew import Crew
from watcher.applier.endpoints import ApplierEndpoint
from watcher.cluster.collector.cache import Models
from watcher.db import action_descriptions
from watcher.notifications import emit
from watcher.service import Daemon, Part

LOG = log.getLogger(__name__)

NAME = "watcher-applier"
Check = tuple[str, Callable[[], Any]]


class Wiring(Protocol):
    """What the process offers; see ``watcher.cmd.wiring``"""

    @property
    def db(self) -> Any:
        """Return the database"""

    @property
    def lease(self) -> Any:
        """Return the lease of this process"""

    @property
    def rpc(self) -> Any:
        """Return the bus"""

    @property
    def plugins(self) -> registry.Plugins:
        """Return the installed plugins"""

    @property
    def clients(self) -> Any:
        """Return the cloud"""

    def first_parts(self) -> list[Part]:
        """Return what starts first and stops last"""

    def notification_parts(self) -> list[Part]:
        """Return what sends notifications"""

    def checks(self) -> list[Check]:
        """Return what must hold before any part starts"""


def build(conf: cfg.ConfigOpts, wiring: Wiring) -> Daemon:
    """Return the applier as a process of its own"""
    return Daemon(
        conf,
        NAME,
        [*wiring.first_parts(), *wiring.notification_parts(), *parts(conf, wiring)],
        checks=[*wiring.checks(), *checks(wiring)],
    )


def checks(wiring: Wiring) -> list[Check]:
    """Return what the applier does before it starts, until it works"""
    return [("the descriptions of actions", lambda: describe(wiring))]


def parts(
    conf: cfg.ConfigOpts, wiring: Wiring, models: Models | None = None
) -> list[Part]:
    """Return the applier's own parts, in the order of their start

    ``models`` are those of another service in this process. Without them there are some of
    our own: no notifications are heard here, and nothing is read before a plan needs it.
    """
    options = conf.watcher_applier
    if options.rollback_when_actionplan_failed:
        LOG.warning(
            "[watcher_applier] rollback_when_actionplan_failed has no effect; "
            "on_failure does that"
        )
    own = None if models else Models(conf, wiring.plugins, wiring.clients, ahead=False)
    crew = Crew(
        conf, db=wiring.db, lease=wiring.lease, plugins=wiring.plugins,
        clients=wiring.clients, phase=emit.phase, models=models or own,
    )  # fmt: skip
    server = wiring.rpc.server(options.conductor_topic, [ApplierEndpoint(crew.wake)])
    return [*([own] if own else []), crew, server]


def describe(wiring: Wiring) -> dict[str, str]:
    """Store the text of every installed action, for the API to show"""
    texts = {}
    for name in wiring.plugins.names(registry.ACTIONS):
        try:
            action = wiring.plugins.load(registry.ACTIONS, name, osc=wiring.clients)
            texts[name] = str(action.get_description())
        except exception.WatcherException as error:
            LOG.warning("Action %s has no description: %s", name, error)
    wiring.db.write(action_descriptions.sync, texts)
    return texts
