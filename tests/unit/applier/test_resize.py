"""Resizes: what is checked, asked of Nova, confirmed, said and undone."""

import dataclasses

import pytest

from watcher import exception
from watcher.applier.actions.pursuit import Stand
from watcher.applier.actions.resize import Resize
from watcher.applier.actions.resizing import judge, own_record
from watcher.clients.records import Flavor, Migration, Server

from .conftest import Fate
from .test_migrate import only
from .test_recovery import die_and_resume

GONE = "00000000-0000-4000-8000-000000000000"
SMALL = Flavor(name="small", vcpus=1, memory_mb=1024)
BIG = Flavor(name="big", vcpus=2, memory_mb=2048, id="7")


def resize(uuid, flavor="m1.medium", **more):
    return ("resize", {"resource_id": uuid, "flavor": flavor, **more})


def seen(bench, uuid):
    found = bench.cloud.clients().nova.server(uuid)
    return found.flavor.name, found.status


@pytest.fixture
def vm(bench):
    return bench.cloud.add_server("vm", "a")


def slow(bench):
    bench.cloud.migration_mb_s = 5.0


# What a look says ---------------------------------------------------------------------


def server(flavor=SMALL, status="ACTIVE", task=None):
    return Server(uuid="s", name="S", flavor=flavor, status=status, task_state=task)


def record(status, number=7, kind="resize"):
    return Migration(id=number, server="s", kind=kind, status=status)


@pytest.mark.parametrize(
    ("shown", "found", "stand"),
    [
        (server(task="resize_prep"), None, Stand.UNDERWAY),
        (server(), None, Stand.SILENT),
        (server(), record("error"), Stand.FAILED),
        (server(status="ERROR"), record("migrating"), Stand.FAILED),
        (server(status="ERROR"), None, Stand.FAILED),
        (server(), record("pre-migrating"), Stand.UNDERWAY),
        (server(BIG, "VERIFY_RESIZE"), record("finished"), Stand.TO_CONFIRM),
        (server(BIG, "VERIFY_RESIZE"), record("confirming"), Stand.UNDERWAY),
        # Nova confirmed it by itself.
        (server(BIG), record("confirmed"), Stand.DONE),
        (server(BIG, "VERIFY_RESIZE"), record("confirmed"), Stand.UNSETTLED),
        (server(), record("confirmed"), Stand.UNSETTLED),
        (server(), record("reverted"), Stand.FAILED),
        # Somebody else's resize waits: it is not for us to confirm.
        (server(BIG, "VERIFY_RESIZE"), None, Stand.SILENT),
    ],
)
def test_what_a_look_says(shown, found, stand):
    assert judge(BIG, shown, found) is stand


def test_only_a_newer_record_of_a_resize_is_ours():
    records = [record("error", 9, "migration"), record("finished", 8), record("x", 6)]
    assert own_record(records, after=7).id == 8
    assert own_record(records, after=8) is None


# Success ------------------------------------------------------------------------------


@pytest.mark.parametrize("stopped", [False, True])
def test_a_server_gets_its_flavor_and_the_confirmation_is_awaited(bench, stopped):
    """actions.md A9: the confirmation is awaited"""
    more = {"vm_state": "stopped"} if stopped else {}
    vm = bench.cloud.add_server("vm", "a", **more)
    plan = bench.plan(resize(vm))
    assert bench.run(plan).state == "SUCCEEDED"
    assert seen(bench, vm) == ("m1.medium", "SHUTOFF" if stopped else "ACTIVE")
    first, second = bench.operations(only(bench, plan).uuid)
    assert (first.kind, second.kind) == ("resize", "confirm_resize")
    assert {first.outcome, second.outcome} == {"succeeded"}
    assert (first.detail["was"], first.detail["flavor"]) == ("m1.small", "m1.medium")
    assert len({first.request_id, second.request_id}) == 2
    assert bench.cloud.clients().nova.migrations(vm)[0].status == "confirmed"


def test_the_flavor_may_be_given_by_its_id(bench, vm):
    ident = bench.cloud.clients().nova.flavor("m1.large").id
    assert bench.run(bench.plan(resize(vm, ident))).state == "SUCCEEDED"
    assert seen(bench, vm) == ("m1.large", "ACTIVE")


