"""Audits: what may be asked, what is stored, who is woken."""

import datetime
import json

import pytest

from watcher.db import audits

ONESHOT = {"audit_type": "ONESHOT", "goal": "dummy"}
SHOW = {
    "uuid",
    "name",
    "audit_type",
    "state",
    "goal_uuid",
    "goal_name",
    "strategy_uuid",
    "strategy_name",
    "interval",
    "scope",
    "auto_trigger",
    "next_run_time",
    "force",
    "links",
    "parameters",
    "hostname",
    "created_at",
    "updated_at",
    "deleted_at",
    "start_time",
    "end_time",
    "status_message",
}


def test_oneshot_is_created_and_wakes_an_engine(client, bus):
    answer = client.post("/v1/audits", {**ONESHOT, "strategy": "dummy"})
    assert answer.status == 201
    row = answer.json
    assert set(row) == SHOW
    assert row["state"] == "PENDING" and row["goal_name"] == "dummy"
    assert row["parameters"] == {"para1": 3.2, "para2": "hello"}
    assert row["name"].startswith("dummy-2")
    assert answer.headers["Location"] == f"http://localhost/v1/audits/{row['uuid']}"
    assert bus.audits == [row["uuid"]]
    assert client.get(f"/v1/audits/{row['uuid']}").json == row


def test_others_wait_for_their_time_or_event(client, bus):
    body = {"goal": "dummy", "audit_type": "CONTINUOUS", "interval": 3600}
    assert client.post("/v1/audits", body).json["interval"] == "3600"
    event = client.post("/v1/audits", {"goal": "dummy", "audit_type": "EVENT"})
    assert event.status == 201 and bus.audits == []


