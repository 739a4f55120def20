"""Action plans: what audits recommend, and what is carried out."""

from collections.abc import Mapping, Sequence
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import again, errors, examples, noun, patch, query, types
from watcher.api.call import Call
from watcher.api.expose import DOCUMENT, EMPTY, ITEM, Route, expose
from watcher.api.noun import DETAIL, LISTED, Field, Noun
from watcher.api.v1 import efficacy
from watcher.api.v1 import progress as howfar
from watcher.api.v1.efficacy import EFFICACY
from watcher.api.v1.execution import Executed
from watcher.api.v1.explanations import EXPLANATION
from watcher.db import action_plans, explanations, history, pauses, undo_plans
from watcher.db import progress as progress_rows
from watcher.db.query import ListQuery
from watcher.domain import states
from watcher.domain.records import ActionPlan

MESSAGES = 5
INTERNAL = patch.INTERNAL | {"status_message"}
ASKED = "asked for by a client"
PROGRESS, HISTORY = "{id}/progress", "{id}/history"


def _indicators(found: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": item.name,
            "description": item.description,
            "unit": item.unit,
            "value": item.value,
        }
        for item in found
    ]


_NUMBERS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "description": {"type": ["string", "null"]},
            "unit": {"type": ["string", "null"]},
            "value": {"type": ["number", "null"]},
        },
        "required": ["name", "description", "unit", "value"],
        "additionalProperties": False,
    },
}
INDICATORS = types.LIST.but(show=_indicators, schema=_NUMBERS)
ACTION_PLAN = Noun(
    name="action_plan",
    plural="action_plans",
    kind="ActionPlan",
    fields=(
        Field(
            name="uuid",
            type=types.UUID,
            show=LISTED,
            always=True,
            help="Stays with the plan",
        ),
        Field(
            name="state",
            type=types.told(states.PLAN),
            show=LISTED,
            patch=True,
            mandatory=True,
            help="Where the plan is in its life",
        ),
        Field(
            name="audit_uuid",
            type=types.UUID,
            show=LISTED,
            help="The audit that recommends it; null when that is deleted",
        ),
        Field(name="strategy_uuid", type=types.UUID, show=LISTED, help="Its strategy"),
        Field(
            name="strategy_name",
            type=types.NAME,
            show=LISTED,
            help="Name of the strategy",
        ),
        Field(
            name="efficacy_indicators",
            type=INDICATORS,
            show=LISTED,
            help="What the plan is expected to change, in numbers",
        ),
        Field(
            name="global_efficacy",
            type=types.LIST.but(schema=_NUMBERS),
            show=LISTED,
            help="What the plan is worth in one or a few numbers",
        ),
        Field(
            name="hostname",
            type=types.LONG_TEXT,
            help="Host of the applier that carries it out",
        ),
        Field(
            name="status_message",
            type=types.LONG_TEXT,
            since=MESSAGES,
            help="Why the state is what it is",
        ),
        noun.STAMPS[0],
        Field(
            name="updated_at",
            type=types.STAMP,
            show=LISTED,
            help="When it last changed, UTC",
        ),
        noun.STAMPS[2],
    ),
    sort_keys=(
        *noun.STORED_KEYS,
        *("audit_id", "strategy_id", "state", "global_efficacy", "hostname"),
        *("status_message", "audit_uuid", "strategy_uuid", "strategy_name"),
    ),
    filters={
        "audit_uuid": types.UUID.but(help="UUID of their audit, also of a deleted one"),
        "strategy": types.TEXT.but(help="UUID or name of their strategy"),
    },
    named=False,
)


