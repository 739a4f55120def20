"""Action plans and actions: shown, started, cancelled, skipped, deleted."""

import pytest

from tests import worlds
from watcher.db import action_plans

LIST = {
    "uuid",
    "state",
    "audit_uuid",
    "strategy_uuid",
    "strategy_name",
    "efficacy_indicators",
    "global_efficacy",
    "updated_at",
    "links",
}
SHOW = LIST | {"hostname", "created_at", "deleted_at"}


@pytest.fixture
def plan(client, audit):
    return client.plan(audit["uuid"])


def path(plan, rest=""):
    return f"/v1/action_plans/{plan}{rest}"


def actions(client, plan):
    listed = client.get(f"/v1/actions/detail?action_plan_uuid={plan}").json
    return listed["actions"]


def test_views(client, plan, audit):
    assert set(client.get("/v1/action_plans").json["action_plans"][0]) == LIST
    assert set(client.get(path(plan), version="1.4").json) == SHOW
    row = client.get(path(plan)).json
    assert set(row) == SHOW | {"status_message"}
    assert row["audit_uuid"] == audit["uuid"] and row["global_efficacy"] == []
    assert row["efficacy_indicators"] == [
        {"name": "moves", "description": None, "unit": "%", "value": 2.0}
    ]


def test_filters(client, plan, audit):
    for query in (f"audit_uuid={audit['uuid']}", "strategy=dummy"):
        assert len(client.get(f"/v1/action_plans?{query}").json["action_plans"]) == 1
    assert client.get("/v1/action_plans?audit_uuid=x").status == 400
    both = f"/v1/actions?audit_uuid={audit['uuid']}&action_plan_uuid={plan}"
    assert client.get(both).status == 400
    assert len(client.get(both.partition("&")[0]).json["actions"]) == 2


def test_plans_of_a_deleted_audit_are_found_by_it(client, plan, audit):
    client.patch(f"/v1/audits/{audit['uuid']}", ("replace", "/state", "CANCELLED"))
    assert client.delete(f"/v1/audits/{audit['uuid']}").status == 204
    found = client.get(f"/v1/action_plans?audit_uuid={audit['uuid']}").json
    assert [row["uuid"] for row in found["action_plans"]] == [plan]


@pytest.mark.parametrize("body", [None, {}])
def test_start(client, bus, plan, body):
    answer = client.post(path(plan, "/start"), body)
    assert answer.status == 200 and answer.json["state"] == "PENDING"
    assert bus.plans == [plan]
    again = client.post(path(plan, "/start"))
    assert again.status == 400
    assert "Couldn't start when state is 'PENDING'." in again.fault
    assert bus.plans == [plan]


def test_start_takes_no_arguments(client, bus, plan):
    assert client.post(path(plan, "/start"), {"x": 1}).status == 400
    assert client.post(path(plan, "/start"), [1]).status == 400
    assert client.post(path(plan, "/start?x=1")).status == 400
    assert client.get(path(plan, "/start")).status == 404
    assert client.send("PUT", path(plan, "/start")).status == 405
    assert bus.plans == []


def test_start_by_patch(client, bus, plan):
    answer = client.patch(path(plan), ("replace", "/state", "PENDING"))
    assert answer.json["state"] == "PENDING" and bus.plans == [plan]


def test_cancel_takes_the_actions_along_but_not_skipped_ones(client, plan):
    first, second = (row["uuid"] for row in actions(client, plan))
    client.patch(f"/v1/actions/{first}", ("replace", "/state", "SKIPPED"))
    answer = client.patch(path(plan), ("replace", "/state", "CANCELLED"))
    assert answer.json["state"] == "CANCELLED"
    found = {row["uuid"]: row["state"] for row in actions(client, plan)}
    assert found == {first: "SKIPPED", second: "CANCELLED"}


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [("replace", "/state", "RECOMMENDED")],
        [("replace", "/state", "SUCCEEDED")],
        [("replace", "/state", "nope")],
        [("replace", "/state", None)],
        [("replace", "/state", "")],
        [("replace", "/state", 5)],
        [("remove", "/state")],
        [("replace", "/state/x", "PENDING")],
        [("replace", "/status_message", "x")],
        [("replace", "/hostname", "x"), ("replace", "/state", "PENDING")],
    ],
    ids=str,
)
def test_refused_changes(client, bus, plan, operations):
    assert client.patch(path(plan), *operations).status == 400
    assert client.get(path(plan)).json["state"] == "RECOMMENDED" and bus.plans == []


def test_delete(client, plan):
    assert client.delete(path(plan)).status == 204
    assert client.get(path(plan)).status == 404
    assert actions(client, plan) == []


