"""Configuration: one object made by ``load`` and handed to whoever needs it.

Nothing here is global. The names, defaults and look-up of files are those that existing
deployments rely on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

from oslo_config import cfg
from oslo_log import log
from oslo_reports import opts as reports

from watcher.conf import (
    api,
    applier,
    clients,
    database,
    datasources,
    decision_engine,
    mistakes,
    simulated,
)
from watcher.conf import default as default_group
from watcher.conf import opts as listed

PROJECT = "watcher"


def version() -> str:
    """Return the version of the installed package"""
    try:
        return metadata.version("openstack-watcher")
    except metadata.PackageNotFoundError:
        return "unknown"


def register(conf: cfg.ConfigOpts) -> None:
    """Register every option of ours, and of the libraries that read this object"""
    log.register_options(conf)
    conf.set_default("default_log_levels", listed.LOG_LEVELS)
    reports.set_defaults(conf)
    for group in (
        default_group,
        api,
        database,
        decision_engine,
        applier,
        datasources,
        clients,
        simulated,
    ):
        group.register(conf)


def load(
    program: str,
    argv: Sequence[str] = (),
    *,
    default_config_files: list[str] | None = None,
    default_config_dirs: list[str] | None = None,
    cli_opts: Sequence[cfg.Opt] = (),
    overrides: Mapping[tuple[str | None, str], Any] | None = None,
) -> cfg.ConfigOpts:
    """Parse files, environment and command line into a new configuration object

    ``overrides`` maps (group, option) to a value that wins over everything; None or
    "DEFAULT" is the default group. Without ``default_config_files`` the published places
    are searched: ~/.watcher, ~, /etc/watcher, /etc for watcher.conf and <program>.conf.
    """
    conf = cfg.ConfigOpts()
    register(conf)
    if cli_opts:
        conf.register_cli_opts(cli_opts)
    try:
        conf(
            list(argv),
            project=PROJECT,
            prog=program,
            version=version(),
            default_config_files=default_config_files,
            default_config_dirs=default_config_dirs,
        )
    except UnicodeDecodeError as error:
        raise cfg.Error(
            f"A configuration file is not text in UTF-8: {error}"
        ) from error
    except cfg.ConfigFileValueError as error:
        # The library stops at the first wrong value and does not name its group.
        found = _lines(mistakes.values(conf)) or [str(error)]
        raise cfg.ConfigFileValueError("\n".join(found)) from error
    for (group, name), value in (overrides or {}).items():
        conf.set_override(name, value, None if group == "DEFAULT" else group)
    return conf


def check(
    conf: cfg.ConfigOpts, installed: Mapping[str, Collection[str]] | None = None
) -> list[str]:
    """Return a line for every mistake, naming group, option and what is allowed"""
    # What reads wrong values would stop at the first one.
    found = list(mistakes.values(conf)) or mistakes.problems(conf, installed or {})
    return _lines(found)


def _lines(found: Iterable[tuple[str, str, str]]) -> list[str]:
    return [f"[{group}] {option}: {text}" for group, option, text in found]
