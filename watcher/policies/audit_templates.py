"""Rules on audit templates."""

from watcher.policies import base

_ONE = "/v1/audit_templates/{audit_template_uuid}"
RULES = [
    *base.reads(
        "audit_template", "audit_templates", "audit_template_uuid", "execution"
    ),
    base.execution("audit_template", "audit_templates", "audit_template_uuid"),
    base.rule(
        "audit_template:create", "Create a template.", "POST", "/v1/audit_templates"
    ),
    base.rule("audit_template:update", "Change a template.", "PATCH", _ONE),
    base.rule("audit_template:delete", "Delete a template.", "DELETE", _ONE),
]
