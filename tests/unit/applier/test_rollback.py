"""What follows a plan that failed: the way back, once, from what was really done."""

import uuid

import pytest
import sqlalchemy as sa

from watcher import exception
from watcher.applier.aftermath import Aftermath
from watcher.db import (
    action_plans,
    actions,
    execution_rules,
    explanations,
    operations,
    undo_plans,
)
from watcher.db.query import ListQuery
from watcher.decision_engine.outdated import holds

from .conftest import Fate
from .test_crew import crew  # noqa: F401 (a fixture)
from .test_migrate import migrate, where
from .test_power_state import node, power
from .test_preflight import ground  # noqa: F401 (a fixture)
from .test_service_state import change, service
from .volumes import HERE, retype
from .volumes import migrate as move_volume


@pytest.fixture
def failing(bench, conf):
    """Make a plan that moves one server and fails with another"""
    bench.on_finish = Aftermath(conf)

    def make(on_failure="offer"):
        conf.set_override("on_failure", on_failure, "watcher_applier")
        one, two = (bench.cloud.add_server(f"vm{n}", "a") for n in (1, 2))
        bench.cloud.fail("rollback", two)
        plan = bench.plan(
            change("disabled", disabled_reason="watcher_x"),
            (*migrate(one, "live", "b"), [0]),
            (*migrate(two, "live", "c"), [0]),
        )
        return plan, one, two

    return make


def undoing(bench, plan):
    query = ListQuery(sort_key="id")
    return [
        one for one in bench.db.read(action_plans.list, query) if one.undoes == plan
    ]


def test_a_failed_plan_is_taken_back_at_once(bench, failing):
    plan, one, two = failing("run")
    ended = bench.run(plan)
    assert ended.state == "FAILED"
    [back] = undoing(bench, plan)
    assert back.state == "PENDING"
    assert ended.status_message.endswith(f"Rolled back by action plan {back.uuid}")
    assert ended.status_message.startswith("migrate of")
    assert back.status_message == f"Rolls back action plan {plan}"
    assert (back.audit_id, back.strategy_id) == (ended.audit_id, ended.strategy_id)
    assert where(bench, one) == ("b", "ACTIVE")
    ended = bench.run(back.uuid)
    assert ended.state == "SUCCEEDED"
    assert ended.status_message == f"Action plan {plan} is rolled back."
    assert where(bench, one) == where(bench, two) == ("a", "ACTIVE")
    assert service(bench) == ("enabled", None)
    kinds = [row.action_type for row in bench.actions(back.uuid)]
    assert kinds == ["change_nova_service_state", "migrate"]


def test_a_failed_plan_may_be_offered_to_be_taken_back(bench, failing):
    plan, one, _ = failing("offer")
    ended = bench.run(plan)
    [back] = undoing(bench, plan)
    assert back.state == "RECOMMENDED"
    assert ended.status_message.endswith(
        f". Rollback recommended: action plan {back.uuid}"
    )
    why = bench.db.read(explanations.for_plan, back.uuid)
    assert why["summary"] == (
        f"Rolls back action plan {plan}: change_nova_service_state (1), migrate (1)."
    )
    assert [step["reason"] for step in why["actions"]] == [
        "it was enabled before",
        "it was on a before",
    ]
    assert [step["uuid"] for step in why["actions"]] == [
        row.uuid for row in bench.actions(back.uuid)
    ]
    # It is no result of the audit, and a newer one of these does not replace it.
    assert bench.db.read(explanations.for_audit, bench.audit) is None
    assert bench.db.write(action_plans.supersede, bench.audit) == []


def test_by_default_what_is_done_stays_done(bench, failing, conf):
    assert conf.watcher_applier.on_failure == "stop"
    plan, _, _ = failing("stop")
    ended = bench.run(plan)
    assert ended.state == "FAILED"
    assert undoing(bench, plan) == []
    assert "oll" not in ended.status_message


@pytest.mark.parametrize(("said", "count"), [("stop", 0), ("run", 1)])
def test_rules_of_execution_count_more_than_the_option(bench, failing, said, count):
    plan, _, _ = failing("offer")
    document = {"on_failure": said}
    bench.db.write(execution_rules.put, "action_plan", plan, document)
    bench.run(plan)
    assert [one.state for one in undoing(bench, plan)] == ["PENDING"] * count


