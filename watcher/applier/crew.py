"""The plans that this process carries out: claims them, lets them go."""

import datetime
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from oslo_config import cfg
from oslo_log import log
from sqlalchemy import orm

from watcher import exception
from watcher import plugins as registry
from watcher.applier import recovery, terms, verdict
from watcher.applier.aftermath import Aftermath
from watcher.applier.book import Book, Phase, silent
from watcher.applier.facts import CloudFacts
from watcher.applier.journal import Timing
from watcher.applier.limits import Caps
from watcher.applier.plan import PlanRunner, Settings
from watcher.applier.poller import Poller
from watcher.applier.preflight import Preflight
from watcher.applier.retarget import Retargets
from watcher.applier.turnstile import Turnstile
from watcher.cluster.collector.cache import Models
from watcher.cluster.scope.document import default_scope_of
from watcher.db import action_plans, actions, execution_rules, pauses, slots
from watcher.db.query import ListQuery
from watcher.domain import states
from watcher.domain.records import ActionPlan, Claim
from watcher.parts import Ticker, left

LOG = log.getLogger(__name__)

# Kept back of the time to stop in, so that leaving is orderly, in seconds.
LAST_S = 2.0
# How often slots of ended actions are looked for, in seconds.
SWEEP_S = 60.0
START = "action_plan.execution.start"


