"""Web servers that serve the API for the tests, and a client that speaks to sockets."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import stat
import sys
import sysconfig

import watcher.conf
from tests import servers
from tests.unit.api.conftest import seed
from watcher.db import migration
from watcher.db.session import Database

BIN = pathlib.Path(sys.executable).parent
APPLICATION = "watcher.wsgi.api:application"
# Whom Debian's Apache runs as.
ACCOUNT = "www-data"
APACHE = "/usr/sbin/apache2"
MODULES = pathlib.Path("/usr/lib/apache2/modules")


def configure(folder: pathlib.Path, url: str, **options: object) -> pathlib.Path:
    """Make the schema with two goals in ``url``; return the configuration of an API"""
    path = folder / "watcher.conf"
    lines = {"no_auth_roles": "admin", "ready_model_age": 0, **options}
    path.write_text(
        "[DEFAULT]\nenable_authentication = false\ntransport_url = fake://\n"
        f"log_file = {folder}/api.log\nnotification_level =\n"
        f"[database]\nconnection = {url}\n"
        "[api]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items())
    )
    path.chmod(0o644)
    db = Database(watcher.conf.load("test", ["--config-file", str(path)]))
    migration.create_schema(db.engine)
    db.write(seed)
    db.dispose()
    return path


class Web(servers.Server):
    """A server of the API; ``prefix`` is the path that it is mounted at"""

    def __init__(self, folder: pathlib.Path, config: pathlib.Path, prefix: str = ""):
        super().__init__(folder)
        self.config, self.prefix = config, prefix

    def command(self) -> list[str]:
        """Return the command line, after writing what it needs"""
        raise NotImplementedError

    def start(self) -> "Web":
        """Start and wait until requests are answered"""
        env = {"OS_WATCHER_CONFIG_FILES": str(self.config), **self.environ()}
        self.spawn(self.command(), env)
        try:
            servers.wait_until(self._answers, 60, self.name)
        except RuntimeError:
            print(
                self.tail(), *(p.read_text()[:3000] for p in self.folder.glob("*.log"))
            )
            self.stop()
            raise
        return self

    def environ(self) -> dict[str, str]:
        """Return further variables of the environment"""
        return {}

    def _answers(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.tail()}")
        try:
            return self.get("/healthcheck").status == 200
        except OSError:
            return False

    def get(self, path: str, **headers: str) -> "Reply":
        """Return the answer to a GET below the prefix"""
        return self.ask("GET", path, **headers)

    def ask(self, method: str, path: str, body: object = None, **headers: str):
        """Return the answer to a request of its own connection"""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = None
        if body is not None:
            raw = json.dumps(body).encode()
            named.setdefault("Content-Type", "application/json")
        link = http.client.HTTPConnection(servers.LOOPBACK, self.port, timeout=30)
        try:
            link.request(method, self.prefix + path, raw, named)
            return Reply(link.getresponse())
        finally:
            link.close()

    def send(self, raw: bytes, *, end: bool = False, seconds: float = 15) -> int | None:
        """Return the status that comes for raw bytes; None: the connection was closed

        ``end``: tell the server that nothing more will come.
        """
        with socket.create_connection((servers.LOOPBACK, self.port), seconds) as link:
            found = b""
            try:
                link.sendall(raw)
                if end:
                    link.shutdown(socket.SHUT_WR)
                while b"\r\n" not in found:
                    piece = link.recv(65536)
                    if not piece:
                        break
                    found += piece
            except TimeoutError:
                raise
            except OSError:
                # Closed before all was sent; an answer may have come all the same.
                with contextlib.suppress(OSError):
                    found = found or link.recv(65536)
        words = found.split(None, 2)
        if not found.startswith(b"HTTP/"):
            return None
        return int(words[1])


class Reply:
    """What came back"""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers = response.status, response.headers
        self.raw = response.read()

    @property
    def json(self):
        return json.loads(self.raw)


class WatcherApi(Web):
    """watcher-api by itself"""

    name = "watcher-api"

    def command(self) -> list[str]:
        text = self.config.read_text()
        own = self.folder / "watcher.conf"
        own.write_text(text.replace("[api]\n", f"[api]\nport = {self.port}\n"))
        return [str(BIN / "watcher-api"), "--config-file", str(own)]


class Standalone(Web):
    """watcher-standalone, whose server is waitress"""

    name = "watcher-standalone"

    def command(self) -> list[str]:
        return [
            *(str(BIN / "watcher-standalone"), "--config-file", str(self.config)),
            *("--state-dir", str(self.folder / "state"), "--port", str(self.port)),
        ]


class Gunicorn(Web):
    """gunicorn with options of its own on the command line"""

    name = "gunicorn"

    def command(self) -> list[str]:
        return [
            *(str(BIN / "gunicorn"), "--workers", "2", "--threads", "4"),
            *("--bind", f"{servers.LOOPBACK}:{self.port}", APPLICATION),
        ]

    def environ(self) -> dict[str, str]:
        return {"SCRIPT_NAME": self.prefix}


class Uwsgi(Web):
    """uWSGI with the sample file of the documentation"""

    name = "uwsgi"

    def command(self) -> list[str]:
        sample = pathlib.Path("etc/watcher/watcher-uwsgi.ini").read_text()
        text = sample.replace("/run/watcher/watcher-api.sock", f"127.0.0.1:{self.port}")
        text = text.replace("socket =", "http-socket =").replace("chmod-", ";chmod-")
        text = text.replace("/infra-optim=", f"{self.prefix or '/'}=")
        path = self.folder / "uwsgi.ini"
        path.write_text(text)
        return [
            *(str(BIN / "uwsgi"), "--procname-prefix", "watcher-api"),
            *("--ini", str(path), "--virtualenv", sys.prefix),
        ]


def _libraries() -> pathlib.Path:
    return pathlib.Path(sysconfig.get_path("purelib"))


class ModWsgi(Web):
    """Apache with the sample virtual host of the documentation"""

    name = "mod_wsgi"

    @staticmethod
    def missing() -> str | None:
        """Return why Apache cannot run us here, or None"""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        if not os.path.exists(APACHE):
            return "apache2 is not installed"
        if not (MODULES / f"mod_wsgi.so-{version}").exists():
            return f"mod_wsgi is not made for Python {version}"
        if os.getuid() == 0:
            for place in (_libraries(), *_libraries().parents):
                if not place.stat().st_mode & stat.S_IXOTH:
                    return f"{ACCOUNT} may not read {place}"
        return None

    def _home(self) -> pathlib.Path:
        """Return a virtualenv of Debian's Python with the libraries of ours

        The module and the interpreter of the tests are of one version, not of one make.
        """
        home = self.folder / "home"
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "python").symlink_to("/usr/bin/python3")
        (home / "pyvenv.cfg").write_text(
            "home = /usr/bin\ninclude-system-site-packages = false\n"
        )
        libraries = home / "lib" / _libraries().parent.name
        libraries.mkdir(parents=True)
        (libraries / "site-packages").symlink_to(_libraries())
        return home

    def command(self) -> list[str]:
        sample = pathlib.Path("etc/watcher/watcher-apache.conf").read_text()
        script = self.folder / "watcher-api.wsgi"
        script.write_text(
            "import os\n"
            f"os.environ['OS_WATCHER_CONFIG_FILES'] = {str(self.config)!r}\n"
            "from watcher.wsgi.api import application\n"
        )
        source = pathlib.Path(watcher.conf.__file__).parents[2]
        host = sample.replace("/infra-optim", self.prefix or "/")
        host = host.replace("*:80", f"{servers.LOOPBACK}:{self.port}")
        host = host.replace("/opt/watcher/etc/watcher-api.wsgi", str(script))
        host = host.replace("/opt/watcher/etc", str(self.folder))
        home = self._home()
        host = host.replace("python-home=/opt/watcher", f"python-home={home} "
                            f"python-path={source}")  # fmt: skip
        host = host.replace(" user=watcher group=watcher", "")
        host = host.replace("${APACHE_LOG_DIR}", str(self.folder))
        modules = ["mpm_event", "authz_core", "wsgi", "reqtimeout"]
        path = self.folder / "apache.conf"
        path.write_text(
            f"ServerRoot {self.folder}\nServerName localhost\n"
            f"PidFile {self.folder}/pid\nDefaultRuntimeDir {self.folder}\n"
            f"Listen {servers.LOOPBACK}:{self.port}\nErrorLog {self.folder}/error.log\n"
            + "".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so\n" for m in modules)
            + f"WSGISocketPrefix {self.folder}/wsgi\n"
            + host
        )
        command = [APACHE, "-DFOREGROUND", "-f", str(path)]
        if os.getuid() != 0:
            return command
        # It refuses to run applications as root.
        for place in (self.config.parent, *self.config.parent.rglob("*")):
            shutil.chown(place, ACCOUNT)
        return servers.demote(command, ACCOUNT)
