"""Payloads of events about audits."""

from watcher.domain.records import Audit, Goal, Strategy
from watcher.notifications import envelope
from watcher.notifications.envelope import Payload

FIELDS = (
    "uuid", "name", "audit_type", "state", "parameters", "interval", "scope",
    "goal_uuid", "strategy_uuid", "auto_trigger", "next_run_time", "status_message",
    *envelope.TIMES,
)  # fmt: skip
VERSION = "1.2"


def terse(audit: Audit) -> Payload:
    """Return the audit of a plan; its strategy is left out, as it always was"""
    data = {**envelope.fields(audit, FIELDS), "strategy_uuid": None}
    return envelope.wrap("TerseAuditPayload", "1.3", data)


def full(
    audit: Audit, goal: Goal | None, strategy: Strategy | None
) -> dict[str, object]:
    """Return the fields that every event about an audit has"""
    return {
        **envelope.fields(audit, FIELDS),
        "goal": envelope.goal(goal),
        "strategy": envelope.strategy(strategy),
    }


def created(audit: Audit, goal: Goal | None, strategy: Strategy | None) -> Payload:
    """Return the payload of audit.create"""
    return envelope.wrap("AuditCreatePayload", VERSION, full(audit, goal, strategy))


def deleted(audit: Audit, goal: Goal | None, strategy: Strategy | None) -> Payload:
    """Return the payload of audit.delete"""
    return envelope.wrap("AuditDeletePayload", VERSION, full(audit, goal, strategy))


def updated(
    old: Audit | None, audit: Audit, goal: Goal | None, strategy: Strategy | None
) -> Payload:
    """Return the payload of audit.update"""
    step = envelope.state_update("AuditStateUpdatePayload", old, audit)
    data = {**full(audit, goal, strategy), "state_update": step}
    return envelope.wrap("AuditUpdatePayload", VERSION, data)


def phase(
    audit: Audit, goal: Goal | None, strategy: Strategy | None,
    error: BaseException | None,
) -> Payload:  # fmt: skip
    """Return the payload of audit.strategy.* and audit.planner.*"""
    data = {**full(audit, goal, strategy), "fault": envelope.fault(error)}
    return envelope.wrap("AuditActionPayload", VERSION, data)
