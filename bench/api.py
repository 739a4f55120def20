"""What the API costs: rows per CPU second, SQL statements, and how long callers wait.

Pages are read through the WSGI application, on SQLite and, when it is installed, MariaDB.
Then eight clients at once ask a watcher-api process that works on MariaDB.
"""

import argparse
import functools
import json
import re
import types
from collections.abc import Sequence
from typing import Any

import webob
from measure import Report, best, configuration, database, statements
from measure.load import Api, kinds, latencies
from measure.rows import fill
from measure.servers import mariadb, rabbitmq

from watcher.api import app
from watcher.db import migration
from watcher.db.session import Database
from watcher.plugins import Plugins
from watcher.policy import Enforcer

NOUNS = (
    *("audits", "action_plans", "actions", "audit_templates", "goals", "strategies"),
    *("scoring_engines", "services"),
)
# Rows of a page, and how many rows of the list are read.
PAGES = ((100, 1000), (1000, 2000))
HEADERS = {"X-Roles": "admin", "OpenStack-API-Version": "infra-optim 1.7"}
_NEXT = re.compile(rb'"next": "http://localhost([^"]+)"}\Z')


def walk(application: Any, path: str, pages: int) -> list[bytes]:
    """Read ``pages`` pages from ``path`` on; return their bodies"""
    bodies: list[bytes] = []
    for _page in range(pages):
        request = webob.Request.blank(path, headers=HEADERS)
        bodies.append(request.get_response(application).body)
        if found := _NEXT.search(bodies[-1]):
            path = found[1].decode()
    return bodies


def rows(bodies: Sequence[bytes]) -> int:
    """Return the number of rows in ``bodies``"""
    pages = [json.loads(body) for body in bodies]
    return sum(len(page[key]) for page in pages for key in page if key != "next")


def measure(db: Database, name: str) -> None:
    """Measure and print every list of ``db``"""
    conf = configuration()
    silent = types.SimpleNamespace(decision_engine=None, applier=None)
    application = app.build(conf, db, silent, Enforcer(conf), Plugins.of({}))
    report = Report(
        f"{name}: rows per CPU second, and SQL statements of one page",
        *("GET", "of 100", "SQL", "of 1,000", "SQL"),
    )
    for noun in NOUNS:
        for path in (f"/v1/{noun}", f"/v1/{noun}/detail"):
            cells: list[Any] = []
            for size, most in PAGES:
                start = f"{path}?limit={size}"
                # The first requests of all compile statements and read the policy.
                first = walk(application, start, 2)
                with statements(db) as seen:
                    walk(application, f"{start}&marker={_last(first[0])}", 1)
                turn = functools.partial(walk, application, start, most // size)
                cells += [rows(turn()) / best(turn, 3), len(seen)]
            report.row(path, *cells)
    report.show()


def _last(body: bytes) -> str:
    (found,) = (value for key, value in json.loads(body).items() if key != "next")
    marker: str = str(found[-1].get("uuid", found[-1].get("id")))
    return marker


def main() -> None:
    """Fill databases, measure and print"""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=160, help="calls of each kind")
    calls = parser.parse_args().calls
    with database() as db:
        db.write(fill)
        measure(db, "SQLite")
    with mariadb() as url:
        if url is None:
            print("MariaDB is not installed: nothing more is measured.")
            return
        db = Database(configuration(url))
        migration.create_schema(db.engine)
        db.write(fill)
        measure(db, "MariaDB")
        with rabbitmq() as broker, Api(url, broker) as api:
            report = Report(
                f"Milliseconds of a call, {api.clients} clients at once, MariaDB, "
                f"{api.workers} workers",
                *("call", "p50", "p99", "calls a second"),
            )
            for name, ask in kinds(db, broker is not None):
                report.row(name, *latencies(api, ask, calls))
            report.show()
        db.dispose()


if __name__ == "__main__":
    main()
