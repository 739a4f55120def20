"""Options of the sources of metrics."""

from typing import Any

from oslo_config import cfg

SOURCES = ("gnocchi", "grafana", "prometheus", "aetos")
_ENDPOINTS = ["public", "internal", "admin", "publicURL", "internalURL", "adminURL"]
METRICS = (
    "host_cpu_usage",
    "host_ram_usage",
    "host_outlet_temp",
    "host_inlet_temp",
    "host_airflow",
    "host_power",
    "instance_cpu_usage",
    "instance_ram_usage",
    "instance_ram_allocated",
    "instance_l3_cache_usage",
    "instance_root_disk_size",
)

GROUP = "watcher_datasources"
OPTS = [
    cfg.ListOpt(
        "datasources",
        default=["gnocchi", "grafana", "aetos"],
        item_type=cfg.types.String(choices=SOURCES),
        help="Sources in order of preference; the first that has every metric a strategy "
        "needs is used.",
    ),
    cfg.IntOpt(
        "query_max_retries",
        default=10,
        min=1,
        mutable=True,
        help="Attempts for each query.",
    ),
    cfg.IntOpt(
        "query_interval",
        default=1,
        min=0,
        mutable=True,
        deprecated_name="query_timeout",
        help="Seconds between two attempts.",
    ),
]

GNOCCHI_OPTS = [
    cfg.StrOpt("api_version", default="1", help="Version of the Gnocchi client."),
    cfg.StrOpt(
        "endpoint_type", default="public", choices=_ENDPOINTS, help="Kind of endpoint."
    ),
    cfg.StrOpt("region_name", help="Region in the catalog."),
]

AETOS_OPTS = [
    cfg.StrOpt(
        "interface", default="public", choices=_ENDPOINTS, help="Kind of endpoint."
    ),
    cfg.StrOpt("region_name", help="Region in the catalog."),
    cfg.StrOpt("fqdn_label", default="fqdn", help="Label that holds the host's name."),
    cfg.StrOpt(
        "instance_uuid_label",
        default="resource",
        help="Label that holds the server's UUID.",
    ),
]

PROMETHEUS_OPTS = [
    cfg.HostAddressOpt("host", help="Address of Prometheus."),
    cfg.PortOpt("port", default=9090, help="TCP port of Prometheus."),
    cfg.StrOpt("fqdn_label", default="fqdn", help="Label that holds the host's name."),
    cfg.StrOpt(
        "instance_uuid_label",
        default="resource",
        help="Label that holds the server's UUID.",
    ),
    cfg.StrOpt("username", help="User for basic authentication."),
    cfg.StrOpt("password", secret=True, help="Password for basic authentication."),
    cfg.StrOpt("cafile", help="File with the CA of Prometheus."),
    cfg.StrOpt("certfile", help="File with the client's certificate."),
    cfg.StrOpt("keyfile", help="File with the client's private key."),
]


def _metric_map(name: str, what: str) -> cfg.DictOpt:
    return cfg.DictOpt(
        name,
        default=dict.fromkeys(METRICS),
        sample_default={},
        help=f"{what} of each metric.",
    )


GRAFANA_OPTS = [
    cfg.StrOpt("token", secret=True, help="Bearer token."),
    cfg.StrOpt("base_url", help="URL up to the project id."),
    _metric_map("project_id_map", "Project id"),
    _metric_map("database_map", "Database"),
    _metric_map("attribute_map", "Attribute of the resource"),
    _metric_map("translator_map", "Translator (influxdb)"),
    _metric_map("query_map", "Query"),
    cfg.IntOpt(
        "http_timeout", default=60, min=0, mutable=True, help="Seconds for one request."
    ),
]

TRANSLATOR_OPTS = [
    cfg.DictOpt(
        "retention_periods",
        default={
            "one_week": 604800,
            "one_month": 2592000,
            "five_years": 31556952,
        },
        help="Name of each InfluxDB retention policy and its seconds.",
    ),
]

TABLE: dict[str, Any] = {
    "gnocchi_client": GNOCCHI_OPTS,
    "aetos_client": AETOS_OPTS,
    "prometheus_client": PROMETHEUS_OPTS,
    "grafana_client": GRAFANA_OPTS,
    "grafana_translators": TRANSLATOR_OPTS,
}


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``"""
    conf.register_opts(OPTS, GROUP)
    for name, opts in TABLE.items():
        conf.register_opts(opts, name)
