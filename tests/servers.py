"""Starts MariaDB, PostgreSQL and RabbitMQ for the tests: own ports, own folder.

Nothing that already runs on the machine is touched, and everything started here is
stopped again. As root the servers run under the accounts that their packages made.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time
import uuid

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a TCP port that nobody listens on right now"""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        port: int = sock.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections on the loopback ``port``"""
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex((LOOPBACK, port)) == 0


def wait_until(check, seconds: float, what: str) -> None:
    """Poll ``check`` until it is true; fail after ``seconds``"""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} is not there after {seconds} s")
        time.sleep(0.1)


def _account(name: str) -> str | None:
    """Return ``name`` when it exists and we may become it"""
    if os.getuid() != 0:
        return None
    try:
        pwd.getpwnam(name)
    except KeyError:
        return None
    return name


def demote(command: list[str], account: str | None) -> list[str]:
    """Return the command that runs ``command`` under another account"""
    return (
        [
            "setpriv",
            f"--reuid={account}",
            f"--regid={account}",
            "--init-groups",
            *command,
        ]
        if account
        else command
    )


class Server:
    """A daemon in its own process group"""

    name = "server"

    def __init__(self, folder: pathlib.Path, port: int | None = None) -> None:
        self.folder = folder / f"{self.name}-{uuid.uuid4().hex[:8]}"
        self.folder.mkdir(parents=True)
        self.port = port or free_port()
        self.process: subprocess.Popen | None = None

    def spawn(self, command: list[str], env: dict[str, str] | None = None) -> None:
        """Run ``command`` detached, its output in the server's log"""
        log = open(self.folder / "log", "ab")  # noqa: SIM115
        self.process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd="/",
            start_new_session=True,
        )
        log.close()

    def run(self, command: list[str], **kwargs) -> str:
        """Run a helper command; its output is returned, a failure shows it"""
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", **kwargs
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def tail(self) -> str:
        """Return the last lines of the log"""
        with contextlib.suppress(OSError):
            return (self.folder / "log").read_text(errors="replace")[-3000:]
        return ""

    def kill(self, sig: int = signal.SIGKILL) -> None:
        """Signal the whole process group"""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sig)
            self.process.wait(30)

    def halt(self) -> None:
        """End the server; what it stored stays"""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def stop(self) -> None:
        """End the server and remove its folder"""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)


class MariaDB(Server):
    """A MariaDB server with an empty root password"""

    name = "mariadb"

    def start(self) -> "MariaDB":
        """Install the system tables and start"""
        data = self.folder / "data"
        account = _account("mysql")
        if account:
            shutil.chown(self.folder, account)
        if not data.exists():
            self.run(
                [
                    "mariadb-install-db",
                    "--no-defaults",
                    f"--datadir={data}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    *([f"--user={account}"] if account else []),
                ]
            )
        self.launch()
        return self

    def launch(self) -> None:
        """Start the daemon on the data that is there"""
        account = _account("mysql")
        program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        self.spawn(
            [
                program,
                "--no-defaults",
                f"--datadir={self.folder / 'data'}",
                # Servers side by side take each other's temporary tables away.
                f"--tmpdir={self.folder / 'data'}",
                f"--port={self.port}",
                f"--bind-address={LOOPBACK}",
                f"--socket={self.folder / 'sock'}",
                f"--pid-file={self.folder / 'pid'}",
                "--innodb-flush-method=nosync",
                # Written to the system at every commit: survives kill -9, not a power cut.
                "--innodb-flush-log-at-trx-commit=2",
                "--innodb-buffer-pool-size=64M",
                "--skip-log-bin",
                "--max-connections=1000",
                "--skip-name-resolve",
                *([f"--user={account}"] if account else []),
            ]
        )
        wait_until(lambda: listens(self.port), 60, "MariaDB")

    def create(self, name: str = "") -> str:
        """Create an empty database; return its URL"""
        import pymysql

        name = name or "t" + uuid.uuid4().hex[:12]
        link = pymysql.connect(host=LOOPBACK, port=self.port, user="root")
        with link, link.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb3")
        return f"mysql+pymysql://root@{LOOPBACK}:{self.port}/{name}"


