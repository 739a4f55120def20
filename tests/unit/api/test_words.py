"""Texts of refusals, as the published document has them: clients and people match them."""

import pytest

MISSING = "11111111-1111-4111-8111-111111111111"
ONESHOT = {"audit_type": "ONESHOT", "goal": "dummy"}
CONTINUOUS = {"audit_type": "CONTINUOUS", "goal": "dummy", "interval": "60"}
TEMPLATE = {"name": "t", "goal": "dummy"}
FIELD = "Invalid input for field/attribute {}. Value: '{}'. "


@pytest.mark.parametrize(
    "noun, ident, text",
    [
        ("goals", "nope", "Goal nope could not be found"),
        ("strategies", "nope", "Strategy nope could not be found"),
        ("strategies", "nope/state", "Strategy nope could not be found"),
        ("audit_templates", "nope", "AuditTemplate nope could not be found"),
        ("audits", "nope", "Audit nope could not be found"),
        ("audits", MISSING, f"Audit {MISSING} could not be found"),
        ("action_plans", MISSING, f"ActionPlan {MISSING} could not be found"),
        ("actions", MISSING, f"Action {MISSING} could not be found"),
        ("scoring_engines", "nope", "ScoringEngine nope could not be found"),
        ("services", "nope", "The service nope cannot be found."),
        ("services", "99", "The service 99 cannot be found."),
        (f"audits?marker={MISSING}", "", f"Audit {MISSING} could not be found"),
        ("goals?marker=nope", "", "Goal nope could not be found"),
        ("services?marker=0", "", "The service 0 cannot be found."),
        ("services?marker=99", "", "The service 99 cannot be found."),
    ],
)
def test_what_is_not_there(client, noun, ident, text):
    answer = client.get(f"/v1/{noun}/{ident}" if ident else f"/v1/{noun}")
    assert (answer.status, answer.fault) == (404, text)


@pytest.mark.parametrize(
    "query, text",
    [
        ("limit=0", "Limit must be positive"),
        ("limit=-1", "Limit must be positive"),
        ("limit=x", FIELD.format("limit", "x")),
        ("limit=", FIELD.format("limit", "")),
        ("marker=x", FIELD.format("marker", "x")),
        ("marker=", FIELD.format("marker", "")),
        ("sort_key=nope", "Invalid sort key: nope"),
        ("sort_dir=up", "Invalid sort direction: up."),
        ("sort_dir=ASC", "Invalid sort direction: ASC."),
        ("nope=1", 'Unknown argument: "nope"'),
        ("nope=1&limit=1&also=2", 'Unknown argument: "also, nope"'),
        ("goal=a&goal=b", FIELD.format("goal", "['a', 'b']")),
    ],
)
@pytest.mark.parametrize("view", ["", "/", "/detail"])
def test_arguments_of_lists(client, query, text, view):
    answer = client.get(f"/v1/audits{view}?{query}")
    assert answer.status == 400 and answer.fault.startswith(text)


def test_an_argument_where_none_is_taken(client, audit):
    for method, path in (
        ("GET", "/v1"),
        ("GET", f"/v1/audits/{audit['uuid']}"),
        ("PATCH", f"/v1/audits/{audit['uuid']}"),
        ("DELETE", f"/v1/audits/{audit['uuid']}"),
        ("POST", "/v1/audits"),
        ("GET", "/v1/strategies/dummy/state"),
    ):
        answer = client.send(
            method, f"{path}?limit=1", {} if method == "POST" else None
        )
        assert (answer.status, answer.fault) == (400, 'Unknown argument: "limit"')