@pytest.mark.parametrize("window_s", [0, 20])
def test_nova_may_confirm_by_itself(bench, vm, window_s):
    bench.cloud.pace.confirm_window_s = window_s
    plan = bench.plan(resize(vm))
    assert bench.run(plan).state == "SUCCEEDED"
    assert seen(bench, vm) == ("m1.medium", "ACTIVE")


def test_a_confirmation_that_nova_makes_just_now_is_no_failure(bench, vm):
    """It refuses ours then: what counts is how it ends"""
    process = bench.process()
    nova = process.clients.nova._service
    original = nova.confirm_resize

    def late(uuid, request_id):
        original(uuid, "req-nova")
        return original(uuid, request_id)

    nova.confirm_resize = late
    plan = bench.plan(resize(vm))
    process.take(plan).join(10)
    assert bench.state(plan).state == "SUCCEEDED"
    kinds = {op.kind: op for op in bench.operations(only(bench, plan).uuid)}
    assert kinds["confirm_resize"].outcome == "refused"
    assert kinds["resize"].outcome == "succeeded"


# Before -------------------------------------------------------------------------------


def test_who_is_gone_or_has_the_flavor_is_skipped(bench, vm):
    """actions.md A9: already in the target flavor is detected"""
    plan = bench.plan(resize(GONE), resize(vm, "m1.small"))
    assert bench.run(plan).state == "SUCCEEDED"
    assert [row.status_message for row in bench.actions(plan)] == [
        f"Action was skipped automatically: Instance {GONE} not found",
        f"Action was skipped automatically: Instance {vm} already has flavor m1.small",
    ]
    assert bench.calls == []


def test_what_cannot_work_fails_before_it_is_asked(bench, vm):
    paused = bench.cloud.add_server("p", "a", status="PAUSED", vm_state="paused")
    waits = bench.cloud.add_server(
        "w", "a", "m1.medium", status="VERIFY_RESIZE", vm_state="resized"
    )
    plan = bench.plan(resize(vm, "x2"), resize(paused), resize(waits))
    assert bench.run(plan).state == "FAILED"
    texts = [row.status_message for row in bench.actions(plan)]
    assert texts[0] == "Action failed in pre_condition: There is no flavor x2"
    assert "is PAUSED; only an ACTIVE or SHUTOFF one can be resized" in texts[1]
    assert "is VERIFY_RESIZE; only an ACTIVE" in texts[2]
    assert bench.calls == []


@pytest.mark.parametrize(
    "wrong", [{"resource_name": "vm"}, {"resource_id": "vm"}, {"flavor": ""},
              {"flavor": 5}, {"flavor": None}],
)  # fmt: skip
def test_parameters_are_judged_before_the_plan_starts(bench, vm, wrong):
    plan = bench.plan(("resize", {**resize(vm)[1], **wrong}))
    assert bench.run(plan).state == "FAILED"
    assert "Action failed in pre_condition" in only(bench, plan).status_message
    assert bench.calls == []


# Failure ------------------------------------------------------------------------------


def test_a_server_in_error_ends_it_at_once(bench, vm):
    """actions.md A9: no waiting for a state that will never come"""
    bench.timing = dataclasses.replace(bench.timing, migration_s=3600)
    bench.cloud.fail("resize")
    plan = bench.plan(resize(vm))
    assert bench.run(plan, timeout_s=8).state == "FAILED"
    text = only(bench, plan).status_message
    assert "Nova says: Migration 1 was made to fail (migration 1)" in text
    assert "vm is ERROR with m1.small" in text


def test_a_resize_that_fits_nowhere_says_so(bench, vm):
    for host in ("b", "c"):
        bench.cloud.change_host(host, enabled=False)
    plan = bench.plan(resize(vm))
    assert bench.run(plan).state == "FAILED"
    assert only(bench, plan).status_message == (
        "Action failed in execute: resize to flavor m1.medium: Nova says: No valid host "
        "was found.  (migration 1); vm is ACTIVE with m1.small"
    )


def test_a_resize_that_somebody_took_back(bench, vm):
    bench.cloud.pace.confirm_window_s = None
    slow(bench)
    plan = bench.plan(resize(vm))
    runner = bench.process().take(plan)
    nova = bench.cloud.clients().nova
    bench.until(lambda: bench.accepted("resize"))
    bench.cloud.migration_mb_s = 1000.0
    bench.cloud._state.moves[-1].steps = [(0, "reverted")]
    runner.join(10)
    assert bench.state(plan).state == "FAILED"
    assert "somebody took it back" in only(bench, plan).status_message
    assert nova.server(vm).flavor.name == "m1.small"


