"""What every answer has: headers, formats, error bodies; whatever is sent."""

import json
import xml.etree.ElementTree as etree

import pytest
import webob
from oslo_middleware import cors
from sqlalchemy import event

from tests.unit.api.conftest import Client
from watcher import exception
from watcher.api import app
from watcher.policy import Enforcer

JSON = {"Content_Type": "application/json"}
BOUNDS = ("OpenStack-API-Minimum-Version", "OpenStack-API-Maximum-Version")


def test_discovery_is_the_same_at_every_version(client):
    answer = client.get("/", version="9.9")
    version = answer.json["versions"][0]
    assert answer.status == 200 and answer.json["default_version"] == version
    assert (version["id"], version["min_version"]) == ("v1", "1.0")
    assert (version["status"], version["max_version"]) == ("CURRENT", "1.7")
    assert version["links"][0]["href"] == "http://localhost/v1/"
    assert "Vary" not in answer.headers


def test_v1_lists_resources_with_links(client):
    document = client.get("/v1").json
    assert document == client.get("/v1/").json == client.get("/v1.json").json
    assert {"audit_templates", "audits", "action_plans", "actions", "links"} < set(
        document
    )
    assert document["audits"] == [
        {"href": "http://localhost/v1/audits/", "rel": "self"},
        {"href": "http://localhost/audits/", "rel": "bookmark"},
    ]
    assert any("explanation" in item["path"] for item in document["extensions"])


@pytest.mark.parametrize(
    "path, status",
    [
        ("/v1/goals/", 200),
        ("/goals", 200),
        ("/goals/dummy/", 200),
        ("//v1/goals", 200),
        ("/v1//audits/detail", 200),
        ("/v1//goals/dummy", 404),
        ("/v1/goals/dummy.json", 200),
        ("/v2", 404),
        ("/nope", 404),
        ("/.json", 404),
        ("/v1/goals/dummy/detail", 404),
        ("/v1/goals/detail/x", 404),
        ("/v1/goals/dummy/nope", 404),
        ("/v1/goals/a%2Fb", 404),
        ("/v1/goals/my.audit.v1", 404),
        ("/v1/__class__", 404),
        ("/v1/%ff", 404),
        ("/_route", 404),
    ],
)
def test_paths(client, path, status):
    answer = client.get(path)
    assert answer.status == status
    assert answer.headers["Vary"] == "OpenStack-API-Version"
    assert [answer.headers[name] for name in BOUNDS] == ["1.0", "1.7"]
    assert answer.headers["OpenStack-API-Version"] == "infra-optim 1.7"
    assert answer.headers["x-openstack-request-id"].startswith("req-")


@pytest.mark.parametrize(
    "asked, got",
    [
        (None, "1.0"),
        ("infra-optim 1.4", "1.4"),
        ("infra-optim 1.07", "1.7"),
        ("infra-optim 1", "1.0"),
        ("infra-optim LATEST", "1.7"),
        ("Infra-Optim 1.2", "1.2"),
        ("compute 2.79", "1.0"),
        ("compute 2.79, infra-optim 1.3", "1.3"),
        ("infra-optim 1.2,infra-optim 1.3", "1.3"),
        ("infra-optim 1.3 x", "1.0"),
        ("infra-optim abc", "1.0"),
        ("infra-optim 1.a", "1.0"),
        ("infra-optim", "1.0"),
        ("1.5", "1.0"),
        ("infra-optim 1.8", None),
        ("infra-optim 2.0", None),
        ("infra-optim 0.9", None),
        ("infra-optim -1.2", None),
        ("infra-optim 10", None),
        ("infra-optim 1.2.3", None),
        ("infra-optim 1.99999999999999999999", None),
    ],
)
def test_microversions(client, asked, got):
    headers = {"OpenStack_API_Version": asked or ""}
    answer = client.get("/v1/goals", **headers)
    assert answer.status == (406 if got is None else 200)
    told = answer.headers.get("OpenStack-API-Version")
    assert told == (None if got is None else f"infra-optim {got}")
    assert [answer.headers[name] for name in BOUNDS] == ["1.0", "1.7"]
    if got is None:
        assert "[1.0, 1.7]" in answer.json["error_message"]


def test_errors_are_json_in_a_json_string(client):
    answer = client.get("/v1/goals/nope")
    assert json.loads(answer.json["error_message"]) == {
        "faultcode": "Client",
        "faultstring": "Goal nope could not be found",
        "debuginfo": None,
    }
    assert answer.json["code"] == 404
    assert answer.json["request_id"] == answer.headers["x-openstack-request-id"]