def test_a_started_plan_is_not_deleted(client, plan):
    client.post(path(plan, "/start"))
    refused = client.delete(path(plan))
    assert refused.status == 400
    assert "Couldn't delete when state is 'PENDING'." in refused.fault


def test_only_uuids_name_plans_and_actions(client):
    for noun in ("action_plans", "actions"):
        assert client.get(f"/v1/{noun}/1").status == 400
        assert client.get(f"/v1/{noun}/name").status == 400
        missing = client.get(f"/v1/{noun}/11111111-1111-4111-8111-111111111111")
        assert missing.status == 404


def test_explanation(client, plan):
    found = client.get(path(plan, "/explanation"))
    assert found.json["summary"] == "two are enough"


def test_efficacy_promised_and_achieved(client, plan):
    found = client.get(path(plan, "/efficacy")).json
    assert found["promised"]["indicators"] and found["achieved"] is None
    done = {
        "measured_at": "2026-01-01T00:00:00+00:00",
        "indicators": [
            {"name": "n", "description": None, "unit": None, "value": 1, "promised": 2}
        ],
        "global": [],
        "actions": {"SUCCEEDED": 1},
        "note": "by the model",
    }
    client.db.write(action_plans.measured, plan, done)
    found = client.get(path(plan, "/efficacy")).json
    assert found["achieved"] == done
    assert client.get(path(worlds.new_uuid(), "/efficacy")).status == 404
    extensions = client.get("/v1/").json["extensions"]
    assert any(item["path"].endswith("/efficacy") for item in extensions)
    assert "achieved" not in str(client.get(path(plan)).json), (
        "bodies stay as published"
    )


def test_action_views(client, plan):
    listed = client.get("/v1/actions").json["actions"][0]
    assert set(listed) == {
        "uuid",
        "action_plan_uuid",
        "state",
        "action_type",
        "parents",
        "links",
    }
    shown = client.get(f"/v1/actions/{listed['uuid']}", version="1.4").json
    assert set(shown) - set(listed) == {
        "description",
        "input_parameters",
        "created_at",
        "updated_at",
        "deleted_at",
    }
    assert shown["description"] == "" and shown["parents"] == []


@pytest.fixture
def action(client, plan):
    return f"/v1/actions/{actions(client, plan)[0]['uuid']}"


SKIP = ("replace", "/state", "SKIPPED")


def say(text):
    return ("replace", "/status_message", text)


def test_skip_and_its_reason(client, action):
    plain = client.patch(action, SKIP).json
    assert plain["state"] == "SKIPPED"
    assert plain["status_message"] == "Action skipped by user."
    reason = "Action skipped by user. Reason: not now"
    row = client.patch(action, say("not now")).json
    assert row["status_message"] == reason
    # Asking again for what is there changes nothing, the reason least of all.
    for operations in ([SKIP], [], [say(reason)]):
        again = client.patch(action, *operations)
        assert again.status == 200 and again.json == row


def test_skip_with_a_reason(client, action):
    row = client.patch(action, SKIP, say("r" * 200)).json
    assert row["status_message"] == "Action skipped by user. Reason: " + "r" * 200
    assert client.patch(action, say("r" * 240)).status == 400


def test_an_empty_patch_leaves_a_pending_action_alone(client, action):
    row = client.patch(action).json
    assert (row["state"], row["status_message"]) == ("PENDING", None)


@pytest.mark.parametrize(
    "operation, status",
    [
        (("replace", "/state", "SUCCEEDED"), 409),
        (("replace", "/state", None), 409),
        (("replace", "/state", ""), 409),
        (("replace", "/state", "nope"), 400),
        (("replace", "/state", 5), 400),
        (("replace", "/state", {}), 400),
        (("remove", "/state"), 400),
        (("remove", "/status_message"), 400),
        (("replace", "/status_message", 5), 400),
        (("replace", "/status_message", "why"), 409),
        (("replace", "/action_type", "x"), 400),
        (("replace", "/state/x", "SKIPPED"), 400),
    ],
    ids=str,
)
def test_refused_action_changes(client, action, operation, status):
    answer = client.patch(action, operation)
    assert answer.status == status
    assert client.get(action).json["state"] == "PENDING"


def test_actions_of_a_finished_plan_stay(client, plan, action):
    client.patch(path(plan), ("replace", "/state", "CANCELLED"))
    assert client.patch(action, say("x")).status == 409


def test_skip_needs_1_5(client, action):
    refused = client.patch(action, SKIP, version="1.4")
    assert refused.status == 400 and "1.5" in refused.fault
    for method in ("POST", "DELETE"):
        assert client.send(method, action).status == 405
