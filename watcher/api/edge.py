"""Small WSGI layers between the server and the application."""

import re
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from keystoneauth1 import exceptions as ksa
from keystonemiddleware import auth_token
from keystonemiddleware import opts as keystone_options
from oslo_config import cfg
from oslo_log import log

from watcher import exception
from watcher._i18n import _
from watcher.api import errors, microversion, render

LOG = log.getLogger(__name__)

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

FORMAT = "watcher.format"
# What was read off the path as a format, and its segments when one of them holds a slash.
SUFFIX = "watcher.suffix"
SEGMENTS = "watcher.segments"
# The library waits for ever for a Keystone that takes a connection and says nothing; every
# thread of ours would soon do so, and none answer.
_PATIENCE = {"http_connect_timeout": 10, "http_request_max_retries": 1}
_SUFFIX = re.compile(r"(?<=[^/])\.(json|xml)(?=/?\Z)")
# A document whose name is not asked for in another format.
_WHOLE = frozenset(("/v1/openapi.json", "/openapi.json"))
_FORMATS = {"json": render.JSON, "xml": render.XML}
# Every header that a request context, or the policy, could be made from.
_IDENTITY = (
    "HTTP_X_AUTH_TOKEN",
    "HTTP_X_STORAGE_TOKEN",
    "HTTP_X_IDENTITY_STATUS",
    "HTTP_X_USER",
    "HTTP_X_PROJECT",
    "HTTP_X_TENANT",
    "HTTP_X_DOMAIN",
    "HTTP_X_ROLE",
    "HTTP_X_IS_ADMIN",
    "HTTP_X_SERVICE",
    "HTTP_OPENSTACK_SYSTEM_SCOPE",
    "keystone.",
)


class Faults:
    """Turns every error that comes up into an answer of the published shape"""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        # Servers may leave out what is empty.
        for name in ("SCRIPT_NAME", "PATH_INFO"):
            environ.setdefault(name, "")
        try:
            return self._app(environ, start_response)
        except Exception as error:  # the outer edge of a request
            environ.setdefault(FORMAT, _accepted(environ))
            return errors.answer(error, environ)(environ, start_response)


def _accepted(environ: Environ) -> str:
    """Return the format of an error that came up before one was chosen"""
    try:
        return render.media_type(environ.get("HTTP_ACCEPT"))
    except errors.TypeNotAcceptable:
        return render.JSON


class Versions:
    """Puts the range of microversions, and the one agreed on, on every answer"""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").strip("/"):
            # Discovery comes before any version is known.
            return self._app(environ, start_response)
        try:
            minor = microversion.asked(environ.get("HTTP_OPENSTACK_API_VERSION"))
        except errors.VersionRefused:
            minor = None
        extra = microversion.headers(minor)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            known = {name.lower() for name, _value in headers}
            more = [item for item in extra if item[0].lower() not in known]
            return start_response(status, headers + more, *rest)

        return self._app(environ, start)


class Paths:
    """Reads a format suffix off the path, and refuses paths that are no text"""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        for name in (FORMAT, SUFFIX, SEGMENTS):
            environ.pop(name, None)
        path = environ.get("PATH_INFO", "")
        try:
            for text in (path, environ.get("SCRIPT_NAME", "")):
                text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            raise errors.RouteNotFound from None
        segments = with_slashes(environ)
        match = None if path.rstrip("/") in _WHOLE else _SUFFIX.search(path)
        if match:
            environ[FORMAT] = _FORMATS[match[1]]
            environ[SUFFIX] = match[0]
            environ["PATH_INFO"] = path[: match.start()] + path[match.end() :]
            if segments:
                # A slash may come after it.
                place = -1 if segments[-1] else -2
                segments[place] = segments[place].removesuffix(match[0])
        if segments:
            environ[SEGMENTS] = segments
        return self._app(environ, start_response)


def with_slashes(environ: Environ) -> list[str] | None:
    """Return the segments of a path in which a slash is part of a name, or None

    Servers decode the path before anybody can see which slashes were sent as %2F. The raw
    form is believed only when it decodes to exactly the path that everybody else sees.
    """
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    raw = raw.partition("?")[0]
    if "%2f" not in raw.lower():
        return None
    path = environ.get("PATH_INFO", "")
    segments = raw.split("/")
    # A prefix that the application is mounted at comes before the path.
    for start in range(1, len(segments)):
        names = [urllib.parse.unquote_to_bytes(text) for text in segments[start:]]
        if (b"/" + b"/".join(names)).decode("latin-1") == path:
            return [name.decode("utf-8") for name in names]
    return None


class Preflight:
    """Answers OPTIONS; the CORS layer outside adds what a browser asks for"""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "OPTIONS":
            return self._app(environ, start_response)
        start_response("200 OK", [("Content-Length", "0")])
        return []


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of the token check, with defaults of ours"""
    for group, options in keystone_options.list_auth_token_opts():
        conf.register_opts(options, group)
        for name, value in _PATIENCE.items():
            conf.set_default(name, value, group)


class Identity:
    """Demands a Keystone token, but for the few paths that are open to anybody

    Headers that tell who somebody is are only believed when the token middleware has
    set them: on open paths they are thrown away.
    """

    def __init__(self, app: App, conf: cfg.ConfigOpts) -> None:
        self._app = app
        register(conf)
        self._checked = auth_token.AuthProtocol(app, {"oslo_config_config": conf})
        self._webhooks_open = not conf.api.enable_webhooks_auth

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if not self._is_open(environ.get("PATH_INFO", "")):
            try:
                answer: Iterable[bytes] = self._checked(environ, start_response)
            except ksa.ClientException as error:
                # Not the caller's fault, and not ours to hide behind a 500.
                LOG.error("Keystone cannot be asked: %s", error)
                raise exception.NotReady(
                    reason=_("Keystone cannot be asked")
                ) from error
            return answer
        return self._app(without_identity(environ), start_response)

    def _is_open(self, path: str) -> bool:
        path = path.rstrip("/")
        if path in ("", "/.json", "/.xml"):
            return True
        return self._webhooks_open and path.startswith("/v1/webhooks/")


class Anybody:
    """Gives callers who name no role the roles that the configuration grants to anybody"""

    def __init__(self, app: App, roles: Sequence[str]) -> None:
        self._app = app
        self._roles = ",".join(roles)

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        # A role header that is there but empty says that the caller has no role.
        if "HTTP_X_ROLES" not in environ and "HTTP_X_ROLE" not in environ:
            environ = {**environ, "HTTP_X_ROLES": self._roles}
        return self._app(environ, start_response)


def without_identity(environ: Environ) -> Environ:
    """Return ``environ`` without what the client says about who it is"""
    return {
        name: value for name, value in environ.items() if not name.startswith(_IDENTITY)
    }
