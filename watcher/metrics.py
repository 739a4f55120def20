"""Every Prometheus metric of ours: name, labels and meaning in one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import prometheus_client as prometheus

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is called, which labels it has and what it says"""

    kind: str
    name: str
    labels: tuple[str, ...]
    help: str


TABLE = (
    Metric(COUNTER, "watcher_audits_total", ("goal", "state"), "Audits that ended"),
    Metric(
        HISTOGRAM,
        "watcher_audit_seconds",
        ("goal", "strategy"),
        "Seconds from the claim of an audit to its end",
    ),
    Metric(COUNTER, "watcher_plans_total", ("state",), "Action plans that ended"),
    Metric(
        HISTOGRAM,
        "watcher_plan_seconds",
        (),
        "Seconds from the claim of an action plan to its end",
    ),
    Metric(
        COUNTER, "watcher_actions_total", ("action_type", "state"), "Actions that ended"
    ),
    Metric(
        HISTOGRAM,
        "watcher_action_seconds",
        ("action_type",),
        "Seconds from the start of an action to its end",
    ),
    Metric(GAUGE, "watcher_model_age_seconds", ("model",), "Age of a data model"),
    Metric(
        HISTOGRAM,
        "watcher_model_build_seconds",
        ("model",),
        "Seconds that reading the cloud took",
    ),
    Metric(GAUGE, "watcher_ready", ("part",), "1 when the part is ready, else 0"),
    Metric(
        COUNTER,
        "watcher_notifications_total",
        ("outcome",),
        "Notifications that were sent or given up",
    ),
    Metric(COUNTER, "watcher_casts_total", ("method", "outcome"), "Wake-ups sent"),
)

_KINDS: Mapping[str, Any] = {
    COUNTER: prometheus.Counter,
    GAUGE: prometheus.Gauge,
    HISTOGRAM: prometheus.Histogram,
}


class Metrics:
    """The metrics of one process, on a registry of its own"""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self._made = {
            metric.name: _KINDS[metric.kind](
                metric.name, metric.help, metric.labels, registry=self.registry
            )
            for metric in TABLE
        }

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Raise a counter"""
        self._of(name, labels).inc(amount)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge"""
        self._of(name, labels).set(value)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add a duration in seconds"""
        self._of(name, labels).observe(seconds)

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus"""
        return prometheus.generate_latest(self.registry)

    def _of(self, name: str, labels: Mapping[str, str]) -> Any:
        metric = self._made[name]
        return metric.labels(**labels) if labels else metric
