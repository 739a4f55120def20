"""Rows for the API to show: 10,000 audits with a plan and an action each, and the rest."""

import datetime
import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from watcher.db import models

ROWS, FEW = 10_000, 1_000
# Chunks of INSERT; servers limit the length of a statement.
_CHUNK = 1_000
_PARAMETERS = {"para1": 3.2, "para2": "hello"}
_INDICATOR = {"name": "gain", "description": "What is won", "unit": "%"}


def fill(tx: Session) -> None:
    """Insert rows of every noun: ``FEW`` plugins, templates and services, ``ROWS`` others"""
    _insert(tx, models.Goal, FEW, lambda n: {
        "name": f"goal-{n}", "display_name": f"Goal {n}",
        "efficacy_specification": [{**_INDICATOR, "schema": "{}"}],
    })  # fmt: skip
    _insert(tx, models.Strategy, FEW, lambda n: {
        "name": f"strategy-{n}", "display_name": f"Strategy {n}", "goal_id": n,
        "parameters_spec": {"properties": {"para1": {"type": "number", "default": 3.2},
                                           "para2": {"type": "string"}}},
    })  # fmt: skip
    _insert(tx, models.ScoringEngine, FEW, lambda n: {
        "name": f"scorer-{n}", "description": "A scorer", "metainfo": "[]",
    })  # fmt: skip
    _insert(tx, models.Service, FEW, lambda n: {
        "name": "watcher-applier", "host": f"host-{n}", "last_seen_up": _then(n),
    }, uuids=False)  # fmt: skip
    _insert(tx, models.AuditTemplate, ROWS, lambda n: {
        "name": f"template-{n}", "goal_id": _parent(n), "strategy_id": _parent(n),
        "description": "Nightly", "scope": [], "default_parameters": _PARAMETERS,
    })  # fmt: skip
    _insert(tx, models.Audit, ROWS, lambda n: {
        "name": f"audit-{n}", "audit_type": "ONESHOT", "state": "SUCCEEDED",
        "goal_id": _parent(n), "strategy_id": _parent(n), "parameters": _PARAMETERS,
        "scope": [], "hostname": "host-1", "auto_trigger": False, "force": False,
    })  # fmt: skip
    _insert(tx, models.ActionPlan, ROWS, lambda n: {
        "audit_id": n, "strategy_id": _parent(n), "state": "RECOMMENDED",
        "global_efficacy": [{"name": "gain", "unit": "%", "value": 12.5}],
    })  # fmt: skip
    _insert(tx, models.EfficacyIndicator, ROWS, lambda n: {
        **_INDICATOR, "value": 12.5, "action_plan_id": n,
    })  # fmt: skip
    _insert(tx, models.Action, ROWS, lambda n: {
        "action_plan_id": n, "action_type": "migrate", "state": "PENDING",
        "input_parameters": {
            "resource_id": str(uuid.uuid4()), "resource_name": f"vm-{n}",
            "migration_type": "live", "source_node": "a", "destination_node": "b",
        },
        "parents": [str(uuid.uuid4())],
    })  # fmt: skip


def _parent(number: int) -> int:
    return 1 + number % FEW


def _then(number: int) -> datetime.datetime:
    return datetime.datetime(2026, 3, 1) + datetime.timedelta(seconds=number)


def _insert(
    tx: Session, kind: type[Any], count: int, values: Any, *, uuids: bool = True
) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for number in range(1, count + 1):
            row = {"id": number, "created_at": _then(number), **values(number)}
            yield {"uuid": str(uuid.uuid4()), **row} if uuids else row

    made = list(rows())
    for start in range(0, count, _CHUNK):
        tx.execute(sa.insert(kind.__table__), made[start : start + _CHUNK])
