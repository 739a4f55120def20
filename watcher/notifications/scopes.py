"""Payload of the events about scopes: of ours, beside the published ones."""

from collections.abc import Iterable, Mapping
from typing import Any

from watcher.domain.records import Audit, AuditTemplate
from watcher.notifications import envelope
from watcher.notifications.envelope import Payload

FIELDS = (
    "uuid", "name", "scope", "goal_uuid", "goal_name", "strategy_uuid",
    "strategy_name", *envelope.TIMES,
)  # fmt: skip
INVALID = "audit.scope.invalid"
VALID = "audit.scope.valid"
UNCHECKED = "audit.scope.unchecked"
PRIORITIES = {INVALID: "warning", VALID: "info", UNCHECKED: "warning"}
Missing = Iterable[Mapping[str, str]]


def payload(
    record: Audit | AuditTemplate, missing: Missing, reason: str | None
) -> Payload:
    """Return the payload: whose scope, what it names in vain, why that is not known"""
    data: dict[str, Any] = {
        "resource": "audit" if isinstance(record, Audit) else "audit_template",
        **envelope.fields(record, FIELDS),
        "missing": envelope.plain([dict(item) for item in missing]),
        "reason": reason,
    }
    return envelope.wrap("AuditScopePayload", "1.0", data)