def test_unmatched_routes_and_methods_are_told_in_words(client):
    missing = client.get("/v1/nope")
    assert missing.json["error_message"].startswith("404 Not Found\n\n")
    wrong = client.send("PUT", "/v1/goals")
    assert wrong.status == 405 and wrong.headers["Allow"] == "GET, HEAD"
    assert client.send("PATCH", "/v1/audits", []).status == 400
    assert client.send("DELETE", "/v1/goals").status == 405
    assert client.post("/v1", {}).status == 405
    assert client.send("HEAD", "/v1/goals").raw == b""


@pytest.mark.parametrize(
    "accept, form",
    [
        ("*/*", "json"),
        ("application/json", "json"),
        ("application/*", "json"),
        ("application/json, application/xml;q=0.5", "json"),
        ("application/xml", "xml"),
        ("text/xml, application/json", "xml"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "xml"),
        ("garbage;;", "json"),
        ("text/html", None),
        ("application/vnd.openstack.watcher.v1+json", None),
    ],
)
def test_formats(client, accept, form):
    answer = client.get("/v1/strategies", Accept=accept)
    if form is None:
        assert answer.status == 406
        assert [answer.headers[name] for name in BOUNDS] == ["1.0", "1.7"]
    else:
        assert answer.headers["Content-Type"] == f"application/{form}"
        if form == "xml":
            root = etree.fromstring(answer.raw)
            assert root.tag == "result"
            assert root.findall("strategies/item/name")[0].text == "dummy"


def test_structured_values_are_text_in_xml(client, audit):
    root = etree.fromstring(client.get(f"/v1/audits/{audit['uuid']}.xml").raw)
    assert json.loads(root.find("parameters").text) == audit["parameters"]
    assert root.findall("links/item/rel")[0].text == "self"
    assert root.find("hostname").attrib == {"nil": "true"}


def test_errors_are_well_formed_in_xml(client):
    answer = client.get("/v1/goals/%3Ca%01%EF%BF%BF", Accept="application/xml")
    root = etree.fromstring(answer.raw)
    assert root.tag == "error_message" and "could not be found" in root.get("text")


@pytest.mark.parametrize(
    "raw, content_type, status, words",
    [
        (b"{", "application/json", 400, "not in valid JSON"),
        (b"\xff\xfe", "application/json", 400, "not in valid JSON"),
        (b"[" * 100_000, "application/json", 400, "nested"),
        (b"[" * 60 + b"]" * 60, "application/json", 400, "levels"),
        (b'{"name": NaN}', "application/json", 400, "not a JSON number"),
        (b'{"name": 1e999}', "application/json", 400, "out of range"),
        (b'{"name": 1' + b"0" * 5000 + b"}", "application/json", 400, "out of range"),
        (b'{"name": "a", "name": "b"}', "application/json", 400, "name is given twice"),
        (b'{"a": {"b": 1, "b": 1}}', "application/json", 400, "b is given twice"),
        (b"", "application/json", 400, 'Missing argument: "audit"'),
        (b"", "text/plain", 400, "Missing argument"),
        (b"a=1&b=2", "application/x-www-form-urlencoded", 400, "a, b"),
        (b"{}", "text/plain", 415, "Unknown mimetype: text/plain"),
        (b"[]", "application/json-patch+json", 415, "Unknown mimetype"),
        (b"{}", "application/json; charset=utf-8", 400, "Mandatory field missing"),
        (b" " * 2_000_000, "application/json", 413, "larger"),
    ],
    ids=range(16),
)
def test_bodies_that_cannot_be_read(client, raw, content_type, status, words):
    answer = client.send("POST", "/v1/audits", raw=raw, Content_Type=content_type)
    assert answer.status == status
    assert words in answer.fault


@pytest.mark.parametrize(
    "body",
    [
        {f"key{number}": 1 for number in range(20000)},
        {"x" * 200000: 1},
        {"goal": "dummy", "audit_type": "x" * 200000},
    ],
    ids=["many keys", "a long key", "a long word"],
)
def test_a_refusal_does_not_send_the_request_back(client, body):
    answer = client.post("/v1/audits", body)
    assert answer.status == 400 and len(answer.raw) < 3000


def test_bodies_of_get_and_delete_are_nobodys_business(client):
    assert client.send("GET", "/v1/goals", raw=b"{").status == 200
    headers = {"Content_Type": "application/octet-stream"}
    assert client.send("DELETE", "/v1/audits/x", raw=b"x", **headers).status == 404