class Crew:
    """Scans for plans and runs those it can claim, each in threads of its own"""

    name = "action plans"

    def __init__(
        self, conf: cfg.ConfigOpts, *, db: Any, lease: Any, plugins: registry.Plugins,
        clients: Any, phase: Phase = silent, models: Models | None = None,
        now: Callable[[], datetime.datetime] = terms.utcnow,
    ) -> None:  # fmt: skip
        self._conf = conf
        self._db = db
        self._lease = lease
        self._plugins = plugins
        self._clients = clients
        self._phase = phase
        self._now = now
        self._lock = threading.Lock()
        self._runners: dict[int, PlanRunner] = {}
        self._stopping = False
        options = conf.watcher_applier
        self._preflight: Preflight | None = None
        if models is not None and options.verify_plans:
            self._preflight = Preflight(
                db, models, begin=self._begin, wake=self.wake,
                patience_s=options.verify_patience,
            )  # fmt: skip
        self.turnstile = Turnstile(
            lambda: Caps.of(conf.watcher_applier), CloudFacts(models, clients), now=now
        )
        self._retargets: Retargets | None = None
        if models is not None:
            self._retargets = Retargets(
                models, retries=lambda: int(conf.watcher_applier.move_retries),
                admission=self.turnstile, default_scope=default_scope_of(conf, plugins),
            )  # fmt: skip
        self._swept_at = 0.0
        self._poller = self._new_poller()
        self.scanner = Ticker("action plan scan", self._interval_s, self.scan)
        lease.on_lost.append(self._on_lost)

    # A part of the daemon -------------------------------------------------------------

    def start(self) -> None:
        """Look for plans now and from now on"""
        self._stopping = False
        if self._poller.closed:
            self._poller = self._new_poller()
        self.scanner.start()

    def wake(self) -> None:
        """Look for plans now"""
        self.scanner.wake()

    def ready(self) -> str | None:
        """Return why no plan can be taken, or None"""
        return self.scanner.ready()

    def stop(self, deadline: float) -> None:
        """Begin nothing more, and hand over what runs

        Others can go on at once with nearly everything: they find in the journal and in
        the cloud what became of it. Only an action that nobody else could go on with is
        waited for, until the deadline. The rows keep our claim, which ends with the lease
        that this process gives back right afterwards.
        """
        self._stopping = True
        self.scanner.stop(deadline)
        if self._preflight:
            self._preflight.join(deadline)
        for runner in self.runners():
            runner.drain()
        for runner in self.runners():
            runner.join(max(0.0, left(deadline) - LAST_S))
        for runner in self.runners():
            LOG.warning("Plan %s goes on elsewhere: no time left", runner.uuid)
            runner.leave()
            runner.join(min(LAST_S, left(deadline)))
        self._poller.close()

    # Scanning -------------------------------------------------------------------------

    def runners(self) -> list[PlanRunner]:
        """Return the plans that run here"""
        with self._lock:
            return [runner for runner in self._runners.values() if runner.alive]

    def scan(self) -> None:
        """Take what waits or lost its applier, as far as there is room"""
        if self._stopping or not self._lease.may_start():
            return
        try:
            claim = self._lease.claim
        except exception.LeaseLost:
            return
        self._resume_own(claim)
        self._sweep()
        claimable = self._db.read(action_plans.claimable)
        if self._preflight:
            self._preflight.forget(set(claimable))
        for uuid in claimable:
            try:
                self._consider(uuid, claim)
            except exception.StateChanged as error:
                LOG.debug("Plan %s is no more what it was: %s", uuid, error)

    def _sweep(self) -> None:
        """Give back, now and then, what appliers that died left of ended actions"""
        now = time.monotonic()
        if now - self._swept_at >= SWEEP_S or not self._swept_at:
            self._swept_at = now
            count = self._db.write(slots.sweep)
            if count:
                LOG.info("%d slots of actions that ended long ago are free", count)

    def _resume_own(self, claim: Claim) -> None:
        """Go on with plans that are ours but run nowhere

        The database may have taken our claim without being able to say so.
        """
        running = {runner.uuid for runner in self.runners()}
        for state in sorted(recovery.RUNNING):
            query = ListQuery(filters={"owner": claim.owner, "state": state})
            for plan in self._db.read(action_plans.list, query):
                if plan.owner_epoch == claim.epoch and plan.uuid not in running:
                    LOG.warning(
                        "Plan %s is ours but does not run: it goes on", plan.uuid
                    )
                    self._run(plan, fresh=False)

    def _consider(self, uuid: str, claim: Claim) -> None:
        try:
            plan = self._db.read(action_plans.get, uuid)
        except exception.ActionPlanNotFound:
            return
        if recovery.is_leftover(plan):
            self._bury(plan)
        elif plan.state in recovery.RUNNING:
            # What was running must be watched at once, room or not.
            self._take(uuid, claim)
        elif self._has_room() and self._may_begin(plan):
            if self._preflight:
                self._preflight.check(plan)
            else:
                self._take(uuid, claim)

    def _may_begin(self, plan: ActionPlan) -> bool:
        """Tell whether one of its execution windows is open; if not, its row says so"""
        document = self._db.read(execution_rules.for_plan, plan.uuid)
        why = terms.not_yet(document, self._now())
        if why is not None and plan.status_message != why:
            self._db.write(pauses.waits, plan.uuid, plan.state, why)
        return why is None

    def _has_room(self) -> bool:
        busy = self._preflight.busy if self._preflight else 0
        return len(self.runners()) + busy < int(self._conf.watcher_applier.workers)

    def _bury(self, plan: ActionPlan) -> None:
        alive_s = float(self._conf.service_down_time)
        done = self._db.write(
            recovery.cancel_leftover, plan.uuid, alive_s=alive_s, phase=self._phase
        )
        if done:
            LOG.warning("Plan %s was cancelled: %s", plan.uuid, done.status_message)

    def _begin(self, uuid: str, skipped: Mapping[str, str]) -> None:
        """Begin a plan that was looked at, without the actions that do not hold"""
        if self._stopping or not self._lease.may_start():
            return
        try:
            self._take(uuid, self._lease.claim, skipped)
        except (exception.LeaseLost, exception.StateChanged) as error:
            LOG.info("Plan %s does not begin here: %s", uuid, error)

    def _take(
        self, uuid: str, claim: Claim, skipped: Mapping[str, str] | None = None
    ) -> None:
        plan, fresh = self._db.write(self._claim, uuid, claim, skipped or {})
        if plan is None:
            return
        LOG.info("Plan %s %s", uuid, "begins" if fresh else "is taken over")
        self._run(plan, fresh=fresh)

    def _run(self, plan: ActionPlan, *, fresh: bool) -> None:
        book = Book(
            self._db, self._lease, plan, phase=self._phase,
            on_finish=Aftermath(self._conf),
        )  # fmt: skip
        runner = PlanRunner(
            book, fresh=fresh, plugins=self._plugins, clients=self._clients,
            settings=self._settings(), on_end=self._on_end, poller=self._poller,
        )  # fmt: skip
        with self._lock:
            self._runners[id(runner)] = runner
        runner.start()

    def _claim(
        self, tx: orm.Session, uuid: str, claim: Claim, skipped: Mapping[str, str]
    ) -> tuple[ActionPlan | None, bool]:
        before = action_plans.get(tx, uuid)
        fresh = before.state == states.PENDING
        plan = action_plans.claim(tx, uuid, claim, self._conf.host)
        if plan is None or not fresh:
            return plan, fresh
        if before.status_message:
            # What it waited for is over.
            plan = action_plans.update(tx, uuid, claim=claim, status_message=None)
        self._phase(tx, START, plan)
        for action, reason in skipped.items():
            _skip(tx, action, verdict.skipped(reason), claim)
        return plan, fresh

    def _settings(self) -> Settings:
        return Settings(
            engine=self._conf.watcher_applier.workflow_engine,
            timing=Timing.of(self._conf),
            parallelization=parallelization(self._plugins),
            admission=self.turnstile,
            retargets=self._retargets,
        )

    def _new_poller(self) -> Poller:
        return Poller(self._clients, interval_s=Timing.of(self._conf).interval_s)

    def _interval_s(self) -> float:
        return float(self._conf.watcher_applier.work_scan_interval)

    # What runners and lease tell ------------------------------------------------------

    def _on_end(self, runner: PlanRunner) -> None:
        with self._lock:
            self._runners.pop(id(runner), None)
        self.turnstile.forget(runner.book)
        if not self._stopping:
            self.scanner.wake()

    def _on_lost(self, claim: Claim) -> None:
        for runner in self.runners():
            if runner.book.claim == claim:
                runner.leave()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no plan runs here; for tests and one-shot runners"""
        end = time.monotonic() + timeout_s
        if self._preflight:
            self._preflight.join(end)
        for runner in self.runners():
            runner.join(max(0.0, end - time.monotonic()))
        return not self.runners()


def _skip(tx: orm.Session, action: str, message: str, claim: Claim) -> None:
    try:
        actions.step(
            tx, action, states.PENDING, states.SKIPPED, message=message, claim=claim
        )
    except exception.StateChanged:
        LOG.info("Action %s was skipped or cancelled by somebody else", action)


def parallelization(plugins: registry.Plugins) -> dict[str, int]:
    """Return how many actions of each type a plan may run, as the planner's options say"""
    if "weight" not in plugins.classes(registry.PLANNERS):
        return {}
    given = plugins.options(registry.PLANNERS, "weight").get("parallelization") or {}
    return {kind: max(1, int(limit)) for kind, limit in given.items()}
