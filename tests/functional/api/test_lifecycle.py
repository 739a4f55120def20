"""Audits, plans and actions from their making to their end, with others in the way.

On each database engine: whoever comes first wins, the others are told, and what is left
behind agrees with itself.
"""

import pytest

from tests.functional.api import life
from tests.functional.api.life import together
from watcher.db import action_plans, actions, audits, models
from watcher.domain import states

ROUNDS = 6


@pytest.fixture
def bench(database_url):
    made = life.Bench(database_url)
    yield made
    made.close()


@pytest.fixture
def client(bench):
    return bench.client


def state(new, path="/state"):
    return ("replace", path, new)


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


# Whoever comes first --------------------------------------------------------------------


def answers(found):
    return sorted(answer.status for answer in found if answer is not None)


def test_w41_of_many_starts_one_wins(bench, client):
    for _ in range(ROUNDS):
        plan = bench.planned()
        bench.told()
        start = f"/v1/action_plans/{plan}/start"
        found = together(
            *[lambda p=start: client.post(p, {})] * 3,
            *[lambda p=start[:-6]: client.patch(p, state("PENDING"))] * 3,
        )
        assert answers(found) == [200] + [400] * 5
        assert bench.bus.plans == [plan]
        assert bench.told() == ["action_plan.update RECOMMENDED PENDING"]
        bench.bus.plans.clear()


def test_w41_a_plan_is_started_or_cancelled_or_deleted(bench, client):
    """All agree on what happened, whichever came first"""
    seen = set()
    for _ in range(ROUNDS * 3):
        plan = bench.planned()
        path = f"/v1/action_plans/{plan}"
        start, cancel, delete = together(
            lambda p=path: client.post(f"{p}/start", {}),
            lambda p=path: client.patch(p, state("CANCELLED")),
            lambda p=path: client.delete(p),
        )
        outcome = start.status, cancel.status, delete.status
        seen.add(outcome)
        now = bench.plan(plan)
        if outcome[2] == 204:
            assert now.state == "DELETED" and now.deleted_at is not None
            assert set(bench.actions(plan)) == {"DELETED"}
            # Started and not cancelled means that it is going to run.
            assert outcome[:2] != (200, 400) and outcome[:2] != (200, 404)
        elif cancel.status == 200:
            assert now.state == "CANCELLED"
            assert set(bench.actions(plan)) == {"CANCELLED"}
        else:
            assert now.state == "PENDING" and start.status == 200
            assert set(bench.actions(plan)) == {"PENDING"}
        assert {*outcome} <= {200, 204, 400, 404}
    print(sorted(seen))


def test_w41_an_applier_and_a_client_do_not_both_get_a_plan(bench, client):
    applier = life.Lease(bench.db, "applier")
    for _ in range(ROUNDS):
        plan = bench.planned()
        path = f"/v1/action_plans/{plan}"
        client.post(f"{path}/start", {})
        claimed, cancel = together(
            lambda p=plan: bench.db.write(action_plans.claim, p, applier.claim, "h"),
            lambda p=path: client.patch(p, state("CANCELLED")),
        )
        now = bench.plan(plan)
        if claimed is None:
            assert cancel.status == 200 and now.state == "CANCELLED"
            assert set(bench.actions(plan)) == {"CANCELLED"}
        else:
            assert cancel.status == 400 and now.state == "ONGOING"
            assert set(bench.actions(plan)) == {"PENDING"}


def test_w41_a_plan_that_ends_is_not_cancelled_any_more(bench, client):
    applier = life.Lease(bench.db, "applier")
    for _ in range(ROUNDS):
        plan = bench.planned()
        client.post(f"/v1/action_plans/{plan}/start", {})
        bench.db.write(action_plans.claim, plan, applier.claim, "h")

        def end(p=plan):
            try:
                return bench.db.write(
                    action_plans.step, p, states.ONGOING, states.SUCCEEDED
                )
            except Exception as error:
                return error

        ended, cancel = together(
            end,
            lambda p=plan: client.patch(f"/v1/action_plans/{p}", state("CANCELLING")),
        )
        now = bench.plan(plan).state
        assert (now == "CANCELLING") == (cancel.status == 200)
        assert cancel.status in (200, 400)
        assert isinstance(ended, Exception) == (cancel.status == 200)


