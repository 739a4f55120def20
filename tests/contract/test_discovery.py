"""How clients find out which versions there are: keystoneauth's way and the dashboard's."""

import pytest
import requests
from keystoneauth1 import adapter, discover, noauth, session

from tests.contract import lines
from tests.contract.standalone import ADMIN
from tests.contract.wire import Local


@pytest.fixture(scope="module")
def prefixed():
    with Local(prefix="/infra-optim").served() as local:
        yield local


@pytest.fixture(params=["bare", "prefix"])
def url(request, standalone, prefixed):
    """Where the service is: on a port of its own, or below a path"""
    return standalone.url if request.param == "bare" else prefixed.url


def _adapter(url, **more):
    """Return keystoneauth's client of a service whose endpoint the catalogue knows"""
    found = session.Session(
        auth=noauth.NoAuth(endpoint=url), additional_headers=dict(ADMIN)
    )
    return adapter.Adapter(found, service_type="infra-optim", **more)


@pytest.mark.parametrize("path", ["", "/"])
def test_the_root_names_the_version_and_its_range(url, path):
    asked = session.Session(auth=noauth.NoAuth(endpoint=url))
    (found,) = discover.get_discovery(asked, url + path).version_data()
    assert found["url"] == f"{url}/v1/"
    assert (found["version"], found["status"]) == ((1, 0), "CURRENT")
    assert (found["min_microversion"], found["max_microversion"]) == ((1, 0), (1, 7))


@pytest.mark.parametrize("path", ["/v1", "/v1/"])
def test_the_version_leads_to_itself(url, path):
    asked = session.Session(
        auth=noauth.NoAuth(endpoint=url), additional_headers=dict(ADMIN)
    )
    (found,) = discover.get_discovery(asked, url + path).version_data()
    assert (found["url"], found["version"]) == (f"{url}/v1/", (1, 0))


@pytest.mark.parametrize("version", lines.VERSIONS)
def test_a_microversion_that_is_asked_for_is_used(url, version):
    client = _adapter(f"{url}/v1", default_microversion=version)
    answer = client.get("/audits")
    assert answer.request.headers["OpenStack-API-Version"] == f"infra-optim {version}"
    assert answer.headers["OpenStack-API-Version"] == f"infra-optim {version}"
    assert answer.headers["Vary"].startswith("OpenStack-API-Version")


def test_latest_is_the_latest(url):
    answer = _adapter(f"{url}/v1", default_microversion="latest").get("/audits")
    assert answer.headers["OpenStack-API-Version"] == "infra-optim 1.7"


def test_the_dashboard_reads_the_range_at_the_root_with_a_token(url):
    headers = {"X-Auth-Token": "t", "Accept": "application/json"}
    found = requests.get(f"{url}/", headers=headers, timeout=10).json()
    (version,) = found["versions"]
    major, minor = (int(part) for part in version["max_version"].split("."))
    assert (major, minor) >= (1, 5)
    assert found["default_version"] == version
