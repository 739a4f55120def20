"""What the published client relies on in HTTP itself: rest-api C1 to C10, one test each."""

import json
import threading

import pytest
from watcherclient import exceptions
from watcherclient.common.apiclient.exceptions import MethodNotAllowed

from tests.contract.standalone import GOALS, PAGE, planned
from tests.contract.wire import Local, Wire
from watcher import exception

MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def wire(standalone):
    return Wire(standalone.url)


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("GET", "/v1/goals/nothing", None, exceptions.HTTPNotFound),
        ("GET", "/v1/goals/?limit=x", None, exceptions.HTTPBadRequest),
        ("GET", "/v1/audits/?sort_key=nothing", None, exceptions.HTTPBadRequest),
        ("POST", "/v1/audits", {"audit_type": "ONESHOT"}, exceptions.HTTPBadRequest),
        ("POST", "/v1/audits", [], exceptions.HTTPBadRequest),
        ("PATCH", "/v1/goals/dummy", [], MethodNotAllowed),
        ("GET", "/v1/nothing", None, exceptions.HTTPNotFound),
    ],
)
def test_c01_errors_are_json_inside_a_string(wire, method, path, body, error):
    more = {} if body is None else {"body": body}
    with pytest.raises(error) as caught:
        wire.send(method, path, **more)
    told = wire.refusal
    assert isinstance(told, str)
    if told.startswith("{"):
        fault = json.loads(told)
        assert fault["faultcode"] == "Client"
        assert caught.value.message == fault["faultstring"]
        assert fault["debuginfo"] is None
    else:
        # Refused before any handler: plain text, of which clients show the reason alone.
        assert told.startswith(str(wire.last.status_code))
        assert caught.value.message


def test_c02_the_request_id_of_an_error_is_that_of_the_answer(wire):
    with pytest.raises(exceptions.HTTPNotFound) as caught:
        wire.client.goal.get("nothing")
    assert caught.value.request_id == wire.last.headers["x-openstack-request-id"]
    assert f"(Request-ID: {caught.value.request_id})" in str(caught.value)


def test_c03_pages_are_followed_below_a_prefix():
    with Local(prefix="/infra-optim", max_limit=1).served() as local:
        # An endpoint of the catalogue may or may not name the version.
        for endpoint in (local.url, f"{local.url}/v1", f"{local.url}/v1/"):
            wire = Wire(endpoint)
            found = wire.client.goal.list(limit=0, detail=True)
            assert [goal.name for goal in found] == ["dummy", "saving_energy"]
            followed = wire.last.request.path_url
            assert followed.startswith("/infra-optim/v1/goals/detail?sort_key=id&")
        (root,) = (wire.send("GET", "/v1/goals/?limit=1")[1]["next"],)
        assert root.startswith(f"http://127.0.0.1:{local.port}/v1/goals?")


def test_c04_limits_say_how_many_pages_are_read(wire):
    assert len(wire.client.goal.list()) == PAGE
    assert wire.paths == ["/v1/goals"]
    assert len(wire.client.goal.list(limit=PAGE + 2)) == PAGE + 2
    first, second = wire.paths
    assert first == f"/v1/goals/?limit={PAGE + 2}" and "&marker=" in second
    assert len(wire.client.goal.list(limit=0)) == GOALS
    paths = wire.paths
    assert paths[0] == "/v1/goals" and len(paths) == GOALS // PAGE + 1


def test_c04_filters_last_over_all_pages(wire):
    for _number in range(PAGE + 1):
        wire.client.audit.create(audit_type="EVENT", goal="saving_energy")
    wire.client.audit.create(audit_type="EVENT", goal="dummy")
    found = wire.client.audit.list(limit=0, goal="saving_energy")
    assert len(found) > PAGE and {a.goal_name for a in found} == {"saving_energy"}


def test_c05_queries_come_after_a_slash(wire):
    wire.client.goal.list(limit=1)
    wire.client.data_model.list()
    wire.client.audit.list(detail=True, goal="dummy", limit=1)
    wire.client.strategy.list(goal="dummy", sort_key="name")
    assert wire.paths == [
        "/v1/goals/?limit=1",
        "/v1/data_model/?data_model_type=compute",
        "/v1/audits/detail?limit=1&goal=dummy",
        "/v1/strategies/?sort_key=name&goal=dummy",
    ]


