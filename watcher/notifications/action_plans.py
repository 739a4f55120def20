"""Payloads of events about action plans."""

from typing import Any

from watcher.domain.records import ActionPlan, Audit, Strategy
from watcher.notifications import audits, envelope
from watcher.notifications.envelope import Payload

FIELDS = (
    "uuid", "state", "global_efficacy", "audit_uuid", "strategy_uuid",
    "status_message", *envelope.TIMES,
)  # fmt: skip
VERSION = "1.2"


def terse(plan: ActionPlan, audit: Audit | None) -> Payload:
    """Return the plan of an action; the strategy is the one that the *audit* names"""
    data = envelope.fields(plan, FIELDS)
    data["strategy_uuid"] = audit.strategy_uuid if audit else None
    data["audit_uuid"] = _audit_uuid(plan, audit)
    return envelope.wrap("TerseActionPlanPayload", VERSION, data)


def _audit_uuid(plan: ActionPlan, audit: Audit | None) -> str | None:
    """Return the UUID of the plan's audit: here a deleted one has it, too"""
    return audit.uuid if audit else plan.audit_uuid


def full(
    plan: ActionPlan, audit: Audit | None, strategy: Strategy | None
) -> dict[str, Any]:
    """Return the fields that every event about a plan has"""
    return {
        **envelope.fields(plan, FIELDS),
        "audit_uuid": _audit_uuid(plan, audit),
        "audit": audits.terse(audit) if audit else None,
        "strategy": envelope.strategy(strategy),
    }


def created(
    plan: ActionPlan, audit: Audit | None, strategy: Strategy | None
) -> Payload:
    """Return the payload of action_plan.create"""
    return envelope.wrap(
        "ActionPlanCreatePayload", VERSION, full(plan, audit, strategy)
    )


def deleted(
    plan: ActionPlan, audit: Audit | None, strategy: Strategy | None
) -> Payload:
    """Return the payload of action_plan.delete"""
    return envelope.wrap(
        "ActionPlanDeletePayload", VERSION, full(plan, audit, strategy)
    )


def updated(
    old: ActionPlan | None, plan: ActionPlan, audit: Audit | None,
    strategy: Strategy | None,
) -> Payload:  # fmt: skip
    """Return the payload of action_plan.update"""
    step = envelope.state_update("ActionPlanStateUpdatePayload", old, plan)
    data = {**full(plan, audit, strategy), "state_update": step}
    return envelope.wrap("ActionPlanUpdatePayload", VERSION, data)


def phase(
    name: str, plan: ActionPlan, audit: Audit | None, strategy: Strategy | None,
    error: BaseException | None,
) -> Payload:  # fmt: skip
    """Return the payload ``name`` of action_plan.execution.* or action_plan.cancel.*"""
    data = {**full(plan, audit, strategy), "fault": envelope.fault(error)}
    return envelope.wrap(name, VERSION, data)
