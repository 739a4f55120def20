"""Goals, strategies, scoring engines and services: what is only read."""

import pytest

GOAL = {
    "uuid",
    "name",
    "display_name",
    "efficacy_specification",
    "links",
    "created_at",
    "updated_at",
    "deleted_at",
}


def test_list_shows_less_than_detail_and_show(client):
    listed = client.get("/v1/goals").json["goals"]
    assert [row["name"] for row in listed] == ["dummy", "saving_energy"]
    assert set(listed[0]) == GOAL - {"created_at", "updated_at", "deleted_at"}
    assert set(client.get("/v1/goals/detail").json["goals"][0]) == GOAL
    assert set(client.get("/v1/goals/dummy").json) == GOAL


def test_names_are_found_in_any_spelling(client):
    uuid = client.get("/v1/goals/dummy").json["uuid"]
    for ident in ("DUMMY", uuid, uuid.upper(), "dummy%20"):
        assert client.get(f"/v1/goals/{ident}").json["uuid"] == uuid


@pytest.mark.parametrize("ident", ["nope", "99", "9" * 40, "%00", "a%F0%9F%98%80b"])
def test_unknown_goal(client, ident):
    answer = client.get(f"/v1/goals/{ident}")
    assert answer.status == 404
    assert answer.fault.startswith("Goal ") and "could not be found" in answer.fault


def test_next_leads_to_the_following_page_with_its_filters(client):
    first = client.get("/v1/strategies?limit=1&sort_key=name&sort_dir=desc").json
    assert [row["name"] for row in first["strategies"]] == ["plain"]
    assert first["strategies"][0]["uuid"] in first["next"]
    path = first["next"].removeprefix("http://localhost")
    assert [r["name"] for r in client.get(path).json["strategies"]] == ["dummy"]
    filtered = client.get("/v1/strategies/?limit=1&goal=saving_energy").json
    assert "goal=saving_energy" in filtered["next"]
    path = filtered["next"].removeprefix("http://localhost")
    assert client.get(path).json == {"strategies": []}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=",
        "limit=x",
        "limit=1&limit=2",
        "sort_key=goal",
        "sort_key=nope",
        "sort_dir=up",
        "marker=%F0%90",
        "nope=1",
    ],
)
def test_senseless_list_arguments(client, query):
    assert client.get(f"/v1/strategies?{query}").status == 400


def test_unknown_marker(client):
    assert client.get("/v1/goals?marker=nope").status == 404


def test_page_size_is_bounded_by_the_operator(client, conf):
    conf.set_override("max_limit", 1, "api")
    assert len(client.get("/v1/goals?limit=5").json["goals"]) == 1
    conf.set_override("max_limit", 0, "api")
    body = client.get("/v1/goals").json
    assert len(body["goals"]) == 2 and "next" not in body


def test_strategy_fields(client):
    row = client.get("/v1/strategies/dummy").json
    assert row["goal_name"] == "dummy"
    assert row["parameters_spec"]["properties"]["para1"]["default"] == 3.2
    assert "created_at" not in row


def test_strategy_state_ends_with_its_name(client):
    rows = client.get("/v1/strategies/dummy/state").json
    assert rows[-1] == {
        "type": "Name",
        "state": "dummy",
        "mandatory": "",
        "comment": "",
    }


def test_scoring_engine_has_five_keys(client):
    row = client.get("/v1/scoring_engines/dummy_scorer").json
    assert set(row) == {"uuid", "name", "description", "metainfo", "links"}


def test_service_status_follows_heartbeats(client, database, conf):
    from watcher.db import services

    database.write(services.beat, "watcher-applier", "h1", runtime="t")
    row = client.get("/v1/services/watcher-applier").json
    assert row["status"] == "ACTIVE"
    assert row["links"][0]["href"] == f"http://localhost/v1/services/{row['id']}"
    assert client.get("/v1/services").json["services"][0]["status"] == "ACTIVE"
    database.write(services.beat, "watcher-applier", "h1", runtime="t", stopped=True)
    assert client.get("/v1/services/1").json["status"] == "FAILED"
    assert client.get(f"/v1/services/{'0' * 8}-0000-0000-0000-{'0' * 12}").status == 404
    assert client.get("/v1/services?sort_key=status").status == 400
