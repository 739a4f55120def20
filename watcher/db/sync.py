"""Brings the rows of goals, strategies and scoring engines in line with the plugins.

Rows are matched by name and changed in place: ids and UUIDs are what templates, audits
and scripts of users hold on to. A plugin that is not installed here may be installed on
the next host, therefore nothing is removed unless ``prune`` says so. Several processes
may do this at once: whoever loses the race for a new row starts over and finds it.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc, orm

from watcher.db import errors, goals, rows, scoring_engines, strategies
from watcher.db import prune as pruning
from watcher.db.models import utcnow

NAME_LENGTH = 63


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GoalSpec:
    """An installed goal; indicators have the keys name, description, unit and schema"""

    name: str
    display_name: str
    efficacy_specification: Sequence[Mapping[str, Any]] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """An installed strategy and the name of its goal"""

    name: str
    goal_name: str
    display_name: str
    parameters_spec: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScoringSpec:
    """An installed scoring engine"""

    name: str
    description: str | None = None
    metainfo: str | None = None


@dataclasses.dataclass(slots=True)
class SyncReport:
    """What was done, as "<kind> <name>"; ``missing`` rows have no plugin on this host"""

    created: list[str] = dataclasses.field(default_factory=list)
    updated: list[str] = dataclasses.field(default_factory=list)
    missing: list[str] = dataclasses.field(default_factory=list)
    removed: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)


def run(
    tx: orm.Session,
    *,
    goals: Sequence[GoalSpec] = (),
    strategies: Sequence[StrategySpec] = (),
    scoring_engines: Sequence[ScoringSpec] = (),
    prune: bool = False,
) -> SyncReport:
    """Create and update the rows of installed plugins; with ``prune`` remove the others"""
    report = SyncReport()
    goal_ids = _goals(tx, goals, report)
    _strategies(tx, strategies, goal_ids, report)
    _scoring_engines(tx, scoring_engines, report)
    if prune:
        report.removed = pruning.remove(tx, report.missing)
    return report


def _goals(
    tx: orm.Session, specs: Iterable[GoalSpec], report: SyncReport
) -> dict[str, int]:
    wanted = {
        spec.name: {
            "display_name": spec.display_name,
            "efficacy_specification": [
                dict(one) for one in spec.efficacy_specification
            ],
        }
        for spec in specs
    }
    return _bring_in_line(tx, goals.NOUN, wanted, report)


def _strategies(
    tx: orm.Session,
    specs: Iterable[StrategySpec],
    goal_ids: Mapping[str, int],
    report: SyncReport,
) -> None:
    wanted = {}
    kept = []
    for spec in specs:
        if spec.goal_name not in goal_ids:
            report.skipped.append(f"strategy {spec.name}: no goal {spec.goal_name}")
            kept.append(spec.name)
            continue
        wanted[spec.name] = {
            "display_name": spec.display_name,
            "goal_id": goal_ids[spec.goal_name],
            "parameters_spec": dict(spec.parameters_spec),
        }
    _bring_in_line(tx, strategies.NOUN, wanted, report, kept)


def _scoring_engines(
    tx: orm.Session, specs: Iterable[ScoringSpec], report: SyncReport
) -> None:
    wanted = {
        spec.name: {"description": spec.description, "metainfo": spec.metainfo}
        for spec in specs
    }
    _bring_in_line(tx, scoring_engines.NOUN, wanted, report)


def _bring_in_line(
    tx: orm.Session,
    noun: rows.Noun[Any],
    wanted: Mapping[str, Mapping[str, Any]],
    report: SyncReport,
    kept: Sequence[str] = (),
) -> dict[str, int]:
    """Insert and update the rows of one noun; return the ids of all live ones by name"""
    table = noun.table
    live = tx.execute(
        sa.select(*table.c).where(table.c.deleted_at.is_(None)).order_by(table.c.id)
    )
    # Of two live rows of one name (databases of old) look-ups find the newer: so do we.
    found = {row.name: row for row in live}
    ids = {name: row.id for name, row in found.items()}
    for name, values in sorted(wanted.items()):
        if len(name) > NAME_LENGTH:
            report.skipped.append(f"{noun.kind} {name}: the name is too long")
            continue
        row = found.get(name)
        values = rows.checked(noun, values)
        if row is None:
            ids[name] = _insert(tx, noun, {"name": name, **values})
            report.created.append(f"{noun.kind} {name}")
        elif _differs(row, values):
            tx.execute(
                sa.update(table)
                .where(table.c.id == row.id)
                .values(updated_at=utcnow(), **values)
            )
            report.updated.append(f"{noun.kind} {name}")
    gone = sorted(set(found) - set(wanted) - set(kept))
    report.missing.extend(f"{noun.kind} {name}" for name in gone)
    return ids


def _insert(tx: orm.Session, noun: rows.Noun[Any], values: Mapping[str, Any]) -> int:
    try:
        result: Any = tx.execute(sa.insert(noun.table).values(**values))
    except exc.IntegrityError as error:
        if errors.is_duplicate(error):
            raise errors.Again from error
        raise
    return int(result.inserted_primary_key[0])


def _differs(row: Any, values: Mapping[str, Any]) -> bool:
    return any(
        _canonical(getattr(row, name)) != _canonical(value)
        for name, value in values.items()
    )


def _canonical(value: Any) -> str:
    """Text that is equal for equal content, whatever the order of keys"""
    return json.dumps(value, sort_keys=True)
