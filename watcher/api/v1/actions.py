"""Actions: the steps of a plan; those not begun can be skipped."""

from collections.abc import Mapping, Sequence
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import again, errors, examples, noun, patch, types
from watcher.api.call import Call
from watcher.api.collection import Collection
from watcher.api.expose import DOCUMENT, ITEM, expose
from watcher.api.noun import DETAIL, LISTED, Field, Noun
from watcher.db import action_plans, actions, changes
from watcher.domain import states
from watcher.domain.records import Action

CHANGES = 5
NOT_BEGUN = (states.RECOMMENDED, states.PENDING)
SKIPPED = "Action skipped by user."
REASON = SKIPPED + " Reason: "
LONGEST_MESSAGE = 255

ACTION = Noun(
    name="action",
    plural="actions",
    kind="Action",
    fields=(
        Field(
            name="uuid",
            type=types.UUID,
            show=LISTED,
            always=True,
            help="Stays with the action",
        ),
        Field(
            name="action_plan_uuid",
            type=types.UUID,
            show=LISTED,
            help="The plan it is of",
        ),
        Field(
            name="state",
            type=types.told(states.ACTION),
            show=LISTED,
            patch=True,
            mandatory=True,
            removable=False,
            help="Where the action is in its life; only SKIPPED may be asked for",
        ),
        Field(
            name="action_type",
            type=types.LONG_TEXT,
            show=LISTED,
            always=True,
            help="What it does",
        ),
        Field(
            name="parents",
            type=types.LIST.but(schema={"type": "array", "items": types.UUID.schema}),
            show=LISTED,
            help="UUIDs of actions that end before it begins",
        ),
        Field(
            name="description", type=types.LONG_TEXT, help="What actions of its type do"
        ),
        Field(
            name="input_parameters",
            type=types.OBJECT,
            help="To what, and how it does it",
        ),
        Field(
            name="status_message",
            type=types.LONG_TEXT,
            since=CHANGES,
            patch=True,
            removable=False,
            help="Why the state is what it is",
        ),
        *noun.STAMPS,
    ),
    sort_keys=(
        *noun.STORED_KEYS,
        *("action_plan_id", "action_type", "input_parameters", "state", "parents"),
        *("status_message", "action_plan_uuid"),
    ),
    filters={
        "action_plan_uuid": types.UUID.but(help="UUID of the plan they are of"),
        "audit_uuid": types.UUID.but(
            help="UUID of the audit whose plans they are of; not with action_plan_uuid"
        ),
    },
    named=False,
)


class Unchangeable(exception.Invalid):
    """The request's microversion is from before actions could be changed"""

    msg_fmt = _("Actions can be changed from microversion %(since)s on")


class Actions(Collection):
    """/v1/actions"""

    name = "actions"
    noun = ACTION
    table = actions
    not_found = exception.ActionNotFound

    def filters(self, call: Call) -> dict[str, Any]:
        """Return the filter: by plan or by audit, not both"""
        filters = {k: v for k, v in call.query.items() if k in self.noun.filters}
        if len(filters) > 1:
            raise exception.ActionFilterCombinationProhibited
        return filters

    @expose(
        "PATCH",
        ITEM,
        rule="update",
        body=DOCUMENT,
        argument="patch",
        answers=DETAIL,
        since=CHANGES,
        early=Unchangeable,
        refuses=(409,),
        examples=examples.ACTION_PATCHES,
    )
    def update(self, call: Call, ident: str) -> Any:
        """Skip an action of a plan that has not begun, or say why it is skipped"""
        wanted = _wanted(patch.read(call.body))
        uuid = self.ident(ident)

        def change(tx: Any) -> Action:
            old = call.judged(actions.get(tx, uuid))
            return _change(tx, old, wanted)

        return self.show(call, again.change(call.db, change))


def _wanted(operations: Sequence[patch.Operation]) -> dict[str, Any]:
    """Return the state and the message that a patch asks for

    :raises Invalid: it asks for something else, or for what there is not
    """
    wanted: dict[str, Any] = {}
    for operation in operations:
        if len(operation.path) != 1 or operation.root not in ACTION.patchable:
            path = "/".join(operation.path)
            raise patch.refused(
                operations, _("/%s is not a field that can be changed") % path
            )
        removable = ACTION.by_name[operation.root].removable
        if operation.op == patch.REMOVE and not removable:
            raise patch.refused(operations, _("/%s cannot be removed") % operation.root)
        value = operation.value
        if operation.root == "state" and value not in (None, ""):
            if not isinstance(value, str) or value not in states.ACTION:
                raise errors.InvalidInput(
                    "state", value, _("Invalid state: %s") % str(value)[:40]
                )
        elif operation.root == "status_message":
            value = _message(value)
        wanted[operation.root] = value
    return wanted


def _message(value: Any) -> str | None:
    if value is None:
        return None
    longest = LONGEST_MESSAGE - len(REASON)
    try:
        # The stored text sent back is as long as the column.
        text: str = types.LONG_TEXT.read(value)
        if not text.startswith(REASON):
            types.text(longest).read(text)
    except ValueError as error:
        raise errors.InvalidInput("status_message", value, str(error)) from None
    return text


def _change(tx: Any, old: Action, wanted: Mapping[str, Any]) -> Action:
    state = wanted.get("state", old.state)
    if state != old.state and not states.allows(states.ACTION_API, old.state, state):
        refusal = exception.TransitionRefused(old=old.state, new=state)
        raise exception.Conflict(refusal.format_message())
    if not wanted:
        return changes.retell(tx, "action", old)
    plan = action_plans.get(tx, old.action_plan_uuid or "", show_deleted=True)
    if plan.state not in NOT_BEGUN:
        raise exception.Conflict(
            _("Actions cannot be changed when the action plan is in state %s")
            % plan.state
        )
    message = _stored(old, wanted)
    if state != old.state:
        return actions.step(
            tx,
            old.uuid,
            old.state,
            state,
            message=message or SKIPPED,
            plan_states=NOT_BEGUN,
        )
    if message is None or message == old.status_message:
        return changes.retell(tx, "action", old)
    if old.state != states.SKIPPED:
        raise exception.Conflict(
            _("status_message cannot be changed while the action is in state %s")
            % old.state
        )
    return actions.update(tx, old.uuid, plan_states=NOT_BEGUN, status_message=message)


def _stored(old: Action, wanted: Mapping[str, Any]) -> str | None:
    """Return the text to store; None when the patch does not speak of it"""
    if "status_message" not in wanted:
        return None
    given, stored = wanted["status_message"] or None, old.status_message or None
    if given is None:
        # Saying nothing where nothing is said changes nothing.
        return SKIPPED if stored else None
    if given in (stored, SKIPPED) or given.startswith(REASON):
        return str(given)
    return f"{REASON}{given}"
