"""Options of the OpenStack services that Watcher talks to."""

from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg

SERVICES = {
    "nova": "compute",
    "cinder": "block-storage",
    "keystone": "identity",
    "placement": "placement",
}
AUTH_GROUP = "watcher_clients_auth"

NOVA_OPTS = [
    cfg.StrOpt(
        "api_version",
        default="2.56",
        deprecated_group="nova_client",
        help="Oldest compute microversion that must be there, at least 2.56.",
    ),
    cfg.IntOpt(
        "migration_max_retries",
        default=180,
        min=1,
        help="Together with migration_interval the seconds (product of the two) that a "
        "migration or resize may take, more for much memory. A live migration is not given "
        "up while less and less of its memory is left to be copied.",
    ),
    cfg.FloatOpt(
        "migration_interval",
        default=5.0,
        min=0.1,
        help="Longest time in seconds between two looks at what is under way. Many "
        "migrations are looked at together, with one request each time.",
    ),
    cfg.IntOpt(
        "stop_timeout",
        default=300,
        min=1,
        help="Seconds that stopping or starting a server may take. Longer than the "
        "shutdown_timeout of nova-compute and the os_shutdown_timeout of images.",
    ),
    cfg.IntOpt(
        "delete_max_retries",
        default=15,
        min=1,
        help="Together with delete_interval the seconds (product of the two) that "
        "deleting a server may take.",
    ),
    cfg.FloatOpt(
        "delete_interval",
        default=1.0,
        min=0.1,
        help="See delete_max_retries; in seconds.",
    ),
    cfg.IntOpt(
        "shelve_max_retries",
        default=15,
        min=1,
        help="Together with shelve_interval the seconds (product of the two) that "
        "shelving a server may take. Storing the image of a large disk takes longer "
        "than what is set here by default.",
    ),
    cfg.FloatOpt(
        "shelve_interval",
        default=1.0,
        min=0.1,
        help="See shelve_max_retries; in seconds.",
    ),
    cfg.IntOpt(
        "http_retries",
        default=3,
        min=1,
        help="Further attempts of reading requests when a connection fails.",
    ),
    cfg.FloatOpt(
        "http_retry_interval",
        default=2.0,
        min=0.1,
        help="Seconds between those attempts.",
    ),
]

CINDER_OPTS = [
    cfg.IntOpt(
        "volume_migration_timeout",
        default=3600,
        min=1,
        help="Seconds that the migration or retype of a volume may take whatever its "
        "size. Cinder goes on with one that takes longer, but its action has failed.",
    ),
    cfg.FloatOpt(
        "volume_migration_timeout_per_gb",
        default=60.0,
        min=0.0,
        help="Seconds per GB of the volume that are added to volume_migration_timeout; "
        "60 is copying at 17 MB a second.",
    ),
    cfg.FloatOpt(
        "volume_migration_interval",
        default=10.0,
        min=0.1,
        help="Longest time in seconds between two looks at a volume that is migrated.",
    ),
]

_URL_KINDS = ["publicURL", "internalURL", "adminURL", "public", "internal", "admin"]
_KINDS = ["internal", "public", "admin"]


def _old(opt: cfg.Opt, since: str, why: str) -> cfg.Opt:
    opt.deprecated_for_removal = True
    opt.deprecated_since = since
    opt.deprecated_reason = why
    return opt


def _endpoint_type() -> cfg.Opt:
    return cfg.StrOpt(
        "endpoint_type",
        default="publicURL",
        choices=_URL_KINDS,
        help="Kind of endpoint; use valid_interfaces of the service's own group.",
    )


def _region() -> cfg.Opt:
    return cfg.StrOpt(
        "region_name", help="Region; use region_name of the service's own group."
    )


def _interface() -> cfg.Opt:
    return cfg.StrOpt(
        "interface",
        default="public",
        choices=_KINDS,
        help="Kind of endpoint; use valid_interfaces of the service's own group.",
    )


def _dead_version(default: str) -> cfg.Opt:
    return cfg.StrOpt("api_version", default=default, help="Has no effect.")


_MOVED = "Set it in the group of the service."
_DEAD = "Nothing reads it."
LEGACY: dict[str, list[cfg.Opt]] = {
    "nova_client": [
        _old(_endpoint_type(), "2026.1", _MOVED),
        _old(_region(), "2026.1", _MOVED),
    ],
    "cinder_client": [
        _old(_dead_version("3"), "2026.2", _DEAD),
        _old(_endpoint_type(), "2026.2", _MOVED),
        _old(_region(), "2026.2", _MOVED),
    ],
    "keystone_client": [
        _old(_interface(), "2026.2", _MOVED),
        _old(_region(), "2026.2", _MOVED),
    ],
    "placement_client": [
        _old(_dead_version("1.29"), "2026.2", _DEAD),
        _old(_interface(), "2026.2", _MOVED),
        _old(_region(), "2026.2", _MOVED),
    ],
    "ironic_client": [
        cfg.StrOpt(
            "api_version",
            default="1",
            help="Microversion to speak with Ironic, for instance 1.58; less than 1.8, and "
            "latest, mean 1.8, which has all that is read.",
        ),
        cfg.StrOpt(
            "endpoint_type",
            default="publicURL",
            choices=_URL_KINDS,
            help="Kind of endpoint.",
        ),
        cfg.StrOpt("region_name", help="Region in the catalog."),
        cfg.IntOpt(
            "power_timeout",
            default=600,
            min=1,
            help="Seconds that switching a machine on or off may take.",
        ),
        cfg.FloatOpt(
            "power_interval",
            default=10.0,
            min=0.1,
            help="Longest time in seconds between two looks at a machine that is "
            "switched.",
        ),
    ],
    "maas_client": [
        _old(
            cfg.StrOpt(
                "url",
                help="URL of MAAS. When it is set, machines are switched by MAAS instead of Ironic.",
            ),
            "2026.1",
            "Unmaintained.",
        ),
        _old(
            cfg.StrOpt(
                "api_key",
                secret=True,
                help="Key for MAAS, as it shows it: three parts with colons.",
            ),
            "2026.1",
            "Unmaintained.",
        ),
        _old(
            cfg.IntOpt("timeout", default=60, help="Seconds for one request."),
            "2026.1",
            "Unmaintained.",
        ),
    ],
}


def register(conf: cfg.ConfigOpts) -> None:
    """Register adapter, session and auth options of every service on ``conf``"""
    for group in (AUTH_GROUP, *SERVICES):
        loading.register_session_conf_options(conf, group)
        loading.register_auth_conf_options(conf, group)
    for group in SERVICES:
        loading.register_adapter_conf_options(conf, group)
    # A proxy's setting for every service; the legacy group has its own name for it.
    conf.register_opts(NOVA_OPTS, "nova")
    conf.register_opts(CINDER_OPTS, "cinder")
    for group, opts in LEGACY.items():
        conf.register_opts(opts, group)


def listed() -> dict[str, list[Any]]:
    """Return the options of each group as the sample file shows them"""
    auth = [
        *loading.get_session_conf_options(),
        *loading.get_auth_common_conf_options(),
        *loading.get_auth_plugin_conf_options("password"),
    ]
    table: dict[str, list[Any]] = {AUTH_GROUP: list(auth)}
    for group in SERVICES:
        own = {"nova": NOVA_OPTS, "cinder": CINDER_OPTS}.get(group, [])
        table[group] = [*own, *loading.get_adapter_conf_options(), *auth]
    table.update(LEGACY)
    return table
