"""Runs gabbits/*.yaml, each against an API with a database of its own."""

import pathlib
import sys

from gabbi import driver, fixture
from gabbi.driver import test_pytest  # noqa: F401  the tests themselves

import watcher.conf
from tests.unit.api.conftest import Bus, Client, seed
from watcher.api import app
from watcher.db import migration, services
from watcher.db.session import Database
from watcher.plugins import Plugins
from watcher.policy import Enforcer

FOLDER = pathlib.Path(__file__).parent / "gabbits"
AUDIT = {"audit_type": "ONESHOT", "goal": "dummy", "strategy": "dummy", "name": "first"}


class Api(fixture.GabbiFixture):
    """An API with the goals dummy and saving_energy, one audit and its action plan"""

    application = None

    def start_fixture(self):
        conf = watcher.conf.load(
            "test",
            default_config_files=[],
            overrides={
                ("database", "connection"): "sqlite://",
                (None, "enable_authentication"): False,
            },
        )
        self.database = Database(conf, actor="api")
        migration.create_schema(self.database.engine)
        self.database.write(seed)
        self.database.write(services.beat, "watcher-applier", "host-1", runtime="t")
        Api.application = app.build(
            conf, self.database, Bus(), Enforcer(conf), Plugins.of({})
        )
        client = Client(Api.application, self.database)
        client.plan(client.post("/v1/audits", AUDIT).json["uuid"])

    def stop_fixture(self):
        self.database.dispose()


def serve(environ, start_response):
    """Hand a request to the application of the file that is being run"""
    return Api.application(environ, start_response)


def pytest_generate_tests(metafunc):
    driver.py_test_generator(
        str(FOLDER),
        intercept=lambda: serve,
        fixture_module=sys.modules[__name__],
        test_loader_name="api",
        metafunc=metafunc,
    )
