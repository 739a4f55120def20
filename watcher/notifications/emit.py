"""Writes events beside the rows they describe.

An event is a row of the outbox, inserted by the transaction that changes its subject: it
exists when and only when the change does, and no engine waits for a broker. ``outbox.py``
of this package sends them.
"""

from collections.abc import Callable
from typing import Any, Protocol

from oslo_config import cfg
from oslo_context import context as oslo_context

from watcher import bus
from watcher.domain.records import (
    Action,
    ActionPlan,
    Audit,
    AuditTemplate,
    Goal,
    Service,
    Strategy,
)
from watcher.notifications import action_plans, actions, audits, scopes, services
from watcher.notifications.envelope import Payload

LEVELS = ("debug", "info", "warning", "error", "critical")
# Payload objects of the phases of plans and actions.
PHASES = {
    "action_plan.execution": "ActionPlanActionPayload",
    "action_plan.cancel": "ActionPlanCancelPayload",
    "action.execution": "ActionExecutionPayload",
    "action.cancel": "ActionCancelPayload",
}


class Related(Protocol):
    """Looks up what payloads mention beside their subject"""

    def goal(self, tx: Any, ident: int) -> Goal | None:
        """Return the goal of an audit"""

    def strategy(self, tx: Any, ident: int | None) -> Strategy | None:
        """Return the strategy of an audit or plan"""

    def audit(self, tx: Any, ident: int) -> Audit | None:
        """Return the audit of a plan"""

    def plan(self, tx: Any, ident: int) -> ActionPlan | None:
        """Return the plan of an action"""


class Change(Protocol):
    """A row that was created, replaced or deleted"""

    @property
    def kind(self) -> str:
        """audit, action_plan, action or service"""

    @property
    def verb(self) -> str:
        """create, update or delete"""

    @property
    def old(self) -> Any:
        """The row that was replaced"""

    @property
    def new(self) -> Any:
        """The row as it will be committed"""


Add = Callable[..., Any]


