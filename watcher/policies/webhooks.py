"""Rules on webhooks."""

from watcher.policies import base

RULES = [
    base.rule(
        "webhook:trigger",
        "Trigger an EVENT audit.",
        "POST",
        "/v1/webhooks/{audit_uuid}",
        check=base.ADMIN_OR_SERVICE,
    ),
]