def test_a_plan_that_did_nothing_is_not_taken_back(bench, failing):
    failing("run")
    plan = bench.plan(("nop", {"message": "m", "fail_execute": True}))
    assert bench.run(plan).state == "FAILED"
    assert undoing(bench, plan) == []


@pytest.mark.parametrize("end", ["SUCCEEDED", "CANCELLED"])
def test_only_a_failure_is_taken_back(bench, failing, end):
    failing("run")
    server = bench.cloud.add_server("vm", "a")
    sleep = ("sleep", {"duration": 30 if end == "CANCELLED" else 0}, [0])
    plan = bench.plan(migrate(server), sleep)
    runner = bench.process().take(plan)
    if end == "CANCELLED":
        bench.until(lambda: bench.states(plan) == ["SUCCEEDED", "ONGOING"])
        bench.cancel(plan)
        runner.wake()
    runner.join(20)
    assert bench.state(plan).state == end
    assert undoing(bench, plan) == []


def test_a_cancelled_plan_whose_applier_broke_is_left_to_people(bench, failing):
    failing("run")
    server = bench.cloud.add_server("vm", "a")
    plan = bench.plan(migrate(server), ("sleep", {"duration": 1}, [0]))
    runner = bench.process().take(plan, start=False)
    original = runner._await

    def broken(*args):
        if bench.states(plan)[1] == "ONGOING":
            bench.cancel(plan)
            raise ZeroDivisionError
        return original(*args)

    runner._await = broken
    runner.start()
    runner.join(20)
    assert bench.state(plan).state == "FAILED"
    assert undoing(bench, plan) == []


def test_a_way_back_that_fails_is_left_to_people(bench, failing):
    plan, one, _ = failing("run")
    bench.run(plan)
    [back] = undoing(bench, plan)
    bench.cloud.fail("rollback", one)
    ended = bench.run(back.uuid)
    assert ended.state == "FAILED"
    assert f"Action plan {plan} is not rolled back" in ended.status_message
    assert undoing(bench, back.uuid) == []
    # Asked for by hand it may be done again, or be taken back itself.
    again = bench.db.write(undo_plans.ask, plan)
    assert again.state == "RECOMMENDED"
    assert bench.db.write(undo_plans.ask, back.uuid).undoes == back.uuid


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_step_it_is_taken_back_once(bench, failing, after):
    at = 0
    while True:
        at += 1
        bench.cloud.change_host("a", enabled=True)
        plan, _, _ = failing("offer")
        fate = Fate(at, after)
        process = bench.process(fate)
        process.take(plan).join(20)
        lived = not fate.dead.is_set()
        process.die()
        if bench.state(plan).state == "ONGOING":
            assert undoing(bench, plan) == []
            bench.run(plan)
        assert bench.state(plan).state == "FAILED"
        [back] = undoing(bench, plan)
        assert [row.action_type for row in bench.actions(back.uuid)] == [
            "change_nova_service_state",
            "migrate",
        ]
        if lived:
            break
    assert at > 12


def test_a_plan_ends_whatever_its_rows_hold(bench, failing):
    plan, _, _ = failing("run")
    first = bench.actions(plan)[1].uuid

    def spoil(tx):
        # As another release might have left them.
        actions.update(tx, first, input_parameters={})
        actions.step(tx, first, "PENDING", "ONGOING")
        actions.step(tx, first, "ONGOING", "SUCCEEDED")
        row = operations.begin(
            tx, action_uuid=first, plan_uuid=plan, claim=runner.book.claim,
            kind="migrate", request_id="req", detail={"source": "a", "dest": "b"},
        )  # fmt: skip
        operations.finish(tx, row.id, "succeeded")

    runner = bench.process().take(plan, start=False)
    bench.db.write(spoil)
    runner.start()
    runner.join(20)
    assert bench.state(plan).state == "FAILED"
    assert undoing(bench, plan) == []


def test_the_process_that_stored_it_begins_it(bench, failing, crew):  # noqa: F811
    plan, one, _ = failing("run")
    crew().start()
    bench.until(lambda: undoing(bench, plan), 20)
    [back] = undoing(bench, plan)
    bench.until(lambda: bench.state(back.uuid).state == "SUCCEEDED", 20)
    assert where(bench, one) == ("a", "ACTIVE")


# By hand --------------------------------------------------------------------------------


def test_a_plan_that_still_runs_or_never_began_is_refused(bench, failing):
    failing("stop")
    server = bench.cloud.add_server("vm", "a")
    plan = bench.plan(migrate(server), state="RECOMMENDED")
    with pytest.raises(exception.RollbackRefused, match="it is RECOMMENDED"):
        bench.db.write(undo_plans.ask, plan)


