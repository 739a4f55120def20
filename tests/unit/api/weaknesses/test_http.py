"""Weaknesses of the published API between the wire and its handlers.

Those about headers of browsers (W31), roles without tokens (W33) and odd paths (W37) are
with the layers that mend them, in ``test_edge.py``.
"""

import json
import xml.etree.ElementTree as etree

import pytest

from tests.unit.api.conftest import Client
from watcher.api import app
from watcher.plugins import Plugins
from watcher.policy import Enforcer

MISSING = "11111111-1111-4111-8111-111111111111"
VERSIONS = {
    "Vary": "OpenStack-API-Version",
    "OpenStack-API-Minimum-Version": "1.0",
    "OpenStack-API-Maximum-Version": "1.7",
}
# One request for each way to be refused: method, path, body, headers, status.
REFUSED = [
    ("GET", "/v1/nope", None, {}, 404),
    ("GET", "/nope", None, {}, 404),
    ("GET", "/v1/goals/nope", None, {}, 404),
    ("GET", "/v1/goals/dummy/nope", None, {}, 404),
    ("PUT", "/v1/goals", None, {}, 405),
    ("POST", "/v1/actions", {}, {}, 405),
    ("POST", "/v1/audits", {}, {}, 400),
    ("POST", "/v1/audits", [], {}, 400),
    ("PATCH", "/v1/audits", [], {}, 400),
    ("GET", "/v1/audits?nope=1", None, {}, 400),
    ("GET", f"/v1/action_plans/{MISSING}", None, {}, 404),
    ("GET", "/v1/action_plans/x", None, {}, 400),
    ("POST", "/v1/audits", {}, {"Content_Type": "text/plain"}, 415),
    ("GET", "/v1/goals", None, {"X_Roles": "member"}, 403),
    ("POST", "/v1/audits", {"goal": "x" * 2_000_000}, {}, 413),
]


@pytest.mark.parametrize("form", ["application/xml", "text/xml"])
def test_w11_errors_are_well_formed_xml(client, form):
    for method, path, body, headers, status in REFUSED:
        answer = client.send(method, path, body, Accept=form, **headers)
        assert answer.status == status, path
        assert answer.headers["Content-Type"] == "application/xml"
        root = etree.fromstring(answer.raw)
        assert root.tag == "error_message" and root.get("text")


def test_w11_whatever_the_error_says(client):
    for name in ("%3C%26%22%27%3E", "%01", "%EF%BF%BE", "%F0%9F%98%80"):
        answer = client.get(f"/v1/goals/{name}.xml")
        assert answer.status == 404
        assert "could not be found" in etree.fromstring(answer.raw).get("text")


def test_w12_every_refusal_tells_the_versions(client):
    for method, path, body, headers, status in REFUSED:
        answer = client.send(method, path, body, **headers)
        assert answer.status == status, path
        assert {name: answer.headers[name] for name in VERSIONS} == VERSIONS
        assert answer.headers["OpenStack-API-Version"] == "infra-optim 1.7"


@pytest.mark.parametrize("asked", ["1.8", "2.0", "10", "1.2.3", "0.9"])
def test_w12_refused_versions_tell_those_there_are(client, asked):
    answer = client.get("/v1/goals", version=asked)
    assert answer.status == 406
    assert {name: answer.headers[name] for name in VERSIONS} == VERSIONS
    assert "OpenStack-API-Version" not in answer.headers


def test_w12_refused_formats_tell_the_versions(client):
    answer = client.get("/v1/goals", Accept="text/html")
    assert answer.status == 406
    assert {name: answer.headers[name] for name in VERSIONS} == VERSIONS


@pytest.fixture
def guarded(conf, database):
    """A client of an API that demands tokens, without one"""
    conf.set_override("enable_authentication", True)
    app.build(conf, database, None, Enforcer(conf))  # declares Keystone's options
    conf.set_override("www_authenticate_uri", "http://keystone", "keystone_authtoken")
    conf.set_override("allowed_origin", ["https://horizon"], "cors")
    return Client(app.build(conf, database, None, Enforcer(conf), Plugins.of({})), None)


def test_w30_refused_tokens_can_be_found_in_the_log_and_read_by_browsers(guarded):
    answer = guarded.get("/v1/goals", Origin="https://horizon")
    assert answer.status == 401
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://horizon"
    assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://keystone"'
    assert answer.headers["Content-Type"] == "application/json"
    # The body stays that of the library: clients know it from every service.
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "title", "message"}
    assert answer.json["error"]["code"] == 401


def test_w32_programs_read_errors_without_decoding_twice(client):
    for method, path, body, headers, status in REFUSED:
        answer = client.send(method, path, body, **headers)
        document = answer.json
        assert set(document) == {"error_message", "code", "title", "request_id"}
        assert document["code"] == answer.status == status
        assert document["title"]
        assert document["request_id"] == answer.headers["x-openstack-request-id"]
        # As published: a string always, and JSON in it when a handler refused.
        assert isinstance(document["error_message"], str)
        if document["error_message"].startswith("{"):
            inner = json.loads(document["error_message"])
            assert set(inner) == {"faultcode", "faultstring", "debuginfo"}
            assert inner["faultcode"] == "Client" and inner["debuginfo"] is None
        else:
            assert document["error_message"].startswith(f"{status} {document['title']}")


def test_w34_every_resource_is_listed(client):
    resources = {kind.name for kind in app.RESOURCES} - {"openapi.json"}
    for minor in range(8):
        document = client.get("/v1", version=f"1.{minor}").json
        later = {"data_model"} if minor < 3 else set()
        later |= {"webhooks"} if minor < 4 else set()
        assert resources - set(document) == later
        for name in resources - later:
            assert [link["rel"] for link in document[name]] == ["self", "bookmark"]
            assert document[name][0]["href"] == f"http://localhost/v1/{name}/"
    described = [item for item in document["links"] if item["rel"] == "describedby"]
    assert described[0]["type"] == "text/html"
    assert described[0]["href"].startswith("https://docs.openstack.org/api-ref/")


def test_w37_a_slash_at_the_end_is_no_difference(client, audit):
    for path in ("", "/detail", f"/{audit['uuid']}"):
        slash = client.get(f"/v1/audits{path}/")
        assert (slash.status, slash.json) == (200, client.get(f"/v1/audits{path}").json)
    assert client.get("/v1/strategies/dummy/state/").status == 200


@pytest.mark.parametrize(
    "name", ["7", "07", "a.json", "a.xml", "x.txt", "1e3", MISSING]
)
def test_w37_every_name_can_be_addressed(client, name):
    template = {"name": name, "goal": "dummy"}
    made = client.post("/v1/audit_templates", template).json
    path = f"/v1/audit_templates/{name}"
    assert client.get(path).json["uuid"] == made["uuid"]
    patch = ("replace", "/description", "d")
    assert client.patch(path, patch).json["description"] == "d"
    assert client.delete(path).status == 204


def test_w38_anybody_may_ask_whether_it_is_alive(guarded):
    assert guarded.get("/healthcheck").status == 200
    assert guarded.get("/readyz").status in (200, 503)
    assert guarded.get("/v1/goals").status == 401
