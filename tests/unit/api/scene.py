"""A small cloud's rows with identifiers that never change, for samples of the API."""

import datetime

from tests.unit.api.conftest import SPEC, Bus
from watcher.api import examples
from watcher.db import (
    action_descriptions,
    action_plans,
    actions,
    audit_templates,
    audits,
    goals,
    leases,
    models,
    operations,
    scoring_engines,
    services,
    strategies,
)
from watcher.decision_engine import explain
from watcher.decision_engine.handle import Notes, Stay
from watcher.domain.records import Claim, EfficacyIndicator, NewAction, NewPlan

DUMMY = "f7f5f2a4-6a2c-4b2f-9c58-1c9a3a3a8f10"
CONSOLIDATION = "1f856554-0e0b-4f8f-9a3b-9a2c0b2f4c11"
DUMMY_STRATEGY = "0d3c8f2e-2a3b-4ac1-8e6a-5f0f9c1e7d20"
BASIC_STRATEGY = "6b7c1d0a-94c1-4f3b-8a55-0d4c2e8b9f21"
SCORER = "e1a7f3c2-5d7e-4b63-9a9b-3f5b7c2d1e30"
TEMPLATE = examples.NEW_AUDITS["template"]["audit_template_uuid"]
AUDIT = "9a0d6f3c-3f65-4d9e-8f44-2b7c5a1e0f50"
ALARM = "c2f1b9d4-7e58-4a36-b0c7-8d3e6f5a2b51"
PLAN = "4cbc4ede-0d25-481b-b86e-998dbbd4f860"
FIRST, SECOND = (
    "8f4a1d72-6c3b-4e95-a1d0-7b2c9e5f3a70",
    "d3b6e8c5-2f17-4a89-9e64-1c0a7d5b8f71",
)
# A plan that failed after its first action.
FAILED = "b9d27c10-5e84-4f6a-8d3b-2a7c1f9e0d61"
# A plan that is being carried out, and its actions.
RUNNING = "a1c75e02-93d4-4b68-8f1c-5e0d7a9b2c72"
MOVED, MOVING = (
    "5b9d2e74-0f83-4c16-b5a9-8d3e1f7c6a73",
    "e06f4c19-7a52-4d8b-93c7-2b1a9d5e8f74",
)
APPLIER = "watcher-applier:controller-1:4711"
SERVER = "73b09e16-35b7-4922-804e-e8f5d9b740fc"
IDENTS = {
    "goal": "server_consolidation",
    "strategy": "basic",
    "scoring_engine": "dummy_scorer",
    "service": "watcher-decision-engine",
    "audit_template": TEMPLATE,
    "audit": AUDIT,
    "action_plan": PLAN,
    "action": FIRST,
}
INDICATORS = (
    ("compute_nodes_count", "The total number of enabled compute nodes.", 10.0),
    ("released_compute_nodes_count", "The number of compute nodes released.", 1.0),
    ("instance_migrations_count", "The number of VM migrations to be performed.", 2.0),
)


def seed(tx):
    """Insert the rows"""
    _plugins(tx)
    dummy, basic = goals.get(tx, "dummy"), strategies.get(tx, "basic")
    audit_templates.create(
        tx,
        uuid=TEMPLATE,
        name="at1",
        description="Every server of zone A",
        goal_id=dummy.id,
        strategy_id=strategies.get(tx, "dummy").id,
        scope=[{"compute": [{"availability_zones": [{"name": "zone-a"}]}]}],
        default_parameters={"para1": 4.2},
    )
    for uuid, name, kind, interval in (
        (AUDIT, "consolidate", "CONTINUOUS", "3600"),
        (ALARM, "when-it-is-hot", "EVENT", None),
    ):
        audits.create(
            tx,
            uuid=uuid,
            name=name,
            audit_type=kind,
            interval=interval,
            goal_id=basic.goal_id,
            strategy_id=basic.id,
            parameters={"period": 7200},
            scope=[],
        )
    action_plans.save(tx, _plan(PLAN, (FIRST, SECOND)))
    _failed(tx)
    _run(tx)


