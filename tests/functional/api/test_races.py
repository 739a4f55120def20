"""Several who want the same audit, plan or action at the same moment.

On each database engine: whoever comes first wins, the others are told, and what is left
behind agrees with itself.
"""

import pytest

from tests.functional.api import life
from tests.functional.api.life import state, together
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
