"""Finds the API as OpenStack's commands do: options, OS_* variables, clouds.yaml."""

import argparse
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from keystoneauth1 import adapter, loading, session
from keystoneauth1.exceptions import base as errors

SERVICE_TYPE = "infra-optim"
# Seconds that an answer may take.
ANSWER_S = 30
SUFFIXES = (".yaml", ".yml", ".json")
NOWHERE = (
    "nothing says where the API is: source an openrc file, name a cloud of clouds.yaml with "
    "--os-cloud, or give --os-endpoint URL"
)


class Unusable(Exception):
    """The options do not say how to reach the API"""


def connect(
    argv: Sequence[str], environ: Mapping[str, str] = os.environ
) -> tuple[adapter.Adapter, list[str]]:
    """Return the way to the API, and the words that are no business of authentication

    :raises Unusable: it cannot be told where the API is, or who we are
    """
    early = _parser()
    early.add_argument("--os-cloud", default=environ.get("OS_CLOUD"))
    early.add_argument("--os-token-file", default=environ.get("OS_TOKEN_FILE"))
    first, rest = early.parse_known_args(argv)
    try:
        if first.os_cloud:
            return _by_cloud(first.os_cloud, rest, environ)
        return _by_options(first.os_token_file, rest, environ)
    except errors.ClientException as error:
        raise Unusable(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(add_help=False, allow_abbrev=False)


# Options and variables ------------------------------------------------------------------


def _by_options(
    token_file: str | None, argv: Sequence[str], environ: Mapping[str, str]
) -> tuple[adapter.Adapter, list[str]]:
    words = [*argv]
    kind = _kind(words, token_file, environ)
    if token_file:
        words += ["--os-token", _token(token_file)]
    parser = _parser()
    loader: Any = loading.register_auth_argparse_arguments(parser, words, default=kind)
    if loader is None:
        raise Unusable(NOWHERE)
    names = [option.dest for option in loader.get_options()]
    _more(parser, environ, endpoint="endpoint" not in names)
    given, rest = parser.parse_known_args(words)
    for name in ("endpoint", "auth_url"):
        if name in names and not getattr(given, f"os_{name}"):
            raise Unusable(NOWHERE)
    auth = loading.load_auth_from_argparse_arguments(given)
    return _adapter(auth, given, {}), rest


def _kind(
    words: Sequence[str], token_file: str | None, environ: Mapping[str, str]
) -> str | None:
    """Return how we say who we are when no --os-auth-type tells"""
    probe = _parser()
    for name in ("endpoint", "token", "auth-url"):
        variable = "OS_" + name.replace("-", "_").upper()
        probe.add_argument(f"--os-{name}", default=environ.get(variable))
    found, _rest = probe.parse_known_args(words)
    if found.os_auth_url:
        return "password"
    if not found.os_endpoint:
        return None
    return "admin_token" if token_file or found.os_token else "none"


def _token(path: str) -> str:
    try:
        return pathlib.Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"the token cannot be read from {path}: {error}") from error


def _more(
    parser: argparse.ArgumentParser, environ: Mapping[str, str], *, endpoint: bool
) -> None:
    """Add what is asked of connections, whoever we are"""
    override = ["--os-endpoint-override", *(["--os-endpoint"] if endpoint else [])]
    parser.add_argument(
        *override,
        dest="override",
        default=environ.get("OS_ENDPOINT_OVERRIDE")
        or (environ.get("OS_ENDPOINT") if endpoint else None),
    )
    parser.add_argument("--os-region-name", default=environ.get("OS_REGION_NAME"))
    parser.add_argument(
        "--os-interface",
        "--os-endpoint-type",
        dest="os_interface",
        default=environ.get("OS_INTERFACE") or environ.get("OS_ENDPOINT_TYPE"),
    )
    parser.add_argument("--os-cacert", default=environ.get("OS_CACERT"))
    parser.add_argument("--os-cert", default=environ.get("OS_CERT"))
    parser.add_argument("--os-key", default=environ.get("OS_KEY"))
    parser.add_argument("--insecure", action="store_true")


