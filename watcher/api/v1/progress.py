"""How far a plan is, and what became of it so far, as clients read it."""

import datetime
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import query, types
from watcher.api.call import Call
from watcher.db import progress as table
from watcher.db.history import PlanEntry
from watcher.domain import progress, states
from watcher.domain.progress import Span
from watcher.domain.records import Action, ActionPlan

# Which actions are told one by one.
RUNNING, WAITING, ENDED, ALL = "running", "waiting", "ended", "all"
CHOICES: Mapping[str, frozenset[str]] = {
    RUNNING: progress.RUNNING,
    WAITING: frozenset((states.PENDING,)),
    ENDED: states.ACTION_FINAL,
    ALL: progress.RUNNING | states.ACTION_FINAL | {states.PENDING},
}
# Rows of a page unless the client says how many, and actions that one is told to wait for.
PAGE = 100
MOST_NAMED = 10

PROGRESS_ARGUMENTS: Mapping[str, types.Type] = {
    "actions": types.choice(*CHOICES).but(
        help="Which actions are told one by one; those that run, unless others are asked "
        "for"
    ),
    "limit": query.LIMIT,
    "marker": types.UUID.but(help="UUID of the action before the first one wanted"),
}
HISTORY_ARGUMENTS: Mapping[str, types.Type] = {
    "limit": query.LIMIT,
    "marker": types.INTEGER.but(
        schema={"type": "integer", "minimum": 0},
        help="id of the entry before the first one wanted",
    ),
}

_TEXT = {"type": ["string", "null"]}
_TIME = {"type": ["string", "null"], "format": "date-time"}
_NUMBER = {"type": ["number", "null"], "minimum": 0}
_PERCENT = {**_NUMBER, "maximum": 100}
_BYTES = {"type": ["integer", "null"], "minimum": 0}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_WAITS = _object(
    reason={"type": "string", "description": "What it waits for, in words"},
    actions={
        "type": "array",
        "maxItems": MOST_NAMED,
        "items": types.UUID.schema,
        "description": "Open actions that end before it begins, the first ones",
    },
    count={"type": "integer", "description": "How many such actions there are"},
)
_ACTION = _object(
    uuid=types.UUID.schema,
    action_type={"type": "string"},
    resource_id=_TEXT,
    resource_name=_TEXT,
    state={"type": "string", "enum": list(states.ACTION)},
    percent={**_PERCENT, "description": "Null while the action tells nothing"},
    bytes_total={**_BYTES, "description": "Memory or disk that is moved"},
    bytes_remaining=_BYTES,
    started_at=_TIME,
    ended_at=_TIME,
    expected_end_at={**_TIME, "description": "By what it did so far"},
    message={**_TEXT, "description": "How far it is, or how it ended"},
    waits_for={"anyOf": [_WAITS, {"type": "null"}]},
)
_APPLIER = _object(
    host=_TEXT,
    owner={**_TEXT, "description": "The process, as leases and history name it"},
    alive={"type": "boolean", "description": "Whether its lease holds"},
    heartbeat_at={**_TIME, "description": "When it was last renewed"},
)
PROGRESS = _object(
    action_plan_uuid=types.UUID.schema,
    state={"type": "string", "enum": list(states.PLAN)},
    paused={"type": "boolean"},
    status_message=_TEXT,
    percent={
        **_PERCENT,
        "description": "How much is over; large moves count more than small ones of the "
        "same type. Null for a plan without actions",
    },
    actions_count={"type": "integer"},
    states={
        "type": "object",
        "additionalProperties": {"type": "integer"},
        "description": "How many actions are in which state",
    },
    now={"type": "string", "format": "date-time", "description": "When this was true"},
    started_at=_TIME,
    ended_at=_TIME,
    expected_end_at={
        **_TIME,
        "description": "By the rate so far; null while that says nothing about some of "
        "what is left",
    },
    applier={"anyOf": [_APPLIER, {"type": "null"}]},
    waits_for_takeover={
        "type": "boolean",
        "description": "Its applier is gone; the next one that looks goes on with it",
    },
    actions={"type": "array", "items": _ACTION},
)
PROGRESS["properties"]["next"] = {"type": "string", "format": "uri"}
_ENTRY = _object(
    id={"type": "integer"},
    at={"type": "string", "format": "date-time"},
    resource={"type": "string", "enum": ["action_plan", "action"]},
    uuid=types.UUID.schema,
    action_type=_TEXT,
    resource_id=_TEXT,
    resource_name=_TEXT,
    old_state={**_TEXT, "description": "Null: it was made then"},
    new_state={**_TEXT, "description": "The same as before: something else happened"},
    actor={**_TEXT, "description": "Who did it: a user, or a process of Watcher"},
    reason=_TEXT,
)
HISTORY = _object(history={"type": "array", "items": _ENTRY})
HISTORY["properties"]["next"] = {"type": "string", "format": "uri"}


