"""How a program of ours begins: configuration, logs, refusals, heartbeat."""

import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import metadata
from typing import Any

import watcher._threading  # noqa: F401

# isort: split
from oslo_config import cfg
from oslo_log import log as logging
from oslo_service import opts as service_opts

from watcher import bus, exception, logs
from watcher import conf as config
from watcher.daemon import LAST_GRACE_S, Check, Daemon, end_within
from watcher.domain.records import Service
from watcher.parts import (
    Backoff,
    Part,
    Ticker,
    goodbye,
    left,
    soon,
    summary,
    wait_for,
)

LOG = logging.getLogger(__name__)

__all__ = [
    "Backoff", "Check", "Daemon", "Heartbeat", "Part", "Ticker", "left", "main", "prepare",
    "refuse_foreign", "refuse_python_watcher", "wait_for",
]  # fmt: skip

PRODUCT = "watcher"
LONGEST_BEAT_S = 20.0
# While there is something that others wait to hear.
EAGER_BEAT_S = 2.0


def prepare(
    program: str,
    argv: Sequence[str] | None = None,
    *,
    tool: bool = False,
    overrides: Mapping[tuple[str | None, str], Any] | None = None,
    cli_opts: Sequence[cfg.Opt] = (),
    installed: Mapping[str, Collection[str]] | None = None,
) -> cfg.ConfigOpts:
    """Return the checked configuration of ``program``; logging is set up.

    ``tool``: results go to standard output, so logs go to standard error. ``overrides``
    win over everything, options of oslo libraries included.
    """
    refuse_python_watcher()
    argv = sys.argv[1:] if argv is None else argv
    conf = config.load(program, argv, cli_opts=cli_opts)
    bus.register(conf)
    service_opts.register_service_opts(conf)
    for (group, name), value in (overrides or {}).items():
        conf.set_override(name, value, None if group == "DEFAULT" else group)
    if tool:
        conf.set_override("use_stderr", True)
    _log(conf)
    mistakes = config.check(conf, _installed() if installed is None else installed)
    if mistakes:
        raise exception.StartRefused("\n".join(mistakes))
    if conf.log_options:
        conf.log_opt_values(LOG, logging.DEBUG)
    return conf


def _log(conf: cfg.ConfigOpts) -> None:
    try:
        logging.setup(conf, PRODUCT, config.version())
        logs.install()
    except OSError as error:
        option = "log_file" if conf.log_file else "log_dir"
        raise exception.ConfigInvalid(
            group="DEFAULT", option=option, reason=f"the log cannot be written: {error}"
        ) from error


def _installed() -> dict[str, set[str]]:
    """Return the names of plugins that options choose; nothing is imported"""
    groups = ("watcher_planners", "watcher_workflow_engines")
    return {
        group: {entry.name for entry in metadata.entry_points(group=group)}
        for group in groups
    }


def refuse_python_watcher() -> None:
    """Raise StartRefused when the other distribution of the same package is installed"""
    try:
        found = metadata.distribution("python-watcher")
    except metadata.PackageNotFoundError:
        return
    raise exception.StartRefused(
        reason=f"python-watcher {found.version} is installed in the same environment and "
        "provides the same Python package. Remove it: pip uninstall python-watcher, then "
        "pip install --force-reinstall openstack-watcher (plugins that require it are "
        "installed with pip install --no-deps)"
    )


def refuse_foreign(rows: Sequence[Service], alive_s: float) -> None:
    """Raise StartRefused when services of the other implementation are alive.

    ``rows`` are those that were seen less than ``alive_s`` seconds ago.
    """
    if not rows:
        return
    names = ", ".join(sorted(f"{row.name} on {row.host}" for row in rows))
    raise exception.StartRefused(
        reason=f"services of another Watcher implementation are running: {names}. Both "
        "would work on the same audits and action plans. Stop them everywhere, wait "
        f"{alive_s:.0f} s until their last heartbeat is old, and start again; only the "
        "API may run mixed"
    )


class Heartbeat:
    """Tells the database that this service is alive; its own thread, so never starved

    :param eager: tells whether to beat more often, because others wait for news
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        beat: Callable[[bool], Any],
        eager: Callable[[], bool] = lambda: False,
    ):
        self.name = "heartbeat"
        self._beat = beat
        self._limit_s = float(conf.service_down_time)
        self._last = time.monotonic()
        self.period_s = min(self._limit_s / 3, LONGEST_BEAT_S)
        self._eager = eager
        self._ticker = Ticker(self.name, self._pause_s, self._once)

    def start(self) -> None:
        """Beat now and from now on"""
        self._last = time.monotonic()
        self._ticker.start()

    def stop(self, deadline: float) -> None:
        """Beat a last time, marking the service as stopped"""
        self._ticker.stop(soon(deadline))
        goodbye(self.name, self._goodbye, deadline)

    def ready(self) -> str | None:
        """Return since when nobody can see that we are alive, or None"""
        silent_s = time.monotonic() - self._last
        if silent_s <= self._limit_s:
            return None
        return f"no heartbeat could be written for {silent_s:.0f} s"

    def _pause_s(self) -> float:
        return min(self.period_s, EAGER_BEAT_S) if self._eager() else self.period_s

    def _once(self) -> None:
        self._beat(False)
        self._last = time.monotonic()

    def _goodbye(self) -> None:
        try:
            self._beat(True)
        except Exception as error:  # a thread's outer edge
            LOG.warning("The service is not marked as stopped: %s", summary(error))


def main(
    program: str,
    build: Callable[[cfg.ConfigOpts], Daemon],
    argv: Sequence[str] | None = None,
) -> int:
    """Run the daemon that ``build`` makes of the configuration; return the exit status"""
    try:
        daemon = build(prepare(program, argv))
        status = daemon.run()
    except (exception.WatcherException, cfg.Error) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    if argv is None:
        # Called as a script: what hangs now ends with the process.
        end_within(LAST_GRACE_S, program)
    if daemon.fatal is not None:
        print(f"{program}: {daemon.fatal}", file=sys.stderr)
    return status
