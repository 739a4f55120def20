"""The fields of audits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watcher.api import interval, noun, related, types
from watcher.api.noun import (
    LISTED,
    NOWHERE,
    OPTIONAL,
    READ_ONLY,
    REQUIRED,
    Field,
    Noun,
)
from watcher.domain import states

TIMES, FORCE, MESSAGES = 1, 2, 5

_NAMES = (
    Field(
        name="uuid",
        type=types.UUID,
        show=LISTED,
        always=True,
        help="Stays with the audit",
    ),
    Field(
        name="name",
        type=types.TEXT,
        show=LISTED,
        create=OPTIONAL,
        patch=True,
        mandatory=True,
        help="Unique among audits, cut to 63 characters; null: one is made up",
    ),
    Field(
        name="audit_type",
        type=types.told(states.AUDIT_TYPES),
        show=LISTED,
        create=REQUIRED,
        nullable=False,
        help="ONESHOT, CONTINUOUS or EVENT",
    ),
    Field(
        name="state",
        type=types.told(states.AUDIT),
        show=LISTED,
        create=READ_ONLY,
        patch=True,
        mandatory=True,
        help="Where the audit is in its life",
    ),
)
_AIM = (
    Field(
        name="audit_template_uuid",
        type=types.UUID,
        show=NOWHERE,
        create=OPTIONAL,
        help="The template that goal, strategy, scope and parameters are copied from",
    ),
    Field(
        name="goal",
        type=types.TEXT,
        show=NOWHERE,
        create=OPTIONAL,
        patch=True,
        mandatory=True,
        help="UUID or name of the goal, when there is no template",
    ),
    Field(
        name="strategy",
        type=types.TEXT,
        show=NOWHERE,
        create=OPTIONAL,
        patch=True,
        help="UUID or name of a strategy for the goal; null: one is chosen",
    ),
    *related.FIELDS,
    Field(
        name="parameters",
        type=types.OBJECT,
        create=OPTIONAL,
        default=dict,
        patch=True,
        help="Parameters of the strategy, its defaults filled in",
    ),
    Field(
        name="scope",
        type=types.SCOPE,
        show=LISTED,
        create=READ_ONLY,
        default=list,
        patch=True,
        help="What the audit looks at; empty: the whole cluster",
    ),
)
_RUNS = (
    Field(
        name="interval",
        type=interval.INTERVAL,
        show=LISTED,
        create=OPTIONAL,
        patch=True,
        help="Seconds, or a cron expression in UTC, between runs of CONTINUOUS audits",
    ),
    Field(
        name="next_run_time",
        # Clients may forget it, not set it: ``audit_rules.check_result`` judges.
        type=types.TIME.but(takes={"type": "null"}),
        show=LISTED,
        patch=True,
        help="When a CONTINUOUS audit runs next, UTC",
    ),
    Field(
        name="start_time",
        type=types.TIME,
        since=TIMES,
        create=OPTIONAL,
        patch=True,
        help="No run before, UTC; text without an offset is the server's local time",
    ),
    Field(
        name="end_time",
        type=types.TIME,
        since=TIMES,
        create=OPTIONAL,
        patch=True,
        help="No run after, UTC; text without an offset is the server's local time",
    ),
    Field(
        name="auto_trigger",
        type=types.BOOLEAN,
        show=LISTED,
        create=OPTIONAL,
        nullable=False,
        default=False,
        patch=True,
        help="Start the recommended action plan without being asked",
    ),
    Field(
        name="force",
        type=types.BOOLEAN,
        show=LISTED,
        since=FORCE,
        below=False,
        create=OPTIONAL,
        default=False,
        patch=True,
        help="Run even while an action plan is being carried out",
    ),
)
_OUTCOME = (
    Field(
        name="hostname",
        type=types.LONG_TEXT,
        create=READ_ONLY,
        help="Host of the decision engine that runs it",
    ),
    Field(
        name="status_message",
        type=types.LONG_TEXT,
        since=MESSAGES,
        help="Why the state is what it is",
    ),
)

# What a new audit is for, and what each type takes; ``audit_rules.check_new`` judges.
_AIMS: Sequence[Mapping[str, Any]] = (
    {
        "goal": {"type": "string", "minLength": 1},
        "audit_template_uuid": {"const": None},
    },
    {"audit_template_uuid": {"type": "string"}, "goal": {"enum": [None, ""]}},
)
_NEVER = {"const": None}
_TYPES: Sequence[Mapping[str, Any]] = (
    {
        "audit_type": {"const": states.ONESHOT},
        **dict.fromkeys(("interval", "start_time", "end_time"), _NEVER),
    },
    {
        "audit_type": {"const": states.CONTINUOUS},
        "interval": {"type": ["string", "integer"]},
    },
    {"audit_type": {"const": states.EVENT}, "interval": _NEVER},
)


def _together() -> Iterator[dict[str, Any]]:
    for kind in _TYPES:
        for aim in _AIMS:
            needed = [next(iter(aim))]
            if kind["audit_type"]["const"] == states.CONTINUOUS:
                needed.append("interval")
            yield {"properties": {**kind, **aim}, "required": needed}


AUDIT = Noun(
    name="audit",
    plural="audits",
    kind="Audit",
    fields=(*_NAMES, *_AIM, *_RUNS, *_OUTCOME, *noun.STAMPS),
    sort_keys=(
        *noun.STORED_KEYS,
        *("name", "audit_type", "state", "parameters", "interval", "scope"),
        *("auto_trigger", "next_run_time", "hostname"),
        *("start_time", "end_time", "force", "status_message"),
        *related.SORT_KEYS,
    ),
    together={"oneOf": list(_together())},
    filters={
        "goal": types.TEXT.but(help="UUID or name of their goal"),
        "strategy": types.TEXT.but(help="UUID or name of their strategy"),
        "audit_template": types.TEXT.but(
            help="UUID or name of the template they came from; a deleted one by its UUID"
        ),
    },
)
