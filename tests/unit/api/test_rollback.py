"""POST /v1/action_plans/{id}/rollback: a plan that takes back what an ended one has done."""

import pytest

from watcher.db import action_plans


def path(plan, rest=""):
    return f"/v1/action_plans/{plan}{rest}"


@pytest.fixture
def plan(client, audit):
    return client.plan(audit["uuid"])


@pytest.fixture
def moved(client, audit):
    return client.moved(audit["uuid"])


def end(client, plan, state="FAILED"):
    client.db.write(action_plans.step, plan, "ONGOING", state)


@pytest.mark.parametrize("state", ["FAILED", "SUCCEEDED", "CANCELLED"])
def test_rollback_recommends_the_way_back(client, bus, moved, state):
    end(client, moved, state)
    answer = client.post(path(moved, "/rollback"), {})
    assert answer.status == 200 and answer.json["state"] == "RECOMMENDED"
    assert answer.json["status_message"] == f"Rolls back action plan {moved}"
    back = answer.json["uuid"]
    assert answer.json == client.get(path(back)).json
    found = client.get(f"/v1/actions/detail?action_plan_uuid={back}").json["actions"]
    assert [row["input_parameters"]["destination_node"] for row in found] == ["a"]
    why = client.get(path(back, "/explanation")).json
    assert [row["reason"] for row in why["actions"]] == ["it was on a before"]
    assert client.post(path(back, "/start")).status == 200
    assert bus.plans == [back]


def test_rollback_is_refused_in_clear_words(client, moved, plan):
    for uuid, state in ((moved, "ONGOING"), (plan, "RECOMMENDED")):
        answer = client.post(path(uuid, "/rollback"))
        assert answer.status == 409
        assert answer.fault == (
            f"Action plan {uuid} cannot be rolled back: it is {state}; only one that has "
            "ended can be"
        )
    end(client, moved)
    back = client.post(path(moved, "/rollback")).json["uuid"]
    again = client.post(path(moved, "/rollback"))
    assert again.status == 409 and back in again.fault
    # Whoever thinks better of it may ask once more.
    client.patch(path(back), ("replace", "/state", "CANCELLED"))
    assert client.post(path(moved, "/rollback")).status == 200


def test_a_plan_that_changed_nothing_is_not_rolled_back(client, audit):
    uuid = client.plan(audit["uuid"], state="SUCCEEDED")
    answer = client.post(path(uuid, "/rollback"))
    assert answer.status == 409 and answer.fault.endswith("it changed nothing")


def test_rollback_takes_no_arguments_and_asks_the_policy(client, moved):
    end(client, moved)
    assert client.post(path(moved, "/rollback"), {"x": 1}).status == 400
    assert client.post(path(moved, "/rollback?x=1")).status == 400
    assert client.get(path(moved, "/rollback")).status == 404
    assert client.post(path(moved, "/rollback"), X_Roles="reader").status == 403
    missing = "11111111-0000-4000-8000-000000000000"
    assert client.post(path(missing, "/rollback")).status == 404
    assert client.post(path("nope", "/rollback")).status == 400
    assert len(client.get("/v1/action_plans").json["action_plans"]) == 1


def test_a_plan_of_a_deleted_audit_is_rolled_back_as_well(client, moved, audit):
    end(client, moved)
    client.patch(f"/v1/audits/{audit['uuid']}", ("replace", "/state", "CANCELLED"))
    assert client.delete(f"/v1/audits/{audit['uuid']}").status == 204
    answer = client.post(path(moved, "/rollback"))
    assert answer.status == 200 and answer.json["audit_uuid"] is None