def test_the_way_back_is_asked_for_once(bench, failing):
    plan, _, _ = failing("stop")
    bench.run(plan)
    back = bench.db.write(undo_plans.ask, plan)
    with pytest.raises(exception.RollbackRefused, match=back.uuid):
        bench.db.write(undo_plans.ask, plan)
    bench.db.write(action_plans.cancel, back.uuid, "RECOMMENDED")
    other = bench.db.write(undo_plans.ask, plan)
    bench.db.write(action_plans.step, other.uuid, "RECOMMENDED", "PENDING")
    assert bench.run(other.uuid).state == "SUCCEEDED"
    with pytest.raises(exception.RollbackRefused, match="has done it"):
        bench.db.write(undo_plans.ask, plan)


def test_what_cannot_be_taken_back_is_said(bench, failing):
    failing("stop")
    plan = bench.plan(("nop", {"message": "m"}))
    bench.run(plan)
    with pytest.raises(exception.RollbackRefused, match="changed nothing"):
        bench.db.write(undo_plans.ask, plan)
    server = bench.cloud.add_server("vm", "a")
    plan = bench.plan(migrate(server, "live", "b"), migrate(str(uuid.uuid4())))
    bench.run(plan)

    def doubt(tx):
        [row] = operations.of_plan(tx, plan)
        tx.execute(
            sa.update(operations._table)
            .where(operations._table.c.id == row.id)
            .values(outcome="timeout")
        )

    bench.db.write(doubt)
    with pytest.raises(
        exception.RollbackRefused, match="nothing of it can be: migrate of"
    ):
        bench.db.write(undo_plans.ask, plan)


# actions.md A11, A20 --------------------------------------------------------------------


def test_a_host_that_somebody_closed_meanwhile_stays_closed(bench, failing):
    """actions.md A11: the reasons are compared before a service is enabled again"""
    plan, one, _ = failing("run")
    bench.run(plan)
    [back] = undoing(bench, plan)
    bench.cloud.change_host("a", enabled=False, disabled_reason="broken fan")
    assert bench.run(back.uuid).state == "FAILED"
    assert service(bench) == ("disabled", "broken fan")
    texts = [row.status_message for row in bench.actions(back.uuid)]
    assert texts[0].endswith("is disabled for another reason (broken fan)")
    assert "broken fan" in texts[1]
    assert where(bench, one) == ("b", "ACTIVE")


def test_a_server_that_somebody_moved_meanwhile_stays_there(bench, failing):
    """actions.md A20: what is taken back is what the plan did, and nothing else"""
    plan, one, _ = failing("offer")
    bench.run(plan)
    [back] = undoing(bench, plan)
    bench.cloud.clients().nova.live_migrate(one, "c", "req-user")
    bench.until(lambda: where(bench, one) == ("c", "ACTIVE"))
    bench.db.write(action_plans.step, back.uuid, "RECOMMENDED", "PENDING")
    assert bench.run(back.uuid).state == "SUCCEEDED"
    assert bench.states(back.uuid) == ["SUCCEEDED", "SKIPPED"]
    assert where(bench, one) == ("c", "ACTIVE")


# Every type -----------------------------------------------------------------------------


def server_of(bench, uuid):
    found = bench.cloud.clients().nova.server(uuid)
    return found.host, found.vm_state, found.flavor.name


def volume_of(bench, uuid):
    found = bench.cloud.clients().cinder.volume(uuid)
    return found.host, found.type


def take_back(bench, plan, *may_end):
    back = bench.db.write(undo_plans.ask, plan)
    bench.db.write(action_plans.step, back.uuid, "RECOMMENDED", "PENDING")
    ended = bench.run(back.uuid, 60)
    told = [
        (row.action_type, row.state, row.status_message)
        for row in bench.actions(back.uuid)
    ]
    assert ended.state == "SUCCEEDED", told
    assert {state for _, state, _ in told} - {*may_end} == {"SUCCEEDED"}, told
    return [kind for kind, _, _ in told]