@pytest.mark.parametrize(
    "body, text",
    [
        ({}, FIELD.format("audit_type", None) + "Mandatory field missing."),
        (
            {**ONESHOT, "state": "PENDING"},
            FIELD.format("state", "PENDING") + "Cannot set read only field.",
        ),
        (
            {**ONESHOT, "scope": []},
            FIELD.format("scope", "[]") + "Cannot set read only field.",
        ),
        ({**ONESHOT, "b": 1, "a": 2}, "Unknown attribute for argument audit: a, b"),
        ({**ONESHOT, "name": 5}, FIELD.format("name", "5") + "Wrong type. Expected "),
        (
            {**ONESHOT, "parameters": []},
            FIELD.format("parameters", "[]") + "Value is not a valid dict",
        ),
        (
            {"audit_type": "ONESHOT", "audit_template_uuid": "t"},
            FIELD.format("audit_template_uuid", "t"),
        ),
        (
            {**ONESHOT, "strategy": "dummy", "parameters": {"x": 1}},
            "Audit parameter x are not allowed",
        ),
        (
            {**ONESHOT, "strategy": "dummy", "parameters": {"para1": 99}},
            "Invalid parameters for strategy: ",
        ),
        ({**ONESHOT, "goal": "nope"}, "Goal nope could not be found"),
    ],
    ids=str,
)
def test_bodies_of_audits(client, body, text):
    assert client.post("/v1/audits", body).fault.startswith(text)


def test_parameters_of_templates(client):
    body = {**TEMPLATE, "strategy": "dummy", "default_parameters": {"para1": 99}}
    fault = client.post("/v1/audit_templates", body).fault
    assert fault.startswith("Invalid default_parameters for strategy: ")


def test_duplicates(client, audit):
    client.post("/v1/audit_templates", TEMPLATE)
    again = client.post("/v1/audits", {**ONESHOT, "name": "a"})
    assert again.fault == "An audit with UUID or name a already exists"
    again = client.post("/v1/audit_templates", TEMPLATE)
    assert again.fault == "An audit_template with UUID or name t already exists"


