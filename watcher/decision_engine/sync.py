"""What is installed here, as rows: goals, strategies, scoring engines."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from oslo_log import log

from watcher import exception
from watcher.db import sync as rows
from watcher.db.sync import GoalSpec, ScoringSpec, StrategySpec, SyncReport
from watcher.plugins import (
    GOALS,
    SCORING_ENGINE_CONTAINERS,
    SCORING_ENGINES,
    STRATEGIES,
    Plugins,
)

LOG = log.getLogger(__name__)
T = TypeVar("T")


def synchronise(db: Any, plugins: Plugins, *, prune: bool = False) -> SyncReport:
    """Bring the rows in line with what is installed; ``prune`` removes the others

    One broken plugin costs only its own row: it is reported as skipped.
    """
    skipped: list[str] = []
    goals = _each(plugins, GOALS, "goal", goal, skipped)
    strategies = _each(plugins, STRATEGIES, "strategy", strategy, skipped)
    engines = _each(plugins, SCORING_ENGINES, "scoring_engine", engine, skipped)
    contained = _each(
        plugins, SCORING_ENGINE_CONTAINERS, "scoring_engine", container, skipped
    )
    scoring = {spec.name: spec for specs in contained for spec in specs}
    scoring |= {spec.name: spec for spec in engines}
    report: SyncReport = db.write(
        rows.run,
        goals=goals,
        strategies=strategies,
        scoring_engines=list(scoring.values()),
        # What is broken here would look as if it had been uninstalled.
        prune=prune and not skipped,
    )
    report.skipped[:0] = skipped
    for line in report.skipped:
        LOG.warning("Not synchronised: %s", line)
    return report


def _each(
    plugins: Plugins,
    group: str,
    kind: str,
    describe: Callable[[Plugins, str, Any], T],
    skipped: list[str],
) -> list[T]:
    found = []
    for name, cls in plugins.classes(group).items():
        try:
            found.append(describe(plugins, name, cls))
        except Exception as error:
            # Code written elsewhere; its rows stay as they are.
            LOG.exception("Plugin %s of %s cannot be described", name, group)
            skipped.append(f"{kind} {name}: {error}")
    skipped.extend(
        f"{kind} {broken.name}: {broken.reason}"
        for broken in plugins.broken
        if broken.group == group
    )
    return found


def goal(plugins: Plugins, name: str, cls: Any) -> GoalSpec:
    """Return the row of a goal"""
    _same_name(name, cls.get_name())
    specification = plugins.load(GOALS, name).efficacy_specification
    return GoalSpec(
        name=name,
        display_name=str(cls.get_translatable_display_name()),
        efficacy_specification=specification.get_indicators_specs_dicts(),
    )


def strategy(plugins: Plugins, name: str, cls: Any) -> StrategySpec:
    """Return the row of a strategy"""
    _same_name(name, cls.get_name())
    return StrategySpec(
        name=name,
        goal_name=cls.get_goal_name(),
        display_name=str(cls.get_translatable_display_name()),
        parameters_spec=cls.get_parameters_spec(plugins.options(STRATEGIES, name)),
    )


def engine(plugins: Plugins, name: str, cls: Any) -> ScoringSpec:
    """Return the row of a scoring engine"""
    return _scoring(plugins.load(SCORING_ENGINES, name))


def container(plugins: Plugins, name: str, cls: Any) -> list[ScoringSpec]:
    """Return the rows of the scoring engines that a container offers now"""
    return [_scoring(made) for made in cls.get_scoring_engine_list()]


def _scoring(made: Any) -> ScoringSpec:
    return ScoringSpec(
        name=made.get_name(),
        description=made.get_description(),
        metainfo=made.get_metainfo(),
    )


def _same_name(entry: str, name: str) -> None:
    if entry != name:
        raise exception.Invalid(
            f"its entry point is '{entry}', it calls itself '{name}'"
        )


def summary(report: SyncReport) -> Iterable[str]:
    """Yield what was done, a line for each row that is not as it was"""
    for verb, lines in (
        ("created", report.created),
        ("updated", report.updated),
        ("removed", report.removed),
        ("not installed here, kept", _kept(report)),
        ("skipped", report.skipped),
    ):
        for line in lines:
            yield f"{verb}: {line}"
    counts = (len(report.created), len(report.updated), len(report.removed))
    yield "{} created, {} updated, {} removed".format(*counts)


def _kept(report: SyncReport) -> list[str]:
    return [line for line in report.missing if line not in report.removed]
