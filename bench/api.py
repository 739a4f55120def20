"""What lists cost in the API: pages of 100 out of 2,000, through the WSGI application."""

import functools
import json
import types
import urllib.parse
import uuid
from typing import Any

import webob
from measure import Report, best, configuration, database, statements
from sqlalchemy.orm import Session

from watcher.api import app
from watcher.db import action_plans, audits, goals, strategies
from watcher.db.session import Database
from watcher.domain.records import EfficacyIndicator, NewAction, NewPlan
from watcher.plugins import Plugins
from watcher.policy import Enforcer

ROWS, PAGE = 2000, 100
NOUNS = ("audits", "action_plans", "actions")


def new_uuid() -> str:
    """Return a random UUID as text"""
    return str(uuid.uuid4())


def fill(tx: Session) -> None:
    """Insert audits, each with a plan of one action"""
    goal = goals.create(tx, name="dummy", display_name="Dummy goal")
    strategy = strategies.create(
        tx, name="dummy", display_name="Dummy strategy", goal_id=goal.id
    )
    for number in range(ROWS):
        audit = audits.create(
            tx,
            name=f"audit-{number:04d}",
            audit_type="ONESHOT",
            goal_id=goal.id,
            strategy_id=strategy.id,
            parameters={"para1": 3.2, "para2": "hello"},
        )
        action_plans.save(
            tx,
            NewPlan(
                uuid=new_uuid(),
                audit_uuid=audit.uuid,
                strategy_name="dummy",
                state="RECOMMENDED",
                actions=[
                    NewAction(
                        uuid=new_uuid(),
                        action_type="nop",
                        input_parameters={"message": "hello"},
                    )
                ],
                global_efficacy=[{"name": "gain", "unit": "%", "value": 12.5}],
                efficacy_indicators=[
                    EfficacyIndicator(name="gain", unit="%", value=12.5)
                ],
            ),
        )


def walk(application: Any, path: str) -> list[int]:
    """Read all pages from ``path`` on; return the numbers of their rows"""
    rows = []
    while path:
        request = webob.Request.blank(path)
        request.headers["X-Roles"] = "admin"
        request.headers["OpenStack-API-Version"] = "infra-optim 1.7"
        body = json.loads(request.get_response(application).body)
        (noun,) = (key for key in body if key in NOUNS)
        rows.append(len(body[noun]))
        following = urllib.parse.urlsplit(body.get("next", ""))
        path = following._replace(scheme="", netloc="").geturl()
    return rows


def measure(db: Database) -> Report:
    """Measure every list"""
    conf = configuration()
    silent = types.SimpleNamespace(decision_engine=None, applier=None)
    application = app.build(conf, db, silent, Enforcer(conf), Plugins.of({}))
    report = Report(
        f"Pages of {PAGE} out of {ROWS:,} rows, SQLite",
        *("GET", "rows per CPU second", "CPU ms per page", "SQL statements per page"),
    )
    for noun in NOUNS:
        for path in (f"/v1/{noun}", f"/v1/{noun}/detail"):
            start = f"{path}?limit={PAGE}"
            with statements(db) as seen:
                rows = walk(application, start)
            assert sum(rows) == ROWS
            pages = len(rows)
            # The first requests of all compiled statements and read the policy.
            seconds = best(functools.partial(walk, application, start), 3)
            report.row(path, ROWS / seconds, 1000 * seconds / pages, len(seen) / pages)
    return report


def main() -> None:
    """Fill a database, measure and print"""
    with database() as db:
        db.write(fill)
        measure(db).show()


if __name__ == "__main__":
    main()
