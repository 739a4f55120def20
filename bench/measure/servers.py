"""Servers that benchmarks start for themselves, when they are installed."""

import contextlib
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

# isort: split
from tests import servers  # noqa: E402


@contextlib.contextmanager
def _started(kind: Any, program: str) -> Iterator[Any]:
    if not shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/bin"):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="watcher-bench-") as folder:
        pathlib.Path(folder).chmod(0o755)
        server = kind(pathlib.Path(folder))
        try:
            yield server.start()
        finally:
            server.stop()


@contextlib.contextmanager
def mariadb() -> Iterator[str | None]:
    """Return the URL of an empty database; None when MariaDB is not installed"""
    with _started(servers.MariaDB, "mariadbd") as server:
        yield server and server.create()


@contextlib.contextmanager
def rabbitmq() -> Iterator[str | None]:
    """Return the URL of a broker; None when RabbitMQ is not installed"""
    with _started(servers.RabbitMQ, "rabbitmq-server") as server:
        yield server and server.url


free_port = servers.free_port
listens = servers.listens
wait_until = servers.wait_until
