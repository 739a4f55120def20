"""What others see of a plan that runs: notifications as published, and log lines."""

import logging
import types

import pytest

from watcher import logs
from watcher.applier.actions.base import BaseAction
from watcher.db import related
from watcher.notifications import emit

LOG = logging.getLogger("plugin")
RELATED = types.SimpleNamespace(
    goal=related.goal, strategy=related.strategy, audit=related.audit, plan=related.plan
)


class Talk(BaseAction):
    """Logs a line, and fails where it is told to"""

    schema = {"type": "object"}

    def get_description(self):
        return "talks"

    def execute(self):
        LOG.warning("talking")
        self._speak()
        return True

    def _speak(self):
        if self.input_parameters.get("fails"):
            raise RuntimeError("no voice")


@pytest.fixture
def told(bench):
    """The events that are sent: (event type, priority, payload)"""
    bench.plugins._given["watcher_actions"]["talk"] = Talk
    found = []

    def outbox(tx, event_type, priority, payload, _envelope):
        found.append((event_type, priority, payload["watcher_object.data"]))

    bench.db._info["observer"] = emit.Observer("infra-optim:h", "info", outbox, RELATED)
    bench.phase = emit.phase
    return found


def talk(*parents, **more):
    return ("talk", more, list(parents))


def brief(told, *names):
    """Event types with the state that each tells"""
    return [
        (kind, data["state"])
        for kind, _priority, data in told
        if kind in names or not names
    ]


def data(payload):
    return payload["watcher_object.data"]


def test_messaging_6_the_events_of_a_plan_come_as_published(bench, told):
    uuid = bench.plan(talk(), talk(0))
    del told[:]
    assert bench.run(uuid).state == "SUCCEEDED"
    action = [
        ("action.execution.start", "ONGOING"),
        ("action.update", "ONGOING"),
        ("action.update", "SUCCEEDED"),
        ("action.execution.end", "SUCCEEDED"),
    ]
    assert brief(told) == [
        ("action_plan.update", "ONGOING"),
        *action,
        *action,
        ("action_plan.update", "SUCCEEDED"),
        ("action_plan.execution.end", "SUCCEEDED"),
    ]
    steps = [
        data(event["state_update"]) for kind, _p, event in told if "update" in kind
    ]
    assert [(step["old_state"], step["state"]) for step in steps] == [
        ("PENDING", "ONGOING"),
        *(("PENDING", "ONGOING"), ("ONGOING", "SUCCEEDED")) * 2,
        ("ONGOING", "SUCCEEDED"),
    ]
    assert {priority for _kind, priority, _data in told} == {"info"}


def test_messaging_7_6_a_skip_tells_from_where_to_where(bench, told):
    uuid = bench.plan(("nop", {"message": "m", "skip_pre_condition": True}))
    assert bench.run(uuid).state == "SUCCEEDED"
    (update,) = [event for kind, _p, event in told if kind == "action.update"]
    assert data(update["state_update"]) == {
        "old_state": "PENDING",
        "state": "SKIPPED",
        "status_message": "Action was skipped automatically: Skipped in pre_condition",
    }


def test_a6_the_error_of_a_plan_carries_the_fault_of_its_failed_action(bench, told):
    """actions.md A6: the fault is the failed action's, whoever raised it"""
    uuid = bench.plan(talk(fails=True), talk(0))
    assert bench.run(uuid).state == "FAILED"
    errors = [(k, p, event) for k, p, event in told if k.endswith(".error")]
    assert [(kind, priority) for kind, priority, _event in errors] == [
        ("action.execution.error", "error"),
        ("action_plan.execution.error", "error"),
    ]
    for _kind, _priority, event in errors:
        assert event["state"] == "FAILED"
        assert event["fault"]["watcher_object.name"] == "ExceptionPayload"
        assert data(event["fault"]) == {
            "module_name": __name__,
            "function_name": "_speak",
            "exception": "RuntimeError",
            "exception_message": "no voice",
        }


def test_a6_a_plan_whose_action_failed_in_another_process_names_it_too(bench, told):
    """actions.md A6: what is read from a row is a fault as well"""
    uuid = bench.plan(talk(fails=True), ("sleep", {"duration": 1}))
    first = bench.process()
    runner = first.take(uuid)
    bench.until(lambda: bench.states(uuid) == ["FAILED", "ONGOING"])
    first.die()
    runner.join(5)
    assert bench.run(uuid).state == "FAILED"
    (event,) = [e for kind, _p, e in told if kind == "action_plan.execution.error"]
    assert data(event["fault"])["exception"] == "ActionExecutionFailure"
    assert "RuntimeError" in data(event["fault"])["exception_message"]


def test_cancel_is_told_from_its_start_to_its_end(bench, told):
    uuid = bench.plan(("sleep", {"duration": 30}), talk(0))
    runner = bench.process().take(uuid)
    bench.until(lambda: bench.states(uuid)[0] == "ONGOING")
    del told[:]
    bench.cancel(uuid)
    runner.wake()
    runner.join(5)
    names = [kind for kind, _p, _e in told]
    assert names.count("action_plan.cancel.start") == 1
    assert names.count("action.cancel.start") == names.count("action.cancel.end") == 2
    assert names[-2:] == ["action_plan.update", "action_plan.cancel.end"]
    assert not any(name.endswith(".error") for name in names)


def test_each_line_about_a_plan_names_it_and_its_action(bench, told, caplog):
    caplog.handler.addFilter(logs.Subject())
    with caplog.at_level(logging.INFO):
        uuid = bench.plan(talk())
        bench.run(uuid)
    (action,) = bench.actions(uuid)
    spoken = {record.message: record.instance for record in caplog.records
              if getattr(record, "instance", None)}  # fmt: skip
    assert spoken["talking"] == f"[plan {uuid} action {action.uuid}] "
    assert spoken[f"Plan {uuid} is SUCCEEDED"] == f"[plan {uuid}] "
