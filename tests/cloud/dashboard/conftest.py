"""The published dashboard in a real browser, for one person who stays logged in."""

import pathlib
import re
import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.cloud.dashboard import desk as desks
from tests.cloud.dashboard import journey
from tests.cloud.dashboard.published import Dashboard

ACCESS = re.compile(r'gunicorn\.access .*?"(?P<method>[A-Z]+) (?P<path>\S+) \S+" '
                    r"(?P<status>\d{3}) ")  # fmt: skip


@pytest.fixture(scope="package")
def site(plane, daemons):
    """Horizon with watcher-dashboard before our daemons"""
    dashboard = Dashboard(plane).start()
    yield dashboard
    dashboard.stop()


@pytest.fixture(scope="package")
def person(site):
    """Somebody who logged in; pictures of all pages go to .work/dashboard"""
    pictures = site.plane.work / "dashboard"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    with sync_playwright() as program:
        browser = program.chromium.launch(
            executable_path=desks.BROWSER, args=desks.OPTIONS
        )
        found = desks.Desk(browser, site, pictures)
        found.login()
        yield found
        browser.close()


class Traffic:
    """What the API was asked since this was made"""

    def __init__(self, log: pathlib.Path) -> None:
        self._log, self._start = log, log.stat().st_size

    def requests(self) -> list[tuple[str, str, int]]:
        """Return method, path with query, and status of each request"""
        with open(self._log, errors="replace") as log:
            log.seek(self._start)
            return [(m["method"], m["path"], int(m["status"]))
                    for m in ACCESS.finditer(log.read())]  # fmt: skip

    def asked(self, start: str) -> list[tuple[str, str, int]]:
        """Return the requests of which method and path begin so"""
        return [r for r in self.requests() if f"{r[0]} {r[1]}".startswith(start)]


@pytest.fixture
def traffic(daemons):
    """The requests that reach our API during a test"""
    return Traffic(daemons.plane.folder / "log" / "watcher-api@ctl1.log")


@pytest.fixture
def desk(person, traffic):
    """The person's desk; no page may complain and no request of a test may be a 5xx

    A test that provokes a message takes it out of ``complaints``.
    """
    person.complaints.clear()
    yield person
    assert person.complaints == []
    assert [r for r in traffic.requests() if r[2] >= 500] == []


@pytest.fixture(scope="package")
def dummy(person):
    """Name of a template with goal and strategy dummy"""
    name = journey.name("walk")
    journey.template(person, name, "Dummy goal", "Dummy strategy")
    return name


@pytest.fixture
def plan(desk, daemons, dummy):
    """UUID of a fresh plan: nop, nop, and a sleep of eight seconds"""
    name = journey.name("planned")
    journey.audit(desk, dummy, name, parameters='{"para1": 8}')
    return journey.plan_of(desk, daemons.client().audit.get(name).uuid)
