"""Plans from claim to end: order, limits, failures, cancel."""

import threading
import time

import pytest

from watcher import exception
from watcher.applier.actions.base import BaseAction
from watcher.applier.admission import Answer, NoLimits


def nop(*parents, **more):
    return ("nop", {"message": "m", **more}, list(parents))


def sleep(seconds, *parents):
    return ("sleep", {"duration": seconds}, list(parents))


def recorder(log, lock):
    """An action that notes when it starts and ends"""

    class Note(BaseAction):
        schema = {"type": "object"}

        def get_description(self):
            return "notes"

        def execute(self):
            with lock:
                log.append(("start", self.input_parameters["name"]))
            time.sleep(self.input_parameters.get("s", 0))
            with lock:
                log.append(("end", self.input_parameters["name"]))
            return not self.input_parameters.get("fails")

    return Note


@pytest.fixture
def notes(bench):
    log = []
    cls = recorder(log, threading.Lock())
    bench.plugins._given["watcher_actions"].update(note=cls, note2=cls)
    return log


def note(name, *parents, s=0.0, kind="note", **more):
    return (kind, {"name": name, "s": s, **more}, list(parents))


def test_a_plan_succeeds_and_tells_it_in_the_published_order(bench):
    uuid = bench.plan(nop(), nop(0))
    plan = bench.run(uuid)
    assert (plan.state, plan.status_message, plan.owner) == ("SUCCEEDED", None, None)
    assert bench.states(uuid) == ["SUCCEEDED"] * 2
    first, second = (row.uuid for row in bench.actions(uuid))
    assert [event[:3] for event in bench.events] == [
        ("action.execution.start", first, "ONGOING"),
        ("action.execution.end", first, "SUCCEEDED"),
        ("action.execution.start", second, "ONGOING"),
        ("action.execution.end", second, "SUCCEEDED"),
        ("action_plan.execution.end", uuid, "SUCCEEDED"),
    ]


def test_an_action_does_not_wait_for_strangers(bench, notes):
    # c needs a only; b is slow and of the same type as a: no barrier.
    uuid = bench.plan(note("a"), note("b", s=0.6), note("c", 0), note("d", 1))
    assert bench.run(uuid).state == "SUCCEEDED"
    assert notes.index(("end", "c")) < notes.index(("end", "b"))
    assert notes.index(("start", "d")) > notes.index(("end", "b"))


def test_limits_hold_for_each_type_and_in_all(bench, notes):
    bench.parallelization["note"] = 2
    uuid = bench.plan(
        *(note(f"a{n}", s=0.1) for n in range(5)),
        *(note(f"b{n}", s=0.1, kind="note2") for n in range(5)),
    )
    assert bench.run(uuid).state == "SUCCEEDED"
    running, most, of_type = set(), 0, 0
    for what, name in notes:
        (running.add if what == "start" else running.remove)(name)
        most = max(most, len(running))
        of_type = max(of_type, len([n for n in running if n[0] == "a"]))
    assert 2 < most <= 4
    assert of_type == 2


def test_children_of_a_failed_action_are_skipped_and_others_go_on(bench, notes):
    uuid = bench.plan(note("a", fails=True), note("b", 0), note("c", 1), note("d"))
    plan = bench.run(uuid)
    assert bench.states(uuid) == ["FAILED", "SKIPPED", "SKIPPED", "SUCCEEDED"]
    rows = bench.actions(uuid)
    assert rows[0].status_message.startswith("Action failed in execute: ")
    assert rows[1].status_message == (
        f"Action was skipped automatically: it needs note ({rows[0].uuid}), which failed"
    )
    assert rows[2].status_message == (
        f"Action was skipped automatically: it needs note ({rows[1].uuid}), which was "
        "skipped"
    )
    assert plan.state == "FAILED"
    assert plan.status_message.startswith("note: the action reported no success")
    assert plan.status_message.endswith("One or more actions were skipped.")
    kinds = [event[0] for event in bench.events]
    assert kinds[-1] == "action_plan.execution.error"
    assert isinstance(bench.events[-1][3], exception.ActionExecutionFailure)


def test_what_is_only_ordered_behind_a_failed_action_goes_on(bench, notes):
    # A nop is needed by nobody; what failed before it is needed by who comes after it.
    uuid = bench.plan(
        nop(fail_execute=True),
        note("b", 0),
        note("c", fails=True),
        nop(2),
        note("e", 3),
    )
    assert bench.run(uuid).state == "FAILED"
    ends = ["FAILED", "SUCCEEDED", "FAILED", "SUCCEEDED", "SKIPPED"]
    assert bench.states(uuid) == ends
    rows = bench.actions(uuid)
    assert f"it needs note ({rows[2].uuid})" in rows[4].status_message


