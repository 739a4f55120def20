"""What the benchmarks share: CPU time, memory, SQL statements, small tables.

CPU time of all threads is measured, not time on the wall: machines are shared.
"""

import contextlib
import gc
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import rich.box
import sqlalchemy as sa
from oslo_config import cfg
from rich.console import Console
from rich.table import Table

import watcher.conf
from watcher.db import migration
from watcher.db.session import Database


class Spent:
    """Seconds of CPU, known when the block has ended"""

    s = 0.0

    @property
    def ms(self) -> float:
        """The same in milliseconds"""
        return 1000 * self.s


@contextlib.contextmanager
def cpu() -> Iterator[Spent]:
    """Measure a block, without what earlier blocks left to the garbage collector"""
    gc.collect()
    spent, start = Spent(), time.process_time()
    yield spent
    spent.s = time.process_time() - start


def best(fn: Callable[[], Any], times: int = 5) -> float:
    """Return the fewest CPU seconds that ``fn`` took"""
    found = []
    for _ in range(times):
        with cpu() as spent:
            fn()
        found.append(spent.s)
    return min(found)


def memory_mb() -> float:
    """Return the memory of this process that is in use"""
    gc.collect()
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def configuration(url: str = "sqlite://") -> cfg.ConfigOpts:
    """Return a configuration without files"""
    return watcher.conf.load(
        "bench",
        default_config_files=[],
        default_config_dirs=[],
        overrides={
            ("database", "connection"): url,
            (None, "enable_authentication"): False,
        },
    )


@contextlib.contextmanager
def database() -> Iterator[Database]:
    """Make an empty SQLite database on disk"""
    with tempfile.TemporaryDirectory(prefix="watcher-bench-") as folder:
        db = Database(configuration(f"sqlite:///{folder}/watcher.sqlite"))
        migration.create_schema(db.engine)
        yield db
        db.dispose()


@contextlib.contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Collect the SQL statements that are executed inside, without BEGIN"""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement != "BEGIN":
            seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


class Report:
    """A table of figures, printed when it is complete"""

    def __init__(self, title: str, *columns: str) -> None:
        self._table = Table(title=title, title_justify="left", box=rich.box.SIMPLE)
        for column in columns:
            right = column != columns[0]
            self._table.add_column(column, justify="right" if right else "left")

    def row(self, *cells: Any) -> None:
        """Add a row; fractions are shown with three digits that matter"""
        self._table.add_row(*(_text(cell) for cell in cells))

    def show(self) -> None:
        """Print the table"""
        Console(highlight=False, width=100).print(self._table)


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
