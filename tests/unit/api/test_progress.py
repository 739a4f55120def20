"""How far a plan is, and what happened to it, as clients read it."""

import datetime

import pytest
import sqlalchemy as sa
import webob
from sqlalchemy import event

from watcher.db import action_plans, actions, leases, models, operations
from watcher.domain.records import Claim, NewAction, NewPlan

MB = 2**20
OWNER = "watcher-applier:host-1:7"


class Run:
    """A plan that an applier carries out"""

    def __init__(self, client, audit, specs):
        self.client, self.db = client, client.db.acting("watcher-applier on host-1")
        self.uuid = "22222222-2222-4222-8222-222222222222"
        self.actions = [
            f"{n:08x}-2222-4222-8222-222222222222" for n in range(len(specs))
        ]
        rows = [
            NewAction(
                uuid=uuid,
                action_type=kind,
                input_parameters={"resource_id": uuid, "resource_name": f"vm-{n}"},
                parents=[self.actions[parent] for parent in parents],
            )
            for n, (uuid, (kind, *parents)) in enumerate(
                zip(self.actions, specs, strict=True)
            )
        ]
        plan = NewPlan(
            uuid=self.uuid, audit_uuid=audit["uuid"], strategy_name="dummy",
            state="RECOMMENDED", actions=rows,
        )  # fmt: skip
        self.db.write(action_plans.save, plan)

    def begin(self):
        self.client.post(self.path("/start"), {})
        epoch = self.db.write(
            leases.acquire, OWNER, service="watcher-applier", host="host-1", ttl_s=20
        )
        self.claim = Claim(OWNER, epoch)
        assert self.db.write(action_plans.claim, self.uuid, self.claim, "host-1")
        return self

    def path(self, rest):
        return f"/v1/action_plans/{self.uuid}{rest}"

    def step(self, number, old, new, **more):
        self.db.write(actions.step, self.actions[number], old, new, **more)

    def operation(self, number, **progress):
        found = self.db.write(
            operations.begin, action_uuid=self.actions[number], plan_uuid=self.uuid,
            claim=self.claim, kind="migrate", request_id="req-1",
            detail={"server": "s", "progress": progress},
        )  # fmt: skip
        return found.id

    def progress(self, query=""):
        answer = self.client.get(self.path("/progress") + query)
        assert answer.status == 200, answer.raw
        return answer.json

    def history(self, query=""):
        answer = self.client.get(self.path("/history") + query)
        assert answer.status == 200, answer.raw
        return answer.json


@pytest.fixture
def plan(client, audit):
    return Run(client, audit, [("migrate",), ("migrate",), ("migrate", 0, 1), ("nop",)])


def test_a_plan_that_nobody_started(plan):
    found = plan.progress()
    assert found["state"] == "RECOMMENDED" and found["percent"] == 0
    assert found["states"] == {"PENDING": 4} and found["actions_count"] == 4
    assert found["actions"] == [] and "next" not in found
    for name in ("started_at", "ended_at", "expected_end_at", "applier"):
        assert found[name] is None, name
    assert found["waits_for_takeover"] is found["paused"] is False
    waiting = plan.progress("?actions=waiting")["actions"]
    assert [row["waits_for"] for row in waiting] == [None] * 4


def test_a_running_plan(plan):
    plan.begin()
    plan.step(0, "PENDING", "ONGOING")
    done = plan.operation(0, memory_total=100 * MB, memory_remaining=0, percent=100)
    plan.db.write(operations.finish, done, "succeeded")
    plan.step(0, "ONGOING", "SUCCEEDED")
    plan.step(1, "PENDING", "ONGOING")
    soon = models.utcnow() + datetime.timedelta(seconds=10)
    plan.operation(
        1, text="half of it", percent=50, memory_total=300 * MB,
        memory_remaining=150 * MB, at=soon.isoformat(),
    )  # fmt: skip
    found = plan.progress()
    # 100 of 100, 150 of 300, 0 of 200 (the mean), of three in four actions.
    assert found["percent"] == round(100 * 0.75 * 250 / 600, 1)
    assert found["states"] == {"ONGOING": 1, "PENDING": 2, "SUCCEEDED": 1}
    assert found["started_at"] and found["ended_at"] is None
    # Nothing is known of how long a nop takes.
    assert found["expected_end_at"] is None
    told = found["applier"]
    assert told.pop("heartbeat_at").startswith("20")
    assert told == {"host": "host-1", "owner": OWNER, "alive": True}
    (row,) = found["actions"]
    assert (row["uuid"], row["resource_name"]) == (plan.actions[1], "vm-1")
    assert (row["state"], row["percent"], row["message"]) == (
        "ONGOING",
        50,
        "half of it",
    )
    assert (row["bytes_total"], row["bytes_remaining"]) == (300 * MB, 150 * MB)
    assert row["started_at"] and row["ended_at"] is None
    end = datetime.datetime.fromisoformat(row["expected_end_at"]).replace(tzinfo=None)
    assert 8 <= (end - soon).total_seconds() <= 11
    plan.step(3, "PENDING", "ONGOING")
    plan.step(3, "ONGOING", "SUCCEEDED")
    assert plan.progress()["expected_end_at"] is not None


