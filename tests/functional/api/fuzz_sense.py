"""What no accepted request may leave behind, told from the published description alone."""

import datetime

import croniter

# Steps that clients may ask for, by the published tables.
STEPS = {
    "audits": {
        "PENDING": {"ONGOING", "CANCELLED"},
        "ONGOING": {"FAILED", "SUCCEEDED", "CANCELLED", "SUSPENDED"},
        "SUSPENDED": {"ONGOING", "DELETED"},
        "FAILED": {"DELETED"},
        "SUCCEEDED": {"DELETED"},
        "CANCELLED": {"DELETED"},
    },
    "action_plans": {
        "RECOMMENDED": {"PENDING", "CANCELLED"},
        "PENDING": {"CANCELLED"},
        "ONGOING": {"CANCELLING"},
    },
    "actions": {"PENDING": {"SKIPPED"}},
}
LENGTHS = {"name": 63, "description": 255, "status_message": 255, "interval": 36}
MODELS = {"compute", "storage", "baremetal"}
KINDS = ("ONESHOT", "CONTINUOUS", "EVENT")


def nonsense(noun, before, row, goals):
    """Yield what makes no sense in a row that a request has just made or changed

    ``goals`` maps names of strategies to those of their goals.
    """
    for name, most in LENGTHS.items():
        if len(row.get(name) or "") > most:
            yield f"{name} is longer than {most}"
    if before is not None:
        allowed = {
            before.get("state"),
            *STEPS.get(noun, {}).get(before.get("state"), ()),
        }
        if row.get("state") not in allowed:
            yield f"the state went from {before['state']} to {row['state']}"
    strategy, goal = row.get("strategy_name"), row.get("goal_name")
    if strategy and goal and goals[strategy] != goal:
        yield f"{strategy} does not pursue {goal}"
    if "scope" in row:
        yield from _of_scope(row["scope"])
    if noun == "audits":
        yield from _of_audit(row)


def _of_scope(scope):
    keys = {key for item in scope for key in item}
    if scope and (not all(scope) or keys - MODELS):
        yield f"the scope is {scope}"


def _of_audit(row):
    interval = row["interval"]
    if row["audit_type"] not in KINDS:
        yield f"the type is {row['audit_type']}"
    if row["audit_type"] == "CONTINUOUS" and interval is None:
        yield "a continuous audit has no interval"
    if interval is not None:
        yield from _of_interval(interval)
    if row["start_time"] and row["end_time"] and row["end_time"] <= row["start_time"]:
        yield "it ends before it starts"


def _of_interval(interval):
    try:
        seconds = int(interval)
    except ValueError:
        try:
            croniter.croniter(interval).get_next(datetime.datetime)
        except (ValueError, KeyError) as error:
            yield f"the interval {interval!r} never comes: {error}"
        return
    if seconds <= 0:
        yield f"the interval is {seconds} s"
