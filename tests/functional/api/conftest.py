"""The API on a fresh database of each engine, and a client that speaks to it."""

import pytest

import watcher.conf
from tests.unit.api.conftest import PLUGINS, Bus, Client, seed
from watcher.api import app
from watcher.db import migration
from watcher.db.session import Database
from watcher.policy import Enforcer


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def database(database_url):
    conf = watcher.conf.load(
        "test",
        default_config_files=[],
        overrides={
            ("database", "connection"): database_url,
            (None, "enable_authentication"): False,
        },
    )
    found = Database(conf, actor="api")
    found.conf = conf
    migration.create_schema(found.engine)
    found.write(seed)
    yield found
    found.dispose()


@pytest.fixture
def client(database, bus):
    conf = database.conf
    return Client(app.build(conf, database, bus, Enforcer(conf), PLUGINS), database)
