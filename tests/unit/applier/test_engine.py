"""The published contract of workflow engines and actions, as outsiders use it."""

import pytest
from taskflow import engines
from taskflow.patterns import graph_flow

from watcher import exception
from watcher.applier.actions.base import BaseAction
from watcher.applier.actions.nop import Nop
from watcher.applier.actions.sleep import Sleep
from watcher.applier.signals import Aborted
from watcher.applier.workflow_engine import base
from watcher.applier.workflow_engine import taskflow as ours


class Foreign(base.BaseWorkFlowEngine):
    """An engine written elsewhere: one flow for the whole plan"""

    def execute(self, actions):
        flow = graph_flow.Flow("plan")
        tasks = {
            row.uuid: base.BaseTaskFlowActionContainer(row.uuid, row, self)
            for row in actions
        }
        for task in tasks.values():
            flow.add(task)
        for row in actions:
            for parent in row.parents:
                flow.link(tasks[parent], tasks[row.uuid])
        engines.run(flow, engine="serial")


class ByHand(base.BaseWorkFlowEngine):
    """An engine without TaskFlow"""

    def execute(self, actions):
        for row in actions:
            self.notify(row, "ONGOING")
            action = self.action_factory.make_action(row, osc=self.osc)
            ended = "SUCCEEDED" if action.execute() is True else "FAILED"
            self.notify(row, ended, "by hand")


@pytest.fixture
def use(bench):
    def use(cls):
        bench.plugins._given["watcher_workflow_engines"]["taskflow"] = cls
        bench.plugins._found.clear()

    return use


def nop(*parents, **more):
    return ("nop", {"message": "m", **more}, list(parents))


def test_the_published_container_is_a_task_of_taskflow():
    assert base.BaseTaskFlowActionContainer is ours.BaseTaskFlowActionContainer
    with pytest.raises(AttributeError):
        _ = base.Nothing


def test_an_engine_with_one_flow_for_the_plan(bench, use):
    use(Foreign)
    uuid = bench.plan(nop(), nop(0))
    assert bench.run(uuid).state == "SUCCEEDED"
    assert bench.states(uuid) == ["SUCCEEDED", "SUCCEEDED"]


def test_such_an_engine_hears_of_a_cancel(bench, use):
    use(Foreign)
    uuid = bench.plan(("sleep", {"duration": 60}), nop(0))
    runner = bench.process().take(uuid)
    bench.until(lambda: bench.states(uuid)[0] == "ONGOING")
    bench.cancel(uuid)
    runner.join(10)
    assert bench.state(uuid).state == "CANCELLED"
    assert bench.states(uuid) == ["CANCELLED", "CANCELLED"]
    kinds = [event[0] for event in bench.events]
    assert kinds.count("action_plan.cancel.start") == 1


def test_an_engine_that_notifies_by_itself(bench, use):
    use(ByHand)
    uuid = bench.plan(nop(), nop(fail_execute=True))
    assert bench.run(uuid).state == "FAILED"
    assert bench.states(uuid) == ["SUCCEEDED", "FAILED"]
    assert bench.actions(uuid)[0].status_message == "by hand"


def test_an_engine_that_breaks_leaves_nothing_open(bench, use):
    class Breaks(base.BaseWorkFlowEngine):
        def execute(self, actions):
            self.notify(actions[0], "ONGOING")
            raise exception.WorkflowExecutionException(error="boom")

    use(Breaks)
    uuid = bench.plan(nop(), nop())
    plan = bench.run(uuid)
    assert plan.state == "FAILED"
    assert "Workflow execution error" in plan.status_message
    assert bench.states(uuid) == ["FAILED", "SKIPPED"]
    assert bench.events[-1][0] == "action_plan.execution.error"


def test_only_true_is_success(bench):
    class Vague(BaseAction):
        schema = {}

        def get_description(self):
            return "vague"

        def execute(self):
            return 1

    bench.plugins._given["watcher_actions"]["vague"] = Vague
    uuid = bench.plan(("vague", {}))
    assert bench.run(uuid).state == "FAILED"
    assert "reported no success (1)" in bench.actions(uuid)[0].status_message


def test_the_error_of_a_stranger_shows_its_class_only(bench):
    class Leaky(BaseAction):
        schema = {}

        def get_description(self):
            return "leaky"

        def run(self):
            raise KeyError("password=secret")

    bench.plugins._given["watcher_actions"]["leaky"] = Leaky
    uuid = bench.plan(("leaky", {}))
    assert bench.run(uuid).state == "FAILED"
    assert bench.actions(uuid)[0].status_message == "Action failed in execute: KeyError"


def test_actions_work_without_an_engine():
    action = Nop({}, osc=None)
    action.input_parameters = {"message": "hello"}
    assert action.validate_parameters() is True
    action.pre_condition()
    assert action.execute() is True
    action.post_condition()
    assert action.revert() is True
    assert action.abort() is True
    action.input_parameters = {"message": "hello", "fail_execute": True}
    assert action.execute() is False


def test_a_sleeper_can_be_woken():
    action = Sleep({})
    action.input_parameters = {"duration": 60.9}
    assert action.duration == 60
    assert action.check_abort()
    action.abort()
    with pytest.raises(Aborted):
        action.execute()


def test_a_wrong_parameter_is_named():
    action = Sleep({})
    action.input_parameters = {"duration": -1}
    with pytest.raises(exception.InvalidParameter, match="parameter duration"):
        action.validate_parameters()
