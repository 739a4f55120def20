"""Options of [DEFAULT] that are Watcher's own."""

import os
import socket

from oslo_config import cfg

# The package directory, as published; only the default SQLite URL is built from it.
_PACKAGE = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))

SERVICE_OPTS = [
    cfg.HostAddressOpt(
        "host",
        default=socket.gethostname(),
        sample_default="<host name>",
        help="Name of this node: RPC server name, services.host, owner shown on audits "
        "and action plans, host half of the publisher of notifications. Must stay the "
        "same across restarts.",
    ),
    cfg.IntOpt(
        "service_down_time",
        default=90,
        min=3,
        help="Seconds after its last heartbeat until a service is shown as FAILED.",
    ),
    cfg.IntOpt(
        "periodic_interval",
        default=60,
        min=1,
        mutable=True,
        help="Seconds between two looks at the state of the services.",
    ),
    cfg.StrOpt(
        "notification_level",
        default="info",
        choices=["", "debug", "info", "warning", "error", "critical"],
        ignore_case=True,
        help="Lowest priority of the notifications that are sent; empty: none.",
    ),
    cfg.BoolOpt(
        "fatal_exception_format_errors",
        default=False,
        help="Raise when the text of an error cannot be filled in; a test aid.",
    ),
    cfg.BoolOpt(
        "print_thread_pool_stats",
        default=False,
        help="Log the load of thread pools at debug level when work is submitted.",
    ),
]

AUTH_OPTS = [
    cfg.BoolOpt(
        "enable_authentication",
        default=True,
        help="Demand a Keystone token. When false, user, project and roles are taken "
        "from the headers X-User-Id, X-Project-Id and X-Roles as they come: only for "
        "trusted networks.",
    ),
]

PATH_OPTS = [
    cfg.StrOpt(
        "pybasedir",
        default=_PACKAGE,
        sample_default="<package directory>",
        help="Directory that the defaults of other paths start from.",
    ),
    cfg.StrOpt(
        "bindir",
        default="$pybasedir/bin",
        deprecated_for_removal=True,
        deprecated_reason="Nothing reads it.",
        help="Directory of the programs; has no effect.",
    ),
    cfg.StrOpt(
        "state_path",
        default="$pybasedir",
        help="Directory for state; the default database lies here.",
    ),
]

OPTS = SERVICE_OPTS + AUTH_OPTS + PATH_OPTS


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``"""
    conf.register_opts(OPTS)
