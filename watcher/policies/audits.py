"""Rules on audits."""

from watcher.policies import base

_ONE = "/v1/audits/{audit_uuid}"
RULES = [
    *base.reads("audit", "audits", "audit_uuid", "explanation", "execution"),
    base.rule("audit:create", "Create an audit.", "POST", "/v1/audits"),
    base.rule("audit:update", "Change an audit.", "PATCH", _ONE),
    base.execution("audit", "audits", "audit_uuid"),
    base.rule("audit:delete", "Delete an audit.", "DELETE", _ONE),
]