class Observer:
    """Turns changes and phases into rows of the outbox"""

    def __init__(self, publisher_id: str, level: str, outbox: Add, related: Related):
        self._publisher_id = publisher_id
        self._lowest = LEVELS.index(level)
        self._add = outbox
        self._related = related

    def __call__(self, tx: Any, change: Change) -> None:
        """Hear of a change, inside its transaction"""
        if not self._wanted("info"):
            return
        if change.kind == "audit":
            self._audit(tx, change)
        elif change.kind == "action_plan":
            self._plan(tx, change)
        elif change.kind == "action":
            self._action(tx, change)

    def phase(
        self, tx: Any, event_type: str, record: Any,
        fault: BaseException | None = None, **more: Any,
    ) -> None:  # fmt: skip
        """Hear of a phase that is no change of a row by itself"""
        priority = "error" if event_type.endswith(".error") else "info"
        kind = event_type.split(".", 1)[0]
        if kind == "service":
            priority = "info" if more["state"] == services.ACTIVE else "warning"
        if not self._wanted(priority):
            return
        if kind == "service":
            payload = services.updated(record, more.get("old_state"), more["state"])
        elif kind == "audit":
            payload = audits.phase(record, *self._of_audit(tx, record), fault)
        else:
            name = PHASES[event_type.rsplit(".", 1)[0]]
            if kind == "action_plan":
                of = self._of_plan(tx, record)
                payload = action_plans.phase(name, record, *of, fault)
            else:
                payload = actions.phase(
                    name, record, *self._of_action(tx, record), fault
                )
        self._write(tx, event_type, priority, payload)

    def scope(
        self,
        tx: Any,
        event_type: str,
        record: Audit | AuditTemplate,
        missing: scopes.Missing = (),
        reason: str | None = None,
    ) -> None:
        """Hear what became of a scope, see ``notifications.scopes``"""
        priority = scopes.PRIORITIES[event_type]
        if self._wanted(priority):
            payload = scopes.payload(record, missing, reason)
            self._write(tx, event_type, priority, payload)

    # Changes --------------------------------------------------------------------------

    def _audit(self, tx: Any, change: Change) -> None:
        of = self._of_audit(tx, change.new)
        if change.verb == "create":
            self._write(tx, "audit.create", "info", audits.created(change.new, *of))
            return
        if _is_updated(change):
            payload = audits.updated(change.old, change.new, *of)
            self._write(tx, "audit.update", "info", payload)
        if change.verb == "delete":
            self._write(tx, "audit.delete", "info", audits.deleted(change.new, *of))

    def _plan(self, tx: Any, change: Change) -> None:
        of = self._of_plan(tx, change.new)
        if change.verb == "create":
            payload = action_plans.created(change.new, *of)
            self._write(tx, "action_plan.create", "info", payload)
            return
        if _is_updated(change):
            payload = action_plans.updated(change.old, change.new, *of)
            self._write(tx, "action_plan.update", "info", payload)
        if change.verb == "delete":
            payload = action_plans.deleted(change.new, *of)
            self._write(tx, "action_plan.delete", "info", payload)

    def _action(self, tx: Any, change: Change) -> None:
        of = self._of_action(tx, change.new)
        if change.verb == "create":
            payload = actions.created(change.new, *of)
            self._write(tx, "action.create", "info", payload)
            return
        if _is_updated(change):
            payload = actions.updated(change.old, change.new, *of)
            self._write(tx, "action.update", "info", payload)
        if change.verb == "delete":
            self._write(tx, "action.delete", "info", actions.deleted(change.new, *of))

    # Beside the subject ---------------------------------------------------------------

    def _strategy(self, tx: Any, ident: int | None) -> Strategy | None:
        return None if ident is None else self._related.strategy(tx, ident)

    def _of_audit(self, tx: Any, audit: Audit) -> tuple[Goal | None, Strategy | None]:
        goal = self._related.goal(tx, audit.goal_id)
        return goal, self._strategy(tx, audit.strategy_id)

    def _of_plan(
        self, tx: Any, plan: ActionPlan
    ) -> tuple[Audit | None, Strategy | None]:
        audit = self._related.audit(tx, plan.audit_id)
        return audit, self._strategy(tx, plan.strategy_id)

    def _of_action(
        self, tx: Any, action: Action
    ) -> tuple[ActionPlan | None, Audit | None]:
        plan = self._related.plan(tx, action.action_plan_id)
        return plan, self._related.audit(tx, plan.audit_id) if plan else None

    # The outbox -----------------------------------------------------------------------

    def _wanted(self, priority: str) -> bool:
        return LEVELS.index(priority) >= self._lowest

    def _write(self, tx: Any, event_type: str, priority: str, payload: Payload) -> None:
        envelope = {"publisher_id": self._publisher_id, "request": _request()}
        self._add(tx, event_type, priority, payload, envelope)


def _is_updated(change: Change) -> bool:
    """Tell whether listeners hear of an update: a deletion is a step to DELETED first"""
    return change.verb == "update" or change.old.state != change.new.state


def _request() -> dict[str, Any] | None:
    """Return the context of the request that this thread serves, without its token"""
    current = oslo_context.get_current()
    if current is None:
        return None
    return bus.ContextSerializer().serialize_context(current)


def observer(conf: cfg.ConfigOpts, *, outbox: Add, related: Related) -> Observer | None:
    """Return the observer for a Database, or None when nobody is to be told anything.

    ``outbox`` is the function that inserts a row: (tx, event type, priority, payload,
    context).
    """
    level = conf.notification_level
    if not level or not bus.drivers(conf):
        return None
    return Observer(f"infra-optim:{conf.host}", level.lower(), outbox, related)


def phase(
    tx: Any, event_type: str, record: Any, *,
    fault: BaseException | None = None, **more: Any,
) -> None:  # fmt: skip
    """Tell of a phase, e.g. audit.strategy.start or action.execution.error.

    ``fault`` is the failure itself. For service.update: ``old_state`` and ``state``.
    """
    told = tx.info.get("observer")
    if told is not None:
        told.phase(tx, event_type, record, fault, **more)


def scope(
    tx: Any,
    event_type: str,
    record: Audit | AuditTemplate,
    *,
    missing: scopes.Missing = (),
    reason: str | None = None,
) -> None:
    """Tell that a scope is invalid, valid again, or was stored without being checked"""
    told = tx.info.get("observer")
    if told is not None:
        told.scope(tx, event_type, record, missing, reason)


def service_changed(tx: Any, service: Service, old_state: str, state: str) -> None:
    """Tell that a service came back or is gone"""
    phase(tx, "service.update", service, old_state=old_state, state=state)
