"""Rules on action plans."""

from watcher.policies import base

_ONE = "/v1/action_plans/{action_plan_uuid}"
RULES = [
    *base.reads(
        "action_plan",
        "action_plans",
        "action_plan_uuid",
        "explanation",
        "efficacy",
        "execution",
        "history",
        "progress",
    ),
    base.execution("action_plan", "action_plans", "action_plan_uuid"),
    base.rule(
        "action_plan:pause",
        "Let a running plan begin nothing more.",
        "POST",
        f"{_ONE}/pause",
    ),
    base.rule(
        "action_plan:resume", "Let a paused plan go on.", "POST", f"{_ONE}/resume"
    ),
    base.rule("action_plan:update", "Change a plan.", "PATCH", _ONE),
    base.rule("action_plan:delete", "Delete a plan.", "DELETE", _ONE),
    base.rule("action_plan:start", "Start a plan.", "POST", f"{_ONE}/start"),
    base.rule(
        "action_plan:rollback",
        "Recommend a plan that takes back what an ended one has done.",
        "POST",
        f"{_ONE}/rollback",
    ),
]
