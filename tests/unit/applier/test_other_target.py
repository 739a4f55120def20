"""A failed move is made to another target, by appliers and a cloud that fails as told."""

import time

import pytest

from tests.unit.applier.test_preflight import Ground, move, where
from tests.unit.applier.test_recovery import confirmed, die_and_resume
from watcher.applier.retarget import Retargets
from watcher.db import audits


@pytest.fixture
def ground(bench, conf):
    conf.set_override("work_scan_interval", 1, "watcher_applier")
    made = Ground(bench, conf)
    yield made
    for crew in made.crews:
        crew.stop(time.monotonic() + 3)


@pytest.fixture
def server(ground):
    return ground.cloud.add_server("s", "a")


def kinds(bench, plan):
    (action,) = bench.actions(plan)
    found = bench.operations(action.uuid)
    return [(op.kind, op.detail["dest"], op.outcome) for op in found], found


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("precheck", "refused"), ("prepare", "failed"), ("rollback", "failed")],
)
def test_a_failed_move_goes_to_another_target(ground, bench, server, fault, outcome):
    ground.cloud.fail(fault, server)
    plan = ground.plan(move(server, "a", "b"))
    assert ground.ended(plan).state == "SUCCEEDED"
    assert where(ground, server) == "c"
    told, operations = kinds(bench, plan)
    assert told == [("migrate", "b", outcome), ("migrate_2", "c", "succeeded")]
    assert len({op.request_id for op in operations}) == 2
    (message,) = ground.messages(plan)
    assert message.startswith("Moved to c instead: live migration from a to b: ")
    assert len(confirmed(bench, server)) == 1


def test_there_is_an_end_to_it_and_all_is_told(ground, bench, server):
    ground.cloud.fail("rollback", server, times=5)
    ground.cloud.add_host("d")
    plan = ground.plan(move(server, "a", "b"))
    assert ground.ended(plan).state == "FAILED"
    assert where(ground, server) == "a"
    assert [each[:2] for each in kinds(bench, plan)[0]] == [
        ("migrate", "b"),
        ("migrate_2", "c"),
    ]
    (message,) = ground.messages(plan)
    assert "from a to c" in message
    assert "(before: live migration from a to b" in message


def test_none_where_the_operator_wants_none(ground, bench, server, conf):
    conf.set_override("move_retries", 0, "watcher_applier")
    ground.cloud.fail("rollback", server)
    plan = ground.plan(move(server, "a", "b"))
    assert ground.ended(plan).state == "FAILED"
    assert len(kinds(bench, plan)[0]) == 1


def test_a_server_that_broke_is_left_alone(ground, bench, server):
    ground.cloud.fail("error", server)
    plan = ground.plan(move(server, "a", "b"))
    assert ground.ended(plan).state == "FAILED"
    assert len(kinds(bench, plan)[0]) == 1


def test_a_server_that_was_locked_meanwhile_is_left_alone(ground, bench, server):
    ground.cloud.fail("rollback", server)
    plan = ground.plan(move(server, "a", "b"))
    crew = ground.crew()
    crew.start()
    bench.until(lambda: bench.accepted("live_migrate"))
    ground.cloud.change_server(server, locked=True)
    bench.until(lambda: bench.state(plan).state == "FAILED")
    assert len(bench.accepted("live_migrate")) == 1


def test_the_scope_of_the_audit_is_never_left(ground, bench, server):
    scope = [{"compute": [{"exclude": [{"compute_nodes": [{"name": "c"}]}]}]}]
    bench.db.write(audits.update, bench.audit, scope=scope)
    ground.cloud.fail("rollback", server)
    plan = ground.plan(move(server, "a", "b"))
    assert ground.ended(plan).state == "FAILED"
    assert where(ground, server) == "a"
    assert len(kinds(bench, plan)[0]) == 1


def test_a_target_of_novas_choice_is_not_replaced(ground, bench, server):
    kind, given = move(server, "a", "b")
    del given["destination_node"]
    ground.cloud.fail("rollback", server)
    plan = ground.plan((kind, given))
    assert ground.ended(plan).state == "FAILED"
    assert len(kinds(bench, plan)[0]) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_step_of_two_attempts_a_server_moves_once(ground, bench, after):
    """Whoever takes over goes on with the attempt that was under way, or begins one"""
    bench.retargets = Retargets(ground.models(), retries=lambda: 1)
    at = 0
    while True:
        at += 1
        vm = bench.cloud.add_server(f"vm{at}", "a", "m1.tiny")
        bench.cloud.fail("rollback", vm)
        plan = ground.plan(move(vm, "a", "b"))
        del bench.calls[:]
        lived = die_and_resume(bench, plan, at, after)
        assert bench.state(plan).state == "SUCCEEDED", (at, ground.messages(plan))
        assert where(ground, vm) == "c"
        assert len(confirmed(bench, vm)) == 1, f"moved twice after step {at}"
        tried = [call[1][1] for call in bench.accepted("live_migrate")]
        assert tried == ["b", "c"]
        if lived:
            break
    assert at > 6
