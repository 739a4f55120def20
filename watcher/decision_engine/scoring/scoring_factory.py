"""Finds scoring engines by their names, for strategies; the published functions.

They take nothing but a name, so what they look in belongs to the module: the decision
engine says once which plugins those are. An engine that was found is kept, as published;
containers may offer others at every call, so what is not kept is looked for again.
"""

import dataclasses
from collections.abc import Iterator

from oslo_config import cfg
from oslo_log import log

from watcher.decision_engine.scoring.base import ScoringEngine
from watcher.plugins import SCORING_ENGINE_CONTAINERS, SCORING_ENGINES, Plugins

LOG = log.getLogger(__name__)


def _installed() -> Plugins:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    return Plugins(conf)


@dataclasses.dataclass
class _Engines:
    """Where engines are looked for, and those that were found"""

    plugins: Plugins = dataclasses.field(default_factory=_installed)
    found: dict[str, ScoringEngine] = dataclasses.field(default_factory=dict)


_engines = _Engines()


def use(plugins: Plugins) -> None:
    """Look among ``plugins`` from now on; what was found before is forgotten"""
    _engines.plugins, _engines.found = plugins, {}


def get_scoring_engine(scoring_engine_name: str) -> ScoringEngine:
    """Return the engine of that name

    :raises KeyError: no plugin offers it
    """
    if scoring_engine_name not in _engines.found:
        get_scoring_engine_list()
    return _engines.found[scoring_engine_name]


def get_scoring_engine_list() -> list[ScoringEngine]:
    """Return all engines that plugins offer now; broken plugins are left out"""
    plugins = _engines.plugins
    # An engine of its own is preferred to one of a container, and the rows are, too.
    found = {made.get_name(): made for made in _contained(plugins)}
    found |= {made.get_name(): made for made in _single(plugins)}
    _engines.found = found
    return list(found.values())


def _single(plugins: Plugins) -> Iterator[ScoringEngine]:
    for name in plugins.names(SCORING_ENGINES):
        try:
            made: ScoringEngine = plugins.load(SCORING_ENGINES, name)
            made.get_name()
        except Exception as error:
            # Code written elsewhere; the others are there all the same.
            LOG.warning("Scoring engine %s is left out: %s", name, error)
        else:
            yield made


def _contained(plugins: Plugins) -> Iterator[ScoringEngine]:
    for name, cls in plugins.classes(SCORING_ENGINE_CONTAINERS).items():
        try:
            offered: list[ScoringEngine] = cls.get_scoring_engine_list()  # type: ignore[attr-defined]
            for made in offered:
                made.get_name()
        except Exception as error:
            # As above.
            LOG.warning("Scoring engines of %s are left out: %s", name, error)
        else:
            yield from offered