def limit(call: Call) -> int | None:
    """Return how many rows a page has

    :raises Invalid: the client asks for none
    """
    wanted = call.query.get("limit", PAGE)
    if wanted <= 0:
        raise exception.Invalid(_("Limit must be positive"))
    return query.page_size(wanted, call.parts.conf.api.max_limit)


def follow(call: Call, plan: ActionPlan, what: str, marker: Any, **more: Any) -> str:
    """Return the link to the page behind ``marker``"""
    arguments = {"limit": limit(call), "marker": marker, **more}
    return (
        f"{call.host_url}/v1/action_plans/{plan.uuid}/{what}?"
        f"{urllib.parse.urlencode(arguments)}"
    )


def shown(
    plan: ActionPlan, overview: table.Overview, page: table.Page
) -> dict[str, Any]:
    """Return the body that tells how far ``plan`` is"""
    runs = plan.state in progress.RUNNING
    holder = overview.holder
    alive = holder is not None and holder.alive
    end = None
    if plan.state == states.ONGOING and alive and not plan.paused:
        end = progress.expected_end(
            overview.shares, overview.span.started, overview.now
        )
    counts = progress.counts(overview.shares)
    final = plan.state in states.PLAN_FINAL
    return {
        "action_plan_uuid": plan.uuid,
        "state": plan.state,
        "paused": plan.paused,
        "status_message": plan.status_message,
        "percent": progress.percent(overview.shares),
        "actions_count": sum(counts.values()),
        "states": counts,
        "now": _at(overview.now.replace(microsecond=0)),
        "started_at": _at(overview.span.started),
        "ended_at": _at(overview.span.ended) if final else None,
        "expected_end_at": _at(end),
        "applier": _applier(plan, holder),
        "waits_for_takeover": runs and not alive,
        "actions": [_action(plan, one, page, overview.now) for one in page.actions],
    }


def entry(row: PlanEntry) -> dict[str, Any]:
    """Return one step as it is shown"""
    return {
        "id": row.id,
        "at": _at(row.at),
        "resource": row.resource,
        "uuid": row.uuid,
        "action_type": row.action_type,
        **_resource(row.input_parameters),
        "old_state": row.old,
        "new_state": row.new,
        "actor": row.actor,
        "reason": row.reason,
    }


def _applier(plan: ActionPlan, holder: table.Holder | None) -> dict[str, Any] | None:
    if plan.hostname is None and plan.owner is None:
        return None
    return {
        "host": holder.host if holder else plan.hostname,
        "owner": plan.owner,
        "alive": holder is not None and holder.alive,
        "heartbeat_at": _at(holder.renewed_at) if holder else None,
    }


def _action(
    plan: ActionPlan, action: Action, page: table.Page, now: datetime.datetime
) -> dict[str, Any]:
    span = page.spans.get(action.uuid, Span())
    told = page.told.get(action.uuid)
    found = dict(told.detail.get("progress") or {}) if told else {}
    runs = action.state in progress.RUNNING
    part = progress.number(found.get("percent"))
    end = None
    if action.state == states.SUCCEEDED:
        part = 100.0
    elif runs and told and told.open:
        end = progress.action_end(told.since, _seen(found, now), part, now)
    text = found.get("text") if runs else None
    return {
        "uuid": action.uuid,
        "action_type": action.action_type,
        **_resource(action.input_parameters),
        "state": action.state,
        "percent": None if part is None else max(0.0, min(100.0, part)),
        "bytes_total": _bytes(found, "total"),
        "bytes_remaining": _bytes(found, "remaining") if runs else None,
        "started_at": _at(span.started),
        "ended_at": _at(span.ended) if action.state in states.ACTION_FINAL else None,
        "expected_end_at": _at(end),
        "message": text if isinstance(text, str) else action.status_message,
        "waits_for": _waits(plan, action, page),
    }


def _waits(plan: ActionPlan, action: Action, page: table.Page) -> dict[str, Any] | None:
    if action.state != states.PENDING or plan.state != states.ONGOING:
        return None
    before: Sequence[str] = [uuid for uuid in action.parents if uuid in page.open]
    if before:
        reason = f"{len(before)} actions before it" if len(before) > 1 else (
            "the action before it"
        )  # fmt: skip
    elif plan.paused:
        reason = "the plan is paused"
    elif plan.status_message:
        # What the plan as a whole waits for, as its applier says it.
        reason = plan.status_message
    else:
        reason = "room within the limits on what runs at the same time"
    return {
        "reason": reason, "actions": [*before[:MOST_NAMED]], "count": len(before)
    }  # fmt: skip


def _resource(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value := parameters.get(name), str) else None
        for name in ("resource_id", "resource_name")
    }


def _bytes(found: Mapping[str, Any], what: str) -> int | None:
    for kind in ("memory", "bytes"):
        value = progress.number(found.get(f"{kind}_{what}"))
        if value is not None:
            return max(0, int(value))
    return None


def _seen(found: Mapping[str, Any], now: datetime.datetime) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(str(found.get("at")))
    except ValueError:
        return now


def _at(moment: datetime.datetime | None) -> str | None:
    return types.STAMP.show(moment) if types.STAMP.show else None
