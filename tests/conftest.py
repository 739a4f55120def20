"""Fixtures shared by all tests: private database servers and a private broker."""

import logging
import pathlib
import tempfile

import pytest

import watcher._threading  # noqa: F401  first, before anything imports oslo.messaging
from tests import servers

# Threads of libraries outlive the stream that a test gave to the logs; the closing line
# of the run is to be the last one.
logging.raiseExceptions = False


@pytest.fixture(scope="session")
def server_folder():
    """A folder that every account may enter; servers refuse to run as root"""
    with tempfile.TemporaryDirectory(prefix="watcher-servers-") as folder:
        path = pathlib.Path(folder)
        path.chmod(0o755)
        yield path


def _serve(kind, folder):
    server = kind(folder)
    try:
        server.start()
    except Exception:
        print(server.tail())
        server.stop()
        raise
    return server


@pytest.fixture(scope="session")
def mariadb(server_folder):
    """A MariaDB server for the whole run"""
    server = _serve(servers.MariaDB, server_folder)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgresql(server_folder):
    """A PostgreSQL server for the whole run"""
    server = _serve(servers.PostgreSQL, server_folder)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbitmq(server_folder):
    """A RabbitMQ broker for the whole run"""
    server = _serve(servers.RabbitMQ, server_folder)
    yield server
    server.stop()


@pytest.fixture
def mysql_url(mariadb):
    """URL of a fresh, empty MariaDB database"""
    return mariadb.create()


@pytest.fixture
def postgresql_url(postgresql):
    """URL of a fresh, empty PostgreSQL database"""
    return postgresql.create()


@pytest.fixture
def sqlite_url(tmp_path):
    """URL of a SQLite file that does not exist yet"""
    return f"sqlite:///{tmp_path / 'watcher.sqlite'}"


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("mysql", marks=pytest.mark.mysql),
        pytest.param("postgresql", marks=pytest.mark.postgresql),
    ]
)
def database_url(request):
    """URL of a fresh, empty database, on each of the three engines"""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def rabbit_url(rabbitmq):
    """URL of the private broker"""
    return rabbitmq.url


def pytest_make_parametrize_id(config, val, argname):
    """Keep colons out of names: gabbi's plugin takes such tests for its own"""
    if isinstance(val, str) and ":" in val:
        return val.replace(":", "")
    return None
