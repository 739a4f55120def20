"""The API on each of the database engines: one life of an audit, and hostile input."""

import pytest

ONESHOT = {"audit_type": "ONESHOT", "goal": "dummy", "strategy": "dummy", "name": "a"}


def test_life_of_an_audit_and_its_plan(client, bus):
    template = {"name": "t", "goal": "DUMMY", "strategy": "dummy"}
    assert client.post("/v1/audit_templates", template).status == 201
    audit = client.post("/v1/audits", ONESHOT)
    assert audit.status == 201
    path = f"/v1/audits/{audit.json['uuid']}"
    assert client.get(path).json == audit.json
    assert client.post("/v1/audits", ONESHOT).status == 409
    plan = client.plan(audit.json["uuid"])
    action = client.get("/v1/actions").json["actions"][0]["uuid"]
    skip = ("replace", "/state", "SKIPPED")
    assert client.patch(f"/v1/actions/{action}", skip).status == 200
    assert client.post(f"/v1/action_plans/{plan}/start").status == 200
    assert bus.plans == [plan]
    cancel = ("replace", "/state", "CANCELLED")
    assert client.patch(f"/v1/action_plans/{plan}", cancel).status == 200
    assert client.patch(path, cancel).status == 200
    assert client.delete(path).status == 204
    assert client.delete(f"/v1/action_plans/{plan}").status == 204
    for noun in ("audits", "action_plans", "actions"):
        assert client.get(f"/v1/{noun}/detail").json == {noun: []}


HOSTILE = [
    "9" * 40,
    "2147483648",
    "-1",
    "x" * 5000,
    "%00",
    "%F0%9F%98%80",
    "'; DROP TABLE audits; --",
    "%25",
    "%5C",
    "\u0661".encode().hex(),
    "%D9%A1",
]


@pytest.mark.parametrize("ident", HOSTILE, ids=range(len(HOSTILE)))
def test_identifiers_that_nobody_has(client, ident):
    # 400 when it could not even be stored: four-byte characters, for one.
    for noun in ("goals", "strategies", "audits", "audit_templates", "services"):
        assert client.get(f"/v1/{noun}/{ident}").status in (400, 404), noun
        query = client.get(f"/v1/{noun}?marker={ident}")
        assert query.status in (400, 404), noun
    assert client.get(f"/v1/strategies?goal={ident}").status in (200, 400)
    assert client.get(f"/v1/goals?limit={ident}").status in (200, 400)


@pytest.mark.parametrize("text", ["\U0001f600", "\0", "\ud800", "x" * 100_000, "\\'%"])
def test_texts_that_are_hard_to_store(client, text):
    created = client.post("/v1/audits", {**ONESHOT, "name": text})
    assert created.status in (201, 400)
    template = {"name": "t", "goal": "dummy", "description": text}
    assert client.post("/v1/audit_templates", template).status in (201, 400)
    parameters = {**ONESHOT, "name": "p", "parameters": {"para2": text}}
    assert client.post("/v1/audits", parameters).status in (201, 400)
    for value in ({"goal": text}, {"strategy": text}):
        answer = client.post("/v1/audits", {**ONESHOT, "name": "g", **value})
        assert answer.status in (400, 404)


def test_a_text_that_only_some_databases_hold_is_refused_by_name(client):
    template = {"name": "t", "goal": "dummy", "description": "\U0001f600"}
    answer = client.post("/v1/audit_templates", template)
    if answer.status != 201:
        assert answer.status == 400 and "description" in answer.fault
        assert client.get("/v1/audit_templates").json["audit_templates"] == []


def test_texts_that_no_row_can_hold_are_not_found(client):
    name = "%F0%9F%98%80"
    for noun in ("goals", "strategies", "audit_templates", "audits", "scoring_engines"):
        assert client.get(f"/v1/{noun}/{name}").status == 404
    for noun in ("goals", "strategies", "scoring_engines"):
        assert client.get(f"/v1/{noun}?marker={name}").status == 404
    for noun in ("audit_templates", "audits"):
        assert client.get(f"/v1/{noun}?goal={name}").json == {noun: []}
