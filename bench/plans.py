"""What large plans cost: storing 5,000 actions, planning for a cloud of 1,000 hosts."""

import datetime
import types
import uuid
from collections.abc import Sequence

from measure import Report, best, configuration, cpu, database, statements
from measure.cloud import StubCloud

from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.model.model_root import ModelRoot
from watcher.db import action_plans, audits, goals, strategies
from watcher.db.session import Database
from watcher.decision_engine.decide import Decider, Decision
from watcher.domain.records import Audit, EfficacyIndicator, NewAction, NewPlan
from watcher.plugins import Plugins

ACTIONS = 5000
BEHIND = 2  # migrations at a time, as the planner orders them


def new_uuid() -> str:
    """Return a random UUID as text"""
    return str(uuid.uuid4())


def large_plan(audit: Audit) -> NewPlan:
    """Return a plan of migrations, ``BEHIND`` of which run at a time"""
    idents = [new_uuid() for _ in range(ACTIONS)]
    actions = [
        NewAction(
            uuid=ident,
            action_type="migrate",
            input_parameters={
                "resource_id": new_uuid(),
                "resource_name": f"vm-{place:04d}",
                "migration_type": "live",
                "source_node": f"compute-{place % 1000:03d}",
                "destination_node": f"compute-{place % 997:03d}",
            },
            parents=idents[place - BEHIND : place - BEHIND + 1] if place > 1 else [],
            reason="compute-001 is to be emptied",
        )
        for place, ident in enumerate(idents)
    ]
    return NewPlan(
        uuid=new_uuid(),
        audit_uuid=audit.uuid,
        strategy_name="host_maintenance",
        state="RECOMMENDED",
        actions=actions,
        efficacy_indicators=[EfficacyIndicator(name="gain", unit="%", value=1.0)],
        explanation={"summary": "all of it"},
    )


def an_audit(db: Database) -> Audit:
    """Store a goal, its strategy and an audit"""
    goal = db.write(goals.create, name="cluster_maintaining", display_name="Goal")
    strategy = db.write(
        strategies.create,
        name="host_maintenance",
        display_name="Strategy",
        goal_id=goal.id,
    )
    return db.write(
        audits.create,
        name="large",
        audit_type="ONESHOT",
        goal_id=goal.id,
        strategy_id=strategy.id,
    )


def storing() -> None:
    """Measure how a plan is stored"""
    report = Report(
        f"Plan of {ACTIONS:,} actions on SQLite", "", "CPU seconds", "SQL statements"
    )
    with database() as db:
        plan = large_plan(an_audit(db))
        with statements(db) as seen, cpu() as spent:
            db.write(action_plans.save, plan)
        report.row("save", spent.s, len(seen))
        with statements(db) as seen, cpu() as spent:
            db.write(action_plans.cancel, plan.uuid, "RECOMMENDED")
        report.row("cancel, with its actions", spent.s, len(seen))
        with statements(db) as seen, cpu() as spent:
            db.write(action_plans.soft_delete, plan.uuid)
        report.row("delete, with its actions", spent.s, len(seen))
    report.show()


def fullest(model: ModelRoot) -> tuple[str, int]:
    """Return the host with the most servers, and how many they are"""
    counts = {
        node.hostname: len(model.get_node_instances(node))
        for node in model.get_all_compute_nodes().values()
    }
    return max(counts.items(), key=lambda item: (item[1], item[0]))


def planning() -> None:
    """Measure how the fullest host of a cloud is planned to be emptied"""
    cloud = StubCloud()
    model = ComputeCollector({}, cloud).execute()
    host, count = fullest(model)
    decider = Decider(
        Plugins(configuration()),
        types.SimpleNamespace(compute=model.copy),
        clients=cloud,
        now=lambda: datetime.datetime(2026, 1, 1),
        new_uuid=new_uuid,
    )
    audit = Audit(
        id=1,
        uuid=new_uuid(),
        name="empty",
        audit_type="ONESHOT",
        state="ONGOING",
        goal_id=1,
        goal_name="cluster_maintaining",
        strategy_name="host_maintenance",
        parameters={"maintenance_node": host},
    )

    def solve() -> Decision:
        decision = Decision()
        decider.solve(audit, decider.snapshot(), decision)
        return decision

    decision = solve()
    decider.plan(audit, decision)
    hosts, servers = cloud.size
    report = Report(
        f"host_maintenance of a host with {count} servers, of {hosts:,} hosts and "
        f"{servers:,} servers",
        *("", "CPU ms"),
    )
    report.row("copy, scope and strategy", 1000 * best(solve))
    report.row(
        "order and judge the actions",
        1000 * best(lambda: decider.plan(audit, decision)),
    )
    report.row(kinds(decision.actions), "")
    report.show()


def kinds(actions: Sequence[NewAction]) -> str:
    """Say how many actions of which type there are"""
    types_ = [action.action_type for action in actions]
    return ", ".join(f"{types_.count(kind)} {kind}" for kind in sorted(set(types_)))


if __name__ == "__main__":
    storing()
    planning()
