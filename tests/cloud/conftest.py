"""The control plane and our daemons on it, once for the whole run."""

import pathlib
import shutil
import tempfile

import pytest

from tests.cloud import daemons as programs
from tests.cloud import metal as metals
from tests.cloud import plane as planes
from tests.cloud import storage as storages

HOSTS, SERVERS = 8, 24
_report: list[str] = []


def pytest_terminal_summary(terminalreporter):
    """Print what was measured; the figures go into the notes"""
    if _report:
        terminalreporter.section("measured")
        for line in _report:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report():
    """Add a line to what is printed at the end"""
    return _report.append


@pytest.fixture(scope="session")
def plane():
    """Keystone, Placement, Glance, Cinder and Nova with 8 hosts and 24 servers"""
    work = pathlib.Path(__file__).parents[2] / ".work"
    work.mkdir(exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="watcher-cloud-"))
    folder.chmod(0o755)
    plane = planes.Plane(folder, work)
    try:
        plane.start(HOSTS).seed(SERVERS)
        yield plane
    finally:
        plane.stop()
        # The logs of the last run are kept for whoever looks for a failure.
        shutil.rmtree(work / "cloud-log", ignore_errors=True)
        shutil.copytree(folder / "log", work / "cloud-log")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def daemons(plane):
    """API, decision engine and applier as separate processes"""
    found = programs.Daemons(plane)
    try:
        yield found.start()
    finally:
        found.stop()


@pytest.fixture(scope="module")
def two_engines(daemons):
    """A second decision engine, on the node ctl2, beside the first; tests leave it running"""
    daemons.launch(programs.ENGINE, "ctl2")
    daemons.wait_engines("ctl1", "ctl2")
    yield daemons
    daemons.end(programs.ENGINE, "ctl2")


@pytest.fixture(scope="session")
def metal(plane):
    """Ironic without any machine"""
    return metals.Metal(plane).start()


@pytest.fixture(scope="session")
def storage(plane):
    """Cinder with a volume type for each kind of backend and two volumes of each"""
    storage = storages.Storage(plane)
    storage.seed(1, 2, 3, 4)
    return storage