class ActionPlans(Executed):
    """/v1/action_plans"""

    name = "action_plans"
    noun = ACTION_PLAN
    table = action_plans
    not_found = exception.ActionPlanNotFound

    def arguments(self, route: Route) -> Mapping[str, Any]:
        """Return the arguments that a method takes"""
        own = {
            PROGRESS: howfar.PROGRESS_ARGUMENTS,
            HISTORY: howfar.HISTORY_ARGUMENTS,
        }
        return own.get(route.path) or super().arguments(route)

    def filters(self, call: Call) -> dict[str, Any]:
        """Return the filters: by audit, also a deleted one, and by strategy"""
        filters: dict[str, Any] = {}
        if "audit_uuid" in call.query:
            filters["audit_uuid"] = call.query["audit_uuid"]
        if "strategy" in call.query:
            filters |= query.by_uuid_or_name("strategy", call.query["strategy"])
        return filters

    @expose(
        "PATCH",
        ITEM,
        rule="update",
        body=DOCUMENT,
        argument="patch",
        answers=DETAIL,
        refuses=(409,),
        examples=examples.PLAN_PATCHES,
    )
    def update(self, call: Call, ident: str) -> Any:
        """Start or cancel a plan"""
        wanted_state = _wanted(patch.read(call.body, INTERNAL))
        wanted = self.ident(ident)

        def change(tx: Any) -> ActionPlan:
            old = call.judged(action_plans.get(tx, wanted))
            state = old.state if wanted_state is None else wanted_state
            if not states.allows(states.PLAN_API, old.state, state):
                raise exception.TransitionRefused(old=old.state, new=state)
            if state == states.CANCELLED:
                # With its actions; those that ended already keep their state.
                return action_plans.cancel(tx, old.uuid, old.state, reason=ASKED)
            return action_plans.step(tx, old.uuid, old.state, state, reason=ASKED)

        return self._woken(call, again.change(call.db, change))

    @expose(
        "POST",
        "{id}/start",
        rule="start",
        body=EMPTY,
        answers=DETAIL,
        refuses=(409,),
        examples=examples.NOTHING,
    )
    def start(self, call: Call, ident: str) -> Any:
        """Start a recommended plan"""
        wanted = self.ident(ident)

        def start(tx: Any) -> ActionPlan:
            old = call.judged(action_plans.get(tx, wanted))
            if old.state != states.RECOMMENDED:
                raise exception.StartError(state=old.state)
            return action_plans.step(
                tx, old.uuid, old.state, states.PENDING, reason=ASKED
            )

        return self._woken(call, again.change(call.db, start))

    @expose(
        "POST",
        "{id}/pause",
        rule="pause",
        body=EMPTY,
        answers=DETAIL,
        refuses=(409,),
        examples=examples.NOTHING,
    )
    def pause(self, call: Call, ident: str) -> Any:
        """Let a running plan begin nothing more; what runs goes on to its end"""
        return self._paused(call, ident, True)

    @expose(
        "POST",
        "{id}/resume",
        rule="resume",
        body=EMPTY,
        answers=DETAIL,
        refuses=(409,),
        examples=examples.NOTHING,
    )
    def resume(self, call: Call, ident: str) -> Any:
        """Let a paused plan go on"""
        return self._paused(call, ident, False)

    def _paused(self, call: Call, ident: str, paused: bool) -> Any:
        wanted = self.ident(ident)

        def change(tx: Any) -> ActionPlan:
            old = call.judged(action_plans.get(tx, wanted))
            if old.state != states.ONGOING:
                text = (
                    _(
                        "Action plan %(uuid)s is %(state)s: only an ONGOING one is paused"
                    )
                    if paused
                    else _(
                        "Action plan %(uuid)s is %(state)s: there is nothing to resume"
                    )
                )
                raise exception.Conflict(text % {"uuid": old.uuid, "state": old.state})
            return pauses.pause(tx, old.uuid, paused)

        return self.show(call, again.change(call.db, change))

    @expose(
        "POST",
        "{id}/rollback",
        rule="rollback",
        body=EMPTY,
        answers=DETAIL,
        refuses=(409,),
        examples=examples.NOTHING,
    )
    def rollback(self, call: Call, ident: str) -> Any:
        """Recommend a plan that takes back what an ended one has done"""
        wanted = self.ident(ident)

        def ask(tx: Any) -> ActionPlan:
            old = call.judged(action_plans.get(tx, wanted))
            return undo_plans.ask(tx, old.uuid)

        return self.show(call, again.change(call.db, ask))

    @expose("DELETE", ITEM, rule="delete", status=204, refuses=(409,))
    def delete(self, call: Call, ident: str) -> None:
        """Delete a plan that is not being carried out, with its actions"""
        wanted = self.ident(ident)

        def delete(tx: Any) -> None:
            old = call.judged(action_plans.get(tx, wanted))
            action_plans.soft_delete(tx, old.uuid)

        again.change(call.db, delete)

    @expose("GET", "{id}/explanation", rule="get", answers=EXPLANATION)
    def explanation(self, call: Call, ident: str) -> Any:
        """Tell why the plan holds what it holds, and what stays as it is"""
        found = self.find(call, ident)
        document = call.db.read(explanations.for_plan, found.uuid)
        if document is None:
            raise exception.ResourceNotFound(name="explanation", id=found.uuid)
        return document

    @expose("GET", "{id}/efficacy", rule="get", answers=EFFICACY)
    def efficacy(self, call: Call, ident: str) -> Any:
        """Tell what the plan was expected to change, and what it has changed"""
        return efficacy.document(self.find(call, ident))

    @expose("GET", PROGRESS, rule="get", answers=howfar.PROGRESS)
    def progress(self, call: Call, ident: str) -> Any:
        """Tell how far the plan is, and those of its actions that run"""
        plan = self.find(call, ident)
        which = call.query.get("actions", howfar.RUNNING)
        asked = ListQuery(limit=howfar.limit(call), marker=call.query.get("marker"))
        wanted = howfar.CHOICES[which]

        def look(tx: Any) -> tuple[progress_rows.Overview, progress_rows.Page]:
            page = progress_rows.page(tx, plan, asked, wanted)
            return progress_rows.overview(tx, plan), page

        overview, page = call.db.read(look)
        body = howfar.shown(plan, overview, page)
        if page.actions and len(page.actions) == asked.limit:
            last = page.actions[-1].uuid
            body["next"] = howfar.follow(call, plan, "progress", last, actions=which)
        return body

    @expose("GET", HISTORY, rule="get", answers=howfar.HISTORY)
    def history(self, call: Call, ident: str) -> Any:
        """Tell every change of state of the plan and its actions, oldest first"""
        plan = self.find(call, ident)
        limit = howfar.limit(call)
        found = call.db.read(
            history.of_plan, plan.id, plan.uuid, after=call.query.get("marker", 0),
            limit=limit,
        )  # fmt: skip
        body: dict[str, Any] = {"history": [howfar.entry(row) for row in found]}
        if found and len(found) == limit:
            body["next"] = howfar.follow(call, plan, "history", found[-1].id)
        return body

    def _woken(self, call: Call, plan: ActionPlan) -> dict[str, Any]:
        if plan.state == states.PENDING:
            # Only a wake-up: the row waits for an applier whether or not this arrives.
            self.parts.rpc.applier.launch_action_plan(call.ctx, plan.uuid)
        return self.show(call, plan)


def _wanted(operations: Sequence[patch.Operation]) -> str | None:
    """Return the state that a patch asks for; None when it leaves it alone

    :raises Invalid: it asks for one that there is not, or changes something else
    """
    state: str | None = None
    for operation in operations:
        if list(operation.path) != ["state"]:
            path = "/".join(operation.path)
            raise patch.refused(
                operations, _("/%s is not a field that can be changed") % path
            )
        value = None if operation.op == patch.REMOVE else operation.value
        if not isinstance(value, str) or value not in states.PLAN:
            raise errors.InvalidInput(
                "state", value, _("Invalid state: %s") % str(value)[:40]
            )
        state = value
    return state
