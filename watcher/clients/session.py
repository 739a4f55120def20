"""From configuration to authenticated adapters of the OpenStack services."""

from collections.abc import Mapping
from typing import Any

from keystoneauth1 import adapter as ks_adapter
from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session as ks_session
from oslo_config import cfg
from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter

from watcher import exception
from watcher.clients.http import READ_S

FALLBACK_GROUP = "watcher_clients_auth"

# Connections to one address that are kept for reuse. More threads than ever ask at once
# (readers of models, audits, running actions): a connection that finds no place is thrown
# away with a warning. A place that nobody used costs nothing.
KEPT_CONNECTIONS = 200
SERVICE_TYPES: Mapping[str, str] = {
    "nova": "compute",
    "placement": "placement",
    "keystone": "identity",
    "cinder": "block-storage",
}

# The older groups named the kind of endpoint in two ways.
_LEGACY_INTERFACE: Mapping[str, tuple[str, str]] = {
    "nova": ("nova_client", "endpoint_type"),
    "cinder": ("cinder_client", "endpoint_type"),
    "keystone": ("keystone_client", "interface"),
    "placement": ("placement_client", "interface"),
}


def auth_group(conf: cfg.ConfigOpts, group: str) -> str:
    """Return the group whose auth and session options serve this service"""
    own = conf[group]
    return group if own.auth_type or own.auth_section else FALLBACK_GROUP


def session(conf: cfg.ConfigOpts, group: str) -> ks_session.Session:
    """Build the session of a service; nothing is sent before its first use

    Auth and session options come from one group, never mixed from two.
    """
    source = auth_group(conf, group)
    try:
        auth = loading.load_auth_from_conf_options(conf, source)
        made = loading.load_session_from_conf_options(
            conf,
            source,
            auth=auth,
            app_name="watcher",
            # Without one a silent Keystone would hold a thread for ever.
            timeout=conf[source].timeout or READ_S,
        )
    except (ks_exceptions.ClientException, TypeError, ValueError) as error:
        raise exception.ConfigInvalid(
            group=source, option="auth_type", reason=str(error)
        ) from error
    _widen(made)
    return made


def _widen(made: ks_session.Session) -> None:
    """Let many threads share the session; how its sockets are kept alive stays"""
    # The library's adapters are enlarged, not replaced: they know its socket and TLS options.
    for http in set(made.session.adapters.values()):
        if isinstance(http, HTTPAdapter):
            http.init_poolmanager(DEFAULT_POOLSIZE, KEPT_CONNECTIONS)


def adapter(
    conf: cfg.ConfigOpts, group: str, shared: ks_session.Session | None = None
) -> ks_adapter.Adapter:
    """Build the adapter of a service over ``shared`` or over a session of its own"""
    own = conf[group]
    options: dict[str, Any] = {
        "session": shared or session(conf, group),
        "service_type": own.service_type or SERVICE_TYPES[group],
        "region_name": own.region_name or _legacy_region(conf, group),
        "raise_exc": False,
    }
    if not own.valid_interfaces and not getattr(own, "interface", None):
        options["interface"] = _legacy_interface(conf, group)
    if group == "keystone" and not (own.version or own.min_version or own.max_version):
        # The catalogue may hold the unversioned address.
        options["version"] = "3"
    try:
        return loading.load_adapter_from_conf_options(conf, group, **options)
    except (ks_exceptions.ClientException, TypeError, ValueError) as error:
        raise exception.ConfigInvalid(
            group=group, option="valid_interfaces", reason=str(error)
        ) from error


def plain_adapter(
    conf: cfg.ConfigOpts, group: str, service_type: str, shared: ks_session.Session
) -> ks_adapter.Adapter:
    """Build the adapter of a service that has but a group of the older kind"""
    own = conf[group]
    return ks_adapter.Adapter(
        session=shared,
        service_type=service_type,
        interface=own.endpoint_type.removesuffix("URL"),
        region_name=own.region_name,
        raise_exc=False,
    )


def _legacy_region(conf: cfg.ConfigOpts, group: str) -> str | None:
    return _option(conf, f"{group}_client", "region_name")


def _legacy_interface(conf: cfg.ConfigOpts, group: str) -> str | None:
    old_group, name = _LEGACY_INTERFACE[group]
    value = _option(conf, old_group, name)
    if name == "interface" and not _is_set(conf, old_group, name):
        # The published default "public" of these two never reached the adapter.
        return None
    return value.removesuffix("URL") if value else None


def _option(conf: cfg.ConfigOpts, group: str, name: str) -> str | None:
    try:
        value: str | None = conf[group][name]
    except (cfg.NoSuchOptError, cfg.NoSuchGroupError, KeyError):
        return None
    return value


def _is_set(conf: cfg.ConfigOpts, group: str, name: str) -> bool:
    try:
        place = conf.get_location(name, group)
    except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
        return False
    return place is not None and place.location is not cfg.Locations.opt_default
