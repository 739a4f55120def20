"""What a decision engine does again and again: looks for work, and after what it left."""

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from oslo_log import log

from watcher.cluster.collector.cache import Models
from watcher.db import action_plans, audits, continuous
from watcher.decision_engine import scope_watch
from watcher.decision_engine.existence import Existence
from watcher.decision_engine.measuring import Measuring
from watcher.decision_engine.outdated import Outdated
from watcher.decision_engine.pool import Pool
from watcher.decision_engine.scope_watch import ScopeWatch
from watcher.decision_engine.tidy import Tidy
from watcher.notifications import emit
from watcher.service import Ticker

LOG = log.getLogger(__name__)

# How often due runs of CONTINUOUS audits are looked for, in seconds.
TICK_S = 1.0
# How soon a period of 0 that was changed counts, in seconds.
PAUSE_S = 60
# How often the history is relieved of old notes, in seconds.
TIDY_S = 600.0
# More that are in trouble are not left out: a list in a statement has its limits.
LEFT_OUT = 500

Now = Callable[[], datetime.datetime]


def tickers(
    db: Any, options: Any, pool: Pool, models: Models, existence: Existence, now: Now,
    measuring: Measuring,
) -> list[Ticker]:  # fmt: skip
    """Return all of them; ``options`` are those of [watcher_decision_engine]"""
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
    worth = Ticker(
        "achieved efficacy",
        lambda: float(options.efficacy_check_period or PAUSE_S),
        lambda: measuring.look() if options.efficacy_check_period else None,
        at_start=False,
    )
    checks = _checks(db, options, models, existence, now)
    return [scanner, clock, expiry, tidy, worth, *checks]


def _checks(
    db: Any, options: Any, models: Models, existence: Existence, now: Now
) -> list[Ticker]:
    """Return what compares rows with the models; each can be turned off"""
    outdated = Outdated(db, models, now=now)
    watch = ScopeWatch(db, existence, emit.scope, now)
    return [
        Ticker(
            "check of plans",
            lambda: float(options.plan_check_period or PAUSE_S),
            lambda: outdated.look() if options.plan_check_period else None,
            at_start=False,
        ),
        Ticker(
            "check of scopes",
            lambda: float(options.scope_check_period or scope_watch.PAUSE_S),
            lambda: watch.look() if options.scope_check_period else None,
            at_start=False,
        ),
    ]


def _due(tx: Any, troubled: Sequence[str]) -> list[str]:
    """Return the CONTINUOUS audits that are due, but those that wait in the pool anyway"""
    return continuous.due(tx, continuous.clock(tx), without=troubled[:LEFT_OUT])


def expire(db: Any, hours: int, now: datetime.datetime) -> None:
    """Supersede plans that nobody started within ``hours``; 0: never"""
    if not hours:
        return
    limit = now - datetime.timedelta(hours=hours)
    while expired := db.write(action_plans.expire, limit):
        LOG.info("Plans that nobody started are superseded: %s", ", ".join(expired))
