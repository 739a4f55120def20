"""Audits, plans and actions from their making to their end, on each database engine."""

import pytest

from tests.functional.api import life
from tests.functional.api.life import state
from watcher.db import audits, models
from watcher.domain import states


@pytest.fixture
def bench(database_url):
    made = life.Bench(database_url)
    yield made
    made.close()


@pytest.fixture
def client(bench):
    return bench.client


# What is told ---------------------------------------------------------------------------


def test_each_request_is_told_once_and_in_order(bench, client):
    uuid = bench.audit(name="a")
    path = f"/v1/audits/{uuid}"
    assert bench.told() == ["audit.create"]
    client.patch(path)
    client.patch(path, state("b", "/name"))
    assert bench.told() == ["audit.update", "audit.update"]
    client.patch(path, state("CANCELLED"), state("c", "/name"))
    assert bench.told() == ["audit.update PENDING CANCELLED"]
    for refused in (state("ONGOING"), state("DELETED", "/nope"), state("", "/name")):
        client.patch(path, refused)
    assert bench.told() in ([], ["audit.update"])
    client.delete(path)
    assert bench.told() == ["audit.update CANCELLED DELETED", "audit.delete"]
    assert client.delete(path).status == 404 and bench.told() == []
    event = bench.audit("EVENT")
    bench.told()
    client.post(f"/v1/webhooks/{event}", {})
    assert bench.told() == []


def test_each_request_about_a_plan_is_told_once_and_in_order(bench, client):
    plan = bench.planned()
    path = f"/v1/action_plans/{plan}"
    action = client.get(f"/v1/actions?action_plan_uuid={plan}").json["actions"][0]
    bench.told()
    client.patch(f"/v1/actions/{action['uuid']}")
    assert bench.told() == ["action.update"]
    client.patch(f"/v1/actions/{action['uuid']}", state("SKIPPED"))
    assert bench.told() == ["action.update PENDING SKIPPED"]
    client.post(f"{path}/start", {})
    assert bench.told() == ["action_plan.update RECOMMENDED PENDING"]
    assert bench.bus.plans == [plan]
    client.patch(path, state("CANCELLED"))
    assert bench.told() == [
        "action_plan.update PENDING CANCELLED",
        "action.update PENDING CANCELLED",
    ]
    client.delete(path)
    assert bench.told() == [
        "action.update SKIPPED DELETED",
        "action.delete",
        "action.update CANCELLED DELETED",
        "action.delete",
        "action_plan.update CANCELLED DELETED",
        "action_plan.delete",
    ]
    running = bench.planned()
    bench.force(models.ActionPlan, running, state=states.ONGOING)
    bench.told()
    client.patch(f"/v1/action_plans/{running}", state("CANCELLING"))
    assert bench.told() == ["action_plan.update ONGOING CANCELLING"]


def test_w19_a_patch_to_deleted_is_a_deletion(bench, client):
    uuid = bench.audit(name="nightly")
    bench.engine().run(uuid)
    bench.told()
    answer = client.patch(f"/v1/audits/{uuid}", state("DELETED"))
    assert answer.status == 200 and answer.json["state"] == "DELETED"
    assert answer.json["deleted_at"] is not None
    assert bench.told() == ["audit.update SUCCEEDED DELETED", "audit.delete"]
    assert client.get(f"/v1/audits/{uuid}").status == 404
    # The name is free, and what was deleted stays as it is.
    bench.audit(name="nightly")
    for answer in (
        client.patch(f"/v1/audits/{uuid}", state("x", "/name"), X_Show_Deleted="1"),
        client.delete(f"/v1/audits/{uuid}", X_Show_Deleted="1"),
    ):
        assert answer.status == 404


def test_w23_plans_of_a_deleted_audit_are_found_by_it_and_can_be_used(bench, client):
    uuid = bench.audit()
    bench.engine().run(uuid)
    assert client.delete(f"/v1/audits/{uuid}").status == 204
    (plan,) = client.get(f"/v1/action_plans?audit_uuid={uuid}").json["action_plans"]
    assert plan["audit_uuid"] is None
    assert len(client.get(f"/v1/actions?audit_uuid={uuid}").json["actions"]) == 2
    path = f"/v1/action_plans/{plan['uuid']}"
    assert client.post(f"{path}/start", {}).json["audit_uuid"] is None
    assert client.patch(path, state("CANCELLED")).status == 200
    assert client.delete(path).status == 204


