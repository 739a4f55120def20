"""watcher-api: the REST API, served by gunicorn."""

import multiprocessing
import pathlib
import ssl
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from gunicorn import arbiter, errors, glogging
from gunicorn.app import base
from oslo_config import cfg

from watcher import bus, exception, service
from watcher.api import app
from watcher.api.edge import App
from watcher.cmd import patience, wiring
from watcher.policy import Enforcer

NAME = "watcher-api"
# Seconds that the server takes for "as long as it takes".
ENDLESS_S = 10**8
ACCESS = '%(h)s "%(r)s" %(s)s %(b)s bytes %(M)s ms'


def application(conf: cfg.ConfigOpts) -> App:
    """Return the application with a database, a bus and plugins of its own"""
    wiring.speak(conf, NAME)
    return app.build(
        conf,
        wiring.database(conf, NAME),
        wiring.rpc(conf),
        Enforcer(conf),
        wiring.plugins(conf),
    )


class Log(glogging.Logger):
    """Hands the server's log lines to the program's own log"""

    def setup(self, cfg: Any) -> None:
        """Leave formats, levels and files to the configuration of the program"""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True


class Server(base.BaseApplication):  # type: ignore[misc]
    """gunicorn as [api] and [ssl] ask for it; each worker has its own application"""

    def __init__(self, conf: cfg.ConfigOpts, argv: Sequence[str] | None) -> None:
        self._settings = settings(conf)
        if conf.api.enable_ssl_api:
            try_tls(conf.ssl)
        self._argv = argv
        super().__init__()

    def run(self) -> None:
        """Serve until told to end"""
        Master(self).run()

    def check(self) -> None:
        """Read the configuration and its files as new workers will

        :raises WatcherException: they would not start
        """
        conf = service.prepare(NAME, self._argv)
        settings(conf)
        if conf.api.enable_ssl_api:
            try_tls(conf.ssl)
        Enforcer(conf)
        bus.rpc_transport(conf).cleanup()

    def load_config(self) -> None:
        """Give gunicorn its settings; its own files and variables are not read"""
        for name, value in self._settings.items():
            # Some settings are younger than the oldest server that we run with.
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> App:
        """Build the application inside a worker, so that no connection is shared

        Workers started after a SIGHUP read the configuration again.
        """
        try:
            return application(service.prepare(NAME, self._argv))
        except (exception.WatcherException, cfg.Error) as error:
            # Printed as it is, without the way that the program took to it.
            raise errors.AppImportError(f"{NAME}: {error}") from error


class Master(arbiter.Arbiter):  # type: ignore[misc]
    """gunicorn's master, which a mistake in a file does not make end in the middle

    New workers that cannot start would take it and all that serve with them.
    """

    def reload(self) -> None:
        """Replace the workers, unless the new ones would not start"""
        try:
            self.app.check()
        except (exception.WatcherException, cfg.Error) as error:
            self.log.error("The configuration is not read again: %s", error)
            return
        super().reload()


def settings(conf: cfg.ConfigOpts) -> Mapping[str, Any]:
    """Return gunicorn's settings for ``conf``

    :raises ConfigInvalid: TLS is asked for without a certificate
    """
    host = f"[{conf.api.host}]" if ":" in conf.api.host else conf.api.host
    found: dict[str, Any] = {
        "bind": [f"{host}:{conf.api.port}"],
        "workers": conf.api.workers or multiprocessing.cpu_count(),
        "worker_class": f"{patience.__name__}.Worker",
        "threads": patience.THREADS,
        # 0 means no end.
        "graceful_timeout": conf.graceful_shutdown_timeout or ENDLESS_S,
        "proc_name": NAME,
        "logger_class": Log,
        "accesslog": "-",
        "access_log_format": ACCESS,
        # Who may say where a request came from is decided by [oslo_middleware].
        "forwarded_allow_ips": "",
        "limit_request_line": 8190,
        "control_socket_disable": True,
    }
    if conf.api.enable_ssl_api:
        found |= _tls(conf)
    return found


def _tls(conf: cfg.ConfigOpts) -> dict[str, Any]:
    for name in ("cert_file", "key_file"):
        if not conf.ssl[name]:
            raise exception.ConfigInvalid(
                group="ssl", option=name, reason="enable_ssl_api needs it"
            )
    found: dict[str, Any] = {
        "certfile": conf.ssl.cert_file,
        "keyfile": conf.ssl.key_file,
    }
    if conf.ssl.ca_file:
        found |= {"ca_certs": conf.ssl.ca_file, "cert_reqs": ssl.CERT_REQUIRED}
    if conf.ssl.ciphers:
        found["ciphers"] = conf.ssl.ciphers
    return found


def try_tls(options: Any) -> None:
    """Read the files as every worker will: otherwise each handshake finds out alone

    :raises ConfigInvalid: one of them cannot be used
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    what = "cert_file"
    try:
        for what in ("cert_file", "key_file", "ca_file"):
            if options[what]:
                pathlib.Path(options[what]).read_bytes()
        what = "key_file"
        # Nobody could type its password.
        context.load_cert_chain(options.cert_file, options.key_file, password="")
        if options.ca_file:
            what = "ca_file"
            context.load_verify_locations(options.ca_file)
        if options.ciphers:
            what = "ciphers"
            context.set_ciphers(options.ciphers)
    except (OSError, ValueError) as error:
        reason = f"{options[what]} cannot be used: {error}"
        raise exception.ConfigInvalid(group="ssl", option=what, reason=reason) from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``watcher-api``; return its exit status"""
    try:
        conf = service.prepare(NAME, argv)
        Server(conf, argv).run()
    except (exception.WatcherException, cfg.Error) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