def begin(tx):
    """Let an applier begin the plan"""
    action_plans.step(tx, PLAN, "RECOMMENDED", "PENDING")
    epoch = leases.acquire(tx, "applier", service="watcher-applier", host="c", ttl_s=20)
    action_plans.claim(tx, PLAN, Claim("applier", epoch), "controller-1")


def _failed(tx):
    moved, stuck = "5c0a9e7b-3d18-4f62-b4c6-8e1d7a2f9b30", SECOND[:-1] + "2"
    migrate = {"migration_type": "live", "source_node": "compute-7"}
    where = {"source": "compute-7", "dest": "compute-2", "host": "compute-2"}
    rows = [
        NewAction(
            uuid=uuid,
            action_type="migrate",
            input_parameters={**migrate, "resource_id": SERVER, "resource_name": name},
        )
        for uuid, name in ((moved, "web-7"), (stuck, "web-8"))
    ]
    plan = NewPlan(
        uuid=FAILED,
        audit_uuid=AUDIT,
        strategy_name="basic",
        state="PENDING",
        actions=rows,
    )
    action_plans.save(tx, plan)
    epoch = leases.acquire(tx, "applier", service="watcher-applier", host="c", ttl_s=20)
    claim = Claim("applier", epoch)
    action_plans.claim(tx, FAILED, claim, "controller-1")
    for uuid, state, outcome in (
        (moved, "SUCCEEDED", "succeeded"),
        (stuck, "FAILED", "failed"),
    ):
        actions.step(tx, uuid, "PENDING", "ONGOING")
        row = operations.begin(
            tx,
            action_uuid=uuid,
            plan_uuid=FAILED,
            claim=claim,
            kind="migrate",
            request_id="req-1",
            detail=where,
        )
        operations.finish(tx, row.id, outcome)
        actions.step(tx, uuid, "ONGOING", state)
    action_plans.step(tx, FAILED, "ONGOING", "FAILED", message="migrate of web-8: no")
    leases.release(tx, claim)


def _run(tx):
    """Begin a second plan: one of its servers is there, the other on its way"""
    tx.info["actor"] = "watcher-applier on controller-1"
    action_plans.save(tx, _plan(RUNNING, (MOVED, MOVING), state="PENDING"))
    epoch = leases.acquire(
        tx, APPLIER, service="watcher-applier", host="controller-1", ttl_s=86400
    )
    claim = Claim(APPLIER, epoch)
    action_plans.claim(tx, RUNNING, claim, "controller-1")
    for uuid, left in ((MOVED, 0), (MOVING, 2**30)):
        actions.step(tx, uuid, "PENDING", "ONGOING", claim=claim)
        percent = 100 - 50 * left // 2**30
        later = models.utcnow() + datetime.timedelta(seconds=20)
        operations.begin(
            tx,
            action_uuid=uuid,
            plan_uuid=RUNNING,
            claim=claim,
            kind="migrate",
            request_id="req-7f9c24e8-3b1a-4f6d-9c0e-2a5b8d7e1f63",
            detail={
                "progress": {
                    "text": f"{percent} % of the memory copied",
                    "percent": percent,
                    "memory_total": 2**31,
                    "memory_remaining": left,
                    "at": later.isoformat(),
                }
            },
        )
    actions.step(tx, MOVED, "ONGOING", "SUCCEEDED", claim=claim)


def _plugins(tx):
    dummy = goals.create(tx, uuid=DUMMY, name="dummy", display_name="Dummy goal")
    real = goals.create(
        tx,
        uuid=CONSOLIDATION,
        name="server_consolidation",
        display_name="Server Consolidation",
        efficacy_specification=[
            {
                "name": name,
                "description": text,
                "unit": None,
                "schema": '{"minimum": 0, "type": "number"}',
            }
            for name, text, _value in INDICATORS
        ],
    )
    for uuid, name, shown, goal, spec in (
        (DUMMY_STRATEGY, "dummy", "Dummy strategy", dummy, SPEC),
        (BASIC_STRATEGY, "basic", "Basic offline consolidation", real, _period()),
    ):
        strategies.create(
            tx,
            uuid=uuid,
            name=name,
            display_name=shown,
            goal_id=goal.id,
            parameters_spec=spec,
        )
    scoring_engines.create(
        tx,
        uuid=SCORER,
        name="dummy_scorer",
        description="Dummy scoring engine calculating the average value",
        metainfo="",
    )
    action_descriptions.sync(tx, {"migrate": "Moving a VM from one host to another"})
    services.beat(
        tx, "watcher-decision-engine", "controller-1", runtime="x", model_age_s=9.0
    )
    services.beat(tx, "watcher-applier", "controller-1", runtime="x")


