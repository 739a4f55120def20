"""Stop, delete and shelve: what is checked, asked of Nova, waited for, said and undone."""

import dataclasses

import pytest

from watcher import exception
from watcher.applier.actions.changing import Change, judge, own_action
from watcher.applier.actions.delete import Delete
from watcher.applier.actions.pursuit import Stand
from watcher.applier.actions.shelve import Shelve
from watcher.applier.actions.stop import Stop
from watcher.clients.records import InstanceAction, Server
from watcher.domain.records import Operation

from .test_migrate import only, where
from .test_recovery import die_and_resume

GONE = "00000000-0000-4000-8000-000000000000"
KINDS = ("stop", "delete", "shelve")
AFTER = {"stop": ("a", "SHUTOFF"), "shelve": (None, "SHELVED_OFFLOADED")}


@pytest.fixture
def vm(bench):
    return bench.cloud.add_server("vm", "a")


def step(kind, uuid, **more):
    return (kind, {"resource_id": uuid, **more})


def gone(bench, uuid):
    try:
        return not bench.cloud.clients().nova.server(uuid)
    except exception.InstanceNotFound:
        return True


def as_wanted(bench, kind, uuid):
    return gone(bench, uuid) if kind == "delete" else where(bench, uuid) == AFTER[kind]


# What a look says ---------------------------------------------------------------------

STOP = Change(
    server="s", kind="stop", noun="stop", reached=frozenset(("stopped",)), limit_s=1
)  # fmt: skip


def seen(vm_state, task=None, status="ACTIVE"):
    return Server(uuid="s", name="S", vm_state=vm_state, task_state=task, status=status)


def asked(number, message=None, action="stop"):
    return InstanceAction(request_id=f"r{number}", action=action, message=message)


@pytest.mark.parametrize(
    ("server", "own", "was", "stand"),
    [
        (seen("active", "powering-off"), None, "active", Stand.UNDERWAY),
        (seen("stopped", status="SHUTOFF"), None, "active", Stand.DONE),
        (seen("stopped", "powering-on"), None, "active", Stand.UNDERWAY),
        (seen("active"), None, "active", Stand.SILENT),
        (seen("active"), asked(1), "active", Stand.SILENT),
        (seen("active"), asked(1, "Error"), "active", Stand.FAILED),
        (seen("error", status="ERROR"), None, "active", Stand.FAILED),
        (seen("error", status="ERROR"), None, "error", Stand.SILENT),
        (seen("error", status="ERROR"), asked(1, "Error"), "error", Stand.FAILED),
    ],
)
def test_what_a_look_says(server, own, was, stand):
    assert judge(STOP, server, own, was) is stand


def test_only_what_was_asked_since_may_be_ours():
    actions = [asked(5, action="reboot"), asked(4), asked(3), asked(2), asked(1)]
    intent = Operation(
        id=1, action_uuid="a", kind="stop", owner="o", owner_epoch=1,
        request_id="r", detail={"last": "r2"},
    )  # fmt: skip
    assert own_action(STOP, intent, actions).request_id == "r3"
    answered = dataclasses.replace(intent, remote_id="r4")
    assert own_action(STOP, answered, actions).request_id == "r4"
    late = dataclasses.replace(intent, detail={"last": "r5"})
    assert own_action(STOP, late, actions) is None


# Success ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_done_and_on_record(bench, vm, kind):
    plan = bench.plan(step(kind, vm))
    assert bench.run(plan).state == "SUCCEEDED"
    assert as_wanted(bench, kind, vm)
    (found,) = bench.operations(only(bench, plan).uuid)
    assert (found.kind, found.outcome) == (kind, "succeeded")
    assert found.remote_id and found.sent_at and found.ended_at
    assert found.request_id.startswith("req-")
    assert (found.detail["was"], found.detail["server"]) == ("active", vm)
    assert [call[:2] for call in bench.calls] == [(kind, (vm, found.request_id))]


def test_a_broken_server_can_be_stopped(bench, vm):
    bench.cloud.change_server(vm, status="ERROR", vm_state="error", fault="of old")
    assert bench.run(bench.plan(step("stop", vm))).state == "SUCCEEDED"
    assert where(bench, vm) == ("a", "SHUTOFF")


def test_a_server_may_be_shelved_where_it_is(bench, vm):
    bench.cloud.pace.offloads = False
    assert bench.run(bench.plan(step("shelve", vm))).state == "SUCCEEDED"
    assert where(bench, vm) == ("a", "SHELVED")


