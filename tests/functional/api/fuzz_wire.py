"""A fuzzed request, its answer, and the two ways it gets to the API.

``Inside`` calls the WSGI application the way a server does; ``Socket`` writes bytes to a
server process. Both give up after ``LATE`` seconds and say so, instead of waiting.
"""

import dataclasses
import faulthandler
import io
import queue
import re
import socket
import sys
import threading
import time
import urllib.parse

# Seconds after which an answer counts as none.
LATE = 20.0
ROLES = ("admin", "infra_optim_reader", "member")


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire; ``path`` is percent-encoded, ``headers`` may repeat"""

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    role: str = ROLES[0]

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def who(self):
        """The role that counts: a header may say something else"""
        return self.role if self.header("X-Roles", None) is None else ROLES[-1]

    def header(self, name, default=""):
        """The last value that is given for a header"""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[-1] if found else default

    def sent(self):
        """All headers, with those that say who is asking"""
        who = {"X-Roles": self.role, "X-User-Id": "u1", "X-Project-Id": "p1"}
        # Servers join the values of a header that comes twice.
        given = {name for name, _value in self.headers}
        mine = [(name, value) for name, value in who.items() if name not in given]
        return [*mine, *self.headers]

    def curl(self):
        """The request as somebody would repeat it"""
        parts = [f"curl -X {self.method}"]
        parts += [f"-H {f'{name}: {value}'!r}" for name, value in self.sent()]
        if self.body is not None:
            shown = self.body if len(self.body) < 1500 else self.body[:1500] + b"..."
            parts.append(f"--data-binary {shown.decode('utf-8', 'backslashreplace')!r}")
        return " ".join([*parts, repr(f"http://watcher{self.target}")])


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 is none at all"""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def header(self, name, default=""):
        return self.headers.get(name.lower(), default)


class Inside:
    """Calls the application on a thread of its own, so that a hang can be told"""

    def __init__(self, application):
        self.application = application
        self._start()

    def _start(self):
        self._todo, self._done = queue.Queue(), queue.Queue()
        channels = (self._todo, self._done)
        threading.Thread(target=self._work, args=channels, daemon=True).start()

    def _work(self, todo, done):
        while (request := todo.get()) is not None:
            done.put(self._call(request))

    def send(self, request):
        """Return the answer to a request"""
        # Should the interpreter itself be held, this still tells where.
        faulthandler.dump_traceback_later(2 * LATE, file=sys.__stderr__)
        begin = time.monotonic()
        self._todo.put(request)
        try:
            status, headers, body = self._done.get(timeout=LATE)
        except queue.Empty:
            faulthandler.dump_traceback(sys.__stderr__)
            self._start()
            status, headers, body = 0, {}, b"no answer"
        finally:
            faulthandler.cancel_dump_traceback_later()
        return Answer(status, headers, body, time.monotonic() - begin)

    def _call(self, request):
        found = []

        def start(status, headers, *rest):
            found[:] = [int(status[:3]), headers]
            return lambda data: None

        try:
            parts = self.application(environ(request), start)
            body = b"".join(parts)
            if hasattr(parts, "close"):
                parts.close()
        except Exception as error:
            return 599, {}, f"raised to the server: {error!r}".encode()
        return found[0], {name.lower(): value for name, value in found[1]}, body

    def close(self):
        """End the thread"""
        self._todo.put(None)


def environ(request):
    """Return the WSGI environment of a request, as servers make it"""
    body = request.body or b""
    path = urllib.parse.unquote_to_bytes(request.path).decode("latin-1")
    made = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": request.query,
        "RAW_URI": request.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "9322",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "watcher",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if request.body is not None:
        made["CONTENT_LENGTH"] = str(len(body))
    for name, value in request.sent():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        made[key] = value
    return made


_PLAIN = re.compile(r"/[!-~]{0,7000}\Z")
# Headers that web servers read themselves.
_FRAMING = {"content-length", "transfer-encoding", "expect", "host"}


def fit_for_http(request):
    """Whether web servers let the application answer a request"""
    return (
        _PLAIN.match(request.target) is not None
        and request.method.isupper()
        and request.method not in ("CONNECT",)
        and not any(name.lower() in _FRAMING for name, _value in request.headers)
    )


class Socket:
    """Writes to a server process; a connection is kept for as long as the server does"""

    def __init__(self, host, port):
        self._address = (host, port)
        self._link = None

    def send(self, request):
        """Return the answer to a request"""
        begin = time.monotonic()
        found = None
        for fresh in (False, True):
            try:
                found = self._exchange(self._raw(request), fresh)
                break
            except TimeoutError:
                self.close()
                found = (0, {}, b"no answer")
                break
            except (OSError, EOFError) as error:
                # The server may have closed the connection after the answer before.
                self.close()
                found = (0, {}, f"no answer: {error!r}".encode())
        return Answer(*found, time.monotonic() - begin)

    def _raw(self, request):
        target = request.target.encode("latin-1", "replace")
        lines = [request.method.encode() + b" " + target + b" HTTP/1.1"]
        headers = request.sent()
        names = {name.lower() for name, _value in headers}
        if "host" not in names:
            headers.append(("Host", "watcher"))
        if request.body is not None and "content-length" not in names:
            headers.append(("Content-Length", str(len(request.body))))
        lines += [f"{name}: {value}".encode("latin-1") for name, value in headers]
        return b"\r\n".join([*lines, b"", request.body or b""]), request.method

    def _exchange(self, raw, fresh):
        data, method = raw
        if self._link is None or fresh:
            self.close()
            self._link = socket.create_connection(self._address, LATE)
        self._link.sendall(data)
        stream = self._link.makefile("rb")
        while True:
            status, headers = _head(stream)
            if status >= 200:
                break
        body = b""
        if method != "HEAD" and status not in (204, 304):
            body = _body(stream, headers)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers, body

    def close(self):
        """End the connection"""
        if self._link is not None:
            self._link.close()
            self._link = None


def _head(stream):
    line = stream.readline()
    if not line.startswith(b"HTTP/1."):
        raise EOFError(line[:80])
    headers = {}
    while (text := stream.readline().strip()) != b"":
        name, _colon, value = text.partition(b":")
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    return int(line.split()[1]), headers


def _body(stream, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int(stream.readline(), 16):
            parts.append(stream.read(size))
            stream.readline()
        stream.readline()
        return b"".join(parts)
    if "content-length" in headers:
        return stream.read(int(headers["content-length"]))
    return stream.read()
