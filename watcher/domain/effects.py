"""What a plan really did to the cloud, read from its rows; pure.

An operation row is an intent with what was there before it and how it ended. Only what
ended well has changed anything; what nobody saw the end of is named, and not guessed.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.domain import states
from watcher.domain.needs import IDLE, MIGRATE, POWER, SERVICE
from watcher.domain.records import Action, Operation

# What is changed: of a server, of a compute service, of a bare-metal node, of a volume.
PLACE, FLAVOR, RUN = "place", "flavor", "run"
HOST = "host"
NODE = "node"
POOL, TYPE = "pool", "type"
# How a server runs.
RUNNING, STOPPED, SHELVED = "running", "stopped", "shelved"
ENABLED, DISABLED = "enabled", "disabled"
REASON = "disabled_reason"
# What each kind of operation makes of it.
AFTER = {"stop": STOPPED, "shelve": SHELVED, "start": RUNNING, "unshelve": RUNNING}
# By what Nova says of it.
RUNS = {
    "ACTIVE": RUNNING,
    "PAUSED": RUNNING,
    "SHUTOFF": STOPPED,
    "STOPPED": STOPPED,
    "SHELVED": SHELVED,
    "SHELVED_OFFLOADED": SHELVED,
}

# Outcomes of operations, as journals write them.
SUCCEEDED, FAILED, TIMEOUT = "succeeded", "failed", "timeout"
# Kinds that help another operation and change nothing by themselves.
CONFIRM = "confirm_resize"
HELPERS = frozenset((CONFIRM, "revert_resize", "abort_live_migration"))
BACK = "_back"

UNKNOWN = "how far it got was not known when the plan ended"
UNCONFIRMED = "it was done but not confirmed: confirm or revert it in Nova"
NOT_TOLD = "actions of type {} do not say what they changed"
NOT_WRITTEN = "nothing was written down of what it changed"
FINAL = "what is deleted cannot be brought back"
IN_PRE_CONDITION = "Action failed in pre_condition"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was: ``before`` and ``after``, by whom, and when

    ``at`` orders changes by time. ``planned``: it became what the plan said.
    """

    what: str
    resource: str
    before: Any
    after: Any
    actions: tuple[Action, ...]
    at: int
    planned: bool = True

    @property
    def action(self) -> Action:
        """The one that changed it last"""
        return self.actions[-1]


@dataclass(frozen=True, slots=True)
class Kept:
    """An action that cannot be taken back, and why"""

    action: Action
    reason: str

    @property
    def in_doubt(self) -> bool:
        """Whether nobody saw how it ended"""
        return self.reason == UNKNOWN


@dataclass(frozen=True, slots=True)
class Effects:
    """What changed, in the order in which it happened, and what cannot be told"""

    changes: Sequence[Change] = ()
    kept: Sequence[Kept] = ()


# Reads one operation that succeeded; nothing: it does not say enough.
Reader = Callable[[Action, Operation], Sequence[Change]]


def effects_of(actions: Sequence[Action], operations: Sequence[Operation]) -> Effects:
    """Return what the actions did, each thing once: from its first state to its last"""
    by_action: dict[str, list[Operation]] = {}
    for operation in sorted(operations, key=lambda op: op.id):
        by_action.setdefault(operation.action_uuid, []).append(operation)
    changes: list[Change] = []
    kept: list[Kept] = []
    for action in actions:
        found = by_action.get(action.uuid, [])
        read = READERS.get(action.action_type)
        if reason := _untold(action, found, read is not None):
            kept.append(Kept(action, reason))
        for operation in found if read else ():
            if operation.outcome != SUCCEEDED or operation.kind in HELPERS:
                continue
            if operation.detail.get("ours") is False:
                # Somebody else was faster with the same: it is not ours to take back.
                continue
            read_here = read(action, operation) if read else ()
            changes += read_here
            if not read_here:
                kept.append(Kept(action, NOT_WRITTEN))
    gone = {resource_of(one.action) for one in kept if one.reason == FINAL}
    return Effects([one for one in _merged(changes) if one.resource not in gone], kept)


def resource_of(action: Action) -> str:
    """Return the id of what an action is about"""
    return str(action.input_parameters.get("resource_id"))