def test_a_server_that_nova_keeps_for_a_while_counts_as_deleted(bench, vm):
    bench.cloud.pace.soft_delete = True
    assert bench.run(bench.plan(step("delete", vm))).state == "SUCCEEDED"
    assert where(bench, vm)[1] == "SOFT_DELETED"
    plan = bench.plan(step("delete", vm))
    assert bench.run(plan).state == "SUCCEEDED"
    assert "is already deleted" in only(bench, plan).status_message


# Before -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_gone_is_skipped(bench, kind):
    plan = bench.plan(step(kind, GONE))
    assert bench.run(plan).state == "SUCCEEDED"
    assert only(bench, plan).state == "SKIPPED"
    assert only(bench, plan).status_message == (
        f"Action was skipped automatically: Instance {GONE} not found"
    )


@pytest.mark.parametrize(
    ("kind", "status", "vm_state", "word"),
    [
        ("stop", "SHUTOFF", "stopped", "stopped"),
        ("shelve", "SHELVED", "shelved", "shelved"),
        ("shelve", "SHELVED_OFFLOADED", "shelved_offloaded", "shelved"),
    ],
)
def test_what_is_done_already_is_skipped(bench, vm, kind, status, vm_state, word):
    bench.cloud.change_server(vm, status=status, vm_state=vm_state)
    plan = bench.plan(step(kind, vm))
    assert bench.run(plan).state == "SUCCEEDED"
    assert only(bench, plan).status_message == (
        f"Action was skipped automatically: Instance {vm} is already {word}"
    )
    assert bench.calls == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "wrong", [{"resource_name": "vm"}, {"resource_id": "vm"}, {"force": True}]
)
def test_nothing_but_a_server_is_accepted(bench, vm, kind, wrong):
    plan = bench.plan((kind, {"resource_id": vm, **wrong}))
    assert bench.run(plan).state == "FAILED"
    assert "Action failed in pre_condition" in only(bench, plan).status_message
    assert bench.calls == []


# Failure ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"), [("stop", "ACTIVE"), ("shelve", "ACTIVE"), ("delete", "ERROR")]
)
def test_what_nova_cannot_do_fails_at_once_with_its_reason(bench, vm, kind, status):
    bench.cloud.fail(kind)
    plan = bench.plan(step(kind, vm))
    assert bench.run(plan, timeout_s=5).state == "FAILED"
    text = only(bench, plan).status_message
    assert text == (
        f"Action failed in execute: {kind}: Nova says: It was made to fail; "
        f"vm is {status} on a"
    )
    assert bench.operations(only(bench, plan).uuid)[0].outcome == "failed"


def test_a_refusal_is_told_in_novas_words(bench, vm):
    bench.cloud.change_server(vm, status="SUSPENDED", vm_state="suspended")
    plan = bench.plan(step("stop", vm))
    assert bench.run(plan).state == "FAILED"
    assert "while it is in vm_state suspended" in only(bench, plan).status_message
    assert bench.operations(only(bench, plan).uuid)[0].outcome == "refused"


def test_a_long_reason_is_cut(bench, vm):
    """actions.md A19: status_message never exceeds its 255 characters"""
    bench.cloud.pace.stop_s = 3600
    plan = bench.plan(step("stop", vm))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("stop"))
    bench.cloud.change_server(
        vm, status="ERROR", vm_state="error", task_state=None, fault="why " * 200
    )
    runner.join(10)
    text = only(bench, plan).status_message
    assert text.startswith("Action failed in execute: stop: Nova says: why why")
    assert len(text) <= 255


def test_a_guest_may_take_longer_than_eighty_seconds(bench, vm):
    """actions.md A10: how long a guest may take is an option, not 80 s"""
    bench.cloud.pace.stop_s = 90  # of the cloud's time
    assert bench.run(bench.plan(step("stop", vm))).state == "SUCCEEDED"


def test_the_timeouts_are_options(conf):
    """actions.md A10: stop_timeout is more than 80 s; D8: products are deadlines"""
    from watcher.applier.journal import Timing

    timing = Timing.of(conf)
    assert (timing.stop_s, timing.delete_s, timing.shelve_s) == (300, 15.0, 15.0)
    conf.set_override("stop_timeout", 1000, "nova")
    conf.set_override("shelve_max_retries", 60, "nova")
    conf.set_override("shelve_interval", 10.0, "nova")
    conf.set_override("delete_interval", 2.0, "nova")
    timing = Timing.of(conf)
    assert (timing.stop_s, timing.delete_s, timing.shelve_s) == (1000, 30.0, 600.0)