def _period():
    return {"properties": {"period": {"type": "number", "default": 7200}}}


def _plan(ident, uuids, state="RECOMMENDED"):
    moves = [
        NewAction(
            uuid=uuid,
            action_type="migrate",
            input_parameters={
                "migration_type": "live",
                "source_node": "compute-3",
                "destination_node": "compute-1",
                "resource_id": server,
                "resource_name": name,
            },
            parents=parents,
            reason="compute-3 can be emptied",
        )
        for uuid, server, name, parents in (
            (uuids[0], SERVER, "web-1", []),
            (uuids[1], "a5dd0f0c-1f3e-4d3c-9b0a-6d8f2e7c4b81", "web-2", uuids[:1]),
        )
    ]
    notes = Notes()
    notes.stays.append(
        Stay(
            uuid="be7f9c2d-8a4b-4c1e-b6d3-0f5a9e7c1d82",
            name="db-1",
            reason="no node has room for it",
            rules={"capacity": 9},
        )
    )
    return NewPlan(
        uuid=ident,
        audit_uuid=AUDIT,
        strategy_name="basic",
        state=state,
        actions=moves,
        global_efficacy=[
            {
                "name": "released_nodes_ratio",
                "description": "Share of the compute nodes that are emptied.",
                "unit": "%",
                "value": 10.0,
            }
        ],
        efficacy_indicators=[
            EfficacyIndicator(name=name, description=text, unit=None, value=value)
            for name, text, value in INDICATORS
        ],
        explanation=explain.document(strategy="basic", actions=moves, notes=notes),
    )


class Engine(Bus):
    """What a decision engine tells about the same cloud"""

    def get_strategy_info(self, ctx, name):
        found = [
            {"instance_cpu_usage": "available"},
            {"host_cpu_usage": "not available"},
        ]
        models = [
            {"compute_model": "available"},
            {"storage_model": "not available"},
            {"baremetal_model": "not available"},
        ]
        rows = (
            ("Datasource", "gnocchi: available", True),
            ("Metrics", found, False),
            ("CDM", models, True),
        )
        return [
            {"type": kind, "state": state, "mandatory": mandatory, "comment": ""}
            for kind, state, mandatory in rows
        ]

    def get_data_model_info(self, ctx, kind, audit):
        node = {
            "uuid": "2e9c6a1b-5d4f-4f0a-8b7c-3a1d0e9f5c90",
            "hostname": "compute-1",
            "status": "enabled",
            "disabled_reason": None,
            "state": "up",
            "memory": 32768,
            "memory_mb_reserved": 512,
            "memory_ratio": 1.0,
            "disk": 500,
            "disk_gb_reserved": 0,
            "disk_ratio": 1.0,
            "vcpus": 16,
            "vcpu_reserved": 0,
            "vcpu_ratio": 4.0,
        }
        server = {
            "uuid": SERVER,
            "name": "web-1",
            "state": "active",
            "watcher_exclude": False,
            "locked": False,
            "memory": 2048,
            "disk": 20,
            "vcpus": 2,
            "metadata": {"role": "web"},
            "project_id": "c6b1d5a0f2e84739b0a1c2d3e4f50617",
            "pinned_az": "",
            "flavor_extra_specs": {"hw:cpu_policy": "shared"},
        }
        row = {f"node_{key}": value for key, value in node.items()}
        return {"context": [row | {f"server_{k}": v for k, v in server.items()}]}
