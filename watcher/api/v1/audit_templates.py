"""Audit templates: goal, strategy, scope and default parameters under a name."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import examples, noun, params, patch, related, types
from watcher.api.call import Call, Parts
from watcher.api.expose import COLLECTION, DOCUMENT, ITEM, expose
from watcher.api.noun import (
    DETAIL,
    LISTED,
    NOWHERE,
    OPTIONAL,
    REQUIRED,
    Field,
    Noun,
)
from watcher.api.render import Answer
from watcher.api.scope import Scopes, Vetting, tell_unchecked
from watcher.api.v1.execution import Executed
from watcher.db import audit_templates
from watcher.domain.records import AuditTemplate, Strategy

NEW_DEFAULTS = 7

AUDIT_TEMPLATE = Noun(
    name="audit_template",
    plural="audit_templates",
    kind="AuditTemplate",
    fields=(
        Field(
            name="uuid",
            type=types.UUID,
            show=LISTED,
            always=True,
            help="Stays with the template",
        ),
        Field(
            name="name",
            type=types.NAME,
            show=LISTED,
            create=REQUIRED,
            nullable=False,
            patch=True,
            mandatory=True,
            help="Unique among templates",
        ),
        Field(
            name="goal",
            type=types.TEXT,
            show=NOWHERE,
            create=REQUIRED,
            nullable=False,
            patch=True,
            mandatory=True,
            help="UUID or name of the goal",
        ),
        Field(
            name="strategy",
            type=types.TEXT,
            show=NOWHERE,
            create=OPTIONAL,
            patch=True,
            help="UUID or name of a strategy for that goal; null: chosen by each audit",
        ),
        *related.FIELDS,
        Field(
            name="scope",
            type=types.SCOPE,
            show=LISTED,
            create=OPTIONAL,
            default=list,
            patch=True,
            help="What audits look at; empty: the whole cluster",
        ),
        Field(
            name="description",
            type=types.LONG_TEXT,
            create=OPTIONAL,
            patch=True,
            help="Free text",
        ),
        Field(
            name="default_parameters",
            type=types.OBJECT,
            since=NEW_DEFAULTS,
            create=OPTIONAL,
            default=dict,
            patch=True,
            help="Parameters that audits start from",
        ),
        *noun.STAMPS,
    ),
    sort_keys=(
        *noun.STORED_KEYS,
        *("name", "description", "scope", "default_parameters"),
        *related.SORT_KEYS,
    ),
    filters={
        "goal": types.TEXT.but(help="UUID or name of their goal"),
        "strategy": types.TEXT.but(help="UUID or name of their strategy"),
        "name": types.TEXT.but(help="Their name"),
    },
)


class AuditTemplates(Executed):
    """/v1/audit_templates"""

    name = "audit_templates"
    noun = AUDIT_TEMPLATE
    table = audit_templates
    not_found = exception.AuditTemplateNotFound

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._scopes = Scopes(parts.plugins)

    def filters(self, call: Call) -> dict[str, Any]:
        """Return the filters; a name may be asked for, as client libraries do"""
        filters = super().filters(call)
        if "name" in call.query:
            filters["name"] = call.query["name"]
        return filters

    @expose(
        "POST",
        COLLECTION,
        rule="create",
        status=201,
        body=DOCUMENT,
        argument="audit_template",
        answers=DETAIL,
        refuses=(409,),
        examples=examples.NEW_TEMPLATES,
    )
    def post(self, call: Call) -> Any:
        """Create a template"""
        values = self.noun.read(call.body)
        if values["default_parameters"]:
            call.since(NEW_DEFAULTS)
        sent = values["scope"]
        values["scope"] = self._scopes.checked(sent)
        vetting = Vetting(self._scopes, call)

        vet = functools.partial(vetting.vet, sent, values["scope"])
        made = vetting.during(lambda: call.db.write(_create, values, vet))
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
        examples=examples.TEMPLATE_PATCHES,
    )
    def update(self, call: Call, ident: str) -> Any:
        """Change a template; audits made from it earlier stay as they are"""
        operations = patch.read(call.body)
        wanted = self.ident(ident)
        vetting = Vetting(self._scopes, call)

        def change(tx: Any) -> AuditTemplate:
            old = call.judged(audit_templates.get(tx, wanted))
            _check_defaults(call, old, operations)
            document = _document(old)
            new = patch.apply(operations, document)
            found = patch.changes(self.noun, document, new)
            sent = found.get("scope", old.scope)
            if "scope" in found:
                found["scope"] = self._scopes.checked(sent)
            columns, strategy = _columns(tx, old, found)
            if not columns:
                return old
            reason = None
            if {"scope", "goal", "strategy"} & set(found):
                scope = found.get("scope", list(old.scope))
                goal = related.goal_name(tx, old, columns)
                reason = vetting.vet(sent, scope, goal, strategy)
            changed: AuditTemplate = audit_templates.update(tx, old.uuid, **columns)
            tell_unchecked(tx, changed, reason)
            return changed

        return self.show(call, vetting.during(lambda: call.db.write(change)))

    @expose("DELETE", ITEM, rule="delete", status=204)
    def delete(self, call: Call, ident: str) -> None:
        """Delete a template"""
        wanted = self.ident(ident)

        def delete(tx: Any) -> None:
            old = call.judged(audit_templates.get(tx, wanted))
            audit_templates.soft_delete(tx, old.uuid)

        call.db.write(delete)


def _create(
    tx: Any,
    values: Mapping[str, Any],
    vet: Callable[[str, Strategy | None], str | None],
) -> AuditTemplate:
    goal = related.stated_goal(tx, values["goal"])
    strategy = None
    if values["strategy"] is not None:
        strategy = related.stated_strategy(tx, values["strategy"])
    related.match(tx, goal, strategy)
    _check_parameters(values["default_parameters"], strategy)
    reason = vet(goal.name, strategy)
    made: AuditTemplate = audit_templates.create(
        tx,
        name=values["name"],
        description=values["description"],
        goal_id=goal.id,
        strategy_id=strategy.id if strategy else None,
        scope=values["scope"],
        default_parameters=values["default_parameters"],
    )
    tell_unchecked(tx, made, reason)
    return made


def _document(old: AuditTemplate) -> dict[str, Any]:
    """Return what a patch is applied to"""
    return {
        "name": old.name,
        "description": old.description,
        "goal": old.goal_uuid,
        "strategy": old.strategy_uuid,
        "scope": list(old.scope),
        "default_parameters": dict(old.default_parameters),
    }


def _check_defaults(
    call: Call, old: AuditTemplate, operations: Sequence[patch.Operation]
) -> None:
    roots = {operation.root for operation in operations}
    if "default_parameters" in roots:
        call.since(NEW_DEFAULTS)
    given = any(list(item.path) == ["default_parameters"] for item in operations)
    if old.default_parameters and roots & {"goal", "strategy"} and not given:
        raise exception.Conflict(
            _(
                "Changing goal or strategy of audit template %s needs new "
                "default_parameters in the same patch"
            )
            % old.name
        )


def _columns(
    tx: Any, old: AuditTemplate, found: Mapping[str, Any]
) -> tuple[dict[str, Any], Strategy | None]:
    """Return the columns to write for the changed fields ``found``, and the strategy"""
    columns, strategy = related.changed(tx, old, found)
    if {"goal", "strategy", "default_parameters"} & set(found):
        defaults = found.get("default_parameters", old.default_parameters)
        _check_parameters(defaults, strategy)
    return columns, strategy


def _check_parameters(parameters: Mapping[str, Any], strategy: Strategy | None) -> None:
    """Check default parameters; they are stored as given, without the schema's defaults"""
    if not parameters:
        return
    if strategy is None:
        raise exception.Invalid(
            _("Invalid default_parameters for strategy: they need a strategy")
        )
    if strategy.parameters_spec:
        params.filled(parameters, strategy.parameters_spec, "default_parameters")
