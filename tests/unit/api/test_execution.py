"""Execution rules of templates, audits and plans; pause and resume of running plans."""

import pytest

from watcher.db import action_plans, history

NIGHT = {"from": "22:00", "to": "05:00", "timezone": "Europe/Berlin"}
RULES = {
    "max_moves": 5,
    "window": [{**NIGHT, "days": ["mon", "fri"]}, {"from": "12:00", "to": "13:00"}],
    "on_failure": "offer",
    "limits": {"running": 3, "types": {"migrate": 2}},
}
NOUNS = ["audit_templates", "audits", "action_plans"]


@pytest.fixture(params=NOUNS)
def path(request, client, audit):
    if request.param == "audit_templates":
        made = client.post("/v1/audit_templates", {"name": "t", "goal": "dummy"})
        uuid = made.json["uuid"]
    else:
        uuid = audit["uuid"]
        if request.param == "action_plans":
            uuid = client.plan(uuid)
    return f"/v1/{request.param}/{uuid}/execution"


def test_rules_are_set_shown_replaced_and_removed(client, path):
    row = client.get(path.removesuffix("/execution")).json
    assert client.get(path).json == {}
    assert client.send("PUT", path, RULES).json == RULES
    assert client.get(path).json == RULES
    assert client.send("PUT", path, {"max_moves": 1}).json == {"max_moves": 1}
    assert client.get(path, version="1.0").json == {"max_moves": 1}
    assert client.delete(path).status == 204
    assert client.get(path).json == {}
    assert client.delete(path).status == 204
    # Existing bodies gain no field.
    assert client.get(path.removesuffix("/execution")).json == row


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "execution"),
        ("x", "execution"),
        ({"max_move": 3}, "max_move"),
        ({"max_moves": 0}, "max_moves"),
        ({"max_moves": True}, "max_moves"),
        ({"max_moves": "3"}, "max_moves"),
        ({"max_moves": 10**9}, "max_moves"),
        ({"on_failure": "panic"}, "on_failure"),
        ({"window": NIGHT | {"to": "25:00"}}, "25:00"),
        ({"window": NIGHT | {"from": "22:00\n"}}, "22:00"),
        ({"window": NIGHT | {"from": "24:00"}}, "24:00"),
        ({"window": NIGHT | {"timezone": "Mars/Olympus"}}, "Mars/Olympus"),
        ({"window": NIGHT | {"timezone": "../../../etc/passwd"}}, "passwd"),
        ({"window": NIGHT | {"days": ["monday"]}}, "monday"),
        ({"window": NIGHT | {"days": []}}, "window"),
        ({"window": []}, "window"),
        ({"window": [NIGHT] * 51}, "window"),
        ({"window": {"from": "22:00"}}, "to"),
        ({"limits": {"types": {"migrate": -1}}}, "limits.types.migrate"),
        ({"limits": {"types": {"a b": 1}}}, "a b"),
        ({"limits": {"all": 1}}, "all"),
        ({"limits": None}, "limits"),
    ],
)
def test_what_is_wrong_with_rules_is_named_and_changes_nothing(
    client, audit, body, named
):
    path = f"/v1/audits/{audit['uuid']}/execution"
    client.send("PUT", path, RULES)
    answer = client.send("PUT", path, body)
    assert answer.status == 400
    assert named in answer.fault
    assert client.get(path).json == RULES


def test_a_number_may_be_spelled_with_a_point(client, path):
    assert client.send("PUT", path, {"max_moves": 3.0}).status == 200


@pytest.mark.parametrize("noun", NOUNS)
def test_rules_of_what_is_not_there_are_not_found(client, noun):
    path = f"/v1/{noun}/00000000-0000-4000-8000-00000000ffff/execution"
    for method in ("GET", "PUT", "DELETE"):
        body = {} if method == "PUT" else None
        assert client.send(method, path, body).status == 404


def test_who_may_only_look_sets_no_rules(client, path):
    client.send("PUT", path, RULES)
    reader = {"X_Roles": "infra_optim_reader"}
    assert client.get(path, **reader).json == RULES
    assert client.send("PUT", path, {}, **reader).status == 403
    assert client.send("DELETE", path, **reader).status == 403
    assert client.get(path, X_Roles="member").status == 403
    assert client.get(path).json == RULES


def test_the_paths_are_told_at_every_version(client):
    told = {
        each["path"] for each in client.get("/v1/", version="1.0").json["extensions"]
    }
    assert told >= {
        "/v1/audit_templates/{audit_template}/execution",
        "/v1/audits/{audit}/execution",
        "/v1/action_plans/{action_plan}/execution",
        "/v1/action_plans/{action_plan}/pause",
        "/v1/action_plans/{action_plan}/resume",
    }


def test_a_running_plan_is_paused_and_goes_on(client, audit):
    plan = client.moved(audit["uuid"])
    path = f"/v1/action_plans/{plan}"
    paused = client.post(f"{path}/pause", {})
    assert paused.status == 200
    assert paused.json["state"] == "ONGOING"
    assert paused.json["status_message"] == "Waiting: the plan is paused by request"
    assert "paused" not in paused.json
    assert client.db.read(action_plans.get, plan).paused
    # Once more changes nothing.
    assert client.post(f"{path}/pause").status == 200
    resumed = client.post(f"{path}/resume")
    assert resumed.status == 200
    assert resumed.json["status_message"] is None
    assert client.post(f"{path}/resume").status == 200
    assert not client.db.read(action_plans.get, plan).paused
    told = client.db.read(history.of, "action_plan", plan)[-2:]
    assert [(e.old, e.new, e.reason) for e in told] == [
        ("ONGOING", "ONGOING", "paused by request"),
        ("ONGOING", "ONGOING", "resumed by request"),
    ]


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_other_plans_are_neither_paused_nor_resumed(client, audit, verb):
    waiting = client.plan(audit["uuid"])
    answer = client.post(f"/v1/action_plans/{waiting}/{verb}")
    assert answer.status == 409
    assert f"Action plan {waiting} is RECOMMENDED" in answer.fault
    ended = client.moved(audit["uuid"])
    client.post(f"/v1/action_plans/{ended}/pause")
    client.db.write(action_plans.step, ended, "ONGOING", "FAILED")
    assert client.post(f"/v1/action_plans/{ended}/{verb}").status == 409
    assert not client.db.read(action_plans.get, ended).paused
    assert client.post(f"/v1/action_plans/{ended}/{verb}", {"x": 1}).status == 400
    assert (
        client.post(f"/v1/action_plans/{ended}/{verb}", X_Roles="member").status == 403
    )
