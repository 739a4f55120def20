"""The clouds and the service that contracts are tried on.

The simulated one always; a real one when WATCHER_TEST_CLOUD names a JSON file with
auth_url, username, password, project_name, user_domain_id, project_domain_id, region_name
and, when its hypervisors can be told to fail, "control": the folder of their settings.
"""

import json
import logging
import os
import warnings
from pathlib import Path

import pytest

from tests import servers
from tests.contract import clouds, lines
from tests.contract.standalone import Standalone


@pytest.fixture(scope="session")
def shared_server():
    """The one server that all tests on a real cloud move about"""
    shared = {}
    yield shared
    if shared:
        cloud = clouds.Real(_settings(), {})
        if "server" in shared:
            cloud.delete_server(shared["server"])
        cloud.delete_flavors(shared.get("flavors", ()))


def _settings():
    return json.loads(Path(os.environ["WATCHER_TEST_CLOUD"]).read_text())


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.cloud)])
def cloud(request, shared_server):
    if request.param == "simulated":
        harness = clouds.Simulated()
    else:
        if not os.environ.get("WATCHER_TEST_CLOUD"):
            pytest.skip("WATCHER_TEST_CLOUD names no cloud")
        harness = clouds.Real(_settings(), shared_server)
    yield harness
    harness.close()


@pytest.fixture(scope="session")
def standalone(tmp_path_factory):
    """The standalone service, for those who ask it as the published client does"""
    service = Standalone(tmp_path_factory.mktemp("standalone"))
    try:
        servers.wait_until(service.ready, 90, "standalone service")
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="session")
def client(standalone):
    """The published client's library"""
    return standalone.client()


@pytest.fixture(params=list(lines.LINES))
def command(request, standalone, capsys, monkeypatch):
    """Runs a command of either command line"""
    # Commands read the environment and set up logging for a whole process.
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    with warnings.catch_warnings():
        yield lines.Runner(lines.LINES[request.param], standalone.url, capsys)
    root.setLevel(level)
    root.handlers[:] = handlers