def test_states(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    assert client.delete(path).fault == "Couldn't delete when state is 'PENDING'."
    done = client.patch(path, ("replace", "/state", "SUCCEEDED"))
    assert "State transition not allowed: (PENDING -> SUCCEEDED)" in done.fault
    plan = f"/v1/action_plans/{client.plan(audit['uuid'])}"
    same = client.patch(plan)
    assert "State transition not allowed: (RECOMMENDED -> RECOMMENDED)" in same.fault
    assert "nope" in client.patch(plan, ("replace", "/state", "nope")).fault
    client.post(f"{plan}/start", {})
    again = client.post(f"{plan}/start", {})
    assert again.fault == "Couldn't start when state is 'PENDING'."
    assert client.delete(plan).fault == "Couldn't delete when state is 'PENDING'."
    action = f"/v1/actions/{client.get('/v1/actions').json['actions'][0]['uuid']}"
    wrong = client.patch(action, ("replace", "/state", "SUCCEEDED"))
    assert wrong.status == 409
    assert "State transition not allowed: (PENDING -> SUCCEEDED)" in wrong.fault
    client.patch(plan, ("replace", "/state", "CANCELLED"))
    late = client.patch(action, ("replace", "/status_message", "x"))
    assert late.status == 409 and "CANCELLED" in late.fault


def test_patches(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    refused = client.patch(path, ("replace", "/nope", "x"))
    assert refused.fault.startswith("Couldn't apply patch '[{'op': 'replace', ")
    assert ". Reason: " in refused.fault
    for name in ("uuid", "id", "links", "created_at", "status_message"):
        answer = client.patch(path, ("replace", f"/{name}", "x"))
        assert answer.fault.startswith(FIELD.format("path", f"/{name}"))


def test_features_of_later_versions(client, audit):
    times = {**CONTINUOUS, "start_time": "2026-03-01"}
    early = client.post("/v1/audits", times, version="1.0")
    assert (early.status, early.fault) == (406, "Request not acceptable.")
    # A null says nothing, so it is no feature.
    nothing = {**CONTINUOUS, "start_time": None, "end_time": None}
    assert client.post("/v1/audits", nothing, version="1.0").status == 201
    client.plan(audit["uuid"])
    action = f"/v1/actions/{client.get('/v1/actions').json['actions'][0]['uuid']}"
    early = client.patch(action, ("replace", "/state", "SKIPPED"), version="1.4")
    assert early.status == 400 and "1.5" in early.fault


@pytest.mark.parametrize(
    "method, path, status, words",
    [
        ("GET", "/v1/nope", 404, "404 Not Found\n\nThe resource could not be found."),
        ("PUT", "/v1/goals", 405, "405 Method Not Allowed\n\nThe method "),
        ("POST", "/v1/actions", 405, "405 Method Not Allowed\n\nThe method "),
    ],
)
def test_the_router_speaks_plainly(client, method, path, status, words):
    answer = client.send(method, path)
    assert answer.status == status and answer.json["error_message"].startswith(words)


METHODS = {
    "/": "GET HEAD",
    "/v1": "GET HEAD",
    "/v1/goals": "GET HEAD",
    "/v1/goals/detail": "GET HEAD",
    "/v1/goals/dummy": "GET HEAD",
    "/v1/strategies": "GET HEAD",
    "/v1/strategies/dummy": "GET HEAD",
    "/v1/strategies/dummy/state": "GET HEAD",
    "/v1/scoring_engines/detail": "GET HEAD",
    "/v1/scoring_engines/x": "GET HEAD",
    "/v1/services": "GET HEAD",
    "/v1/services/1": "GET HEAD",
    "/v1/audit_templates": "GET HEAD POST",
    "/v1/audit_templates/detail": "GET HEAD",
    "/v1/audit_templates/x": "DELETE GET HEAD PATCH",
    "/v1/audits": "GET HEAD POST",
    "/v1/audits/detail": "GET HEAD",
    "/v1/audits/x": "DELETE GET HEAD PATCH",
    "/v1/action_plans": "GET HEAD",
    "/v1/action_plans/detail": "GET HEAD",
    "/v1/action_plans/x": "DELETE GET HEAD PATCH",
    "/v1/action_plans/x/start": "POST",
    "/v1/actions": "GET HEAD",
    "/v1/actions/detail": "GET HEAD",
    "/v1/actions/x": "GET HEAD PATCH",
    "/v1/data_model": "GET HEAD",
    "/v1/webhooks/x": "POST",
}


@pytest.mark.parametrize("path", METHODS)
def test_methods_of_every_route(client, path):
    allowed = METHODS[path].split()
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "X"):
        if method in allowed:
            continue
        answer = client.send(method, path)
        if path.endswith("/start") and method in ("GET", "HEAD"):
            assert answer.status == 404
        elif path in ("/v1/audits", "/v1/audit_templates", "/v1/action_plans") and (
            method in ("PATCH", "DELETE")
        ):
            # The route takes the method, and misses whom it is about.
            argument = path.removeprefix("/v1/").removesuffix("s")
            assert (answer.status, answer.fault) == (
                400,
                f'Missing argument: "{argument}"',
            )
        elif (path, method) == ("/v1/actions", "PATCH"):
            assert answer.status == 400
        else:
            assert answer.status == 405, method
            assert sorted(answer.headers["Allow"].split(", ")) == sorted(allowed)


def test_no_noun_lies_below_another(client, audit):
    plan = client.plan(audit["uuid"])
    for path in (
        "goals/dummy/strategies",
        f"action_plans/{plan}/actions",
        f"audits/{audit['uuid']}/action_plans",
        "audit_templates/x/audits",
    ):
        assert client.get(f"/v1/{path}").status == 404


@pytest.mark.parametrize("alias", ["", "/v1"])
def test_both_addresses_do_the_same(client, audit, alias):
    made = client.post(f"{alias}/audit_templates", TEMPLATE)
    assert made.status == 201
    assert made.headers["Location"].startswith("http://localhost/v1/audit_templates/")
    for noun in ("audits", "audit_templates", "goals"):
        answer = client.get(f"{alias}/{noun}/?limit=1")
        assert answer.json == client.get(f"/v1/{noun}?limit=1").json
        assert answer.headers["OpenStack-API-Version"] == "infra-optim 1.7"
    rename = ("replace", "/name", "u")
    assert client.patch(f"{alias}/audit_templates/t/", rename).json["name"] == "u"
    assert client.delete(f"{alias}/audit_templates/u/").status == 204
