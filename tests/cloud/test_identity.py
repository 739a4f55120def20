"""Who may do what, told by a real Keystone."""

import os
import pathlib
import subprocess
import sys
import time
import uuid

import pytest
from keystoneauth1 import adapter, session
from keystoneauth1.identity import v3

from tests import servers
from tests.cloud import configs
from tests.cloud.people import DOMAIN, PROJECT, SYSTEM, People, Routes

# Neither says anything about the cloud; whoever has a token may read them.
UNJUDGED = ("/v1", "/v1/openapi.json")


@pytest.fixture(scope="module")
def people(daemons):
    return People(daemons.plane)


@pytest.fixture(scope="module")
def routes(daemons):
    found = Routes(daemons.plane)
    # The first model is not there in the moment in which the engine is.
    servers.wait_until(
        lambda: found.send("GET", "/readyz", None).ok, 90, "the service's readiness"
    )
    return found


@pytest.fixture(scope="module")
def rows(daemons):
    """Identifiers of rows that are there, by their names in paths"""
    client = daemons.client()
    template = client.audit_template.create(name=str(uuid.uuid4()), goal="dummy")
    event = client.audit.create(audit_type="EVENT", goal="dummy")
    yield {
        "goal": "dummy",
        "strategy": "dummy",
        "audit_template": template.uuid,
        "audit": event.uuid,
        "service": "watcher-applier",
    }
    client.audit_template.delete(template.uuid)


def _judged(routes, **rows):
    """Yield method and path of what a rule decides on"""
    for method, path, secured in routes.every(**rows):
        if secured and path not in UNJUDGED:
            yield method, path


# Tokens ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["none", "garbage", "revoked", "expired"])
def bad_token(request, people, routes):
    """A token that is not, not any more, or never was one"""
    if request.param == "none":
        return None
    if request.param == "garbage":
        return "gAAAAABgarbage"
    if request.param == "revoked":
        token = people.token("admin", PROJECT)
        people.revoke(token)
        return token
    token, left = people.short_token(4)
    # Good first, so that whoever remembers tokens remembers this one.
    assert routes.send("GET", "/v1/goals", token).status_code == 200
    time.sleep(max(left, 0) + 1)
    return token


def test_without_a_good_token_nothing_is_told(daemons, routes, rows, bad_token):
    asked = 0
    for method, path, secured in routes.every(**rows):
        answer = routes.send(method, path, bad_token)
        if not secured:
            assert answer.status_code == 200, path
            continue
        asked += 1
        assert answer.status_code == 401, (method, path, answer.text)
        uri = daemons.plane.url("keystone", "/v3")
        assert answer.headers["WWW-Authenticate"] == f'Keystone uri="{uri}"'
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["x-openstack-request-id"].startswith("req-")
        error = answer.json()["error"]
        assert (error["code"], error["title"]) == (401, "Unauthorized")
        assert "requires authentication" in error["message"]
    assert asked > 40


def test_unknown_paths_need_a_token_too(routes):
    for path in ("/v1/nothing", "/v2", "/nothing", "/v1/webhooks/x"):
        assert routes.send("GET", path, None).status_code == 401


# Roles ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        ("reader", PROJECT),
        ("member", PROJECT),
        ("manager", PROJECT),
        ("reader", DOMAIN),
        (None, None),
    ],
    ids=["reader", "member", "manager", "domain reader", "unscoped"],
)
def test_roles_that_are_not_of_the_whole_cloud_are_refused(
    people, routes, rows, role, scope
):
    token = people.token(role, scope)
    for method, path in _judged(routes, **rows):
        answer = routes.send(method, path, token)
        assert answer.status_code == 403, (method, path, answer.text)
        assert "Policy doesn't allow" in answer.text
    assert routes.send("GET", "/v1", token).status_code == 200