def test_what_waits_says_what_for(plan):
    plan.begin()
    plan.step(0, "PENDING", "ONGOING")
    rows = {row["uuid"]: row for row in plan.progress("?actions=waiting")["actions"]}
    assert rows[plan.actions[2]]["waits_for"] == {
        "reason": "2 actions before it", "actions": plan.actions[:2], "count": 2,
    }  # fmt: skip
    assert rows[plan.actions[1]]["waits_for"]["count"] == 0
    plan.db.write(action_plans.update, plan.uuid, paused=True)
    rows = {row["uuid"]: row for row in plan.progress("?actions=waiting")["actions"]}
    assert rows[plan.actions[1]]["waits_for"]["reason"] == "the plan is paused"
    assert plan.progress()["paused"] is True


def test_an_applier_that_is_gone(plan):
    plan.begin()
    plan.step(0, "PENDING", "ONGOING")
    plan.step(0, "ONGOING", "SUCCEEDED")
    plan.db.write(_expire)
    found = plan.progress()
    assert found["waits_for_takeover"] is True and found["applier"]["alive"] is False
    assert found["expected_end_at"] is None
    plan.db.write(leases.release, plan.claim)
    gone = plan.progress()
    assert gone["waits_for_takeover"] is True
    assert gone["applier"]["heartbeat_at"] is None


def _expire(tx):
    tx.execute(sa.update(models.Lease).values(expires_at=datetime.datetime(2000, 1, 1)))


def test_an_ended_plan_and_its_failures(plan):
    plan.begin()
    plan.step(0, "PENDING", "FAILED", message="no")
    for number in (1, 2, 3):
        plan.step(number, "PENDING", "SKIPPED", message="because")
    plan.db.write(action_plans.step, plan.uuid, "ONGOING", "FAILED", message="no")
    found = plan.progress("?actions=ended")
    assert (found["state"], found["percent"], found["status_message"]) == (
        "FAILED", 100, "no",
    )  # fmt: skip
    assert (
        found["ended_at"] >= found["started_at"] and found["applier"]["alive"] is False
    )
    assert not found["waits_for_takeover"]
    row = found["actions"][0]
    assert (row["percent"], row["message"], row["started_at"]) == (None, "no", None)
    assert row["ended_at"]


def test_numbers_that_are_none_are_left_out(plan):
    plan.begin()
    plan.step(0, "PENDING", "ONGOING")
    for odd in ("half", float("nan"), float("inf"), True, []):
        plan.operation(0, percent=odd, memory_total=odd, text=7, at="soon")
        (row,) = plan.progress()["actions"]
        assert row["percent"] is row["bytes_total"] is row["message"] is None


def test_actions_come_in_pages(plan):
    plan.begin()
    first = plan.progress("?actions=all&limit=3")
    assert [row["uuid"] for row in first["actions"]] == plan.actions[:3]
    path = first["next"].partition("localhost")[2]
    second = plan.client.get(path).json
    assert [row["uuid"] for row in second["actions"]] == plan.actions[3:]
    assert "next" not in second
    for query, status in (
        ("limit=0", 400), ("limit=x", 400), ("actions=some", 400), ("marker=1", 400),
        ("sort_key=id", 400), (f"marker={plan.uuid}", 404),
    ):  # fmt: skip
        assert plan.client.get(plan.path(f"/progress?{query}")).status == status, query


def test_a_deleted_plan_is_shown_to_who_asks_for_deleted_ones(plan):
    assert plan.client.delete(plan.path("")).status == 204
    assert plan.client.get(plan.path("/progress")).status == 404
    shown = plan.client.get(plan.path("/progress?actions=all"), X_Show_Deleted="true")
    assert shown.json["states"] == {"DELETED": 4}
    told = plan.client.get(plan.path("/history"), X_Show_Deleted="true").json["history"]
    assert told[-1]["new_state"] == "DELETED"
    assert told[-1]["reason"] == "deleted on request"


# History --------------------------------------------------------------------------------