def test_what_takes_too_long_is_left_to_nova(bench, vm):
    bench.timing = dataclasses.replace(bench.timing, stop_s=0.2)
    bench.cloud.pace.stop_s = 3600
    plan = bench.plan(step("stop", vm))
    assert bench.run(plan).state == "FAILED"
    text = only(bench, plan).status_message
    assert "still goes on after" in text and "is left to Nova" in text
    assert bench.operations(only(bench, plan).uuid)[0].outcome == "timeout"


# Vanished -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "state"), [("stop", "SUCCEEDED"), ("delete", "SUCCEEDED"),
                        ("shelve", "FAILED")],
)  # fmt: skip
def test_a_server_that_is_deleted_meanwhile(bench, vm, kind, state):
    bench.cloud.pace.stop_s = bench.cloud.pace.delete_s = 3600
    bench.cloud.pace.upload_s = 3600
    plan = bench.plan(step(kind, vm))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted(kind))
    bench.cloud.delete_server(vm)
    runner.join(10)
    assert only(bench, plan).state == state
    if state == "FAILED":
        assert "it was deleted meanwhile" in only(bench, plan).status_message


# Unknown outcomes ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trouble", ["lost-answer", "lost-request", "refused"])
def test_a_call_without_an_answer_is_looked_for_not_repeated(bench, vm, kind, trouble):
    bench.cloud.fail(trouble)
    plan = bench.plan(step(kind, vm))
    assert bench.run(plan).state == "SUCCEEDED"
    assert as_wanted(bench, kind, vm)
    asked = [row for row in bench.cloud._state.asked if row.server == vm]
    assert [row.action for row in asked] == [kind]
    tried = [call for call in bench.calls if call[0] == kind]
    assert len(tried) == (1 if trouble == "lost-answer" else 2)
    assert len({call[1][-1] for call in tried}) == 1, "one request id for all attempts"


def test_a_request_that_is_lost_twice_is_given_up(bench, vm):
    bench.cloud.fail("lost-request", times=2)
    plan = bench.plan(step("stop", vm))
    assert bench.run(plan).state == "FAILED"
    assert "Nova took the request and dropped it" in only(bench, plan).status_message
    assert len(bench.calls) == 2 and where(bench, vm) == ("a", "ACTIVE")


def test_nova_may_be_away_for_longer_than_the_deadline(bench, vm):
    """While nothing can be seen nothing has failed"""
    bench.timing = dataclasses.replace(bench.timing, stop_s=0.3)
    bench.cloud.pace.stop_s = 6
    plan = bench.plan(step("stop", vm))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("stop"))
    bench.cloud.go_away()
    runner.join(0.8)
    assert bench.states(plan) == ["ONGOING"]
    bench.cloud.heal()
    runner.join(10)
    assert bench.state(plan).state == "SUCCEEDED"


# Death --------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_every_step_it_is_done_once(bench, kind, after):
    at = 0
    while True:
        at += 1
        vm = bench.cloud.add_server(f"vm{at}", "a", "m1.tiny")
        plan = bench.plan(step(kind, vm), ("nop", {"message": "m"}, [0]))
        del bench.calls[:]
        lived = die_and_resume(bench, plan, at, after)
        assert bench.states(plan) == ["SUCCEEDED", "SUCCEEDED"], (at, only(bench, plan))
        assert as_wanted(bench, kind, vm)
        assert len(bench.accepted(kind)) == 1, f"done twice after step {at}"
        if lived:
            break
    # begin, intent, call, sent, done, end, ... : the walk went through all of them.
    assert at >= 6


def test_what_somebody_else_did_meanwhile_is_not_undone(bench, vm):
    """The process died before it asked, and then a user stopped the server"""
    fate_at_call = 3
    for at in range(1, 12):
        from .conftest import Fate

        vm = bench.cloud.add_server(f"other{at}", "a")
        plan = bench.plan(step("stop", vm))
        process = bench.process(Fate(at))
        process.take(plan).join(10)
        begun = bench.operations(only(bench, plan).uuid)
        process.die()
        if begun and not bench.accepted("stop"):
            fate_at_call = at
            break
    assert begun, fate_at_call
    bench.cloud.change_server(vm, status="SHUTOFF", vm_state="stopped")
    assert bench.run(plan).state == "SUCCEEDED"
    (found,) = bench.operations(only(bench, plan).uuid)
    assert (found.outcome, found.detail["ours"]) == ("succeeded", False)


