"""The rows that a fuzzed database begins with."""

import datetime
import itertools

import sqlalchemy as sa

from tests.worlds import new_uuid
from watcher.db import (
    action_plans,
    audit_templates,
    audits,
    goals,
    models,
    scoring_engines,
    services,
    strategies,
)
from watcher.domain import states
from watcher.domain.records import EfficacyIndicator, NewAction, NewPlan

# Parameters of every shape: nested, mandatory, listed, without limits.
SPEC = {
    "type": "object",
    "properties": {
        "number": {"type": "number", "default": 3.2, "minimum": 1.0, "maximum": 10.2},
        "count": {"type": "integer", "minimum": 0},
        "word": {"type": "string", "default": "hello", "pattern": "^[a-z]*$"},
        "choice": {"enum": ["a", "b", None]},
        "flag": {"type": "boolean", "default": False},
        "nested": {
            "type": "object",
            "properties": {
                "depth": {"type": "integer", "default": 1},
                "rows": {
                    "type": "array",
                    "maxItems": 3,
                    "items": {"type": "object", "properties": {"k": {}}},
                },
            },
        },
        "free": {"type": "object"},
    },
}
NEEDY = {
    "properties": {
        "must": {"type": "string", "minLength": 1},
        "may": {"type": "array", "items": {"type": "number"}, "default": [1, 2]},
    },
    "required": ["must"],
}
_BEGUN = ("ONGOING", "SUCCEEDED", "FAILED", "SKIPPED")
_ENDED = ("SUCCEEDED", "FAILED", "SKIPPED", *("CANCELLED",) * 5)
# States of a plan's actions that are not PENDING.
_LEFT = {
    **dict.fromkeys(states.PLAN, _ENDED),
    "RECOMMENDED": ("SKIPPED",),
    "PENDING": ("SKIPPED",),
    "ONGOING": _BEGUN,
    "CANCELLING": ("CANCELLING", *_BEGUN),
}
_GAIN = {"name": "gain", "description": None, "unit": "%"}
NAMES = ("detail", "42", "a.json", "with/slash", " spaced ", "Ünïcode", "x" * 63, "%2F")


def seed(tx):
    """Insert rows of every kind in every state, with names that are hard to address"""
    for name, kind in (("tested", SPEC), ("needy", NEEDY)):
        goal = goals.create(tx, name=f"goal_{name}", display_name=f"Goal {name}")
        for each in (name, f"{name}_2"):
            strategies.create(
                tx, name=each, display_name=each, goal_id=goal.id, parameters_spec=kind
            )
    goals.create(tx, name="barren", display_name="No strategy pursues it")
    for name in ("scorer", "Ünïcode scorer", "detail"):
        scoring_engines.create(tx, name=name, description="d", metainfo="m" * 300)
    for name in ("watcher-decision-engine", "watcher-applier"):
        for host in ("h1", "h2"):
            services.beat(tx, name, host, runtime="openstack-watcher 1")
    tested = strategies.get(tx, "tested")
    for number, name in enumerate(NAMES):
        audit_templates.create(
            tx,
            name=name,
            goal_id=tested.goal_id,
            strategy_id=tested.id if number % 2 else None,
            scope=[{"compute": [{"availability_zones": [{"name": "az1"}]}]}],
            default_parameters={"word": "abc", "nested": {"depth": 2}}
            if number % 4 == 1
            else {},
        )
    _seed_audits(tx, tested)
    _seed_old(tx, tested)
    _seed_gone(tx)


def _seed_gone(tx):
    """Rows that hang on a goal and a strategy which are no longer there"""
    goal = goals.create(tx, name="gone", display_name="Gone")
    strategy = strategies.create(
        tx, name="gone", display_name="Gone", goal_id=goal.id, parameters_spec=SPEC
    )
    of = {"goal_id": goal.id, "strategy_id": strategy.id}
    audit_templates.create(tx, name="of a goal that is gone", **of)
    for kind in states.AUDIT_TYPES:
        interval = "@daily" if kind == states.CONTINUOUS else None
        audit = audits.create(
            tx, name=f"gone {kind}", audit_type=kind, interval=interval, **of
        )
        _seed_plan(tx, audit, states.RECOMMENDED, "gone")
    strategies.soft_delete(tx, strategy.uuid)
    goals.soft_delete(tx, goal.uuid)


def _seed_old(tx, tested):
    """Rows as releases of long ago left them: nothing in columns that may be empty"""
    goal, strategy = tested.goal_id, tested.id
    for table, values in (
        (models.AuditTemplate, {"goal_id": goal}),
        (models.Audit, {"goal_id": goal, "auto_trigger": False}),
        (models.ActionPlan, {"audit_id": 1, "strategy_id": strategy}),
        (models.Action, {"action_plan_id": 1, "action_type": "unheard of"}),
    ):
        columns = table.__table__.c
        values |= {"created_at": datetime.datetime(2016, 1, 1), "deleted": 0}
        empty = {column.name: None for column in columns if column.nullable}
        tx.execute(sa.insert(table.__table__).values({**empty, **values}))


def _seed_audits(tx, tested):
    kinds = itertools.product(states.AUDIT_TYPES, states.AUDIT)
    for number, (kind, state) in enumerate(kinds):
        audit = audits.create(
            tx,
            name=NAMES[number] if number < len(NAMES) else f"{kind}-{state}",
            audit_type=kind,
            goal_id=tested.goal_id,
            strategy_id=tested.id if number % 3 else None,
            state=state,
            interval="3600" if kind == states.CONTINUOUS else None,
            parameters={"word": "abc"} if number % 3 else {},
            scope=[{"compute": [{"host_aggregates": [{"id": 1}, {"name": "n"}]}]}],
            start_time=datetime.datetime(2026, 1, 1),
            end_time=datetime.datetime(2027, 1, 1),
        )
        _seed_plan(tx, audit, list(states.PLAN)[number % len(states.PLAN)])
        if state == states.DELETED:
            models_of = models.Audit
            tx.execute(
                sa.update(models_of)
                .where(models_of.uuid == audit.uuid)
                .values(deleted_at=models.utcnow(), deleted=audit.id)
            )


def _seed_plan(tx, audit, state, strategy="tested"):
    idents = [new_uuid() for _state in states.ACTION]
    plan = NewPlan(
        uuid=new_uuid(),
        audit_uuid=audit.uuid,
        strategy_name=strategy,
        state=state,
        actions=[
            NewAction(
                uuid=ident,
                action_type="nop",
                input_parameters={"message": "hello"},
                parents=idents[max(0, place - 1) : place],
            )
            for place, ident in enumerate(idents)
        ],
        efficacy_indicators=[EfficacyIndicator(name="moves", unit="%", value=2.0)],
        global_efficacy=[{**_GAIN, "value": 12.5}],
        explanation={"summary": "why"},
    )
    action_plans.save(tx, plan)
    # As an applier leaves them; four of eight stay as they were stored.
    for ident, each in zip(idents, _LEFT[state], strict=False):
        tx.execute(
            sa.update(models.Action)
            .where(models.Action.uuid == ident)
            .values(state=each)
        )