def _adapter(
    auth: Any, given: argparse.Namespace, cloud: Mapping[str, Any]
) -> adapter.Adapter:
    verify: bool | str = given.os_cacert or cloud.get("cacert") or True
    if given.insecure or cloud.get("verify") is False:
        verify = False
    cert, key = given.os_cert or cloud.get("cert"), given.os_key or cloud.get("key")
    return adapter.Adapter(
        session.Session(
            auth=auth,
            verify=verify,
            cert=(cert, key) if cert and key else cert,
            timeout=ANSWER_S,
        ),
        service_type=SERVICE_TYPE,
        interface=given.os_interface
        or cloud.get("interface")
        or cloud.get("endpoint_type")
        or "public",
        region_name=given.os_region_name or _region(cloud),
        endpoint_override=given.override or cloud.get("infra_optim_endpoint_override"),
    )


# clouds.yaml ----------------------------------------------------------------------------


def _by_cloud(
    name: str, argv: Sequence[str], environ: Mapping[str, str]
) -> tuple[adapter.Adapter, list[str]]:
    cloud = read_cloud(name, environ)
    parser = _parser()
    # What the file leaves out may come from the command line alone.
    _more(parser, {}, endpoint=True)
    given, rest = parser.parse_known_args(argv)
    auth = {str(key).replace("-", "_"): v for key, v in cloud.get("auth", {}).items()}
    loader: Any = loading.get_plugin_loader(str(cloud.get("auth_type") or "password"))

    def value(option: Any) -> Any:
        for one in (option, *option.deprecated):
            if auth.get(one.dest) is not None:
                return auth[one.dest]
        return None

    return _adapter(loader.load_from_options_getter(value), given, cloud), rest


def read_cloud(name: str, environ: Mapping[str, str] = os.environ) -> Mapping[str, Any]:
    """Return a cloud of clouds.yaml, with what secure.yaml adds to it

    :raises Unusable: there is no such file, or no such cloud in it
    """
    path, document = _document("clouds", environ.get("OS_CLIENT_CONFIG_FILE"))
    if path is None:
        raise Unusable(
            "there is no clouds.yaml here, in ~/.config/openstack or in /etc/openstack"
        )
    _path, secrets = _document("secure", environ.get("OS_CLIENT_SECURE_FILE"))
    clouds = _merged(document, secrets).get("clouds")
    if not isinstance(clouds, dict) or not isinstance(clouds.get(name), dict):
        known = ", ".join(sorted(map(str, clouds or ()))) or "none"
        raise Unusable(f"{path} has no cloud {name}; it has: {known}")
    cloud: dict[str, Any] = clouds[name]
    if "profile" in cloud and "auth_url" not in (cloud.get("auth") or {}):
        raise Unusable(
            f"{path}: cloud {name} takes its address from profile {cloud['profile']}, "
            "which this command does not know; write auth_url into its auth"
        )
    if not isinstance(cloud.setdefault("auth", {}), dict):
        raise Unusable(f"{path}: auth of cloud {name} is no mapping")
    return cloud


def _document(
    kind: str, given: str | None
) -> tuple[pathlib.Path | None, dict[str, Any]]:
    folders = (
        pathlib.Path.cwd(),
        pathlib.Path("~/.config/openstack").expanduser(),
        pathlib.Path("/etc/openstack"),
    )
    paths = [folder / f"{kind}{suffix}" for folder in folders for suffix in SUFFIXES]
    if given:
        paths.insert(0, pathlib.Path(given).expanduser())
    for path in paths:
        if not path.is_file():
            continue
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise Unusable(f"{path} cannot be read: {error}") from error
        return path, found if isinstance(found, dict) else {}
    return None, {}


def _merged(first: Any, second: Any) -> Any:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    merged = dict(first)
    for key, value in second.items():
        merged[key] = _merged(first[key], value) if key in first else value
    return merged


def _region(cloud: Mapping[str, Any]) -> str | None:
    regions = cloud.get("regions") or ()
    found = cloud.get("region_name") or next(iter(regions), None)
    if isinstance(found, dict):
        found = found.get("name")
    return None if found is None else str(found)
