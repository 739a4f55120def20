"""What is said of a plan when it ends, and of an action that was not run; pure text."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from watcher.domain import effects, states
from watcher.domain.graph import Rule
from watcher.domain.records import Action, Operation

SKIPPED_SOME = "One or more actions were skipped."
LENGTH = 255
# Actions that are named of those whose end nobody saw.
MOST_DOUBTS = 2
PREFIX = re.compile(r"^Action failed in (execute: )?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """State, message and event of a plan that ended"""

    state: str
    message: str | None
    event: str


def name_of(action: Action) -> str:
    """Return words by which an operator knows the action"""
    given = action.input_parameters
    target = given.get("resource_name") or given.get("resource_id")
    return f"{action.action_type} of {target}" if target else action.action_type


def skipped(why: str) -> str:
    """Return the message of an action that was not run"""
    return f"Action was skipped automatically: {why}"


def noted(message: str | None, note: str | None) -> str | None:
    """Return the message of a plan with what else there is to say, short enough"""
    if not note:
        return message[:LENGTH] if message else None
    if not message:
        return note[:LENGTH]
    room = LENGTH - len(note) - 2
    short = message if len(message) <= room else message[: room - 3] + "..."
    return f"{short}{'' if short.endswith('.') else '.'} {note}"


def refused(parent: Action, rule: Rule) -> str:
    """Return why an action after ``parent`` was not run"""
    named = f"{name_of(parent)} ({parent.uuid})"
    if rule is Rule.ANY:
        ended = f"ended {parent.state} and the rule of this strategy is ANY"
        return skipped(f"its parent {named} {ended}")
    how = "was skipped" if parent.state == states.SKIPPED else "failed"
    return skipped(f"it needs {named}, which {how}")


def ended(
    actions: Sequence[Action], *, cancelling: bool,
    operations: Sequence[Operation] = (),
) -> Verdict:  # fmt: skip
    """Judge a plan by how its actions ended; ``operations`` tell what it left where"""
    if cancelling:
        text = _cancelled(actions, operations)
        return Verdict(states.CANCELLED, text, "action_plan.cancel.end")
    failed = [action for action in actions if action.state == states.FAILED]
    some_skipped = any(action.state == states.SKIPPED for action in actions)
    if failed:
        text = _failed(failed, some_skipped)
        return Verdict(states.FAILED, text, "action_plan.execution.error")
    message = SKIPPED_SOME if some_skipped else None
    return Verdict(states.SUCCEEDED, message, "action_plan.execution.end")


def _failed(failed: Sequence[Action], some_skipped: bool) -> str:
    first = failed[0]
    why = PREFIX.sub("", first.status_message or "failed")
    text = f"{name_of(first)}: {why}"
    tail = f" ({len(failed) - 1} more failed)" if len(failed) > 1 else ""
    if some_skipped:
        tail += " " + SKIPPED_SOME
    room = LENGTH - len(tail)
    return (text if len(text) <= room else text[: room - 3] + "...") + tail


def _cancelled(actions: Sequence[Action], operations: Sequence[Operation]) -> str:
    found = effects.effects_of(actions, operations)
    doubtful = {one.action.uuid: one.action for one in found.kept if one.in_doubt}
    count = Counter(row.state for row in actions if row.uuid not in doubtful)
    words = (
        (states.SUCCEEDED, "done"),
        (states.FAILED, "failed"),
        (states.SKIPPED, "skipped"),
        (states.CANCELLED, "not done"),
    )
    parts = [f"{count[state]} {word}" for state, word in words if count[state]]
    if doubtful:
        names = ", ".join(map(_heading, list(doubtful.values())[:MOST_DOUBTS]))
        parts.insert(0, f"{len(doubtful)} perhaps still going on ({names})")
    text = "Cancelled on request; actions: " + (", ".join(parts) or "none")
    moved = [
        f"{change.action.input_parameters.get('resource_name') or change.resource} "
        f"on {change.after}"
        for change in found.changes
        if change.what == effects.PLACE
    ]
    return _listed(f"{text}. Moved: ", moved) if moved else text[:LENGTH]


def _heading(action: Action) -> str:
    given = action.input_parameters
    target = given.get("destination_node")
    name = given.get("resource_name") or given.get("resource_id") or action.uuid
    return f"{name} to {target}" if target else f"{action.action_type} of {name}"


def _listed(text: str, names: Sequence[str]) -> str:
    """Return as many of the names as there is room for, and how many more there are"""
    for count in range(len(names), 0, -1):
        more = f" and {len(names) - count} more" if count < len(names) else ""
        whole = text + ", ".join(names[:count]) + more
        if len(whole) <= LENGTH:
            return whole
    return f"{text}{len(names)} servers"[:LENGTH]
