"""``application`` for uWSGI, mod_wsgi and gunicorn.

It is built by the first request, so after the server has forked: no connection is shared
between processes. The server's own arguments are not ours to read; files other than the
published ones are named by OS_WATCHER_CONFIG_FILES and OS_WATCHER_CONFIG_DIRS, lists
separated by semicolons.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oslo_log import log

from watcher import service
from watcher.cmd import api

LOG = log.getLogger(__name__)


def arguments(environ: Mapping[str, str]) -> list[str]:
    """Return the command line that the environment stands for"""
    found = []
    for variable, option in (
        ("OS_WATCHER_CONFIG_FILES", "--config-file"),
        ("OS_WATCHER_CONFIG_DIRS", "--config-dir"),
    ):
        for path in environ.get(variable, "").split(";"):
            if path.strip():
                found += [option, path.strip()]
    return found


def threads_run(uwsgi: Any) -> bool:
    """Tell whether threads of ours run under uWSGI between two requests

    ``uwsgi`` is the module that uWSGI puts into its processes; None under other servers.
    """
    options = getattr(uwsgi, "opt", None)
    return options is None or any(
        name in options for name in ("enable-threads", "threads")
    )


class Application:
    """The API, built when the first request comes"""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._app: Callable[..., Iterable[bytes]] | None = None

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        with self._lock:
            if self._app is None:
                conf = service.prepare(api.NAME, arguments(os.environ))
                if not threads_run(sys.modules.get("uwsgi")):
                    LOG.warning(
                        "uWSGI runs without enable-threads: notifications are late"
                    )
                self._app = api.application(conf)
        return self._app(environ, start_response)


application = Application()