@pytest.mark.parametrize(
    ("kind", "given", "back"),
    [
        ("stop", {}, ["start"]),
        ("shelve", {}, ["unshelve"]),
        ("resize", {"flavor": "m1.medium"}, ["resize"]),
        ("migrate", {"migration_type": "cold", "source_node": "a"}, ["migrate"]),
    ],
)
def test_what_was_done_to_a_server_is_taken_back(bench, kind, given, back):
    vm = bench.cloud.add_server("vm", "a", "m1.small")
    before = server_of(bench, vm)
    plan = bench.plan((kind, {"resource_id": vm, **given}))
    assert bench.run(plan).state == "SUCCEEDED"
    assert server_of(bench, vm) != before
    assert take_back(bench, plan) == back
    # Where an unshelved or resized server arrives is Nova's choice.
    assert server_of(bench, vm)[1:] == before[1:]
    if kind in ("stop", "migrate"):
        assert server_of(bench, vm) == before


def test_what_was_done_to_volumes_is_taken_back(bench, storage):
    first = storage.add_volume("one", HERE, 1, kind="fast", project_id="p")
    other = storage.add_volume("two", HERE, 1, kind="fast", project_id="p")
    before = volume_of(bench, first), volume_of(bench, other)
    plan = bench.plan(move_volume(first), retype(other))
    assert bench.run(plan, 60).state == "SUCCEEDED", bench.actions(plan)
    moved = volume_of(bench, first), volume_of(bench, other)
    assert moved[0] != before[0] and moved[1] != before[1]
    # The old type may bring a volume into its old pool by itself.
    assert set(take_back(bench, plan, "SKIPPED")) == {"volume_migrate"}
    assert (volume_of(bench, first), volume_of(bench, other)) == before


def test_a_host_that_was_emptied_and_switched_off_comes_back(bench):
    vm = bench.cloud.add_server("vm", "a")
    plan = bench.plan(
        change("disabled", disabled_reason="watcher_x"),
        (*migrate(vm, "live", "b"), [0]),
        (*power("a", "off", resource_name="a"), [1]),
    )
    assert bench.run(plan, 60).state == "SUCCEEDED", bench.actions(plan)
    kinds = take_back(bench, plan)
    assert kinds == ["change_node_power_state", "change_nova_service_state", "migrate"]
    assert where(bench, vm) == ("a", "ACTIVE")
    assert service(bench) == ("enabled", None)
    assert node(bench, "a").power_state == "power on"


def test_what_was_deleted_is_named_and_the_rest_is_taken_back(bench):
    stays, goes = (bench.cloud.add_server(name, "a") for name in ("stays", "goes"))
    plan = bench.plan(migrate(stays, "live", "b"), ("delete", {"resource_id": goes}))
    assert bench.run(plan, 60).state == "SUCCEEDED", bench.actions(plan)
    back = bench.db.write(undo_plans.ask, plan)
    why = bench.db.read(explanations.for_plan, back.uuid)
    assert [row["instance"] for row in why["stays"]] == [goes]
    assert why["summary"].endswith("1 of its actions cannot be taken back.")
    assert [row.action_type for row in bench.actions(back.uuid)] == ["migrate"]


def test_the_way_back_holds_by_the_model_and_runs(ground, conf):  # noqa: F811
    """It is judged before it begins, like every plan: by decision engines and appliers"""
    conf.set_override("on_failure", "offer", "watcher_applier")
    bench, cloud = ground.bench, ground.cloud
    cloud.add_host("d")
    one, two, bad = (cloud.add_server(f"vm{n}", "a") for n in range(3))
    cloud.fail("rollback", bad, times=9)  # on every target
    plan = ground.plan(
        change("disabled", disabled_reason="watcher_x"),
        (*migrate(one, "live", "b"), [0]),
        (*migrate(two, "live", "c"), [0]),
        (*migrate(bad, "live", "d"), [0]),
    )
    ended = ground.ended(plan)
    assert ended.state == "FAILED", ended.status_message
    [back] = undoing(bench, plan)
    found = bench.actions(back.uuid)
    assert holds(ground.models().compute(max_age_s=0), found) is None
    bench.db.write(action_plans.step, back.uuid, "RECOMMENDED", "PENDING")
    bench.until(lambda: bench.state(back.uuid).state not in ("PENDING", "ONGOING"), 20)
    told = [
        (row.action_type, row.state, row.status_message)
        for row in bench.actions(back.uuid)
    ]
    assert bench.state(back.uuid).state == "SUCCEEDED", told
    assert [state for _, state, _ in told] == ["SUCCEEDED"] * 3, told
    assert {where(bench, vm) for vm in (one, two, bad)} == {("a", "ACTIVE")}
    assert service(bench) == ("enabled", None)
