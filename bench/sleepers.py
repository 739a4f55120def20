"""What audits cost that sleep: the looks of one engine for each second, and the database.

Every second an engine looks for continuous audits that are due, every five seconds for
work that waits or was left. The CPU of both sides is counted, as a part of one core.
"""

import contextlib
import datetime
import os
import pathlib
import re
import tempfile
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from measure import Report, configuration, cpu, servers, statements

from watcher.db import audits, continuous, goals, migration, models, strategies
from watcher.db.session import Database

SIZES = (100, 10_000)
SECONDS, SCAN = 300, 5
HOURS = 6


def main() -> None:
    """Measure and print"""
    report = Report(
        "Continuous audits that sleep",
        *("database", "audits", "% of a core", "engine", "database", "statements/s"),
        "found by",
    )
    for name, maker in (("SQLite", _sqlite), ("MariaDB", servers.mariadb)):
        for size in SIZES:
            with maker() as url:
                if url is None:
                    report.row(name, size, *("-" * 4), "not installed")
                    continue
                report.row(name, size, *_measured(url, size))
    report.show()


def _measured(url: str, size: int) -> tuple[Any, ...]:
    db = Database(configuration(url))
    migration.create_schema(db.engine)
    db.write(_fill, size)
    _look(db, 0)
    server = _server(db)
    with statements(db) as seen:
        _look(db, 0)
        _look(db, 1)
    before = _cpu_s(server)
    with cpu() as spent:
        for second in range(SECONDS):
            _look(db, second)
    theirs = 100 * (_cpu_s(server) - before) / SECONDS
    ours = 100 * spent.s / SECONDS
    # The first of the two seconds had a scan.
    per_second = (len(seen) - 2 + 2 * SCAN) / SCAN
    found = (ours + theirs, ours, theirs, per_second, _indexes(db))
    db.dispose()
    return found


def _look(db: Database, second: int) -> None:
    due = db.read(lambda tx: continuous.due(tx, continuous.clock(tx)))
    if second % SCAN == 0:
        due = [*due, *db.read(audits.claimable)]
    assert not due


def _fill(tx: Any, size: int) -> None:
    goal = goals.create(tx, name="g", display_name="G")
    strategy = strategies.create(tx, name="s", display_name="S", goal_id=goal.id)
    later = models.utcnow() + datetime.timedelta(hours=HOURS)
    rows = [
        {
            "name": f"sleeper-{number}",
            "audit_type": "CONTINUOUS",
            "state": "ONGOING",
            "interval": "86400",
            "next_run_time": later + datetime.timedelta(seconds=number),
            "end_time": later + datetime.timedelta(days=400),
            "goal_id": goal.id,
            "strategy_id": strategy.id,
            "hostname": "somewhere",
        }
        for number in range(size)
    ]
    for start in range(0, size, 1000):
        tx.execute(sa.insert(models.Audit.__table__), rows[start : start + 1000])


# The other side --------------------------------------------------------------------------


@contextlib.contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="watcher-bench-") as folder:
        yield f"sqlite:///{folder}/watcher.sqlite"


def _server(db: Database) -> int | None:
    """Return the process of the database; SQLite is part of ours"""
    if db.engine.dialect.name == "sqlite":
        return None
    path = db.read(lambda tx: tx.scalar(sa.text("SELECT @@pid_file")))
    return int(pathlib.Path(path).read_text())


def _cpu_s(process: int | None) -> float:
    if process is None:
        return 0.0
    text = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(text[11]) + int(text[12])) / os.sysconf("SC_CLK_TCK")


def _indexes(db: Database) -> str:
    """Return the indexes of ``audits`` by which the database finds what is due"""
    caught: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, given: Any, *_rest: Any) -> None:
        caught.append((statement, given))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    db.read(lambda tx: continuous.due(tx, models.utcnow()))
    sa.event.remove(db.engine, "before_cursor_execute", note)
    statement, given = next(pair for pair in caught if "UNION" in pair[0])
    word = "EXPLAIN QUERY PLAN" if db.engine.dialect.name == "sqlite" else "EXPLAIN"
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"{word} {statement}", given).all()
    plan = "\n".join(str(tuple(row)) for row in rows)
    used = re.findall(r"USING (?:COVERING )?INDEX (\w+)|'audits', '(?:range|ref)', "
                      r"'[^']*', '(\w+)'", plan)  # fmt: skip
    whole = len(re.findall(r"SCAN audits(?! USING)|'audits', 'ALL'", plan))
    names = sorted({a or b for a, b in used if "audits" in (a or b)})
    return ", ".join([*names, *([f"whole table {whole} times"] if whole else [])])


if __name__ == "__main__":
    main()