def test_c06_headers_of_requests_without_a_body_do_no_harm(wire):
    template = wire.client.audit_template.create(name="c06", goal="dummy")
    assert wire.sent.headers["Content-Type"] == "application/json"
    assert wire.last.status_code == 201
    wire.client.audit_template.get(template.uuid)
    assert wire.sent.headers["Content-Type"] == "application/json"
    assert wire.sent.headers["Accept"] == "application/json" and not wire.sent.body
    wire.client.audit_template.delete(template.uuid)
    assert wire.sent.headers["Content-Type"] == "application/octet-stream"
    assert wire.sent.headers["Accept"] == "*/*" and not wire.sent.body
    assert wire.last.status_code == 204 and wire.last.content == b""
    assert "Content-Type" not in wire.last.headers


def test_c07_a_plan_is_started_with_an_empty_object(wire, client):
    _audit, plan = planned(client)
    assert wire.client.action_plan.start(plan.uuid).state == "PENDING"
    assert wire.sent.path_url == f"/v1/action_plans/{plan.uuid}/start"
    assert wire.sent.body == "{}" and wire.last.status_code == 200


@pytest.mark.parametrize(
    ("version", "ask"),
    [
        ("1.8", lambda client: client.goal.list()),
        ("1.2", lambda client: client.data_model.list()),
        (
            "1.0",
            lambda client: client.audit.create(
                audit_type="CONTINUOUS",
                goal="dummy",
                interval="60",
                end_time="2099-01-01",
            ),
        ),
        (
            "1.6",
            lambda client: client.audit_template.create(
                name="c08",
                goal="dummy",
                strategy="dummy",
                default_parameters={"para1": 2.0},
            ),
        ),
        (
            "1.7",
            lambda client: client.http_client.json_request(
                "GET", "/v1/goals", headers={"Accept": "text/html"}
            ),
        ),
    ],
    ids=["version", "data model", "times", "default parameters", "accept"],
)
def test_c08_whatever_is_not_acceptable_tells_the_range(standalone, version, ask):
    wire = Wire(standalone.url, version)
    with pytest.raises(exceptions.UnsupportedVersion) as caught:
        ask(wire.client)
    assert wire.last.status_code == 406
    assert wire.last.headers["OpenStack-API-Minimum-Version"] == "1.0"
    assert wire.last.headers["OpenStack-API-Maximum-Version"] == "1.7"
    text = " ".join(str(caught.value).split())
    assert text.endswith("Supported version range is 1.0 to 1.7")


def test_c09_a_service_that_is_not_there_is_asked_again():
    local = Local()
    local.failures = [exception.DatabaseUnavailable(reason="away")] * 2
    # By itself the client tries five times more, two seconds apart.
    wire = Wire(local.url, max_retries=30, retry_interval=0.1)
    begin = threading.Event()

    def late():
        begin.wait(10)
        with local.served():
            end.wait(30)

    end = threading.Event()
    server = threading.Thread(target=late)
    server.start()
    # Nobody listens for the first attempts.
    threading.Timer(0.3, begin.set).start()
    try:
        assert wire.client.goal.get("dummy").name == "dummy"
    finally:
        end.set()
        server.join(10)
    assert [answer.status_code for answer in wire.seen] == [503, 503, 200]
    assert "try again" in wire.seen[0].text


def test_c09_a_conflict_is_not_asked_again(standalone):
    wire = Wire(standalone.url, max_retries=5, retry_interval=0.2)
    wire.client.audit_template.create(name="c09", goal="dummy")
    wire.seen.clear()
    with pytest.raises(exceptions.Conflict, match="c09 already exists"):
        wire.client.audit_template.create(name="c09", goal="dummy")
    assert len(wire.seen) == 1
    wire.client.audit_template.delete("c09")


@pytest.mark.parametrize(
    ("asked", "sent"),
    [(None, "1.5"), ("1.latest", "1.5"), ("1", "1.0"), ("1.6", "1.6"), ("1.7", "1.7")],
)
def test_c10_the_version_asked_for_is_the_version_answered(standalone, asked, sent):
    wire = Wire(standalone.url, asked)
    wire.client.audit_template.list()
    assert wire.sent.headers["OpenStack-API-Version"] == f"infra-optim {sent}"
    assert wire.last.headers["OpenStack-API-Version"] == f"infra-optim {sent}"
