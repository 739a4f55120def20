"""watcher-standalone: API, decision engine and applier in one process.

For a first look, for trials and for small clouds. Without a cloud in the configuration it
uses a simulated one; without a database and a broker, SQLite and messages inside the
process. Whatever is set explicitly wins over these guesses.
"""

import contextlib
import fcntl
import hmac
import logging
import os
import pathlib
import secrets
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

import sqlalchemy.exc
import waitress
from oslo_config import cfg

from watcher import exception, policy, service
from watcher.api import app, edge
from watcher.applier import service as applier
from watcher.clients.simulated import SimulatedCloud
from watcher.cluster.collector.cache import Models
from watcher.cmd.wiring import Wiring
from watcher.conf import clients as client_options
from watcher.daemon import LAST_GRACE_S, end_within
from watcher.db import migration
from watcher.db.session import Database
from watcher.decision_engine import service as decision_engine
from watcher.parts import left

LOG = logging.getLogger(__name__)

NAME = "watcher-standalone"
LOOPBACK = "127.0.0.1"
LOCAL_NAMES = (LOOPBACK, "localhost", "[::1]")
CLI_OPTS = [
    cfg.StrOpt(
        "state-dir",
        help="Folder for the database, the simulated cloud and the token; made when it "
        "is not there. Default: state_path of the configuration.",
    ),
    cfg.PortOpt("port", help="TCP port on 127.0.0.1. Default: [api] port."),
]
# More threads than a page of the dashboard has requests.
HTTP_THREADS = 8
# Between two looks at the requests that are still being answered.
DRAIN_S = 0.1


def is_set(conf: cfg.ConfigOpts, name: str, group: str | None = None) -> bool:
    """Tell whether the operator set the option, as opposed to its default"""
    try:
        place = conf.get_location(name, group)
    except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
        return False
    return bool(place and place.location.is_user_controlled)


def real_cloud(conf: cfg.ConfigOpts) -> bool:
    """Tell whether credentials of a cloud are configured"""
    groups = (client_options.AUTH_GROUP, "nova")
    return any(conf[group].auth_type or conf[group].auth_section for group in groups)


def settle(conf: cfg.ConfigOpts, folder: pathlib.Path) -> bool:
    """Fill in what the operator left open; True when the database is ours to migrate"""
    ours = not is_set(conf, "connection", "database")
    if ours:
        url = f"sqlite:///{folder / 'watcher.sqlite'}"
        conf.set_override("connection", url, "database")
    if not is_set(conf, "transport_url"):
        conf.set_override("transport_url", "fake://")
    if not is_set(conf, "collector_plugins", "collector"):
        conf.set_override("collector_plugins", ["compute"], "collector")
    return ours


class StateFolder:
    """The folder of one standalone service; a second one on it is refused

    Two would each overwrite what the other did to the simulated cloud.
    """

    name = "state folder"

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        self.start()

    def start(self) -> None:
        """Make the folder when it is not there, and take it"""
        if self._lock is not None:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.path / "lock", "w", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise self._refused(error.strerror or str(error)) from error
        try:
            # Ends with the process, however that ends.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.stop(0)
            raise self._refused("another watcher-standalone uses it") from error

    def stop(self, deadline: float) -> None:
        """Give the folder back"""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _refused(self, why: str) -> exception.ConfigInvalid:
        return exception.ConfigInvalid(
            group="DEFAULT",
            option="state-dir",
            reason=f"{self.path}: {why}. Name a folder of its own that may be written "
            "to, with --state-dir",
        )


class Token:
    """Lets in whoever can read the file with the token"""

    def __init__(self, inner: edge.App, path: pathlib.Path) -> None:
        self._inner = inner
        self._token = self._read(path)

    def __call__(
        self, environ: edge.Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        given = str(environ.get("HTTP_X_AUTH_TOKEN", ""))
        known = edge.without_identity(environ)
        if hmac.compare_digest(given.encode(), self._token.encode()):
            known["HTTP_X_ROLES"] = "admin"
            known["HTTP_X_USER_ID"] = NAME
            known["HTTP_X_PROJECT_ID"] = NAME
        elif environ.get("PATH_INFO", "").strip("/"):
            start_response("401 Unauthorized", [("Content-Type", "application/json")])
            return [
                b'{"error": {"code": 401, "title": "Unauthorized", "message": '
                b'"X-Auth-Token must be the content of the file named token in the '
                b'state directory"}}'
            ]
        return self._inner(known, start_response)

    @staticmethod
    def _read(path: pathlib.Path) -> str:
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(32))
        path.chmod(0o600)
        token = path.read_text().strip()
        if not token:
            # An empty token would let in every request that has none.
            path.unlink()
            return Token._read(path)
        return token


