"""Brings one audit from PENDING to its end.

Whatever an audit leads to is stored in one transaction, under the claim of this process.
Killed at any line, nothing of it is there, and the next engine starts over.
"""

import contextlib
import datetime
from collections.abc import Callable
from typing import Any

from oslo_log import log

from watcher import context, exception
from watcher.db import action_plans, actions, audits, continuous, explanations, texts
from watcher.decision_engine import conflict, explain
from watcher.decision_engine.decide import Decider, Decision, Snapshot
from watcher.domain import states
from watcher.domain.records import Audit, Claim, NewPlan

LOG = log.getLogger(__name__)

# Somebody else decides about the audit now, or nothing can be written at the moment.
NOT_OURS = (exception.StateChanged, exception.LeaseLost)
Tell = Callable[..., None]
BUSY = "Action plan %s is running in the same part of the cluster. "
LATER = "The audit runs when it has ended."
UNSTORABLE = (
    "The %s failed with what no database keeps; the engine's log has the details"
)


class AuditRunner:
    """Runs audits, one per call and thread"""

    def __init__(
        self,
        *,
        db: Any,
        lease: Any,
        decider: Decider,
        tell: Tell,
        applier: Any,
        host: str,
        new_uuid: Callable[[], str],
        clock: Callable[[Any], datetime.datetime] = continuous.clock,
    ) -> None:
        self._db = db
        self._lease = lease
        self._decider = decider
        self._tell = tell
        self._applier = applier
        self._host = host
        self._new_uuid = new_uuid
        self._clock = clock

    def run(self, uuid: str, *, triggered: bool = False) -> None:
        """Claim the audit and bring it to its end; quietly nothing when it is not ours

        ``triggered``: a message came for it; see ``watcher.db.audits.claim``.
        :raises DatabaseUnavailable: it is still ours and has to be run again
        """
        if not self._lease.may_start():
            return
        # Logs and messages of this run carry one request id; threads are used again.
        context.RequestContext(is_admin=True, roles=["admin"], overwrite=True)
        try:
            claim = self._lease.claim
            if self._waits(uuid, triggered):
                return
            audit = self._db.write(self._take, uuid, claim, triggered)
            if audit is not None:
                LOG.info("Audit %s begins", uuid)
                self._carry_out(audit, claim)
        except NOT_OURS as error:
            LOG.info("Audit %s is left alone: %s", uuid, error)

    def _take(self, tx: Any, uuid: str, claim: Claim, triggered: bool) -> Audit | None:
        try:
            audit = audits.get(tx, uuid)
        except exception.AuditNotFound:
            return None
        if audit.state == states.ONGOING and _holds(audit, claim):
            # A run of this very process ended because the database was away.
            return audit
        if audit.audit_type == states.CONTINUOUS:
            return continuous.claim(tx, uuid, claim, self._host, self._clock(tx))
        return audits.claim(tx, uuid, claim, self._host, told=triggered)

    def _carry_out(self, audit: Audit, claim: Claim) -> None:
        snapshot = self._decider.snapshot()
        decision = Decision()
        phase = "strategy"
        try:
            # EVENT audits were held back before they were claimed.
            held_back = audit.audit_type == states.EVENT
            if not held_back and (blocking := self._blocking(audit, snapshot)):
                self._db.write(self._give_way, audit, claim, blocking)
                return
            self._announce(audit, claim, "audit.strategy.start")
            self._decider.solve(
                audit, snapshot, decision, lambda: self._still(audit.uuid, claim)
            )
            self._announce(audit, claim, "audit.strategy.end")
            phase = "planner"
            self._announce(audit, claim, "audit.planner.start")
            self._decider.plan(audit, decision)
            started = self._finish(audit, claim, decision)
        except (*NOT_OURS, exception.DatabaseUnavailable):
            raise
        except (Exception, SystemExit) as error:
            # Plugins are free to fail in any way; the audit ends and says how.
            # An error of ours says what is wrong in a sentence; others need their place.
            ours = isinstance(error, exception.WatcherException)
            trace = None if ours else error
            LOG.error("Audit %s failed in its %s", audit.uuid, phase, exc_info=trace)
            self._end(audit, claim, phase, decision, error)
        else:
            if started:
                # Only to save time: the row is what appliers look for.
                self._applier.launch_action_plan(context.admin(), started)

    def _still(self, uuid: str, claim: Claim) -> None:
        """Raise when the audit was cancelled, suspended or taken over

        While the database is away nobody knows; the end of the run finds out.
        """
        with contextlib.suppress(exception.DatabaseUnavailable):
            self._db.read(_ours, uuid, claim)

    def _announce(self, audit: Audit, claim: Claim, event: str) -> None:
        def announce(tx: Any) -> None:
            self._tell(tx, event, _ours(tx, audit.uuid, claim))

        self._db.write(announce)

    # What keeps it from running --------------------------------------------------------

    def _waits(self, uuid: str, triggered: bool) -> bool:
        """Tell whether an audit cannot begin yet; the next look comes back to it"""
        try:
            audit = self._db.read(audits.get, uuid)
        except exception.AuditNotFound:
            return True
        if audit.audit_type == states.EVENT:
            if audit.state not in audits.STARTABLE:
                return False
            if audit.triggered_at is None and not triggered:
                return True
        elif audit.audit_type != states.CONTINUOUS or audit.owner is not None:
            return False
        try:
            blocking = self._blocking(audit, self._decider.snapshot())
        except exception.DatabaseUnavailable:
            raise
        except Exception as error:
            # Whatever cannot be read: the run meets it too, and tells the operator.
            LOG.debug("What is in the way of audit %s is not known: %s", uuid, error)
            return False
        if blocking is None:
            return False
        LOG.debug("Audit %s waits for plan %s", uuid, blocking)
        return self._db.write(self._postpone, audit, BUSY % blocking + LATER)

    def _postpone(self, tx: Any, audit: Audit, message: str) -> bool:
        if audit.audit_type == states.CONTINUOUS:
            return continuous.postpone(tx, audit.uuid, message, self._clock(tx))
        audits.postpone(tx, audit.uuid, message, continuous.WAIT_S)
        return True

    def _blocking(self, audit: Audit, snapshot: Snapshot) -> str | None:
        """Return the plan that runs where an audit without force would look"""
        if audit.force:
            return None
        running = self._db.read(_running)
        if not running:
            return None
        whole = snapshot.whole
        hosts = snapshot.hosts(audit.scope)
        for candidate in running:
            if conflict.overlaps(
                candidate, hosts, scope_hosts=snapshot.hosts, host_of=whole.host_of
            ):
                found: str = candidate.plan.uuid
                return found
        return None

    def _give_way(self, tx: Any, audit: Audit, claim: Claim, plan: str) -> None:
        """Let a plan that runs have its way: ONESHOT audits end, others come back"""
        _ours(tx, audit.uuid, claim)
        where = BUSY % plan
        if audit.audit_type == states.CONTINUOUS:
            now = self._clock(tx)
            continuous.wait(tx, audit.uuid, claim, where + LATER, now)
            return
        audits.step(
            tx,
            audit.uuid,
            states.ONGOING,
            states.CANCELLED,
            message=where + "Start the audit again when it has ended, or with force.",
            claim=claim,
        )

    # How it ends ------------------------------------------------------------------------

    def _finish(self, audit: Audit, claim: Claim, decision: Decision) -> str | None:
        """Store everything; return the plan if it starts by itself"""
        document = explain.document(
            strategy=decision.strategy, actions=decision.actions, notes=decision.notes
        )
        assert decision.strategy is not None
        plan = NewPlan(
            uuid=self._new_uuid(),
            audit_uuid=audit.uuid,
            strategy_name=decision.strategy,
            state=states.RECOMMENDED,
            actions=decision.actions,
            global_efficacy=decision.solution.global_efficacy or [],
            efficacy_indicators=decision.indicators,
            explanation=document,
        )
        started = self._db.write(self._save, plan, claim)
        LOG.info("Audit %s has plan %s: %s", audit.uuid, plan.uuid, document["summary"])
        return plan.uuid if started else None

    def _save(self, tx: Any, plan: NewPlan, claim: Claim) -> bool:
        audit = _ours(tx, plan.audit_uuid, claim)
        action_plans.save(tx, plan)
        started = bool(audit.auto_trigger and plan.actions)
        if started:
            action_plans.step(
                tx,
                plan.uuid,
                states.RECOMMENDED,
                states.PENDING,
                reason="the audit starts its plans by itself",
            )
        self._tell(tx, "audit.planner.end", audit)
        # Last, so that notifications come in the published order; it undoes all of the
        # above when the audit is not ours any more.
        if audit.audit_type == states.CONTINUOUS:
            audits.supersede(tx, audit.uuid, keep=plan.uuid)
            continuous.rest(tx, audit.uuid, claim)
            return started
        audits.step(
            tx, audit.uuid, states.ONGOING, states.SUCCEEDED, message=None, claim=claim
        )
        return started

    def _end(
        self, audit: Audit, claim: Claim, phase: str, decision: Decision,
        error: BaseException,
    ) -> None:  # fmt: skip
        """Let a run fail; one that would begin again for ever is the worse error"""
        try:
            self._db.write(self._fail, audit, claim, phase, decision, error)
        except (*NOT_OURS, exception.DatabaseUnavailable):
            raise
        except Exception as refused:
            LOG.error(
                "Why audit %s failed cannot be stored", audit.uuid, exc_info=refused
            )
            bare = Decision(strategy=decision.strategy)
            told = exception.WatcherException(UNSTORABLE % phase)
            self._db.write(self._fail, audit, claim, phase, bare, told)

    def _fail(
        self,
        tx: Any,
        audit: Audit,
        claim: Claim,
        phase: str,
        decision: Decision,
        error: BaseException,
    ) -> None:
        message = texts.plain(sentence(error, decision.strategy, phase))
        now = _ours(tx, audit.uuid, claim)
        self._tell(tx, f"audit.{phase}.error", now, fault=error)
        explanations.save(
            tx,
            audit_uuid=audit.uuid,
            document=explain.document(
                strategy=decision.strategy,
                actions=(),
                notes=decision.notes,
                failure=message,
            ),
        )
        if audit.audit_type == states.CONTINUOUS:
            # One failure is no reason never to look again.
            continuous.fail(tx, audit.uuid, claim, message, self._clock(tx))
            return
        audits.step(
            tx,
            audit.uuid,
            states.ONGOING,
            states.FAILED,
            message=message,
            claim=claim,
        )


