"""Why a plan is as it is, as plain data that is stored beside it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.decision_engine.handle import Notes
from watcher.domain.records import NewAction


def document(
    *,
    strategy: str | None,
    actions: Sequence[NewAction],
    notes: Notes,
    failure: str | None = None,
) -> dict[str, Any]:
    """Return each action with its reason, what stays with what kept it, and a summary"""
    return {
        "strategy": strategy,
        "summary": summary(actions, notes, failure),
        "actions": [
            {
                "uuid": action.uuid,
                "action_type": action.action_type,
                "resource_id": action.input_parameters.get("resource_id"),
                "resource_name": action.input_parameters.get("resource_name"),
                "reason": action.reason,
            }
            for action in actions
        ],
        "stays": [
            {
                "instance": stay.uuid,
                "name": stay.name,
                "reason": stay.reason,
                "rules": dict(stay.rules),
            }
            for stay in notes.stays
        ],
        "rules": notes.by_rule(),
        "remarks": list(notes.remarks),
    }


def summary(
    actions: Sequence[NewAction], notes: Notes, failure: str | None = None
) -> str:
    """Return the outcome in a sentence or two"""
    if failure:
        return failure
    text = _actions(Counter(action.action_type for action in actions))
    if notes.stays:
        text += f" {_staying(len(notes.stays))}"
        if rules := notes.by_rule():
            text += " What kept them: " + ", ".join(
                f"{rule} ({count})" for rule, count in rules.items()
            )
            text += "."
    if not actions and notes.remarks:
        text += " " + " ".join(notes.remarks)
    return text


def _actions(kinds: Mapping[str, int]) -> str:
    if not kinds:
        return "Nothing to do."
    parts = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
    total = sum(kinds.values())
    return f"{total} action{'s' if total > 1 else ''}: {parts}."


def _staying(count: int) -> str:
    return "1 server stays." if count == 1 else f"{count} servers stay."
