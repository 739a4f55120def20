"""Puts the parts of the decision engine together."""

import datetime
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from oslo_config import cfg
from oslo_log import log
from oslo_utils import uuidutils

from watcher import exception
from watcher.cluster.collector.cache import Models
from watcher.cluster.collector.listener import Listener
from watcher.cluster.scope.document import Checker
from watcher.db import action_plans, audits, continuous
from watcher.decision_engine import scope_watch, sync
from watcher.decision_engine.audit import AuditRunner
from watcher.decision_engine.decide import Decider
from watcher.decision_engine.endpoints import (
    AuditEndpoint,
    DataModelEndpoint,
    ScopeEndpoint,
    StrategyEndpoint,
)
from watcher.decision_engine.existence import Existence
from watcher.decision_engine.outdated import Outdated
from watcher.decision_engine.pool import Pool
from watcher.decision_engine.scope_watch import ScopeWatch
from watcher.decision_engine.scoring import scoring_factory
from watcher.decision_engine.tidy import Tidy
from watcher.decision_engine.worker.strategies import Strategies
from watcher.notifications import emit
from watcher.plugins import Plugins
from watcher.service import Daemon, Part, Ticker

LOG = log.getLogger(__name__)

NAME = "watcher-decision-engine"
Check = tuple[str, Callable[[], Any]]
# How often due runs of CONTINUOUS audits are looked for, in seconds.
TICK_S = 1.0
# How soon a period of 0 that was changed counts, in seconds.
PAUSE_S = 60
# How often the history is relieved of old notes, in seconds.
TIDY_S = 600.0
# CONTINUOUS audits that run at the same time, as published: apart from all others.
ROUTINE_RUNS = 10
# More that are in trouble are not left out: a list in a statement has its limits.
LEFT_OUT = 500


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
    default_scope = _default_scope(conf, plugins)
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
    scanner = Ticker(
        "audit scan",
        options.work_scan_interval,
        lambda: pool.offer_all(db.read(audits.claimable)),
    )
    clock = Ticker(
        "continuous audits",
        TICK_S,
        lambda: pool.offer_due(db.read(_due, pool.troubled)),
    )
    expiry = Ticker(
        "expiry of plans",
        lambda: float(options.check_periodic_interval),
        lambda: expire(db, options.action_plan_expiry, now()),
    )
    tidy = Ticker("old notes", TIDY_S, Tidy(db, now).look)
    outdated = Outdated(db, models, now=now)
    plan_check = Ticker(
        "check of plans",
        lambda: float(options.plan_check_period or PAUSE_S),
        lambda: outdated.look() if options.plan_check_period else None,
        at_start=False,
    )
    existence = Existence(plugins, models)
    watch = ScopeWatch(db, existence, emit.scope, now)
    scope_check = Ticker(
        "check of scopes",
        lambda: float(options.scope_check_period or scope_watch.PAUSE_S),
        lambda: watch.look() if options.scope_check_period else None,
        at_start=False,
    )
    server = wiring.rpc.server(
        options.conductor_topic,
        [
            AuditEndpoint(pool),
            StrategyEndpoint(plugins, models),
            DataModelEndpoint(db, models, default_scope),
            ScopeEndpoint(existence),
        ],
    )
    forking: list[Part] = [] if strategies is None else [strategies]
    return [
        models,
        *forking,
        pool,
        scanner,
        clock,
        expiry,
        tidy,
        plan_check,
        scope_check,
        server,
    ]


def _default_scope(conf: cfg.ConfigOpts, plugins: Plugins) -> list[Any]:
    """Return what audits with an empty scope look at

    :raises ConfigInvalid: it is no scope
    """
    document = conf.watcher_decision_engine.default_scope
    try:
        return Checker.of(plugins).check(document)
    except exception.Invalid as error:
        raise exception.ConfigInvalid(
            group="watcher_decision_engine", option="default_scope", reason=str(error)
        ) from None


def _due(tx: Any, troubled: Sequence[str]) -> list[str]:
    """Return the CONTINUOUS audits that are due, but those that wait in the pool anyway"""
    return continuous.due(tx, continuous.clock(tx), without=troubled[:LEFT_OUT])


def _release(db: Any, lease: Any) -> None:
    try:
        claim = lease.claim
    except exception.LeaseLost:
        return
    db.write(_give_back, claim)


def _give_back(tx: Any, claim: Any) -> None:
    continuous.give_back(tx, claim)
    audits.release(tx, claim)


def expire(db: Any, hours: int, now: datetime.datetime) -> None:
    """Supersede plans that nobody started within ``hours``; 0: never"""
    if not hours:
        return
    limit = now - datetime.timedelta(hours=hours)
    while expired := db.write(action_plans.expire, limit):
        LOG.info("Plans that nobody started are superseded: %s", ", ".join(expired))


def _utcnow() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