def _untold(action: Action, found: Sequence[Operation], known: bool) -> str | None:
    """Return why it is not clear what the action changed, or that it is final; or None"""
    own = [op for op in found if op.kind not in HELPERS]
    if any(op.outcome in (None, TIMEOUT) for op in own):
        return UNKNOWN
    if own and own[-1].outcome == FAILED:
        confirms = (op for op in found if op.kind == CONFIRM)
        return UNCONFIRMED if any(op.outcome == FAILED for op in confirms) else None
    if action.action_type == "delete":
        done = action.state == states.SUCCEEDED or any(
            op.outcome == SUCCEEDED for op in own
        )
        return FINAL if done else None
    if action.action_type in IDLE:
        return None
    if known:
        # A machine that is as wanted needs no operation.
        silent = action.state == states.SUCCEEDED and not own
        return NOT_WRITTEN if silent and action.action_type != POWER else None
    message = action.status_message or ""
    acted = action.state == states.SUCCEEDED or (
        action.state == states.FAILED and not message.startswith(IN_PRE_CONDITION)
    )
    return NOT_TOLD.format(action.action_type) if acted else None


def _merged(changes: Iterable[Change]) -> list[Change]:
    """Join what was done to the same thing; what is as it was before is left out"""
    whole: dict[tuple[str, str], Change] = {}
    for change in sorted(changes, key=lambda one: one.at):
        key = (change.what, change.resource)
        first = whole.pop(key, None)
        if first is not None:
            change = dataclasses.replace(
                change, before=first.before, actions=first.actions + change.actions,
                planned=first.planned and change.planned,
            )  # fmt: skip
        whole[key] = change
    return [change for change in whole.values() if change.before != change.after]


# One operation each -------------------------------------------------------------------


def _place(action: Action, op: Operation) -> Sequence[Change]:
    source, host = (
        op.detail.get("source"),
        op.detail.get("host") or op.detail.get("dest"),
    )
    if not source or not host:
        return ()
    planned = host == action.input_parameters.get("destination_node")
    return [Change(PLACE, resource_of(action), source, host, (action,), op.id, planned)]


def _service(action: Action, op: Operation) -> Sequence[Change]:
    given = action.input_parameters
    host = op.detail.get("host") or given.get("resource_name") or resource_of(action)
    was = op.detail.get("was")
    if was not in (ENABLED, DISABLED):
        return ()
    # It has become the other state: there are only two.
    reason = op.detail.get("reason", given.get(REASON))
    after = (ENABLED, None) if was == DISABLED else (DISABLED, reason)
    before = (was, op.detail.get("was_reason"))
    return [Change(HOST, str(host), before, after, (action,), op.id)]


def _flavor(action: Action, op: Operation) -> Sequence[Change]:
    was, now = op.detail.get("was"), op.detail.get("flavor")
    if not was or not now:
        return ()
    return [Change(FLAVOR, resource_of(action), was, now, (action,), op.id)]


def _run(action: Action, op: Operation) -> Sequence[Change]:
    before = RUNS.get(str(op.detail.get("was") or "").upper())
    after = AFTER.get(op.kind)
    if before is None or after is None:
        return ()
    return [Change(RUN, resource_of(action), before, after, (action,), op.id)]


def _power(action: Action, op: Operation) -> Sequence[Change]:
    was = op.detail.get("was")
    if was not in ("on", "off"):
        return ()
    now = "off" if was == "on" else "on"
    return [Change(NODE, resource_of(action), was, now, (action,), op.id)]


def _volume(action: Action, op: Operation) -> Sequence[Change]:
    told = op.detail
    found = [
        (TYPE, told.get("was_type"), told.get("type")),
        (POOL, told.get("source"), told.get("host") or told.get("dest")),
    ]
    return [
        Change(what, resource_of(action), was, now, (action,), op.id)
        for what, was, now in found
        if was and now
    ]


READERS: Mapping[str, Reader] = {
    MIGRATE: _place,
    SERVICE: _service,
    POWER: _power,
    "resize": _flavor,
    **dict.fromkeys(AFTER, _run),
    "volume_migrate": _volume,
}