# Cancel -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_begun_is_finished_when_the_plan_is_cancelled(bench, vm, kind):
    for name in ("stop_s", "delete_s", "upload_s"):
        setattr(bench.cloud.pace, name, 30)
    plan = bench.plan(step(kind, vm), ("nop", {"message": "m"}, [0]))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted(kind))
    bench.cancel(plan)
    runner.join(10)
    assert bench.states(plan) == ["SUCCEEDED", "CANCELLED"]
    assert bench.state(plan).state == "CANCELLED"
    assert as_wanted(bench, kind, vm)


# Start and unshelve -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then"), [("stop", "start"), ("shelve", "unshelve")]
)  # fmt: skip
def test_what_undoes_them_are_actions_too(bench, vm, first, then):
    plan = bench.plan(
        (first, {"resource_id": vm}),
        (then, {"resource_id": vm}, [0]),
        (then, {"resource_id": vm}, [1]),
    )
    assert bench.run(plan).state == "SUCCEEDED"
    assert bench.states(plan) == ["SUCCEEDED", "SUCCEEDED", "SKIPPED"]
    assert where(bench, vm)[1] == "ACTIVE"
    text = bench.actions(plan)[2].status_message
    words = {"start": "already running", "unshelve": "is ACTIVE, not shelved"}
    assert words[then] in text


def test_a_server_for_which_there_is_no_room_stays_shelved(bench, vm):
    assert bench.run(bench.plan(step("shelve", vm))).state == "SUCCEEDED"
    for host in ("a", "b", "c"):
        bench.cloud.change_host(host, enabled=False)
    plan = bench.plan(step("unshelve", vm))
    assert bench.run(plan).state == "FAILED"
    text = only(bench, plan).status_message
    assert "No valid host was found" in text and "SHELVED_OFFLOADED on no host" in text


# Undoing ------------------------------------------------------------------------------


def act(bench, cls, uuid):
    action = cls({}, osc=bench.cloud.clients())
    action.input_parameters = {"resource_id": uuid}
    return action


@pytest.mark.parametrize("cls", [Stop, Shelve])
def test_it_is_undone(bench, vm, cls):
    action = act(bench, cls, vm)
    assert action.execute() is True
    action.post_condition()
    assert action.revert() is True
    host, status = where(bench, vm)
    assert status == "ACTIVE" and host in ("a", "b", "c")


@pytest.mark.parametrize("cls", [Stop, Shelve])
def test_what_this_action_did_not_do_is_not_undone(bench, vm, cls):
    values = {
        Stop: {"status": "SHUTOFF", "vm_state": "stopped"},
        Shelve: {"status": "SHELVED", "vm_state": "shelved"},
    }[cls]
    bench.cloud.change_server(vm, **values)
    assert act(bench, cls, vm).revert() is True
    assert where(bench, vm)[1] == values["status"]


def test_what_somebody_else_did_first_is_not_undone(bench, vm):
    bench.cloud.change_server(vm, status="SHUTOFF", vm_state="stopped")
    action = act(bench, Stop, vm)
    intent = action.journal.begin("stop", server=vm, was="active")
    action.journal.done(intent, "succeeded", ours=False)
    assert action.revert() is True
    assert where(bench, vm)[1] == "SHUTOFF"


def test_a_server_that_somebody_started_again_is_left_alone(bench, vm):
    action = act(bench, Stop, vm)
    action.execute()
    bench.cloud.change_server(vm, status="PAUSED", vm_state="paused")
    assert action.revert() is True
    assert where(bench, vm)[1] == "PAUSED"


def test_a_deletion_cannot_be_undone_and_says_so(bench, vm):
    action = act(bench, Delete, vm)
    action.execute()
    with pytest.raises(exception.UnsupportedError, match="deleted; that cannot"):
        action.revert()


# Afterwards ---------------------------------------------------------------------------


def test_the_server_is_looked_at_again_afterwards(bench, vm):
    action = act(bench, Stop, vm)
    action.execute()
    bench.cloud.change_server(vm, status="ACTIVE", vm_state="active")
    with pytest.raises(exception.ActionExecutionFailure, match="is ACTIVE again"):
        action.post_condition()


def test_nova_may_be_away_afterwards(bench, vm):
    action = act(bench, Stop, vm)
    action.execute()
    bench.cloud.go_away()
    action.post_condition()
