"""Why a plan is as it is, as plain data that is stored beside it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from watcher.decision_engine.handle import Notes, Stay
from watcher.domain.records import NewAction

# Bytes of each list. A database takes 16 MiB at once as it is delivered, and says to one
# that brings more that it is away.
ACTIONS, STAYS, REMARKS = 8 * 2**20, 2 * 2**20, 2**20
# Bytes of remarks in a summary, which is read in a line.
SENTENCES = 4096


def document(
    *,
    strategy: str | None,
    actions: Sequence[NewAction],
    notes: Notes,
    failure: str | None = None,
) -> dict[str, Any]:
    """Return each action with its reason, what stays with what kept it, and a summary"""
    done = _first(ACTIONS, map(_action, actions))
    stays = _first(STAYS, map(_stay, notes.stays))
    remarks = _first(REMARKS, notes.remarks)
    return {
        "strategy": strategy,
        "summary": summary(actions, notes, failure),
        "actions": done,
        "stays": stays,
        "rules": notes.by_rule(),
        "remarks": [
            *remarks,
            *_left(len(actions) - len(done), "actions"),
            *_left(len(notes.stays) - len(stays), "servers that stay"),
            *_left(len(notes.remarks) - len(remarks), "remarks"),
        ],
    }


def _action(action: NewAction) -> dict[str, Any]:
    return {
        "uuid": action.uuid,
        "action_type": action.action_type,
        "resource_id": action.input_parameters.get("resource_id"),
        "resource_name": action.input_parameters.get("resource_name"),
        "reason": action.reason,
    }


def _stay(stay: Stay) -> dict[str, Any]:
    return {
        "instance": stay.uuid,
        "name": stay.name,
        "reason": stay.reason,
        "rules": dict(stay.rules),
    }


def _first(size: int, items: Iterable[Any]) -> list[Any]:
    """Return as many items as take no more than ``size`` bytes of JSON"""
    found = []
    for item in items:
        size -= len(json.dumps(item)) + 2
        if size < 0:
            break
        found.append(item)
    return found


def _left(count: int, what: str) -> list[str]:
    return [f"{count} more {what} are too many to be listed here"] if count else []


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
        text += " " + " ".join(_first(SENTENCES, notes.remarks))
    return text


def _actions(kinds: Mapping[str, int]) -> str:
    if not kinds:
        return "Nothing to do."
    parts = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
    total = sum(kinds.values())
    return f"{total} action{'s' if total > 1 else ''}: {parts}."


def _staying(count: int) -> str:
    return "1 server stays." if count == 1 else f"{count} servers stay."