def test_w42_cancelling_a_plan_leaves_what_is_over(bench, client):
    plan = bench.planned()
    first = client.get(f"/v1/actions?action_plan_uuid={plan}").json["actions"][0]
    message = state("not today", "/status_message")
    client.patch(f"/v1/actions/{first['uuid']}", state("SKIPPED"), message)
    client.patch(f"/v1/action_plans/{plan}", state("CANCELLED"))
    assert bench.actions(plan) == ["SKIPPED", "CANCELLED"]
    kept = client.get(f"/v1/actions/{first['uuid']}").json["status_message"]
    assert kept == "Action skipped by user. Reason: not today"


# Audits that run ------------------------------------------------------------------------


def test_an_audit_that_is_being_computed_cannot_be_deleted(bench, client):
    uuid = bench.audit()
    run = bench.computing(uuid)
    refused = client.delete(f"/v1/audits/{uuid}")
    assert refused.status == 400
    assert "Couldn't delete when state is 'ONGOING'" in refused.fault
    bench.finish(run)
    assert client.delete(f"/v1/audits/{uuid}").status == 204


@pytest.mark.parametrize("end", ["CANCELLED", "SUCCEEDED", "FAILED"])
@pytest.mark.parametrize("delete", [True, False])
def test_who_ends_an_audit_while_it_is_computed_gets_no_plan(
    bench, client, end, delete
):
    uuid = bench.audit(auto_trigger=True)
    run = bench.computing(uuid)
    assert client.patch(f"/v1/audits/{uuid}", state(end)).status == 200
    if delete:
        assert client.delete(f"/v1/audits/{uuid}").status == 204
    bench.told()
    bench.finish(run)
    found = bench.get(uuid)
    assert (found.state, found.owner) == ("DELETED" if delete else end, None)
    assert bench.plans(uuid) == [] and bench.bus.plans == []
    assert not [event for event in bench.told() if "plan" in event]
    assert client.get("/v1/actions").json["actions"] == []


def test_a_suspended_audit_is_computed_anew_when_it_is_resumed(bench, client):
    uuid = bench.audit()
    path = f"/v1/audits/{uuid}"
    first, second = bench.engine("one"), bench.engine("two")
    run = bench.computing(uuid, first)
    assert client.patch(path, state("SUSPENDED")).status == 200
    assert bench.db.read(audits.claimable) == []
    assert client.patch(path, state("ONGOING")).status == 200
    assert bench.db.read(audits.claimable) == [uuid]
    bench.finish(run)
    assert bench.plans(uuid) == [], "the first run was given up"
    second.run(uuid)
    found = bench.get(uuid)
    assert (found.state, found.hostname) == ("SUCCEEDED", "two")
    assert len(bench.plans(uuid)) == 1


@pytest.mark.parametrize("kind", ["ONESHOT", "EVENT"])
def test_an_audit_that_a_client_sets_ongoing_is_run(bench, client, kind):
    uuid = bench.audit(kind)
    assert client.patch(f"/v1/audits/{uuid}", state("ONGOING")).status == 200
    (waiting,) = bench.db.read(audits.claimable)
    bench.engine().run(waiting)
    assert bench.get(uuid).state == "SUCCEEDED" and len(bench.plans(uuid)) == 1
    assert bench.db.read(audits.claimable) == []


def test_a_continuous_audit_that_a_client_ends_rests_for_ever(bench, client):
    uuid = bench.audit("CONTINUOUS")
    run = bench.computing(uuid)
    path = f"/v1/audits/{uuid}"
    assert client.patch(path, state("CANCELLED")).status == 200
    bench.finish(run)
    assert bench.plans(uuid) == [] and bench.get(uuid).state == "CANCELLED"
    bench.engine("two").run(uuid)
    assert bench.get(uuid).state == "CANCELLED"
    assert client.delete(path).status == 204