def test_a_host_that_stays_closed_holds_up_those_who_go_there_only(bench):
    nova = bench.cloud.clients().nova
    one, two = (bench.cloud.add_server(name, "a") for name in ("one", "two"))
    bench.cloud.change_host("c", enabled=False)
    service = next(s.id for s in nova.services() if s.host == "c")
    bench.cloud.fail("refused", service, times=9)
    closed = {"resource_name": "c", "resource_id": "n", "state": "enabled"}

    def migrate(server, target):
        given = {"resource_id": server, "migration_type": "live"}
        given |= {"source_node": "a", "destination_node": target}
        return ("migrate", given, [0])

    uuid = bench.plan(
        ("change_nova_service_state", closed),
        migrate(one, "b"),
        migrate(two, "c"),
    )
    assert bench.run(uuid).state == "FAILED"
    assert bench.states(uuid) == ["FAILED", "SUCCEEDED", "SKIPPED"]
    assert (nova.server(one).host, nova.server(two).host) == ("b", "a")


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("fail_pre_condition", "Action failed in pre_condition: Failed in pre_cond"),
        ("fail_post_condition", "Action failed in post_condition: Failed in post_con"),
    ],
)
def test_the_phase_that_failed_is_named(bench, flag, text):
    uuid = bench.plan(nop(**{flag: True}))
    assert bench.run(uuid).state == "FAILED"
    assert bench.actions(uuid)[0].status_message.startswith(text)


def test_an_action_with_nothing_to_do_lets_its_children_go_on(bench):
    uuid = bench.plan(nop(skip_pre_condition=True), nop(0))
    plan = bench.run(uuid)
    assert bench.states(uuid) == ["SKIPPED", "SUCCEEDED"]
    assert bench.actions(uuid)[0].status_message == (
        "Action was skipped automatically: Skipped in pre_condition"
    )
    assert (plan.state, plan.status_message) == (
        "SUCCEEDED", "One or more actions were skipped.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("ALWAYS", ["FAILED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]),
     ("ANY", ["FAILED", "SUCCEEDED", "SUCCEEDED", "SKIPPED"])],
)  # fmt: skip
def test_the_execution_rule_of_a_strategy_is_honoured(bench, conf, rule, expected):
    conf.set_override(
        "action_execution_rule", {"dummy": rule}, "watcher_workflow_engines.taskflow"
    )
    uuid = bench.plan(nop(fail_execute=True), nop(0), nop(), nop(2))
    assert bench.run(uuid).state == "FAILED"
    assert bench.states(uuid) == expected


def test_nothing_starts_when_a_parameter_is_wrong(bench, notes):
    uuid = bench.plan(note("a"), ("nop", {"message": 7}), ("unheard", {}))
    plan = bench.run(uuid)
    assert notes == []
    assert bench.states(uuid) == ["SKIPPED", "FAILED", "FAILED"]
    assert plan.state == "FAILED"
    assert "nop: pre_condition: parameter message: 7" in plan.status_message


def test_nothing_starts_when_the_order_is_broken(bench, notes):
    uuid = bench.plan(note("a", 1), note("b", 0))
    plan = bench.run(uuid)
    assert (plan.state, notes) == ("FAILED", [])
    assert "wait for each other" in plan.status_message
    assert bench.states(uuid) == ["SKIPPED", "SKIPPED"]


def test_an_action_that_an_administrator_skipped_is_left_alone(bench, notes):
    from watcher.db import actions

    uuid = bench.plan(note("a"), note("b", 0))
    first = bench.actions(uuid)[0].uuid
    text = "Action skipped by user."
    bench.db.write(actions.step, first, "PENDING", "SKIPPED", message=text)
    assert bench.run(uuid).state == "SUCCEEDED"
    assert bench.states(uuid) == ["SKIPPED", "SUCCEEDED"]
    assert bench.actions(uuid)[0].status_message == text
    assert notes == [("start", "b"), ("end", "b")]


def test_cancel_wakes_sleepers_and_starts_nothing_more(bench):
    uuid = bench.plan(sleep(60), nop(0), nop())
    runner = bench.process().take(uuid)
    bench.until(lambda: bench.states(uuid)[2] == "SUCCEEDED")
    bench.cancel(uuid)
    runner.join(5)
    plan = bench.state(uuid)
    assert bench.states(uuid) == ["CANCELLED", "CANCELLED", "SUCCEEDED"]
    assert plan.state == "CANCELLED"
    assert plan.status_message == "Cancelled on request; actions: 1 done, 2 not done"
    kinds = [event[0] for event in bench.events]
    assert kinds.count("action_plan.cancel.start") == 1
    assert kinds.count("action.cancel.start") == 2
    assert kinds.count("action.cancel.end") == 2
    assert kinds[-1] == "action_plan.cancel.end"


