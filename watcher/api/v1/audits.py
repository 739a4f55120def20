"""Audits: requests to look at the cluster and to recommend what to do."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import again, errors, examples, patch, query, related
from watcher.api.call import Call, Parts
from watcher.api.expose import COLLECTION, DOCUMENT, ITEM, expose
from watcher.api.noun import DETAIL
from watcher.api.render import Answer
from watcher.api.scope import Scopes, Vetting, tell_unchecked
from watcher.api.v1 import audit_rules as rules
from watcher.api.v1.audit_fields import AUDIT, TIMES
from watcher.api.v1.execution import Executed
from watcher.api.v1.explanations import EXPLANATION
from watcher.db import audit_templates, audits, changes, explanations, goals, strategies
from watcher.domain import states
from watcher.domain.records import Audit, AuditTemplate, Goal, Strategy

INTERNAL = patch.INTERNAL | {"status_message"}


class Audits(Executed):
    """/v1/audits"""

    name = "audits"
    noun = AUDIT
    table = audits
    not_found = exception.AuditNotFound

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._scopes = Scopes(parts.plugins)

    def filters(self, call: Call) -> dict[str, Any]:
        """Return the filters: by goal, strategy, and the template they came from"""
        found = super().filters(call)
        if "audit_template" in call.query:
            template = call.query["audit_template"]
            found |= query.by_uuid_or_name("audit_template", template)
        return found

    @expose(
        "POST",
        COLLECTION,
        rule="create",
        status=201,
        body=DOCUMENT,
        argument="audit",
        answers=DETAIL,
        refuses=(404, 409),
        examples=examples.NEW_AUDITS,
    )
    def post(self, call: Call) -> Any:
        """Create an audit; one of type ONESHOT starts at once"""
        values = self.noun.read(call.body)
        rules.check_new(values)
        if rules.has_times(values):
            call.since(TIMES)
        rules.check_window(values["start_time"], values["end_time"])
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        made = call.db.write(_create, values, now)
        if made.audit_type == states.ONESHOT:
            # Only a wake-up: the row waits for an engine whether or not this arrives.
            self.parts.rpc.decision_engine.trigger_audit(call.ctx, made.uuid)
        return Answer(
            body=self.show(call, made),
            headers={"Location": f"{call.app_url}/v1/{self.name}/{made.uuid}"},
        )

    @expose(
        "PATCH",
        ITEM,
        rule="update",
        body=DOCUMENT,
        argument="patch",
        answers=DETAIL,
        refuses=(409,),
        examples=examples.AUDIT_PATCHES,
    )
    def update(self, call: Call, ident: str) -> Any:
        """Change an audit, or its state: cancel, suspend, resume"""
        operations = patch.read(call.body, INTERNAL)
        if any(item.root in ("start_time", "end_time") for item in operations):
            call.since(TIMES)
        wanted = self.ident(ident)
        vetting = Vetting(self._scopes, call)

        def change(tx: Any) -> Audit:
            old = call.judged(audits.get(tx, wanted))
            return self._change(tx, old, operations, vetting)

        return self.show(call, vetting.during(lambda: again.change(call.db, change)))

    @expose("DELETE", ITEM, rule="delete", status=204, refuses=(409,))
    def delete(self, call: Call, ident: str) -> None:
        """Delete an audit that is not running and will not run"""
        wanted = self.ident(ident)

        def delete(tx: Any) -> None:
            old = call.judged(audits.get(tx, wanted))
            audits.soft_delete(tx, old.uuid)

        again.change(call.db, delete)

    @expose("GET", "{id}/explanation", rule="get", answers=EXPLANATION)
    def explanation(self, call: Call, ident: str) -> Any:
        """Tell why the last run recommended what it did, or nothing"""
        found = self.find(call, ident)
        document = call.db.read(explanations.for_audit, found.uuid)
        if document is None:
            raise exception.ResourceNotFound(name="explanation", id=found.uuid)
        return document

    def _change(
        self,
        tx: Any,
        old: Audit,
        operations: Sequence[patch.Operation],
        vetting: Vetting,
    ) -> Audit:
        document = _document(old)
        new = patch.apply(operations, document)
        state = None
        if any(operation.root == "state" for operation in operations):
            state = rules.check_step(old, new["state"])
        new["state"] = old.state
        found = patch.changes(self.noun, document, new)
        rules.check_result(old, found)
        sent = found.get("scope")
        if "scope" in found:
            found["scope"] = self._scopes.checked(sent)
        columns, strategy = _columns(tx, old, found)
        if "scope" in found:
            goal = related.goal_name(tx, old, columns)
            reason = vetting.vet(sent, found["scope"], goal, strategy)
            tell_unchecked(tx, dataclasses.replace(old, scope=found["scope"]), reason)
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        if old.audit_type == states.CONTINUOUS and rules.plans_anew(old, found, now):
            # The engine does so at its next look, also when the last runs failed.
            columns.update(next_run_time=None, not_before=None)
        if state == states.DELETED:
            if columns:
                audits.update(tx, old.uuid, **columns)
            audits.soft_delete(tx, old.uuid)
            gone: Audit = audits.get(tx, old.uuid, show_deleted=True)
            return gone
        if state is not None:
            return audits.step(
                tx,
                old.uuid,
                old.state,
                state,
                reason="asked for by a client",
                **columns,
            )
        if not columns:
            return changes.retell(tx, "audit", old)
        return audits.update(tx, old.uuid, **columns)


def _template(tx: Any, uuid: str | None) -> AuditTemplate | None:
    if not uuid:
        return None
    try:
        found: AuditTemplate = audit_templates.get(tx, uuid)
    except exception.ResourceNotFound as error:
        raise errors.InvalidInput(
            "audit_template_uuid", uuid, error.format_message()
        ) from None
    return found


def _create(tx: Any, values: Mapping[str, Any], now: datetime.datetime) -> Audit:
    template = _template(tx, values["audit_template_uuid"])
    goal, strategy = _aim(tx, values, template)
    related.match(tx, goal, strategy)
    parameters = rules.parameters(template, values["parameters"], strategy)
    name = values["name"] or rules.name(template, goal, strategy, now)
    return audits.create(
        tx,
        name=name[: rules.NAME_LENGTH],
        audit_type=values["audit_type"],
        goal_id=goal.id,
        strategy_id=strategy.id if strategy else None,
        parameters=parameters,
        interval=values["interval"],
        scope=list(template.scope) if template else [],
        auto_trigger=values["auto_trigger"],
        start_time=values["start_time"],
        end_time=values["end_time"],
        force=values["force"],
        audit_template_uuid=template.uuid if template else None,
    )


def _aim(
    tx: Any, values: Mapping[str, Any], template: AuditTemplate | None
) -> tuple[Goal, Strategy | None]:
    """Return goal and strategy: what the request says, else the template"""
    strategy = strategies.get(tx, values["strategy"]) if values["strategy"] else None
    if template is None:
        return goals.get(tx, values["goal"]), strategy
    try:
        if strategy is None and template.strategy_id is not None:
            strategy = strategies.get(tx, template.strategy_id)
        return goals.get(tx, template.goal_id), strategy
    except exception.ResourceNotFound:
        raise errors.InvalidInput(
            "audit_template_uuid",
            template.uuid,
            _("Its goal or strategy does not exist any more"),
        ) from None


def _document(old: Audit) -> dict[str, Any]:
    """Return what a patch is applied to"""
    document = {
        name: getattr(old, name)
        for name in AUDIT.patchable
        if name not in ("goal", "strategy")
    }
    return {
        **document,
        "parameters": dict(old.parameters),
        "scope": list(old.scope),
        "goal": old.goal_uuid,
        "strategy": old.strategy_uuid,
    }


def _columns(
    tx: Any, old: Audit, found: Mapping[str, Any]
) -> tuple[dict[str, Any], Strategy | None]:
    """Return the columns to write for the changed fields ``found``, and the strategy"""
    columns, strategy = related.changed(tx, old, found)
    if "name" in columns:
        columns["name"] = columns["name"][: rules.NAME_LENGTH]
    if {"goal", "strategy", "parameters"} & set(found):
        given = found.get("parameters", old.parameters)
        columns["parameters"] = rules.parameters(None, given, strategy)
    return columns, strategy