def test_links_leave_out_the_prefix_that_discovery_has(client, application):
    def ask(path):
        request = webob.Request.blank(
            path,
            base_url="https://cloud:8443/infra-optim",
            headers={"X-Roles": "admin"},
        )
        return request.get_response(application)

    assert ask("/v1").json["links"][0]["href"] == ("https://cloud:8443/infra-optim/v1/")
    row = ask("/v1/goals?limit=1").json
    assert row["goals"][0]["links"][0]["href"].startswith(
        "https://cloud:8443/v1/goals/"
    )
    assert row["next"].startswith("https://cloud:8443/v1/goals?")


def test_refusals_come_before_any_lookup(client, audit, bus):
    bus.audits.clear()
    none = {"X_Roles": "member"}
    for method, path, body in (
        ("GET", "/v1/audits", None),
        ("GET", "/v1/audits/nope", None),
        ("GET", f"/v1/audits/{audit['uuid']}", None),
        ("GET", "/v1/audits/nope/explanation", None),
        ("POST", "/v1/audits", {"goal": "nope"}),
        ("POST", "/v1/audit_templates", {"goal": "nope"}),
        ("PATCH", "/v1/actions/nope", {}),
        ("DELETE", "/v1/action_plans/nope", None),
    ):
        answer = client.send(method, path, body, **none)
        assert answer.status == 403, (method, path)
        assert answer.fault.startswith("Policy doesn't allow ")
    reader = {"X_Roles": "infra_optim_reader"}
    assert client.get("/v1/audits", **reader).status == 200
    assert client.delete(f"/v1/audits/{audit['uuid']}", **reader).status == 403


class Broken:
    """A database that fails as it is told"""

    def __init__(self, error):
        self.error = error

    def read(self, fn, /, *args, **kwargs):
        raise self.error

    write = read

    def ping(self):
        raise self.error


@pytest.mark.parametrize(
    "error, status, words",
    [
        (exception.DatabaseUnavailable(reason="secret-host"), 503, "try again"),
        (RuntimeError("SELECT secret"), 500, "the log has the details"),
        (exception.LeaseLost("secret"), 500, "the log has the details"),
        (
            exception.StateChanged(kind="audit", ident="x", expected="Y"),
            409,
            "any more",
        ),
        (exception.Invalid("bad\nTraceback (most recent call last):\n x"), 400, "bad"),
    ],
)
def test_what_fails_below_is_told_without_secrets(conf, error, status, words):
    broken = app.build(conf, Broken(error), None, Enforcer(conf))
    sick = Client(broken, None)
    sick.strict = False
    answer = sick.get("/v1/goals")
    assert answer.status == status and words in answer.fault
    assert b"secret" not in answer.raw and b"Traceback" not in answer.raw
    assert answer.json["request_id"]


def test_readiness_is_open_and_follows_the_database(conf, database):
    conf.set_override("ready_model_age", 0, "api")
    client = Client(app.build(conf, database, None, Enforcer(conf)), database)
    assert client.get("/readyz", X_Roles="").status == 200
    broken = Broken(exception.DatabaseUnavailable(reason="secret"))
    sick = Client(app.build(conf, broken, None, Enforcer(conf)), None)
    answer = sick.get("/readyz")
    assert answer.status == 503 and b"secret" not in answer.raw


def test_browsers_may_ask_first(conf, database):
    conf.register_opts(cors.OPTS, "cors")
    conf.set_override("allowed_origin", ["https://horizon"], "cors")
    conf.set_override("enable_authentication", True)
    app.build(conf, database, None, Enforcer(conf))  # declares Keystone's options
    conf.set_override("www_authenticate_uri", "http://keystone", "keystone_authtoken")
    application = app.build(conf, database, None, Enforcer(conf))
    browser = Client(application, None)
    answer = browser.send(
        "OPTIONS",
        "/v1/audits",
        Origin="https://horizon",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="OpenStack-API-Version",
    )
    assert answer.status == 200
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert allowed == "OpenStack-API-Version"
    refused = browser.get("/v1/goals", Origin="https://horizon")
    assert refused.status == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "https://horizon"


def test_statements_of_a_page_do_not_depend_on_its_rows(client, database):
    body = {"audit_type": "EVENT", "goal": "dummy", "strategy": "dummy"}
    for number in range(12):
        client.post("/v1/audits", {**body, "name": str(number)})
        uuid = client.get("/v1/audits/detail").json["audits"][-1]["uuid"]
        client.plan(uuid)
    seen = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda *args: seen.append(args[2]),
    )
    for noun in ("audits", "action_plans", "actions", "strategies"):
        counts = []
        for limit in (1, 12):
            seen.clear()
            rows = client.get(f"/v1/{noun}/detail?limit={limit}").json[noun]
            assert len(rows) == limit or noun == "strategies"
            counts.append(len(seen))
        assert counts[0] == counts[1] <= 4, noun