def test_fields_appear_with_their_microversion(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    base = SHOW - {"start_time", "end_time", "status_message"}
    assert set(client.get(path, version="1.0").json) == base
    assert set(client.get(path, version="1.1").json) == base | {
        "start_time",
        "end_time",
    }
    assert set(client.get(path, version="1.5").json) == SHOW


def test_force_is_told_from_1_2_on(client):
    row = client.post("/v1/audits", {**ONESHOT, "force": True}, version="1.0").json
    path = f"/v1/audits/{row['uuid']}"
    assert row["force"] is False
    assert client.get(path, version="1.1").json["force"] is False
    assert client.get(path, version="1.2").json["force"] is True
    assert client.get("/v1/audits").json["audits"][0]["force"] is True


def test_nulls_of_client_libraries_are_taken(client):
    body = {
        **ONESHOT,
        "interval": None,
        "parameters": None,
        "strategy": None,
        "name": None,
        "auto_trigger": False,
        "start_time": None,
    }
    row = client.post("/v1/audits", body, version="1.0").json
    assert row["strategy_name"] is None and row["parameters"] == {}


BAD = [
    {},
    {"audit_type": "ONESHOT"},
    {"goal": "dummy"},
    {**ONESHOT, "audit_type": "oneshot"},
    {**ONESHOT, "audit_type": None},
    {**ONESHOT, "audit_template_uuid": "11111111-1111-4111-8111-111111111111"},
    {"audit_type": "ONESHOT", "audit_template_uuid": "a-name"},
    {
        "audit_type": "ONESHOT",
        "audit_template_uuid": "11111111-1111-4111-8111-111111111111",
    },
    {**ONESHOT, "interval": "60"},
    {**ONESHOT, "start_time": "2026-01-01T00:00:00"},
    {"goal": "dummy", "audit_type": "CONTINUOUS"},
    {**ONESHOT, "state": "PENDING"},
    {**ONESHOT, "state": None},
    {**ONESHOT, "scope": []},
    {**ONESHOT, "hostname": "h"},
    {**ONESHOT, "uuid": "11111111-1111-4111-8111-111111111111"},
    {**ONESHOT, "next_run_time": None},
    {**ONESHOT, "nope": 1},
    {**ONESHOT, "auto_trigger": None},
    {**ONESHOT, "auto_trigger": "maybe"},
    {**ONESHOT, "parameters": []},
    {**ONESHOT, "parameters": {"x": 1}},
    {**ONESHOT, "name": 7},
    {**ONESHOT, "name": "a\0b"},
    {**ONESHOT, "name": "\ud800"},
    {**ONESHOT, "strategy": "plain"},
    {**ONESHOT, "strategy": "dummy", "parameters": {"nope": 1}},
    {**ONESHOT, "strategy": "dummy", "parameters": {"para1": 99}},
    {**ONESHOT, "strategy": "dummy", "parameters": {"para1": "x"}},
    [],
    "x",
    7,
    [[[]]],
]


@pytest.mark.parametrize("body", BAD, ids=str)
def test_senseless_audits(client, bus, body):
    answer = client.post("/v1/audits", body)
    assert answer.status == 400
    assert answer.fault
    assert bus.audits == [] and client.get("/v1/audits").json == {"audits": []}


@pytest.mark.parametrize("field", ["goal", "strategy"])
@pytest.mark.parametrize("name", [None, "given"])
def test_unknown_goal_or_strategy(client, field, name):
    answer = client.post("/v1/audits", {**ONESHOT, "name": name, field: "nope"})
    assert answer.status == 404


@pytest.mark.parametrize(
    "interval",
    ["0", "-5", "x", "1.5", "* * * *", "0 0 30 2 *", "61 * * * *", True, "9" * 40, ""],
)
def test_senseless_intervals(client, interval):
    body = {"goal": "dummy", "audit_type": "CONTINUOUS", "interval": interval}
    assert client.post("/v1/audits", body).status == 400


@pytest.mark.parametrize("interval", ["R R * * *", "0 r(1-5) * * *", "H * * * *"])
def test_intervals_drawn_by_lot_are_refused(client, interval):
    body = {"goal": "dummy", "audit_type": "CONTINUOUS", "interval": interval}
    answer = client.post("/v1/audits", body)
    assert answer.status == 400 and "drawn by lot" in answer.fault


def test_an_interval_that_never_comes_true_is_told_as_such(client):
    body = {"goal": "dummy", "audit_type": "CONTINUOUS", "interval": "0 0 30 2 *"}
    assert "No moment matches" in client.post("/v1/audits", body).fault


@pytest.mark.parametrize("interval", ["60", "*/5 * * * *", "@hourly", "0 0 * * 7 30"])
def test_intervals(client, interval):
    body = {"goal": "dummy", "audit_type": "CONTINUOUS", "interval": interval}
    assert client.post("/v1/audits", body).json["interval"] == interval


CONTINUOUS = {"goal": "dummy", "audit_type": "CONTINUOUS", "interval": "60"}


def test_times_are_told_in_naive_utc(client):
    body = {
        **CONTINUOUS,
        "start_time": "2026-03-01T02:00:00+02:00",
        "end_time": "2026-03-02 00:00:00.5Z",
    }
    row = client.post("/v1/audits", body).json
    assert row["start_time"] == "2026-03-01T00:00:00"
    assert row["end_time"] == "2026-03-02T00:00:00"
    assert client.post("/v1/audits", body, version="1.0").status == 406
    assert client.get(f"/v1/audits/{row['uuid']}").json == row


@pytest.mark.parametrize(
    "times",
    [
        {"start_time": "x"},
        {"start_time": 5},
        {"start_time": "0001-01-01T00:00:00"},
        {"end_time": "9999-12-31T23:59:59-12:00"},
        {"start_time": "2026-03-02", "end_time": "2026-03-01"},
    ],
)
def test_senseless_times(client, times):
    assert client.post("/v1/audits", {**CONTINUOUS, **times}).status == 400


def test_names_are_unique_and_cut(client):
    body = {**ONESHOT, "name": "n" * 70}
    assert client.post("/v1/audits", body).json["name"] == "n" * 63
    again = client.post("/v1/audits", body)
    assert again.status == 409
    assert again.fault.startswith("An audit with UUID or name")


def test_template_hands_down_goal_strategy_scope_and_parameters(client):
    template = client.post(
        "/v1/audit_templates",
        {
            "name": "t" * 60,
            "goal": "dummy",
            "strategy": "dummy",
            "scope": [{"storage": [{"availability_zones": [{"name": "*"}]}]}],
            "default_parameters": {"para1": 5.0, "para2": "t"},
        },
    ).json
    body = {
        "audit_type": "ONESHOT",
        "audit_template_uuid": template["uuid"],
        "parameters": {"para2": "mine"},
    }
    row = client.post("/v1/audits", body, version="1.0").json
    assert row["strategy_name"] == "dummy" and row["scope"] == template["scope"]
    assert row["parameters"] == {"para1": 5.0, "para2": "mine"}


def test_generated_names_keep_their_time(client):
    template = client.post(
        "/v1/audit_templates", {"name": "t" * 60, "goal": "dummy"}
    ).json
    body = {"audit_type": "ONESHOT", "audit_template_uuid": template["uuid"]}
    names = [client.post("/v1/audits", body).json["name"] for _ in range(2)]
    assert len(set(names)) == 2 and all(len(name) <= 63 for name in names)


def test_cancel_and_delete(client, audit):
    path = f"/v1/audits/{audit['name']}"
    refused = client.delete(path)
    assert refused.status == 400
    assert "Couldn't delete when state is 'PENDING'." in refused.fault
    assert client.patch(path, ("replace", "/state", "CANCELLED")).status == 200
    again = client.patch(path, ("replace", "/state", "CANCELLED"))
    assert again.status == 400
    assert "State transition not allowed: (CANCELLED -> CANCELLED)" in again.fault
    gone = client.delete(path)
    assert gone.status == 204 and gone.raw == b""
    assert client.get(path).status == 404
    shown = client.get(f"/v1/audits/{audit['uuid']}", X_Show_Deleted="true")
    assert shown.json["state"] == "DELETED"
    assert client.get(f"/v1/audits/{audit['uuid']}", X_Show_Deleted="no").status == 404


def test_state_deleted_is_a_delete(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    client.patch(path, ("replace", "/state", "CANCELLED"))
    assert (
        client.patch(path, ("replace", "/state", "DELETED")).json["state"] == "DELETED"
    )
    assert client.get(path).status == 404


@pytest.mark.parametrize(
    "operation, field, value",
    [
        (("replace", "/name", "b"), "name", "b"),
        (("add", "/interval", "2"), "interval", "2"),
        (("replace", "/interval", 30), "interval", "30"),
        (("replace", "/auto_trigger", True), "auto_trigger", True),
        (("remove", "/force"), "force", False),
        (("replace", "/parameters/para1", 4), "parameters", {"para1": 4}),
        (("remove", "/parameters/para1"), "parameters", {"para1": 3.2}),
        (("remove", "/end_time"), "end_time", None),
        (("replace", "/scope", [{"storage": []}]), "scope", [{"storage": []}]),
    ],
)
def test_changes(client, audit, operation, field, value):
    answer = client.patch(f"/v1/audits/{audit['uuid']}", operation)
    assert answer.status == 200, answer.raw
    found = answer.json[field]
    if field == "parameters":
        assert found == {**audit["parameters"], **value}
    else:
        assert found == value


@pytest.mark.parametrize(
    "operation",
    [
        ("replace", "/uuid", "x"),
        ("replace", "/status_message", "x"),
        ("replace", "/audit_type", "EVENT"),
        ("replace", "/hostname", "x"),
        ("replace", "/goal_id", 1),
        ("replace", "/nope", 1),
        ("add", "/audit_template_uuid", "x"),
        ("replace", "/name", None),
        ("remove", "/name"),
        ("replace", "/name", 5),
        ("replace", "/interval", "x"),
        ("replace", "/state", None),
        ("remove", "/state"),
        ("replace", "/state", 5),
        ("replace", "/state", ["x"]),
        ("add", "/state", "SUCCEEDED"),
        ("replace", "/state", "PENDING"),
        ("replace", "/parameters", []),
        ("replace", "/parameters/nope", 1),
        ("replace", "/parameters/para1", "x"),
        ("replace", "/parameters/para1/deep", 1),
        ("replace", "/scope", "x"),
        ("replace", "/scope/0", {}),
        ("add", "/scope/-", {"nope": 1}),
        ("replace", "/next_run_time", "2026-01-01T00:00:00"),
        ("replace", "/start_time", 7),
        ("replace", "/goal", "nope"),
        ("replace", "/strategy", "plain"),
        ("test", "/name", "a"),
        ("replace", "name", "a"),
        ("replace", "/", "a"),
        ("replace", "/a~1b", "a"),
        ("replace", "/name"),
        ("replace",),
    ],
    ids=str,
)
def test_refused_changes(client, audit, operation):
    path = f"/v1/audits/{audit['uuid']}"
    assert client.patch(path, operation).status == 400
    assert client.get(path).json == audit


@pytest.mark.parametrize("body", [{}, "x", None, 5, [1], [[]], [{"op": "add", "x": 1}]])
def test_patches_that_are_none(client, audit, body):
    path = f"/v1/audits/{audit['uuid']}"
    assert client.send("PATCH", path, raw=json.dumps(body).encode()).status == 400


def test_nothing_is_saved_when_one_operation_fails(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    answer = client.patch(path, ("replace", "/name", "b"), ("remove", "/nope"))
    assert answer.status == 400 and "Couldn't apply patch" in answer.fault
    assert client.get(path).json["name"] == "a"
    assert client.patch(path).json == audit


def test_rename_to_a_taken_name(client, audit):
    other = client.post("/v1/audits", {**ONESHOT, "name": "b"}).json
    path = f"/v1/audits/{other['uuid']}"
    assert client.patch(path, ("replace", "/name", "a")).status == 409


def test_an_audit_of_a_dead_broker_stays(client, bus, monkeypatch):
    monkeypatch.setattr(bus, "trigger_audit", lambda ctx, uuid: False)
    assert client.post("/v1/audits", ONESHOT).status == 201


def test_explanation(client, audit):
    path = f"/v1/audits/{audit['uuid']}/explanation"
    assert client.get(path).status == 404
    client.plan(audit["uuid"])
    assert client.get(path, version="1.0").json["summary"] == "two are enough"


def test_filters(client, audit):
    uuid = audit["goal_uuid"]
    for query in (f"goal={uuid}", "goal=dummy", "strategy=dummy"):
        assert len(client.get(f"/v1/audits/?{query}").json["audits"]) == 1
    for query in ("goal=7", "strategy=nope", "goal=saving_energy"):
        assert client.get(f"/v1/audits?{query}").json["audits"] == []


@pytest.fixture
def templated(client):
    """Two templates with an audit each, and an audit without; names by template"""
    found = {}
    for name in ("one", "Two"):
        body = {"name": name, "goal": "dummy"}
        template = client.post("/v1/audit_templates", body).json["uuid"]
        body = {"audit_type": "EVENT", "audit_template_uuid": template}
        for number in range(2):
            made = client.post("/v1/audits", {**body, "name": f"{name} {number}"})
            assert made.status == 201
        found[name] = template
    client.post("/v1/audits", {**ONESHOT, "name": "none"})
    return found


def _names(answer):
    return sorted(row["name"] for row in answer.json["audits"])


def test_w39_audits_are_found_by_the_template_they_came_from(client, templated):
    for path in ("/v1/audits", "/v1/audits/detail", "/v1/audits/"):
        for value in ("one", templated["one"]):
            answer = client.get(f"{path}?audit_template={value}")
            assert _names(answer) == ["one 0", "one 1"]
    # Names are compared as the production database does.
    assert len(_names(client.get("/v1/audits?audit_template=TWO"))) == 2
    for value in ("nobody", "1", "", "11111111-1111-4111-8111-111111111111"):
        assert _names(client.get(f"/v1/audits?audit_template={value}")) == []
    both = f"audit_template={templated['one']}&goal=saving_energy"
    assert _names(client.get(f"/v1/audits?{both}")) == []


def test_w39_a_template_is_followed_through_renaming_and_deletion(client, templated):
    path = f"/v1/audit_templates/{templated['one']}"
    client.patch(path, ("replace", "/name", "uno"))
    assert _names(client.get("/v1/audits?audit_template=one")) == []
    assert len(_names(client.get("/v1/audits?audit_template=uno"))) == 2
    assert client.delete(path).status == 204
    assert _names(client.get("/v1/audits?audit_template=uno")) == []
    by_uuid = client.get(f"/v1/audits?audit_template={templated['one']}")
    assert len(_names(by_uuid)) == 2
    # Another one takes the name: its audits, not those of the old one.
    client.post("/v1/audit_templates", {"name": "uno", "goal": "dummy"})
    assert _names(client.get("/v1/audits?audit_template=uno")) == []


def test_w15_the_next_page_keeps_the_template(client, templated):
    page = client.get("/v1/audits?audit_template=one&limit=1").json
    found = [row["name"] for row in page["audits"]]
    while "next" in page:
        page = client.get(page["next"].removeprefix("http://localhost")).json
        found += [row["name"] for row in page["audits"]]
    assert found == ["one 0", "one 1"]


def test_the_template_is_nowhere_on_the_wire(client, templated):
    for row in client.get("/v1/audits/detail").json["audits"]:
        assert set(row) == SHOW
    one = client.get("/v1/audits/one%200").json
    assert set(one) == SHOW
    patched = client.patch(
        "/v1/audits/one%200",
        ("add", "/audit_template_uuid", templated["Two"]),
    )
    assert patched.status == 400


@pytest.mark.parametrize(
    ("operation", "anew"),
    [
        (("replace", "/interval", "30"), True),
        (("add", "/start_time", "2999-01-01T00:00:00Z"), True),
        (("add", "/start_time", "2001-01-01T00:00:00Z"), False),
        (("add", "/end_time", "2999-01-01T00:00:00Z"), False),
        (("replace", "/force", True), False),
        (("remove", "/next_run_time"), True),
    ],
)
def test_what_moves_its_runs_lets_a_continuous_audit_be_planned_anew(
    client, database, operation, anew
):
    """audits.md 7.4: effective within one look, also while it waits after failures"""
    made = client.post("/v1/audits", CONTINUOUS).json["uuid"]
    planned = datetime.datetime(2900, 1, 1)
    database.write(audits.update, made, next_run_time=planned, not_before=planned)
    row = client.patch(f"/v1/audits/{made}", operation)
    assert row.status == 200
    found = database.read(audits.get, made)
    assert found.next_run_time == found.not_before == (None if anew else planned)