def sentence(error: BaseException, strategy: str | None, phase: str) -> str:
    """Return what an operator needs to know of ``error``; the log has the rest"""
    if isinstance(error, exception.WatcherException):
        return error.format_message()
    what = f"strategy '{strategy}'" if phase == "strategy" else "planner"
    text = str(error).strip().splitlines()
    detail = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    return (
        f"The {what} failed unexpectedly ({detail}); the engine's log has the details"
    )


# Steps inside transactions ---------------------------------------------------------------


def _holds(audit: Audit, claim: Claim) -> bool:
    return (audit.owner, audit.owner_epoch) == (claim.owner, claim.epoch)


def _ours(tx: Any, uuid: str, claim: Claim) -> Audit:
    audit = audits.get(tx, uuid, show_deleted=True)
    if audit.state != states.ONGOING:
        raise exception.StateChanged(kind="audit", ident=uuid, expected=states.ONGOING)
    if not _holds(audit, claim):
        raise exception.LeaseLost(
            owner=claim.owner, epoch=claim.epoch, kind="audit", ident=uuid
        )
    return audit


def _running(tx: Any) -> list[conflict.Running]:
    return [
        conflict.Running(
            plan=plan,
            actions=actions.of_plan(tx, plan.uuid),
            scope=_scope_of(tx, plan.audit_id),
        )
        for plan in action_plans.ongoing(tx)
    ]


def _scope_of(tx: Any, audit_id: int) -> Any:
    try:
        return audits.get(tx, audit_id, show_deleted=True).scope
    except exception.AuditNotFound:
        return ()