class PostgreSQL(Server):
    """A PostgreSQL server that trusts its user"""

    name = "postgresql"

    def _program(self, name: str) -> str:
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        return str(found[-1]) if found else name

    def start(self) -> "PostgreSQL":
        """Initialise the cluster and start"""
        account = _account("postgres")
        if account:
            shutil.chown(self.folder, account)
        data = self.folder / "data"
        if not data.exists():
            self.run(
                demote(
                    [
                        self._program("initdb"),
                        "-D",
                        str(data),
                        "-A",
                        "trust",
                        "-U",
                        "postgres",
                        "-N",
                        "-E",
                        "UTF8",
                        "--locale=C.UTF-8",
                    ],
                    account,
                )
            )
        self.launch()
        return self

    def launch(self) -> None:
        """Start the daemon on the data that is there"""
        self.spawn(
            demote(
                [
                    self._program("postgres"),
                    "-D",
                    str(self.folder / "data"),
                    "-p",
                    str(self.port),
                    "-h",
                    LOOPBACK,
                    "-k",
                    str(self.folder),
                    "-c",
                    "fsync=off",
                    "-c",
                    "max_connections=300",
                ],
                _account("postgres"),
            )
        )
        wait_until(lambda: listens(self.port), 60, "PostgreSQL")

    def create(self) -> str:
        """Create an empty database; return its URL"""
        import psycopg

        name = "t" + uuid.uuid4().hex[:12]
        address = f"host={LOOPBACK} port={self.port} user=postgres dbname=postgres"
        wait_until(lambda: _accepts(address), 30, "PostgreSQL")
        with psycopg.connect(address, autocommit=True) as link:
            link.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return f"postgresql+psycopg://postgres@{LOOPBACK}:{self.port}/{name}"


def _accepts(address: str) -> bool:
    import psycopg

    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True


class RabbitMQ(Server):
    """A RabbitMQ broker with its own port mapper"""

    name = "rabbitmq"

    def start(self) -> "RabbitMQ":
        """Start the broker with an empty store"""
        self.mapper, self.distribution = free_port(), free_port()
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "conf").mkdir()
        (self.folder / "conf" / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {LOOPBACK}:{self.port}\n"
            "log.file.level = warning\n"
            "disk_free_limit.absolute = 50MB\n"
        )
        account = _account("rabbitmq")
        if account:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, account)
        self.launch()
        return self

    @property
    def _env(self) -> dict[str, str]:
        folder = str(self.folder)
        return {
            "HOME": folder,
            "RABBITMQ_NODENAME": f"t{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": f"{folder}/conf/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_MNESIA_BASE": f"{folder}/store",
            "RABBITMQ_LOG_BASE": f"{folder}/logs",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "ERL_EPMD_PORT": str(self.mapper),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface "
            "{127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def launch(self) -> None:
        """Start the broker on the store that is there"""
        program = "/usr/lib/rabbitmq/bin/rabbitmq-server"
        if not os.path.exists(program):
            program = "rabbitmq-server"
        self.spawn(demote([program], _account("rabbitmq")), self._env)
        wait_until(lambda: listens(self.port), 90, "RabbitMQ")

    def stop(self) -> None:
        """End broker and port mapper"""
        self.end_mapper()
        super().stop()

    def end_mapper(self) -> None:
        """The port mapper leaves the process group: end the one on our port"""
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if (entry / "comm").read_text().strip() != "epmd":
                    continue
                environment = (entry / "environ").read_bytes().decode(errors="replace")
                if f"ERL_EPMD_PORT={self.mapper}\0" in environment:
                    os.kill(int(entry.name), signal.SIGKILL)

    @property
    def url(self) -> str:
        """URL for oslo.messaging"""
        return f"rabbit://guest:guest@{LOOPBACK}:{self.port}/"
