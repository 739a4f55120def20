"""Payloads of events about actions."""

from typing import Any

from watcher.domain.records import Action, ActionPlan, Audit
from watcher.notifications import action_plans, envelope
from watcher.notifications.envelope import Payload

FIELDS = (
    "uuid", "action_type", "input_parameters", "state", "parents", "status_message",
    *envelope.TIMES,
)  # fmt: skip
VERSION = "1.1"


def full(
    action: Action, plan: ActionPlan | None, audit: Audit | None
) -> dict[str, Any]:
    """Return the fields that every event about an action has"""
    return {
        **envelope.fields(action, FIELDS),
        "action_plan": action_plans.terse(plan, audit) if plan else None,
    }


def created(action: Action, plan: ActionPlan | None, audit: Audit | None) -> Payload:
    """Return the payload of action.create"""
    return envelope.wrap("ActionCreatePayload", VERSION, full(action, plan, audit))


def deleted(action: Action, plan: ActionPlan | None, audit: Audit | None) -> Payload:
    """Return the payload of action.delete"""
    return envelope.wrap("ActionDeletePayload", VERSION, full(action, plan, audit))


def updated(
    old: Action | None, action: Action, plan: ActionPlan | None, audit: Audit | None
) -> Payload:
    """Return the payload of action.update"""
    step = envelope.state_update("ActionStateUpdatePayload", old, action)
    data = {**full(action, plan, audit), "state_update": step}
    return envelope.wrap("ActionUpdatePayload", VERSION, data)


def phase(
    name: str, action: Action, plan: ActionPlan | None, audit: Audit | None,
    error: BaseException | None,
) -> Payload:  # fmt: skip
    """Return the payload ``name`` of action.execution.* or action.cancel.*"""
    data = {**full(action, plan, audit), "fault": envelope.fault(error)}
    return envelope.wrap(name, VERSION, data)