def test_w41_an_action_is_skipped_before_the_plan_starts_or_not_at_all(bench, client):
    applier = life.Lease(bench.db, "applier")
    for _ in range(ROUNDS):
        plan = bench.planned()
        client.post(f"/v1/action_plans/{plan}/start", {})
        listed = client.get(f"/v1/actions?action_plan_uuid={plan}").json["actions"]
        path = f"/v1/actions/{listed[0]['uuid']}"

        def begin(p=plan, a=listed[0]["uuid"]):
            bench.db.write(action_plans.claim, p, applier.claim, "h")
            return bench.db.read(actions.get, a).state

        seen, skip = together(begin, lambda p=path: client.patch(p, state("SKIPPED")))
        assert bench.plan(plan).state == "ONGOING"
        # What the applier saw when it began is what it is.
        assert bench.actions(plan)[0] == seen
        assert skip.status == (200 if seen == "SKIPPED" else 409)


def test_w41_a_reason_is_not_changed_under_a_running_plan(bench, client):
    applier = life.Lease(bench.db, "applier")
    for _ in range(ROUNDS):
        plan = bench.planned()
        first = client.get(f"/v1/actions?action_plan_uuid={plan}").json["actions"][0]
        path = f"/v1/actions/{first['uuid']}"
        client.patch(path, state("SKIPPED"), state("one", "/status_message"))
        client.post(f"/v1/action_plans/{plan}/start", {})

        def begin(p=plan, a=first["uuid"]):
            bench.db.write(action_plans.claim, p, applier.claim, "h")
            return bench.db.read(actions.get, a).status_message

        seen, edit = together(
            begin, lambda p=path: client.patch(p, state("two", "/status_message"))
        )
        assert seen == client.get(path).json["status_message"]
        assert edit.status == (200 if seen.endswith("two") else 409)


def test_w41_an_audit_is_started_or_cancelled(bench, client):
    for number in range(ROUNDS):
        uuid = bench.audit()
        engine = bench.engine(f"e{number}")
        path = f"/v1/audits/{uuid}"
        together(
            lambda e=engine, u=uuid: e.run(u),
            *[lambda p=path: client.patch(p, state("CANCELLED"))] * 2,
            lambda p=path: client.patch(p, state("ONGOING")),
        )
        found = bench.get(uuid)
        assert found.owner is None or found.state == "ONGOING"
        assert len(bench.plans(uuid)) == (found.state == "SUCCEEDED")
        if found.state == "ONGOING":
            # The client was first: the audit waits for its engine, which finds it.
            assert bench.db.read(audits.claimable) == [uuid]
            engine.run(uuid)
            assert bench.get(uuid).state == "SUCCEEDED"


def test_of_many_deletions_one_happens(bench, client):
    for _ in range(ROUNDS):
        uuid = bench.audit()
        bench.engine(uuid[:8]).run(uuid)
        bench.told()
        path = f"/v1/audits/{uuid}"
        found = together(
            *[lambda p=path: client.delete(p)] * 3,
            *[lambda p=path: client.patch(p, state("DELETED"))] * 2,
        )
        assert len([s for s in answers(found) if s in (200, 204)]) == 1
        assert set(answers(found)) <= {200, 204, 404}
        assert bench.told() == ["audit.update SUCCEEDED DELETED", "audit.delete"]


def test_expiry_and_start_do_not_both_get_a_plan(bench, client):
    for _ in range(ROUNDS):
        plan = bench.planned()
        bench.force(models.ActionPlan, plan, created_at=life.ago(hours=30))
        expired, start = together(
            lambda: bench.db.write(action_plans.expire, life.ago(hours=24)),
            lambda p=plan: client.post(f"/v1/action_plans/{p}/start", {}),
        )
        now = bench.plan(plan).state
        if start.status == 200:
            assert (expired, now) == ([], "PENDING")
            assert set(bench.actions(plan)) == {"PENDING"}
        else:
            assert (expired, now, start.status) == ([plan], "SUPERSEDED", 400)
            assert set(bench.actions(plan)) == {"CANCELLED"}
        client.patch(f"/v1/action_plans/{plan}", state("CANCELLED"))


def test_a_new_run_replaces_plans_unless_somebody_starts_them(bench, client):
    uuid = bench.audit("CONTINUOUS")
    engine = bench.engine()
    for _ in range(ROUNDS):
        bench.force(models.Audit, uuid, next_run_time=None)
        engine.run(uuid)
        (plan,) = [p for p in bench.plans(uuid) if p.state == "RECOMMENDED"]
        bench.force(models.Audit, uuid, next_run_time=None)
        _ran, start = together(
            lambda: engine.run(uuid),
            lambda p=plan.uuid: client.post(f"/v1/action_plans/{p}/start", {}),
        )
        now = bench.plan(plan.uuid).state
        assert now == ("PENDING" if start.status == 200 else "CANCELLED")
        assert set(bench.actions(plan.uuid)) == {
            "PENDING" if now == "PENDING" else "CANCELLED"
        }
        (newest,) = [p for p in bench.plans(uuid) if p.state == "RECOMMENDED"]
        assert newest.id > plan.id
