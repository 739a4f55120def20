"""Enabling and disabling compute services."""

import pytest

from watcher.applier.actions.change_nova_service_state import ChangeNovaServiceState


def change(state, host="a", **more):
    return (
        "change_nova_service_state",
        {"resource_id": "node", "resource_name": host, "state": state, **more},
    )


def service(bench, host="a"):
    found = {s.host: s for s in bench.cloud.clients().nova.services()}[host]
    return found.status, found.disabled_reason


def test_disabled_with_its_reason_and_enabled_again(bench):
    why = {"disabled_reason": "watcher_disabled"}
    assert bench.run(bench.plan(change("disabled", **why))).state == "SUCCEEDED"
    assert service(bench) == ("disabled", "watcher_disabled")
    assert bench.run(bench.plan(change("enabled"))).state == "SUCCEEDED"
    assert service(bench)[0] == "enabled"


def test_the_host_may_stand_in_resource_id(bench):
    given = {"resource_id": "b", "state": "disabled"}
    assert bench.run(bench.plan(("change_nova_service_state", given))).state == (
        "SUCCEEDED"
    )
    assert service(bench, "b")[0] == "disabled"


def test_nothing_to_do_is_skipped_with_the_reason_of_whoever_did_it(bench):
    bench.cloud.change_host("a", enabled=False, disabled_reason="broken fan")
    plan = bench.plan(
        change("disabled"), change("enabled", "b"), change("disabled", "z")
    )
    assert bench.run(plan).state == "SUCCEEDED"
    texts = [row.status_message for row in bench.actions(plan)]
    assert texts[0].endswith("service on a is already disabled (broken fan)")
    assert texts[1].endswith("service on b is already enabled")
    assert texts[2].endswith("There is no nova-compute service on host z")
    assert bench.calls == []
    assert service(bench) == ("disabled", "broken fan")


@pytest.mark.parametrize("state", ["up", "down"])
def test_up_and_down_cannot_be_set(bench, state):
    plan = bench.plan(change(state))
    assert bench.run(plan).state == "FAILED"
    assert "only enabled or disabled" in bench.actions(plan)[0].status_message


@pytest.mark.parametrize(
    ("trouble", "calls"), [("lost-answer", 1), ("lost-request", 2)]
)
def test_a_lost_answer_is_looked_for(bench, trouble, calls):
    bench.cloud.fail(trouble)
    assert bench.run(bench.plan(change("disabled"))).state == "SUCCEEDED"
    assert len(bench.calls) == calls


def act(bench, state, reason=None):
    action = ChangeNovaServiceState({}, osc=bench.cloud.clients())
    given = {"resource_id": "a", "state": state}
    action.input_parameters = {
        **given,
        **({"disabled_reason": reason} if reason else {}),
    }
    return action


def test_revert_puts_back_what_was(bench):
    bench.cloud.change_host("a", enabled=False, disabled_reason="broken fan")
    action = act(bench, "enabled")
    action.execute()
    assert service(bench)[0] == "enabled"
    action.revert()
    assert service(bench) == ("disabled", "broken fan")


def test_revert_never_enables_what_somebody_else_disabled(bench):
    untouched = act(bench, "disabled", "w")
    bench.cloud.change_host("a", enabled=False, disabled_reason="w")
    untouched.revert()
    assert service(bench) == ("disabled", "w")
    bench.cloud.change_host("a", enabled=True, disabled_reason=None)
    mine = act(bench, "disabled", "w")
    mine.execute()
    bench.cloud.change_host("a", disabled_reason="broken fan")
    mine.revert()
    assert service(bench) == ("disabled", "broken fan")