def test_a_cancel_that_comes_with_the_last_action_is_not_lost(bench):
    uuid = bench.plan(nop())
    process = bench.process()
    runner = process.take(uuid, start=False)
    original = runner.book.finish

    def late(*args, **kwargs):
        if bench.state(uuid).state == "ONGOING":
            bench.cancel(uuid)
        return original(*args, **kwargs)

    runner.book.finish = late
    runner.start()
    runner.join(5)
    assert bench.state(uuid).state == "CANCELLED"
    assert bench.states(uuid) == ["SUCCEEDED"]


def test_a_process_without_its_lease_writes_and_starts_nothing_more(bench, notes):
    uuid = bench.plan(note("a", s=0.5), note("b", 0))
    process = bench.process()
    runner = process.take(uuid)
    bench.until(lambda: ("start", "a") in notes)
    process.expire()
    process.tenure.held = None
    runner.join(5)
    assert not runner.alive
    assert bench.states(uuid) == ["ONGOING", "PENDING"]
    assert bench.state(uuid).state == "ONGOING"
    assert ("start", "b") not in notes


def test_drain_leaves_what_another_process_begins_again(bench):
    uuid = bench.plan(sleep(1), nop(0))
    process = bench.process()
    runner = process.take(uuid)
    bench.until(lambda: bench.states(uuid)[0] == "ONGOING")
    runner.drain()
    runner.join(3)
    assert not runner.alive
    assert bench.states(uuid) == ["ONGOING", "PENDING"]
    process.expire()
    assert bench.run(uuid).state == "SUCCEEDED"
    assert bench.states(uuid) == ["SUCCEEDED", "SUCCEEDED"]


def test_an_unknown_action_that_ran_when_its_applier_died_is_not_done_twice(
    bench, notes
):
    uuid = bench.plan(note("a", s=0.3), note("b", 0))
    process = bench.process()
    runner = process.take(uuid)
    bench.until(lambda: ("start", "a") in notes)
    process.die()
    runner.join(5)
    plan = bench.run(uuid)
    assert notes.count(("start", "a")) == 1
    assert plan.state == "FAILED"
    assert "its applier stopped while it ran" in plan.status_message


def test_many_actions_are_cheap(bench):
    uuid = bench.plan(*(nop() for _ in range(60)))
    began = time.monotonic()
    assert bench.run(uuid, 60).state == "SUCCEEDED"
    # Some 10 ms on an idle processor; a machine that does other things needs more.
    assert (time.monotonic() - began) / 60 < 0.2


def test_limits_of_others_are_asked_and_given_back(bench):
    class Budget(NoLimits):
        used, freed = 0, 0

        def admit(self, book, waiting, room):
            self.used += 1
            first, *rest = waiting
            if self.used > 2:
                return Answer(skipped={a.uuid: "2 are enough" for a in waiting})
            return Answer([first.uuid], {a.uuid: "one at a time" for a in rest})

        def release(self, book, ended):
            self.freed += len(ended)

    budget = bench.admission = Budget()
    uuid = bench.plan(nop(), nop(), nop(), nop())
    assert bench.run(uuid).state == "SUCCEEDED"
    assert bench.states(uuid) == ["SUCCEEDED", "SUCCEEDED", "SKIPPED", "SKIPPED"]
    assert bench.actions(uuid)[2].status_message == (
        "Action was skipped automatically: 2 are enough"
    )
    assert budget.freed == 2


def test_many_actions_are_cancelled_with_one_write(bench, conf):
    """actions.md H11: every state change took several round trips of its own"""
    conf.set_override("max_workers", 20, "watcher_workflow_engines.taskflow")
    uuid = bench.plan(*(sleep(60) for _ in range(12)))
    runner = bench.process().take(uuid)
    bench.until(lambda: set(bench.states(uuid)) == {"ONGOING"})
    written, original = [], runner.book.step_each

    def step_each(moves):
        written.append([move.new for move in moves])
        return original(moves)

    runner.book.step_each = step_each
    bench.cancel(uuid)
    runner.join(10)
    assert ["CANCELLING"] * 12 in written
    assert set(bench.states(uuid)) == {"CANCELLED"}
    kinds = [event[0] for event in bench.events]
    assert kinds.count("action.cancel.start") == kinds.count("action.cancel.end") == 12