def test_a_server_that_is_deleted_meanwhile(bench, vm):
    slow(bench)
    plan = bench.plan(resize(vm))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("resize"))
    bench.cloud.delete_server(vm)
    runner.join(10)
    assert "it was deleted meanwhile" in only(bench, plan).status_message


def test_what_takes_too_long_is_left_to_nova(bench, vm):
    slow(bench)
    bench.timing = dataclasses.replace(bench.timing, migration_s=0.2, per_memory_mb_s=0)
    plan = bench.plan(resize(vm))
    assert bench.run(plan).state == "FAILED"
    assert "is left to Nova" in only(bench, plan).status_message
    assert bench.operations(only(bench, plan).uuid)[0].outcome == "timeout"


# Unknown outcomes and death -----------------------------------------------------------


@pytest.mark.parametrize("trouble", ["lost-answer", "lost-request", "refused"])
def test_a_call_without_an_answer_is_looked_for_not_repeated(bench, vm, trouble):
    bench.cloud.fail(trouble)
    plan = bench.plan(resize(vm))
    assert bench.run(plan).state == "SUCCEEDED"
    assert len(bench.cloud.clients().nova.migrations(vm)) == 1
    tried = [call for call in bench.calls if call[0] == "resize"]
    assert len(tried) == (1 if trouble == "lost-answer" else 2)
    assert len({call[1][-1] for call in tried}) == 1, "one request id for all attempts"


@pytest.mark.parametrize("trouble", ["lost-answer", "lost-request", "refused"])
def test_a_confirmation_without_an_answer_is_looked_for_too(bench, vm, trouble):
    slow(bench)
    plan = bench.plan(resize(vm))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("resize"))
    bench.cloud.fail(trouble)
    moving = bench.cloud._state.moves[-1]
    moving.steps = [(0, step) for _at, step in moving.steps]
    runner.join(10)
    assert bench.state(plan).state == "SUCCEEDED"
    assert seen(bench, vm) == ("m1.medium", "ACTIVE")
    tried = [call for call in bench.calls if call[0] == "confirm_resize"]
    assert len(tried) == (1 if trouble == "lost-answer" else 2)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_step_a_server_is_resized_once(bench, after):
    at = 0
    while True:
        at += 1
        vm = bench.cloud.add_server(f"vm{at}", "a", "m1.tiny")
        plan = bench.plan(resize(vm), ("nop", {"message": "m"}, [0]))
        del bench.calls[:]
        lived = die_and_resume(bench, plan, at, after)
        assert bench.states(plan) == ["SUCCEEDED", "SUCCEEDED"], (at, only(bench, plan))
        assert seen(bench, vm) == ("m1.medium", "ACTIVE")
        assert len(bench.cloud.clients().nova.migrations(vm)) == 1
        assert len(bench.accepted("resize")) == 1, f"done twice after step {at}"
        assert len(bench.accepted("confirm_resize")) == 1
        operations = bench.operations(only(bench, plan).uuid)
        assert None not in {op.outcome for op in operations}
        if lived:
            break
    assert at >= 8


def test_who_takes_over_needs_neither_the_flavor_nor_nova_at_once(bench, vm):
    bench.cloud.add_flavor("brief", 2, 4096)
    slow(bench)
    plan = bench.plan(resize(vm, "brief"))
    first = bench.process()
    runner = first.take(plan)
    bench.until(lambda: bench.accepted("resize"))
    first.die()
    runner.join(5)
    bench.cloud.go_away()
    second = bench.process().take(plan)
    second.join(0.5)
    assert second.alive and bench.states(plan) == ["ONGOING"]
    moving = bench.cloud._state.moves[-1]
    moving.steps = [(0, step) for _at, step in moving.steps]
    bench.cloud.heal()
    second.join(10)
    assert bench.state(plan).state == "SUCCEEDED"
    assert seen(bench, vm) == ("brief", "ACTIVE")


# Cancel -------------------------------------------------------------------------------


