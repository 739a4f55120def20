"""Rules on actions."""

from watcher.policies import base

RULES = [
    *base.reads("action", "actions", "action_id"),
    base.rule("action:update", "Skip an action.", "PATCH", "/v1/actions/{action_id}"),
]
