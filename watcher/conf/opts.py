"""What the generator of the sample file lists, and the defaults it prints."""

from importlib import metadata
from typing import Any

from oslo_config import cfg

from watcher.conf import (
    api,
    applier,
    clients,
    database,
    datasources,
    decision_engine,
    simulated,
)
from watcher.conf import default as default_group

PLUGIN_GROUPS = (
    "watcher_goals",
    "watcher_strategies",
    "watcher_planners",
    "watcher_scoring_engines",
    "watcher_scoring_engine_containers",
    "watcher_cluster_data_model_collectors",
    "watcher_scope_handlers",
    "watcher_actions",
    "watcher_workflow_engines",
)


def _plugin_opts() -> list[tuple[str, list[cfg.Opt]]]:
    found = []
    for group in PLUGIN_GROUPS:
        for entry in sorted(metadata.entry_points(group=group), key=lambda e: e.name):
            declare = getattr(entry.load(), "get_config_opts", None)
            opts = declare() if declare else []
            if opts:
                found.append((f"{group}.{entry.name}", opts))
    return found


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return (group name, options) of everything that is Watcher's own"""
    table: list[tuple[str, list[Any]]] = [
        ("DEFAULT", default_group.OPTS),
        ("api", api.OPTS),
        ("ssl", api.SSL_OPTS),
        ("database", database.OPTS),
        ("watcher_decision_engine", decision_engine.OPTS),
        ("watcher_planner", decision_engine.PLANNER_OPTS),
        ("collector", decision_engine.COLLECTOR_OPTS),
        ("compute_model", decision_engine.COMPUTE_OPTS),
        ("watcher_applier", applier.OPTS),
        ("watcher_datasources", datasources.OPTS),
        (simulated.GROUP, simulated.OPTS),
    ]
    table += list(datasources.TABLE.items())
    table += list(clients.listed().items())
    table += _plugin_opts()
    return table


CORS = {
    "allow_headers": [
        "X-Auth-Token",
        "X-Identity-Status",
        "X-Roles",
        "X-Service-Catalog",
        "X-User-Id",
        "X-Tenant-Id",
        "X-OpenStack-Request-ID",
        "OpenStack-API-Version",
    ],
    "expose_headers": [
        "X-Auth-Token",
        "X-Subject-Token",
        "X-Service-Token",
        "X-OpenStack-Request-ID",
        "OpenStack-API-Version",
        "OpenStack-API-Minimum-Version",
        "OpenStack-API-Maximum-Version",
    ],
    "allow_methods": ["GET", "PUT", "POST", "DELETE", "PATCH"],
}

LOG_LEVELS = [
    "amqp=WARN",
    "amqplib=WARN",
    "qpid.messaging=INFO",
    "oslo.messaging=INFO",
    "sqlalchemy=WARN",
    "stevedore=INFO",
    "eventlet.wsgi.server=WARN",
    "iso8601=WARN",
    "requests=WARN",
    "neutronclient=WARN",
    "apscheduler=WARN",
]


def set_lib_defaults() -> None:
    """Put our defaults on the libraries' options, for the generator of samples alone"""
    from oslo_config import cfg as config
    from oslo_log import log
    from oslo_messaging import transport
    from oslo_middleware import cors

    config.set_defaults(transport._transport_opts, control_exchange="watcher")
    config.set_defaults(cors.CORS_OPTS, **CORS)
    log.set_defaults(default_log_levels=LOG_LEVELS)