def test_a_cancelled_resize_is_taken_back_before_it_is_confirmed(bench, vm):
    slow(bench)
    plan = bench.plan(resize(vm), ("nop", {"message": "m"}, [0]))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("resize"))
    bench.cancel(plan)
    bench.until(lambda: bench.state(plan).state == "CANCELLING")
    runner.wake()
    bench.until(lambda: bench.states(plan)[0] == "CANCELLING")
    bench.cloud._state.moves[-1].steps = [
        (0, step) for _at, step in bench.cloud._state.moves[-1].steps
    ]
    runner.join(10)
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert bench.state(plan).state == "CANCELLED"
    assert seen(bench, vm) == ("m1.small", "ACTIVE")
    assert bench.cloud.clients().nova.server(vm).host == "a"
    assert bench.accepted("confirm_resize") == []
    outcomes = {op.kind: op.outcome for op in bench.operations(only(bench, plan).uuid)}
    assert outcomes == {"resize": "cancelled", "revert_resize": "succeeded"}


def test_who_takes_over_knows_that_the_resize_was_taken_back(bench, vm):
    """Killed at every step of a cancelled plan: never told as somebody else's doing"""
    at = 0
    while True:
        at += 1
        vm = bench.cloud.add_server(f"vm{at}", "a", "m1.tiny")
        plan = bench.plan(resize(vm))
        slow(bench)
        fate = Fate()
        first = bench.process(fate)
        runner = first.take(plan)
        del bench.calls[:]
        bench.until(lambda: bench.accepted("resize"))
        bench.cancel(plan)
        runner.wake()
        bench.until(lambda p=plan: bench.states(p)[0] == "CANCELLING")
        fate.at = fate.count + at
        moving = bench.cloud._state.moves[-1]
        moving.steps = [(0, step) for _at, step in moving.steps]
        runner.join(10)
        lived = not fate.dead.is_set()
        first.die()
        if bench.state(plan).state == "CANCELLING":
            bench.run(plan)
        assert bench.states(plan) == ["CANCELLED"], (at, only(bench, plan))
        assert seen(bench, vm) == ("m1.tiny", "ACTIVE")
        if lived:
            break
    assert at >= 4


# Undoing ------------------------------------------------------------------------------


def act(bench, uuid, flavor="m1.medium"):
    action = Resize({}, osc=bench.cloud.clients())
    action.input_parameters = {"resource_id": uuid, "flavor": flavor}
    return action


def test_the_former_flavor_is_given_back(bench, vm):
    action = act(bench, vm)
    assert action.execute() is True
    action.post_condition()
    assert action.revert() is True
    assert seen(bench, vm) == ("m1.small", "ACTIVE")
    kinds = [op.kind for op in action.journal.operations]
    assert kinds == ["resize", "confirm_resize", "resize_back", "confirm_resize"]


def test_what_waits_for_its_confirmation_is_taken_back(bench, vm):
    action = act(bench, vm)
    steps = action.steps()
    while not bench.cloud._state.moves or seen(bench, vm)[1] != "VERIFY_RESIZE":
        wait = next(steps)
        action.journal.signals.wait(wait.seconds)
        if action.journal.operations[-1].kind == "confirm_resize":
            pytest.fail("confirmed before this test could look")
    steps.close()
    assert action.revert() is True
    assert seen(bench, vm) == ("m1.small", "ACTIVE")
    assert [op.kind for op in action.journal.operations] == ["resize", "revert_resize"]


def test_a_flavor_that_somebody_changed_since_is_left_alone(bench, vm):
    action = act(bench, vm)
    action.execute()
    bench.cloud.change_server(vm, flavor="m1.large")
    assert action.revert() is True
    assert seen(bench, vm) == ("m1.large", "ACTIVE")


def test_a_former_flavor_that_is_gone_cannot_be_given_back(bench, vm):
    bench.cloud.add_flavor("old", 1, 512)
    bench.cloud.change_server(vm, flavor="old")
    action = act(bench, vm)
    action.execute()
    del bench.cloud._state.flavors["old"]
    with pytest.raises(
        exception.ActionExecutionFailure, match="no flavor old any more"
    ):
        action.revert()


def test_what_was_never_done_is_not_undone(bench, vm):
    assert act(bench, vm, "m1.small").revert() is True
    assert seen(bench, vm) == ("m1.small", "ACTIVE")


def test_the_server_is_looked_at_again_afterwards(bench, vm):
    action = act(bench, vm)
    action.execute()
    bench.cloud.change_server(vm, flavor="m1.large")
    with pytest.raises(exception.ActionExecutionFailure, match="with m1.large, soon"):
        action.post_condition()