class Guest:
    """Takes whoever does not say who he is for an administrator of the simulated cloud

    Command-line clients without Keystone cannot send roles.
    """

    def __init__(self, inner: edge.App) -> None:
        self._inner = inner

    def __call__(
        self, environ: edge.Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        # A page elsewhere, whose name was made to point here, is not this machine's user.
        name = str(environ.get("HTTP_HOST", "")).rpartition(":")[0]
        if name in LOCAL_NAMES and not environ.get("HTTP_X_ROLES"):
            environ = {**environ, "HTTP_X_ROLES": "admin", "HTTP_X_USER_ID": NAME}
        return self._inner(environ, start_response)


def identity(
    conf: cfg.ConfigOpts, folder: pathlib.Path
) -> Callable[[edge.App], edge.App] | None:
    """Return the layer that tells who is asking; None: as the configuration says

    Keystone when it is configured, headers when switched on explicitly, a token in a file
    in front of a real cloud. On the simulated one nothing can be harmed.
    """
    if is_set(conf, "enable_authentication"):
        return None
    edge.register(conf)
    names = ("auth_type", "auth_section")
    if any(is_set(conf, name, "keystone_authtoken") for name in names):
        return None
    if real_cloud(conf):
        path = folder / "token"
        LOG.warning("The API demands the token in %s", path)
        return lambda inner: Token(inner, path)
    conf.set_override("enable_authentication", False)
    return Guest


class HttpServer:
    """The API on a port of the loopback interface"""

    name = "api"

    def __init__(self, application: edge.App, port: int, longest: int = 2**20) -> None:
        self._application = application
        self._port = port
        self._longest = longest
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; an address in use is an error that waiting does not mend"""
        try:
            self._server = waitress.create_server(
                self._application,
                host=LOOPBACK,
                port=self._port,
                threads=HTTP_THREADS,
                clear_untrusted_proxy_headers=True,
                # Bodies are stored before the application hears of them; those a
                # little too long are refused there, with an answer of ours.
                max_request_body_size=10 * self._longest,
            )
        except OSError as error:
            raise exception.ConfigInvalid(
                group="api", option="port", reason=f"{self._port}: {error.strerror}"
            ) from error
        self._thread = threading.Thread(
            target=self._server.run, name=self.name, daemon=True
        )
        self._thread.start()
        LOG.info("Listening on http://%s:%s", LOOPBACK, self._port)

    def stop(self, deadline: float) -> None:
        """Take no more requests; answers under way are sent first"""
        if self._server is None or self._thread is None:
            return
        self._server.accepting = False
        while self._thread.is_alive() and left(deadline):
            # The server may end after it got the message and before it is woken for it.
            with contextlib.suppress(OSError):
                self._server.trigger.pull_trigger(self._close_idle)
            self._thread.join(min(DRAIN_S, left(deadline)))

    def _close_idle(self) -> None:
        # Runs in the server's thread. Clients keep connections open for minutes, and the
        # server would wait for them.
        channels = self._server.active_channels
        for channel in list(channels.values()):
            if not channel.requests and not channel.total_outbufs_len:
                channel.handle_close()
        if not channels:
            self._server.close()


def build(conf: cfg.ConfigOpts) -> service.Daemon:
    """Return API, decision engine and applier as one daemon"""
    folder = pathlib.Path(conf.state_dir or conf.state_path).absolute()
    state = StateFolder(folder)
    ours = settle(conf, folder)
    shared: dict[str, Any] = {}
    if not real_cloud(conf):
        shared["clients"] = _simulated(conf, folder).clients()
    layer = identity(conf, folder)
    engine = Wiring(conf, decision_engine.NAME, **shared)
    other = engine.beside(applier.NAME)
    models = Models(conf, engine.plugins, engine.clients)
    api = HttpServer(
        app.build(
            conf,
            engine.db.acting("watcher-api"),
            engine.rpc,
            policy.Enforcer(conf),
            engine.plugins,
            identity=layer,
        ),
        conf.port or conf.api.port,
        conf.api.max_body_bytes,
    )
    return service.Daemon(
        conf,
        NAME,
        [
            state,
            *engine.first_parts(lambda: models.full_age_s),
            other.heartbeat(),
            *engine.notification_parts(),
            *decision_engine.parts(conf, engine, models=models),
            *applier.parts(conf, other, models),
            api,
        ],
        checks=[
            *([("the database", lambda: _migrate(conf))] if ours else []),
            *engine.checks(),
            *decision_engine.checks(engine),
            *applier.checks(other),
        ],
    )


def _simulated(conf: cfg.ConfigOpts, folder: pathlib.Path) -> SimulatedCloud:
    options = conf.watcher_simulated_cloud
    return SimulatedCloud(
        options.seed,
        hosts=options.hosts,
        servers=options.servers,
        zones=options.zones,
        migration_mb_s=options.migration_mb_s,
        path=folder / "cloud.json",
    )


def _migrate(conf: cfg.ConfigOpts) -> None:
    db = Database(conf)
    try:
        migration.upgrade(db.engine)
    except sqlalchemy.exc.DatabaseError as error:
        if type(error) is not sqlalchemy.exc.DatabaseError:
            raise
        # The file is something else, or damaged.
        raise exception.DatabaseUnavailable(
            reason=f"{db.engine.url.database}: {error.orig}"
        ) from error
    finally:
        db.dispose()


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``watcher-standalone``; return its exit status"""
    try:
        conf = service.prepare(NAME, argv, tool=True, cli_opts=CLI_OPTS)
        daemon = build(conf)
        status = daemon.run()
    except (exception.WatcherException, cfg.Error) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    if argv is None:
        end_within(LAST_GRACE_S, NAME)
    if daemon.fatal is not None:
        print(f"{NAME}: {daemon.fatal}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
