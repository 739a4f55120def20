"""Puts the parts of the decision engine together."""

import datetime
from collections.abc import Callable
from typing import Any, Protocol

from oslo_config import cfg
from oslo_log import log
from oslo_utils import uuidutils

from watcher import exception
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.listener import Listener
from watcher.cluster.scope.document import default_scope_of
from watcher.db import audits, continuous
from watcher.decision_engine import sync
from watcher.decision_engine.audit import AuditRunner
from watcher.decision_engine.decide import Decider
from watcher.decision_engine.endpoints import (
    AuditEndpoint,
    DataModelEndpoint,
    ScopeEndpoint,
    StrategyEndpoint,
)
from watcher.decision_engine.existence import Existence
from watcher.decision_engine.measuring import Measuring
from watcher.decision_engine.pool import Pool
from watcher.decision_engine.scoring import scoring_factory
from watcher.decision_engine.tickers import tickers
from watcher.decision_engine.worker.strategies import Strategies
from watcher.notifications import emit
from watcher.plugins import Plugins
from watcher.service import Daemon, Part

LOG = log.getLogger(__name__)

NAME = "watcher-decision-engine"
Check = tuple[str, Callable[[], Any]]
# CONTINUOUS audits that run at the same time, as published: apart from all others.
ROUTINE_RUNS = 10


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
    def plugins(self) -> Plugins:
        """Return the installed plugins"""

    @property
    def clients(self) -> Any:
        """Return the cloud"""

    def first_parts(
        self, model_age_s: Callable[[], float | None] | None = None
    ) -> list[Part]:
        """Return what starts first and stops last"""

    def notification_parts(self) -> list[Part]:
        """Return what sends notifications"""

    def checks(self) -> list[Check]:
        """Return what must hold before any part starts"""


def build(conf: cfg.ConfigOpts, wiring: Wiring) -> Daemon:
    """Return the decision engine as a process of its own"""
    models = Models(conf, wiring.plugins, wiring.clients)
    return Daemon(
        conf,
        NAME,
        [
            *wiring.first_parts(lambda: models.full_age_s),
            *wiring.notification_parts(),
            # Before the models are read, so that nothing is missed in between.
            Listener(conf, models.kept),
            *parts(
                conf,
                wiring,
                models=models,
                strategies=Strategies(conf, wiring.plugins, models, now=_utcnow),
            ),
        ],
        checks=[*wiring.checks(), *checks(wiring)],
    )


def checks(wiring: Wiring) -> list[Check]:
    """Return what the decision engine does before it starts, until it works"""
    return [
        ("the rows of plugins", lambda: sync.synchronise(wiring.db, wiring.plugins))
    ]


def parts(
    conf: cfg.ConfigOpts,
    wiring: Wiring,
    *,
    models: Models | None = None,
    strategies: Strategies | None = None,
    new_uuid: Callable[[], str] = uuidutils.generate_uuid,
    now: Callable[[], datetime.datetime] | None = None,
) -> list[Part]:
    """Return the decision engine's own parts, in the order of their start

    Without ``strategies`` they run in the threads of this process, which then never forks.
    """
    db, lease, plugins = wiring.db, wiring.lease, wiring.plugins
    models = models or Models(conf, plugins, wiring.clients)
    scoring_factory.use(plugins)
    now = now or _utcnow
    default_scope = default_scope_of(conf, plugins)
    runner = AuditRunner(
        db=db,
        lease=lease,
        decider=Decider(
            plugins,
            models,
            clients=wiring.clients,
            now=now,
            new_uuid=new_uuid,
            default_scope=default_scope,
            solver=strategies,
        ),
        tell=emit.phase,
        applier=wiring.rpc.applier,
        host=conf.host,
        new_uuid=new_uuid,
    )
    options = conf.watcher_decision_engine
    pool = Pool(
        options.max_audit_workers,
        runner.run,
        may_start=lease.may_start,
        release=lambda: _release(db, lease),
        routine=ROUTINE_RUNS,
    )
    existence = Existence(plugins, models)
    measuring = Measuring(db, models, plugins, now=now, default_scope=default_scope)
    server = wiring.rpc.server(
        options.conductor_topic,
        [
            AuditEndpoint(pool),
            StrategyEndpoint(plugins, models),
            DataModelEndpoint(db, models, default_scope),
            ScopeEndpoint(existence),
        ],
    )
    return [
        models,
        *([] if strategies is None else [strategies]),
        pool,
        *tickers(db, options, pool, models, existence, now, measuring),
        server,
    ]


def _release(db: Any, lease: Any) -> None:
    try:
        claim = lease.claim
    except exception.LeaseLost:
        return
    db.write(_give_back, claim)


def _give_back(tx: Any, claim: Any) -> None:
    continuous.give_back(tx, claim)
    audits.release(tx, claim)


def _utcnow() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
