"""One host taken out for maintenance, as a user asks for it, and what must hold after."""

import dataclasses
import itertools
import time
from typing import Any

from tests import servers
from tests.cloud.daemons import Daemons

FINAL = ("SUCCEEDED", "FAILED", "CANCELLED", "SUPERSEDED")
# The rows of one audit, by its UUID.
ROWS = {
    "audits": "uuid = %s",
    "action_plans": "audit_id IN (SELECT id FROM audits WHERE uuid = %s)",
    "actions": "action_plan_id IN (SELECT p.id FROM action_plans p "
    "JOIN audits a ON a.id = p.audit_id WHERE a.uuid = %s)",
}
_numbers = itertools.count()


@dataclasses.dataclass
class Run:
    """What was asked for and when, by the clock of this process"""

    host: str
    audit: str
    plan: str = ""
    migrations_before: int = 0
    began: float = 0.0
    ended: float = 0.0


def fullest(daemons: Daemons) -> str:
    """Return the enabled host with the most servers"""
    plane = daemons.plane
    enabled = {s["host"] for s in plane.services(status="enabled", state="up")}
    counts = dict.fromkeys(enabled, 0)
    for server in plane.servers():
        host = server["OS-EXT-SRV-ATTR:host"]
        if host in counts:
            counts[host] += 1
    return max(sorted(counts), key=lambda host: counts[host])


def enable_all(daemons: Daemons) -> None:
    """Take every host into service again"""
    for service in daemons.plane.services(status="disabled"):
        daemons.plane.nova(
            "PUT", f"/os-services/{service['id']}", {"status": "enabled"}
        )


def request(daemons: Daemons, host: str, scope: Any = None, **parameters: Any) -> Run:
    """Create the audit; ``parameters`` are those of the strategy besides the host"""
    before = max((m["id"] for m in daemons.plane.migrations()), default=0)
    name = f"empty-{host}-{next(_numbers)}-{int(time.time())}"
    began = time.monotonic()
    what = {"goal": "cluster_maintaining", "strategy": "host_maintenance"}
    if scope:
        # People give scopes to templates.
        template = daemons.client().audit_template.create(
            name=name, scope=scope, **what
        )
        what = {"audit_template_uuid": template.uuid}

    def create() -> Any:
        # A request whose answer was lost may have been carried out.
        for audit in daemons.client().audit.list(
            limit=50, sort_key="id", sort_dir="desc"
        ):
            if audit.name == name:
                return audit
        return daemons.client().audit.create(
            audit_type="ONESHOT",
            parameters={"maintenance_node": host, **parameters},
            name=name,
            **what,
        )

    audit = daemons.insist(create)
    return Run(host=host, audit=audit.uuid, migrations_before=before, began=began)


def end_of_audit(daemons: Daemons, run: Run, seconds: float = 90) -> Any:
    """Wait until the audit is over; return it"""
    found: list[Any] = []

    def over() -> bool:
        found[:] = [daemons.insist(lambda: daemons.client().audit.get(run.audit))]
        return found[0].state in FINAL

    servers.wait_until(over, seconds, f"end of audit {run.audit}")
    return found[0]


def await_audit(daemons: Daemons, run: Run, seconds: float = 90) -> None:
    """Wait until the audit is over; it must have succeeded and left a plan"""
    audit = end_of_audit(daemons, run, seconds)
    assert audit.state == "SUCCEEDED", audit.to_dict()
    plans = daemons.insist(lambda: daemons.client().action_plan.list(audit=run.audit))
    assert len(plans) == 1, [plan.to_dict() for plan in plans]
    run.plan = plans[0].uuid


def start(daemons: Daemons, run: Run) -> None:
    """Start the plan; an answer that got lost does not count as a refusal"""

    def once() -> None:
        plan = daemons.client().action_plan.get(run.plan)
        if plan.state == "RECOMMENDED":
            daemons.client().action_plan.start(run.plan)

    daemons.insist(once)


def await_plan(daemons: Daemons, run: Run, seconds: float = 180) -> None:
    """Wait until the plan is over"""

    def over() -> bool:
        plan = daemons.insist(lambda: daemons.client().action_plan.get(run.plan))
        return plan.state in FINAL

    servers.wait_until(over, seconds, f"end of plan {run.plan}")
    run.ended = time.monotonic()


def _left_on(daemons: Daemons, run: Run, actions: list[Any]) -> list[Any]:
    """Return who is still on the host: state, what was done to it, its migrations"""
    plane = daemons.plane
    left = []
    for server in plane.servers_on(run.host):
        ident = server["id"]
        left.append(
            {
                "server": (ident, server["name"], server["status"]),
                "created, updated": (server["created"], server["updated"]),
                "actions": [
                    (a.action_type, a.state, a.input_parameters)
                    for a in actions
                    if a.input_parameters.get("resource_id") == ident
                ],
                "migrations": [
                    {
                        key: m[key]
                        for key in (
                            *("id", "status", "created_at", "updated_at"),
                            *("source_compute", "dest_compute"),
                        )
                    }
                    for m in plane.migrations()
                    if m["instance_uuid"] == ident
                ],
                "plan": (
                    actions[0].created_at if actions else None,
                    run.migrations_before,
                ),
            }
        )
    return left


def check(daemons: Daemons, run: Run) -> None:
    """Ask Nova and our database whether all is as it should be"""
    plane = daemons.plane
    plan = daemons.client().action_plan.get(run.plan)
    actions = daemons.client().action.list(action_plan=run.plan, detail=True)
    told = [(a.action_type, a.state, a.status_message) for a in actions]
    assert plan.state == "SUCCEEDED", (plan.status_message, told)
    left = _left_on(daemons, run, actions)
    assert not left, left
    broken = [s["name"] for s in plane.servers() if s["status"] != "ACTIVE"]
    assert not broken, broken
    (service,) = plane.services(host=run.host)
    assert service["status"] == "disabled"
    assert service["disabled_reason"] == "watcher_maintaining"
    moved = [
        m["instance_uuid"]
        for m in plane.migrations()
        if m["id"] > run.migrations_before and m["status"] in ("completed", "confirmed")
    ]
    assert len(moved) == len(set(moved)), f"moved twice: {moved}"
    # Other tests leave plans that nobody started; what belongs to this run has ended.
    for table, mine in ROWS.items():
        left = daemons.rows(
            f"SELECT uuid, state FROM {table} WHERE deleted_at IS NULL "  # noqa: S608
            f"AND state IN ('ONGOING', 'CANCELLING', 'PENDING') AND {mine}",
            run.audit,
        )
        assert left == [], (table, left)


def whole(daemons: Daemons, host: str) -> Run:
    """Do all of it without disturbance"""
    run = request(daemons, host)
    await_audit(daemons, run)
    start(daemons, run)
    await_plan(daemons, run)
    check(daemons, run)
    return run
