"""What a nursery needs to be configured as its engine is."""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oslo_config import cfg
from oslo_log import log

from watcher import conf as config
from watcher.plugins import (
    COLLECTORS,
    GOALS,
    SCOPE_HANDLERS,
    SCORING_ENGINE_CONTAINERS,
    SCORING_ENGINES,
    STRATEGIES,
    Plugins,
)

LOG = log.getLogger(__name__)

PROGRAM = "watcher-decision-engine"
# What strategies use; loaded before the first fork.
_GROUPS = (
    GOALS,
    STRATEGIES,
    SCOPE_HANDLERS,
    COLLECTORS,
    SCORING_ENGINES,
    SCORING_ENGINE_CONTAINERS,
)
_SOURCES = frozenset(("config_file", "config_dir", "config_source"))
Place = tuple[str | None, str]
# Files of logs are shared: only the engine itself may put them aside.
_LOGS: dict[Place, Any] = {(None, "log_rotation_type"): "none"}
Known = Mapping[str, Mapping[str, type]]


@dataclass(frozen=True, slots=True)
class Setup:
    """Files, and every value that is not a default: the engine's count, as they are now

    Options of plugins that the engine does not know come from the files. ``known`` are the
    plugins when they are not those that are installed.
    """

    files: list[str]
    folders: list[str]
    values: dict[Place, Any]
    known: Known | None
    python_path: str | None

    @classmethod
    def of(cls, conf: cfg.ConfigOpts, plugins: Plugins) -> "Setup":
        """Describe this process"""
        return cls(
            files=list(conf.config_file or ()),
            folders=list(conf.config_dir or ()),
            values=dict(_values(conf)),
            known=plugins.known,
            python_path=os.environ.get("PYTHONPATH"),
        )

    def build(self) -> tuple[cfg.ConfigOpts, Plugins]:
        """Return configuration and plugins, all loaded; logs are set up"""
        # It was started with all that the engine can import; programs that strategies
        # start are not.
        os.environ.pop("PYTHONPATH", None)
        if self.python_path is not None:
            os.environ["PYTHONPATH"] = self.python_path
        conf = config.load(
            PROGRAM,
            default_config_files=self.files,
            default_config_dirs=self.folders,
        )
        left = _set(conf, {**self.values, **_LOGS})
        log.setup(conf, config.PROJECT, config.version())
        plugins = Plugins(conf, self.known)
        # The engine has told about broken ones.
        logging.getLogger("watcher.plugins").setLevel(logging.ERROR)
        for group in _GROUPS:
            plugins.classes(group)
        for group_name, name in _set(conf, left):
            LOG.debug("Strategies do without option [%s] %s", group_name, name)
        return conf, plugins


def _values(conf: cfg.ConfigOpts) -> Iterator[tuple[Place, Any]]:
    for name in conf:
        found = conf[name]
        if not isinstance(found, cfg.ConfigOpts.GroupAttr):
            if name not in _SOURCES and _chosen(conf, name, None):
                yield (None, name), found
            continue
        for option in found:
            if _chosen(conf, option, name):
                yield (name, option), found[option]


def _chosen(conf: cfg.ConfigOpts, name: str, group: str | None) -> bool:
    place = conf.get_location(name, group)
    return place is not None and place.location is not cfg.Locations.opt_default


def _set(conf: cfg.ConfigOpts, values: Mapping[Place, Any]) -> dict[Place, Any]:
    """Set the values and return those whose options are not known"""
    left = {}
    for (group, name), value in values.items():
        try:
            conf.set_override(name, value, group)
        except cfg.NoSuchOptError:
            left[group, name] = value
        except cfg.NoSuchGroupError:
            left[group, name] = value
        except (ValueError, TypeError) as error:
            LOG.warning("Strategies do without option [%s] %s: %s", group, name, error)
    return left
