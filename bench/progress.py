"""What it costs to watch a plan of 5,000 actions: SQL statements, CPU and time of a look.

Pages are read through the WSGI application, on SQLite and, when it is installed, MariaDB.
"""

import datetime
import time
import types
import uuid
from typing import Any

import sqlalchemy as sa
import webob
from measure import Report, best, configuration, database, statements
from measure.servers import mariadb
from sqlalchemy.orm import Session

from watcher.api import app
from watcher.db import leases, migration, models
from watcher.db.session import Database
from watcher.plugins import Plugins
from watcher.policy import Enforcer

ACTIONS, DONE, RUNNING = 5_000, 2_500, 1_000
# Plans beside it, each as long, so that nothing is found by reading everything.
PLANS = 4
PLAN = f"00000000-0000-4000-8000-{PLANS:012}"
HEADERS = {"X-Roles": "admin"}
LAST = "history of what is new"
LOOKS = {
    "progress, 100 that run": "progress",
    "progress, 1,000 that run": "progress?limit=1000",
    "progress, 1,000 that wait": "progress?actions=waiting&limit=1000",
    "progress, 1,000 that ended": "progress?actions=ended&limit=1000",
    "history, first 1,000": "history?limit=1000",
    LAST: "history?limit=1000&marker={last}",
}


def fill(tx: Session) -> int:
    """Insert plans that are half done; return the id of the last but tenth history entry"""
    start = models.utcnow() - datetime.timedelta(hours=1)
    _insert(tx, models.Goal, [{"name": "g", "display_name": "g"}])
    _insert(tx, models.Strategy, [{"name": "s", "display_name": "s", "goal_id": 1}])
    audit = {"name": "a", "audit_type": "ONESHOT", "goal_id": 1, "state": "SUCCEEDED"}
    _insert(tx, models.Audit, [audit])
    epoch = leases.acquire(
        tx, "applier", service="watcher-applier", host="h", ttl_s=9e4
    )
    for number in range(PLANS):
        _plan(tx, number + 1, epoch, start)
    return int(tx.scalar(sa.select(sa.func.max(models.History.id))) or 0) - 10


def _plan(tx: Session, number: int, epoch: int, start: datetime.datetime) -> None:
    plan = f"00000000-0000-4000-8000-{number:012}"
    row = {"uuid": plan, "audit_id": 1, "strategy_id": 1, "state": "ONGOING"}
    _insert(tx, models.ActionPlan, [{**row, "owner": "applier", "owner_epoch": epoch}])
    uuids = [str(uuid.uuid4()) for _ in range(ACTIONS)]
    begun = DONE + RUNNING
    states = ["SUCCEEDED"] * DONE + ["ONGOING"] * RUNNING
    states += ["PENDING"] * (ACTIONS - begun)
    actions = [
        {
            "uuid": one, "action_plan_id": number, "action_type": "migrate",
            "state": state, "parents": uuids[max(0, place - 1) : place],
            "input_parameters": {
                "resource_id": one, "resource_name": f"vm-{place}",
                "migration_type": "live", "source_node": "a", "destination_node": "b",
            },
        }
        for place, (one, state) in enumerate(zip(uuids, states, strict=True))
    ]  # fmt: skip
    _insert(tx, models.Action, actions)
    progress = {"text": "half of the memory copied", "percent": 50,
                "memory_total": 2**32, "memory_remaining": 2**31,
                "at": models.utcnow().isoformat()}  # fmt: skip
    _insert(tx, models.Operation, [
        {"action_uuid": one, "plan_uuid": plan, "kind": "migrate", "owner": "applier",
         "owner_epoch": epoch, "request_id": "r", "created_at": start, "sent_at": start,
         "ended_at": start if place < DONE else None,
         "detail": {"server": one, "source": "a", "dest": "b", "progress": progress}}
        for place, one in enumerate(uuids[:begun])
    ])  # fmt: skip
    steps = [("action_plan", plan, "PENDING", "ONGOING")]
    steps += [("action", one, "PENDING", "ONGOING") for one in uuids[:begun]]
    steps += [("action", one, "ONGOING", "SUCCEEDED") for one in uuids[:DONE]]
    _insert(tx, models.History, [
        {"resource": kind, "uuid": one, "old": old, "new": new, "at": start,
         "actor": "watcher-applier on h", "reason": "its turn has come"}
        for kind, one, old, new in steps
    ])  # fmt: skip


def _insert(tx: Session, table: Any, rows: list[dict[str, Any]]) -> None:
    if hasattr(table, "uuid"):
        rows = [{"uuid": str(uuid.uuid4()), **row} for row in rows]
    for start in range(0, len(rows), 1000):
        tx.execute(sa.insert(table.__table__), rows[start : start + 1000])


def measure(db: Database, name: str) -> None:
    """Measure and print every look at the first plan of ``db``"""
    last = db.write(fill)
    conf = configuration()
    application = app.build(
        conf, db, types.SimpleNamespace(), Enforcer(conf), Plugins.of({})
    )

    def look(path: str) -> webob.Response:
        request = webob.Request.blank(
            f"/v1/action_plans/{PLAN}/{path}", headers=HEADERS
        )
        answer = request.get_response(application)
        assert answer.status_int == 200, answer.body
        return answer

    report = Report(
        f"{name}: a plan of {ACTIONS:,} actions, {DONE:,} done, {RUNNING:,} running",
        *("look", "rows", "SQL", "CPU ms", "ms", "KiB"),
    )
    for text, path in LOOKS.items():
        path = path.format(last=last)
        answer = look(path)
        rows = next(v for k, v in answer.json.items() if k in ("actions", "history"))
        with statements(db) as seen:
            look(path)
        begin = time.monotonic()
        for _ in range(5):
            look(path)
        wall = (time.monotonic() - begin) / 5
        spent = best(lambda path=path: look(path))  # type: ignore[misc]
        size = len(answer.body) // 1024
        report.row(text, len(rows), len(seen), 1000 * spent, 1000 * wall, size)
    report.show()


def main() -> None:
    """Fill databases, measure and print"""
    with database() as db:
        measure(db, "SQLite")
    with mariadb() as url:
        if url is None:
            print("MariaDB is not installed: nothing more is measured.")
            return
        db = Database(configuration(url))
        migration.create_schema(db.engine)
        measure(db, "MariaDB")
        db.dispose()


if __name__ == "__main__":
    main()
