"""Audit templates: created, changed and deleted; scopes and default parameters."""

import pytest

TEMPLATE = {"name": "t", "goal": "dummy", "strategy": "dummy"}
LIST = {
    "uuid",
    "name",
    "goal_uuid",
    "goal_name",
    "strategy_uuid",
    "strategy_name",
    "scope",
    "links",
}
SHOW = LIST | {"description", "created_at", "updated_at", "deleted_at"}


@pytest.fixture
def template(client):
    body = {**TEMPLATE, "default_parameters": {"para1": 5.0}}
    return client.post("/v1/audit_templates", body).json


def test_create_list_show(client):
    answer = client.post("/v1/audit_templates", {**TEMPLATE, "description": None})
    assert answer.status == 201
    row = answer.json
    assert set(row) == SHOW | {"default_parameters"}
    assert answer.headers["Location"].endswith(f"/v1/audit_templates/{row['uuid']}")
    assert client.get("/v1/audit_templates/t").json == row
    assert set(client.get("/v1/audit_templates/t", version="1.6").json) == SHOW
    assert set(client.get("/v1/audit_templates").json["audit_templates"][0]) == LIST
    named = client.get("/v1/audit_templates?name=nope").json
    assert named == {"audit_templates": []}


def test_goal_and_strategy_by_uuid(client):
    goal = client.get("/v1/goals/dummy").json["uuid"]
    strategy = client.get("/v1/strategies/dummy").json["uuid"]
    body = {"name": "t", "goal": goal, "strategy": strategy, "scope": []}
    row = client.post("/v1/audit_templates", body).json
    assert (row["goal_uuid"], row["strategy_uuid"]) == (goal, strategy)


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": "n" * 64},
        {"name": 5},
        {"goal": "nope"},
        {"goal": None},
        {"goal": "1"},
        {"strategy": "nope"},
        {"strategy": ""},
        {"strategy": "plain"},
        {"description": "d" * 256},
        {"uuid": "x"},
        {"scope": "x"},
        {"scope": 5},
        {"scope": [5]},
        {"scope": [{}]},
        {"scope": [{"storage": 5}]},
        {"scope": [{"storage": [{"nope": []}]}]},
        {"scope": [{"storage": [{"exclude": [{"nope": []}]}]}]},
        {"default_parameters": {"nope": 1}},
        {"default_parameters": {"para1": 99}},
        {"default_parameters": []},
        {"strategy": None, "default_parameters": {"para1": 2}},
    ],
    ids=str,
)
def test_senseless_templates(client, change):
    assert client.post("/v1/audit_templates", {**TEMPLATE, **change}).status == 400


def test_mismatch_names_the_strategies_that_fit(client):
    body = {**TEMPLATE, "goal": "saving_energy"}
    assert "plain" in client.post("/v1/audit_templates", body).fault


def test_names_are_unique_among_live_templates(client, template):
    assert client.post("/v1/audit_templates", TEMPLATE).status == 409
    assert client.delete("/v1/audit_templates/t").status == 204
    assert client.post("/v1/audit_templates", TEMPLATE).status == 201
    found = client.get("/v1/audit_templates/t", X_Show_Deleted="1").json
    assert found["uuid"] != template["uuid"]


def test_default_parameters_come_with_1_7(client):
    body = {**TEMPLATE, "default_parameters": {"para1": 2}}
    answer = client.post("/v1/audit_templates", body, version="1.6")
    assert answer.status == 406 and answer.fault == "Request not acceptable."
    assert answer.headers["OpenStack-API-Maximum-Version"] == "1.7"
    body["default_parameters"] = {}
    row = client.post("/v1/audit_templates", body, version="1.6")
    assert row.status == 201 and "default_parameters" not in row.json


def test_defaults_of_the_schema_are_not_written_into_templates(client, template):
    assert template["default_parameters"] == {"para1": 5.0}


@pytest.mark.parametrize(
    "operation, field, value",
    [
        (("replace", "/name", "u"), "name", "u"),
        (("add", "/description", "d"), "description", "d"),
        (("remove", "/description"), "description", None),
        (("replace", "/default_parameters", {"para1": 2}), None, None),
        (("add", "/default_parameters/para2", "x"), None, None),
        (("remove", "/default_parameters"), "default_parameters", {}),
        (("remove", "/scope"), "scope", []),
    ],
)
def test_changes(client, template, operation, field, value):
    answer = client.patch("/v1/audit_templates/t", operation)
    assert answer.status == 200, answer.raw
    if field:
        assert answer.json[field] == value


@pytest.mark.parametrize(
    "operation",
    [
        ("remove", "/name"),
        ("replace", "/goal_id", 1),
        ("replace", "/scope", [{"nope": 1}]),
        ("replace", "/default_parameters", []),
        ("replace", "/default_parameters", {"para1": 99}),
        ("add", "/default_parameters/nope", 1),
        ("replace", "/default_parameters/nope", 1),
    ],
    ids=str,
)
def test_refused_changes(client, template, operation):
    assert client.patch("/v1/audit_templates/t", operation).status == 400
    assert client.get("/v1/audit_templates/t").json == template


def test_another_goal_needs_other_defaults(client, template):
    path = "/v1/audit_templates/t"
    move = [("replace", "/goal", "saving_energy"), ("replace", "/strategy", "plain")]
    assert client.patch(path, *move).status == 409
    assert client.patch(path, move[0], ("remove", "/default_parameters")).status == 400
    moved = client.patch(path, *move, ("remove", "/default_parameters"))
    assert moved.json["strategy_name"] == "plain"
    cleared = client.patch(path, ("remove", "/strategy"))
    assert cleared.json["strategy_uuid"] is None
    assert client.patch(path, ("remove", "/goal")).status == 400
    defaults = ("replace", "/default_parameters", {"para1": 2})
    assert client.patch(path, defaults).status == 400
    assert client.patch(path, defaults, version="1.6").status == 406


def test_rename_to_a_taken_name(client, template):
    client.post("/v1/audit_templates", {**TEMPLATE, "name": "u"})
    renamed = client.patch("/v1/audit_templates/u", ("replace", "/name", "t"))
    assert renamed.status == 409
