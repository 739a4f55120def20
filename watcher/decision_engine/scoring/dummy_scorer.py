"""A scoring engine for trials: says by fixed limits what a host is busy with."""

import json
from collections.abc import Mapping

from watcher._i18n import _
from watcher.decision_engine.scoring import base, numbers

COLUMNS = (
    *("cpu-user-perc", "mem-total-bytes", "mem-avail-bytes"),
    *("page-reads-per-sec", "page-writes-per-sec"),
    *("disk-read-bytes-per-sec", "disk-write-bytes-per-sec"),
    *("net-in-bytes-per-sec", "net-out-bytes-per-sec"),
)
WORKLOADS = ("idle", "cpu", "memory", "disk")
IDLE, CPU, MEMORY, DISK = range(len(WORKLOADS))
BUSY_CPU, HALF_CPU = 80, 40  # percent
BUSY_PAGES, HALF_PAGES = 1000, 500  # per second
BUSY_DISK = 50 * 1024 * 1024  # bytes per second


class DummyScorer(base.ScoringEngine):
    """Tells idle, CPU, memory and disk workloads apart"""

    def get_name(self) -> str:
        """Return the name that strategies ask for"""
        return "dummy_scorer"

    def get_description(self) -> str:
        """Return what the engine is for"""
        return _("Tells by fixed limits what a host is busy with; for trials")

    def get_metainfo(self) -> str:
        """Return the columns that go in and come out, and the names of workloads"""
        return json.dumps(
            {
                "feature_columns": COLUMNS,
                "result_columns": ["workload", *(f"{w}-perc" for w in WORKLOADS)],
                "workloads": dict(enumerate(WORKLOADS)),
            }
        )

    def calculate_score(self, features: str) -> str:
        """Return the number of the workload and the probability of each, in percent

        :raises ValueError: ``features`` is not a JSON list of nine numbers
        """
        found = numbers.read(features, count=len(COLUMNS))
        given = dict(zip(COLUMNS, found, strict=True))
        workload = _workload(given)
        odds = [0] * len(WORKLOADS)
        odds[workload] = 100
        if workload == IDLE:
            odds[CPU] = 50 if given["cpu-user-perc"] >= HALF_CPU else 0
            odds[MEMORY] = 50 if max(_pages(given)) >= HALF_PAGES else 0
        return json.dumps([workload, *odds])


def _pages(given: Mapping[str, float]) -> tuple[float, float]:
    return given["page-reads-per-sec"], given["page-writes-per-sec"]


def _workload(given: Mapping[str, float]) -> int:
    if given["cpu-user-perc"] >= BUSY_CPU:
        return CPU
    if min(_pages(given)) >= BUSY_PAGES:
        return MEMORY
    read, written = given["disk-read-bytes-per-sec"], given["disk-write-bytes-per-sec"]
    return DISK if min(read, written) >= BUSY_DISK else IDLE
