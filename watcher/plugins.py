"""Finds plugins by their entry points, configures and builds them.

A plugin that cannot be imported or configured is logged, listed in ``broken`` and left
out: it never stops a daemon.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from oslo_config import cfg
from oslo_log import log

from watcher import exception

LOG = log.getLogger(__name__)

GOALS = "watcher_goals"
STRATEGIES = "watcher_strategies"
PLANNERS = "watcher_planners"
SCORING_ENGINES = "watcher_scoring_engines"
SCORING_ENGINE_CONTAINERS = "watcher_scoring_engine_containers"
COLLECTORS = "watcher_cluster_data_model_collectors"
SCOPE_HANDLERS = "watcher_scope_handlers"
ACTIONS = "watcher_actions"
WORKFLOW_ENGINES = "watcher_workflow_engines"
GROUPS = (
    GOALS,
    STRATEGIES,
    PLANNERS,
    SCORING_ENGINES,
    SCORING_ENGINE_CONTAINERS,
    COLLECTORS,
    SCOPE_HANDLERS,
    ACTIONS,
    WORKFLOW_ENGINES,
)


class Options(dict[str, Any]):
    """Values of a plugin's option group, read as attributes or items"""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that was left out, and why"""

    group: str
    name: str
    reason: str


@dataclass
class _Found:
    classes: dict[str, type] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)


class Plugins:
    """All installed plugins, loaded once for each group when first asked for"""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        known: Mapping[str, Mapping[str, type]] | None = None,
    ) -> None:
        self.conf = conf
        self._given = known
        self._found: dict[str, _Found] = {}

    @classmethod
    def of(
        cls, known: Mapping[str, Mapping[str, type]], conf: cfg.ConfigOpts | None = None
    ) -> "Plugins":
        """Build a registry of the given classes, for tests and trials"""
        if conf is None:
            conf = cfg.ConfigOpts()
            conf([], default_config_files=[], default_config_dirs=[])
        return cls(conf, known)

    @property
    def known(self) -> Mapping[str, Mapping[str, type]] | None:
        """The classes that were given; None: those that are installed are looked for"""
        return self._given

    @property
    def broken(self) -> list[Broken]:
        """What was found but cannot be used, of the groups looked at so far"""
        return [item for found in self._found.values() for item in found.broken]

    def names(self, group: str) -> list[str]:
        """Return the sorted names of the usable plugins of ``group``"""
        return sorted(self.classes(group))

    def classes(self, group: str) -> dict[str, type]:
        """Return name and class of every usable plugin of ``group``, sorted by name"""
        if group not in self._found:
            self._found[group] = self._find(group)
        return dict(self._found[group].classes)

    def load(self, group: str, name: str, **kwargs: Any) -> Any:
        """Build plugin ``name`` as ``cls(config, **kwargs)``

        :raises LoadingError: it is not installed, or its constructor failed
        """
        cls = self.classes(group).get(name)
        if cls is None:
            raise exception.LoadingError(
                f"No usable plugin '{name}' in {group}; there are: "
                f"{', '.join(self.names(group)) or 'none'}"
            )
        try:
            return cls(self.options(group, name), **kwargs)
        except exception.WatcherException:
            raise
        except Exception as error:
            LOG.exception("Plugin %s of %s cannot be built", name, group)
            raise exception.LoadingError(
                f"Error loading plugin '{name}': {type(error).__name__}: "
                + " ".join(str(error).split())
            ) from error

    def options(self, group: str, name: str) -> Options:
        """Return the values of ``[group.name]``; empty when none are declared"""
        section = f"{group}.{name}"
        cls = self.classes(group)[name]
        declared = _declared(cls)
        if not declared:
            return Options()
        values = self.conf[section]
        return Options({opt.dest: values[opt.dest] for opt in declared})

    def _find(self, group: str) -> _Found:
        found = _Found()
        for name, load in sorted(self._sources(group)):
            try:
                cls = load()
                self._register(f"{group}.{name}", cls)
            except Exception as error:
                # Anything may be wrong with code written elsewhere.
                reason = f"{type(error).__name__}: {error}"
                LOG.warning("Plugin %s of %s is left out: %s", name, group, reason)
                LOG.debug("Why plugin %s is left out", name, exc_info=True)
                found.broken.append(Broken(group, name, reason))
            else:
                found.classes[name] = cls
        return found

    def _sources(self, group: str) -> Iterable[tuple[str, Any]]:
        if self._given is not None:
            given = self._given.get(group, {})
            return [(name, lambda cls=cls: cls) for name, cls in given.items()]
        return {e.name: e.load for e in metadata.entry_points(group=group)}.items()

    def _register(self, section: str, cls: type) -> None:
        declared = _declared(cls)
        if declared:
            self.conf.register_opts(declared, group=section)


def _declared(cls: type) -> list[cfg.Opt]:
    declare = getattr(cls, "get_config_opts", None)
    return list(declare() or []) if declare else []