def test_history_tells_when_who_and_why(plan):
    user = {"X_User_Id": "u1", "X_User_Name": "ann\xc3\xa9"}
    plan.client.patch(
        f"/v1/actions/{plan.actions[3]}", ("replace", "/state", "SKIPPED"),
        ("replace", "/status_message", "no need"), **user,
    )  # fmt: skip
    plan.begin()
    plan.step(0, "PENDING", "ONGOING")
    plan.client.patch(plan.path(""), ("replace", "/state", "CANCELLING"), **user)
    found = plan.history()["history"]
    assert [row["id"] for row in found] == sorted(row["id"] for row in found)
    assert all(row["at"] and row["actor"] and row["reason"] for row in found)
    brief = [
        (
            row["resource"],
            row["old_state"],
            row["new_state"],
            row["actor"],
            row["reason"],
        )
        for row in found
    ]
    assert brief == [
        ("action_plan", None, "RECOMMENDED", "watcher-applier on host-1",
         "recommended by its audit"),
        ("action", "PENDING", "SKIPPED", "ann\xe9 (u1)",
         "Action skipped by user. Reason: no need"),
        ("action_plan", "RECOMMENDED", "PENDING", "api", "asked for by a client"),
        ("action_plan", "PENDING", "ONGOING", "watcher-applier on host-1",
         f"claimed by {OWNER}"),
        ("action", "PENDING", "ONGOING", "watcher-applier on host-1",
         "its turn has come"),
        ("action_plan", "ONGOING", "CANCELLING", "ann\xe9 (u1)", "asked for by a client"),
    ]  # fmt: skip
    skipped = found[1]
    assert (skipped["uuid"], skipped["action_type"]) == (plan.actions[3], "nop")
    assert skipped["resource_name"] == "vm-3" and found[0]["resource_name"] is None


def test_actions_cancelled_with_their_plan_say_by_whom(plan):
    plan.client.patch(plan.path(""), ("replace", "/state", "CANCELLED"), X_User_Id="u1")
    found = plan.history()["history"][1:]
    assert len(found) == 5
    assert {(row["actor"], row["reason"]) for row in found} == {
        ("u1", "asked for by a client")
    }


def test_history_comes_in_pages(plan):
    plan.begin()
    whole = plan.history()
    assert "next" not in whole
    seen, path = [], plan.path("/history?limit=2")
    while path:
        page = plan.client.get(path).json
        seen += page["history"]
        path = page.get("next", "").partition("localhost")[2]
    assert seen == whole["history"]
    last = seen[-1]["id"]
    assert plan.history(f"?marker={last}") == {"history": []}
    for query in ("limit=0", "marker=x", f"marker={plan.uuid}", "actions=all"):
        assert plan.client.get(plan.path(f"/history?{query}")).status == 400, query


def test_history_of_others_is_not_shown(client, audit, plan):
    other = client.plan(audit["uuid"])
    client.patch(f"/v1/action_plans/{other}", ("replace", "/state", "CANCELLED"))
    assert {row["uuid"] for row in plan.history()["history"]} == {plan.uuid}


def test_who_may_not_see_the_plan_sees_neither(plan):
    for what in ("/progress", "/history"):
        assert plan.client.get(plan.path(what), X_Roles="member").status == 403
        assert (
            plan.client.get(plan.path(what), X_Roles="infra_optim_reader").status == 200
        )
        missing = "/v1/action_plans/11111111-1111-4111-8111-111111111111" + what
        assert plan.client.get(missing).status == 404
        assert plan.client.get("/v1/action_plans/x" + what).status == 400


def test_a21_a_patch_that_keeps_the_state_tells_nothing_of_skipping(plan):
    """actions.md A21: an unchanged state writes no "skipped by user" on a PENDING action"""
    path = f"/v1/actions/{plan.actions[0]}"
    before = plan.history()
    answer = plan.client.patch(path, ("replace", "/state", "PENDING"))
    assert answer.status == 200
    assert answer.json["status_message"] is None and answer.json["state"] == "PENDING"
    told = plan.client.patch(path, ("replace", "/status_message", "why"))
    assert told.status == 409
    assert plan.client.get(path).json["status_message"] is None
    assert plan.history() == before


# What it costs --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 300])
@pytest.mark.parametrize(
    "what, most",
    [
        ("/progress", 8),
        ("/progress?actions=waiting&limit=1000", 7),
        ("/progress?actions=all&limit=1000", 9),
        ("/progress?actions=all&limit=1000&marker={first}", 10),
        ("/history?limit=1000", 4),
        ("/history?limit=1000&marker=3", 4),
    ],
)
def test_statements_do_not_grow_with_the_actions(
    client, application, database, audit, size, what, most
):
    run = Run(
        client, audit, [("migrate", *([n - 1] if n else [])) for n in range(size)]
    )
    run.begin()
    for number in range(size // 2):
        run.step(number, "PENDING", "ONGOING")
        run.operation(number, percent=1, memory_total=MB)
    seen = []
    event.listen(
        database.engine, "before_cursor_execute", lambda *args: seen.append(args[2])
    )
    path = run.path(what.format(first=run.actions[0]))
    request = webob.Request.blank(path, headers={"X-Roles": "admin"})
    answer = request.get_response(application)
    assert answer.status_int == 200, answer.body
    assert len([text for text in seen if text != "BEGIN"]) <= most