def test_a_refusal_is_the_same_for_what_is_there_and_what_is_not(people, routes, rows):
    token = people.token("member", PROJECT)
    there = list(_judged(routes, **rows))
    nothing = list(_judged(routes))
    assert len(there) == len(nothing)
    for one, other in zip(there, nothing, strict=True):
        answers = [routes.send(*each, token).json() for each in (one, other)]
        for answer in answers:
            answer.pop("request_id", None)
        assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("role", "scope"),
    [("infra_optim_reader", PROJECT), ("reader", SYSTEM)],
    ids=["infra_optim_reader", "system reader"],
)
def test_readers_of_the_cloud_read_all_and_change_nothing(
    people, daemons, routes, rows, role, scope
):
    token = people.token(role, scope)
    before = _state(daemons)
    for method, path in _judged(routes, **rows):
        answer = routes.send(method, path, token)
        if method == "GET":
            assert answer.status_code in (200, 404), (path, answer.text)
        else:
            assert answer.status_code == 403, (method, path, answer.text)
    for noun, ident in rows.items():
        plural = {"strategy": "strategies"}.get(noun, f"{noun}s")
        for path in (f"/v1/{plural}", f"/v1/{plural}/detail", f"/v1/{plural}/{ident}"):
            assert routes.send("GET", path, token).status_code == 200
    assert routes.send("GET", "/v1/data_model", token).json()["context"]
    assert _state(daemons) == before


def test_other_services_only_trigger(people, daemons, routes, rows):
    token = people.token("service", PROJECT)
    for method, path in _judged(routes, **rows):
        answer = routes.send(method, path, token, {"alarm": "too hot"})
        wanted = 202 if path.startswith("/v1/webhooks/") else 403
        assert answer.status_code == wanted, (method, path, answer.text)
    missing = routes.send("POST", "/v1/webhooks/nothing", token)
    assert missing.status_code == 404 and "could not be found" in missing.text


@pytest.mark.parametrize("scope", [PROJECT, SYSTEM], ids=["project", "system"])
def test_administrators_do_everything(people, routes, rows, scope):
    token = people.token("admin", scope)
    for method, path in _judged(routes, **rows):
        if method == "GET":
            assert routes.send(method, path, token).status_code in (200, 404), path
    body = {"name": str(uuid.uuid4()), "goal": "dummy"}
    made = routes.send("POST", "/v1/audit_templates", token, body)
    assert made.status_code == 201
    path = f"/v1/audit_templates/{made.json()['uuid']}"
    assert routes.send("DELETE", path, token).status_code == 204


def _state(daemons):
    """Return what refused requests must leave alone"""
    found = {}
    for table in ("audits", "audit_templates", "action_plans", "actions"):
        sql = f"SELECT uuid, state FROM {table} ORDER BY id"
        if table == "audit_templates":
            sql = "SELECT uuid, name, deleted FROM audit_templates ORDER BY id"
        found[table] = daemons.rows(sql)
    return found


# Clients --------------------------------------------------------------------------------


def test_the_catalogue_leads_to_the_version_and_its_range(daemons):
    plane = daemons.plane
    auth = v3.Password(
        auth_url=plane.url("keystone", "/v3"),
        username="admin",
        password=configs.PASSWORD,
        project_name="admin",
        user_domain_id="default",
        project_domain_id="default",
    )
    found = session.Session(auth=auth)
    client = adapter.Adapter(
        found,
        service_type="infra-optim",
        min_version="1",
        max_version="latest",
        default_microversion="1.7",
    )
    endpoint = client.get_endpoint_data()
    assert endpoint.url == plane.url("watcher", "/v1/")
    assert (endpoint.min_microversion, endpoint.max_microversion) == ((1, 0), (1, 7))
    answer = client.get("/goals")
    assert answer.status_code == 200
    assert answer.headers["OpenStack-API-Version"] == "infra-optim 1.7"


@pytest.mark.parametrize("words", [["watcher"], ["openstack", "optimize"]])
def test_commands_log_in_with_a_password(daemons, words):
    env = {
        "OS_AUTH_URL": daemons.plane.url("keystone", "/v3"),
        "OS_USERNAME": "admin",
        "OS_PASSWORD": configs.PASSWORD,
        "OS_PROJECT_NAME": "admin",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_IDENTITY_API_VERSION": "3",
    }
    program = pathlib.Path(sys.executable).parent / words[0]
    for arguments, status, said in (
        (["goal", "list"], 0, "server_consolidation"),
        (["audit", "show", "nothing"], 1, "Audit nothing could not be found"),
    ):
        done = subprocess.run(
            [program, *words[1:], *arguments],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, said in done.stdout + done.stderr) == (status, True)
