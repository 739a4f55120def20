"""/healthcheck and /readyz: answered to anybody, without a token and without secrets.

What is asked of database and broker is asked in threads of its own, once at a time, and
kept for a moment: neither can hold an answer up, and nobody can load them from outside.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import webob
from oslo_config import cfg
from oslo_log import log

from watcher.api import errors
from watcher.api.edge import App, Environ
from watcher.db import services

LOG = log.getLogger(__name__)

HEALTH, READY = "/healthcheck", "/readyz"
# Seconds that an answer is kept, and the longest that anybody waits for a new one.
KEPT_S, WAIT_S = 2.0, 3.0

NO_DATABASE = (
    "The database does not answer; see [database] connection and the log of the API"
)
NO_BROKER = (
    "The message broker cannot be reached; see [DEFAULT] transport_url and the log of "
    "the API"
)
NO_MODEL = (
    "No running decision engine has read a complete model of the cluster; see its log"
)
OLD_MODEL = (
    "The newest model of the cluster is %d s old, more than [api] ready_model_age allows "
    "(%d s); see the log of the decision engine"
)


class Probe:
    """One question whose answer is a reason, or None when all is well

    :param ask: may block or raise; what it raises goes to the log
    :param failure: what is told when it does
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], str | None],
        failure: str,
        *,
        kept_s: float = KEPT_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self._name = name
        self._ask = ask
        self._failure = failure
        self._kept_s = kept_s
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._started = 0.0
        self._answered = float("-inf")
        self._reason: str | None = None

    def reason(self) -> str | None:
        """Return why not, or None; at most ``wait_s`` seconds after asking began"""
        with self._lock:
            thread = self._thread
            # A server that forks after loading us leaves threads behind.
            if thread is None or not thread.is_alive():
                if time.monotonic() - self._answered < self._kept_s:
                    return self._reason
                self._started = time.monotonic()
                thread = threading.Thread(
                    target=self._run, name=f"probe of {self._name}", daemon=True
                )
                self._thread = thread
                thread.start()
            patience = self._started + self._wait_s - time.monotonic()
        thread.join(max(0.0, patience))
        return self._failure if thread.is_alive() else self._reason

    def _run(self) -> None:
        try:
            reason = self._ask()
        except Exception as error:  # a thread's outer edge
            LOG.warning("The %s could not be asked: %s", self._name, error)
            reason = self._failure
        self._reason = reason
        self._answered = time.monotonic()


class Readiness:
    """Why Watcher can do its work, or cannot"""

    def __init__(self, conf: cfg.ConfigOpts, db: Any, rpc: Any) -> None:
        self._oldest_s = conf.api.ready_model_age
        self._alive_s = float(conf.service_down_time)
        self._db = db
        self._broker = getattr(rpc, "broker", None)
        self._probes = {
            name: Probe(name, ask, failure)
            for name, ask, failure in (
                ("database", self._database, NO_DATABASE),
                ("message broker", self._reach, NO_BROKER),
                ("age of the model", self._model, NO_DATABASE),
            )
        }

    def alive(self) -> list[str]:
        """Tell that the process lives and serves; nobody else is asked

        What is away elsewhere is no reason to restart this process.
        """
        return []

    def ready(self) -> list[str]:
        """Tell why Watcher cannot do its work, nothing when it can"""
        found = self._reasons("database", "message broker")
        if self._oldest_s and NO_DATABASE not in found:
            found += self._reasons("age of the model")
        return found

    def _reasons(self, *names: str) -> list[str]:
        found = (self._probes[name].reason() for name in names)
        return [reason for reason in found if reason]

    def _database(self) -> None:
        self._db.ping()

    def _reach(self) -> str | None:
        # Messages inside this process need no broker.
        if self._broker is None:
            return None
        reason = self._broker.ready(KEPT_S)
        if reason:
            LOG.warning("Not ready: %s", reason)
        return NO_BROKER if reason else None

    def _model(self) -> str | None:
        age_s = self._db.read(services.model_age, self._alive_s)
        if age_s is None:
            return NO_MODEL
        if age_s > self._oldest_s:
            return OLD_MODEL % (age_s, self._oldest_s)
        return None


CHECKS: Mapping[str, Callable[[Readiness], list[str]]] = {
    HEALTH: Readiness.alive,
    READY: Readiness.ready,
}


class Doors:
    """Answers /healthcheck and /readyz, and leaves every other path to the application"""

    def __init__(self, app: App, readiness: Readiness) -> None:
        self._app = app
        self._readiness = readiness

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        check = CHECKS.get(environ.get("PATH_INFO", "").rstrip("/"))
        if check is None:
            return self._app(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise errors.MethodNotAllowed(["GET", "HEAD"])
        reasons = check(self._readiness)
        response = webob.Response(
            status=503 if reasons else 200, content_type="application/json"
        )
        response.charset = None
        response.cache_control = "no-store"
        response.body = json.dumps(
            {"status": "UNAVAILABLE" if reasons else "OK", "reasons": reasons}
        ).encode()
        return response(environ, start_response)
