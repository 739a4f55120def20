"""How long watcher-api waits for a client: gunicorn's worker, with an end to it.

gunicorn reads a request in the thread that serves it, and waits for the rest of it for
ever; a few clients that stop in the middle would take every thread there is. Here there
are many threads, most of them for waiting, and a watch that ends what does not get on.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gunicorn.workers import gthread

from watcher.api import ready
from watcher.api.edge import App, Environ

# Seconds in which a request must have come in as a whole, and in which its answer must
# have gone out.
RECEIVE_S, WHOLE_S = 20.0, 300.0
# Threads of a process, and how many of them may be inside the application: those have a
# whole request line and headers (and, before a body is read, a token that the policy likes).
THREADS, WORK = 200, 32
# Between two looks at the clock.
TICK_S = 1.0


class Watch:
    """Ends connections whose requests or answers do not get on"""

    def __init__(self, receive_s: float = RECEIVE_S, whole_s: float = WHOLE_S) -> None:
        self._limits = ((receive_s, socket.SHUT_RD), (whole_s, socket.SHUT_RDWR))
        self._lock = threading.Lock()
        self._busy: dict[Any, float] = {}
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def over(self, connection: Any) -> Iterator[None]:
        """Watch ``connection``, whose ``sock`` may change, while the block lasts"""
        with self._lock:
            self._busy[connection] = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="watch over slow clients", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            # Not before the thread below lets go of the socket: its number may be
            # another connection's a moment later.
            with self._lock:
                del self._busy[connection]

    def _run(self) -> None:
        while True:
            time.sleep(TICK_S)
            with self._lock:
                for connection, since in self._busy.items():
                    self._look(connection.sock, time.monotonic() - since)

    def _look(self, sock: socket.socket, age_s: float) -> None:
        for limit_s, how in self._limits:
            if age_s > limit_s:
                # Below TLS, whose own shutdown forgets the keys that answers need.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, how)


class Gate:
    """Lets some requests at a time into the application; the doors of ``ready`` are free"""

    def __init__(self, app: App, most: int = WORK) -> None:
        self._app = app
        self._slots = threading.BoundedSemaphore(most)

    def __call__(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in (ready.HEALTH, ready.READY):
            return self._app(environ, start_response)
        with self._slots:
            # Answers are complete when this returns, nothing is made while it is sent.
            return self._app(environ, start_response)


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """Threads that serve; a client that does not send on sees its connection end"""

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = Watch()

    def load_wsgi(self) -> None:
        """Load the application, and put the gate in front of it"""
        super().load_wsgi()
        self.wsgi = Gate(self.wsgi)

    def handle(self, conn: Any) -> Any:
        """Serve one request"""
        with self._watch.over(conn):
            return super().handle(conn)
