"""Migrations: what is checked, asked of Nova, waited for and said."""

import dataclasses
import time

import pytest

from watcher.applier.actions.sight import Route, Sight, judge, own_record
from watcher.clients.records import Migration, Server

LIVE = Route("s", "a", "b", True)
COLD = Route("s", "a", "b", False)
ANYWHERE = Route("s", "a", None, True)


def server(**more):
    return Server(uuid="s", name="S", **{"host": "a", **more})


def record(status, **more):
    kind = {"kind": "live-migration", "source_host": "a", "dest_host": "b", **more}
    return Migration(id=7, server="s", status=status, **kind)


@pytest.mark.parametrize(
    ("route", "seen", "found", "sight"),
    [
        (LIVE, server(task_state="migrating"), None, Sight.UNDERWAY),
        (LIVE, server(), None, Sight.SILENT),
        (LIVE, server(), record("running"), Sight.UNDERWAY),
        (LIVE, server(), record("completed"), Sight.UNSETTLED),
        (LIVE, server(host="b"), record("completed"), Sight.ARRIVED),
        (LIVE, server(host="b"), None, Sight.ARRIVED),
        (LIVE, server(host="c"), record("completed"), Sight.FAILED),
        (LIVE, server(host="c"), None, Sight.FAILED),
        (LIVE, server(), record("error"), Sight.FAILED),
        (LIVE, server(), record("cancelled"), Sight.CANCELLED),
        (LIVE, server(status="ERROR"), None, Sight.FAILED),
        (ANYWHERE, server(host="c"), record("completed"), Sight.ARRIVED),
        (ANYWHERE, server(), record("failed"), Sight.FAILED),
        (COLD, server(host="b", status="VERIFY_RESIZE"), record("finished"),
         Sight.TO_CONFIRM),
        (COLD, server(host="b", task_state="resize_finish"), record("finished"),
         Sight.UNDERWAY),
        (COLD, server(host="b", status="VERIFY_RESIZE"), record("confirming"),
         Sight.UNDERWAY),
        (COLD, server(host="b", status="SHUTOFF"), record("confirmed"), Sight.ARRIVED),
        (COLD, server(status="ACTIVE"), record("reverted"), Sight.FAILED),
        (COLD, server(host="c", status="VERIFY_RESIZE"), record("finished"),
         Sight.FAILED),
        # A resize of somebody else waits for its confirmation: it is not ours.
        (COLD, server(host="b", status="VERIFY_RESIZE"), None, Sight.FAILED),
    ],
)  # fmt: skip
def test_what_a_look_says(route, seen, found, sight):
    assert judge(route, seen, found) is sight


def test_only_a_newer_record_of_the_same_way_is_ours():
    records = [
        record("completed"),
        Migration(id=9, server="s", kind="live-migration", status="running",
                  source_host="b", dest_host="c"),
        Migration(id=8, server="s", kind="resize", status="running", source_host="a"),
    ]  # fmt: skip
    assert own_record(LIVE, records, after=6).id == 7
    assert own_record(LIVE, records, after=7) is None


def migrate(uuid, kind="live", dest="b", source="a", **more):
    given = {"resource_id": uuid, "migration_type": kind, "source_node": source}
    if dest is not None:
        given["destination_node"] = dest
    return ("migrate", {**given, **more})


def where(bench, uuid):
    found = bench.cloud.clients().nova.server(uuid)
    return found.host, found.status


@pytest.fixture
def vm(bench):
    return bench.cloud.add_server("vm", "a")


def only(bench, plan):
    return bench.actions(plan)[0]


@pytest.mark.parametrize("dest", ["b", None])
@pytest.mark.parametrize("kind", ["live", "cold"])
def test_a_server_arrives(bench, vm, kind, dest):
    """actions.md A7: without a destination the host alone cannot tell what became of it"""
    plan = bench.plan(migrate(vm, kind, dest))
    assert bench.run(plan).state == "SUCCEEDED"
    host, status = where(bench, vm)
    assert status == "ACTIVE"
    assert host == "b" if dest else host in ("b", "c")
    found = bench.operations(only(bench, plan).uuid)
    kinds = ["migrate"] if kind == "live" else ["migrate", "confirm_resize"]
    assert [op.kind for op in found] == kinds
    assert {op.outcome for op in found} == {"succeeded"}
    assert all(op.request_id.startswith("req-") for op in found)
    assert len({op.request_id for op in found}) == len(found)
    assert all(op.remote_id and op.sent_at and op.ended_at for op in found)


def test_a_stopped_server_is_moved_cold_and_stays_stopped(bench):
    vm = bench.cloud.add_server("off", "a", vm_state="stopped")
    assert bench.run(bench.plan(migrate(vm, "cold"))).state == "SUCCEEDED"
    assert where(bench, vm) == ("b", "SHUTOFF")


def test_a_server_that_is_gone_or_elsewhere_is_skipped(bench, vm):
    gone = "00000000-0000-4000-8000-000000000000"
    plan = bench.plan(migrate(gone), migrate(vm, source="c"))
    assert bench.run(plan).state == "SUCCEEDED"
    first, second = (row.status_message for row in bench.actions(plan))
    assert first == f"Action was skipped automatically: Instance {gone} not found"
    assert f"Instance {vm} is on a, not on the source node c" in second
    assert bench.calls == []


def test_what_cannot_work_fails_before_it_is_asked(bench, vm):
    stopped = bench.cloud.add_server("off", "a", vm_state="stopped")
    bench.cloud.change_host("c", enabled=False, disabled_reason="maintenance")
    plan = bench.plan(
        migrate(vm, dest="z"), migrate(vm, dest="c"), migrate(stopped)
    )  # fmt: skip
    assert bench.run(plan).state == "FAILED"
    texts = [row.status_message for row in bench.actions(plan)]
    assert "no compute service on the destination node z" in texts[0]
    assert "c is disabled (maintenance)" in texts[1]
    assert "SHUTOFF; only an ACTIVE one" in texts[2]
    assert bench.calls == []


@pytest.mark.parametrize(
    ("kind", "failure", "status", "words"),
    [
        ("live", "rollback", "ACTIVE", "vm is ACTIVE on a"),
        ("live", "error", "ERROR", "vm is ERROR on a"),
        ("live", "precheck", "ACTIVE", "live migration from a to b: Nova"),
        ("cold", "resize", "ERROR", "was made to fail"),
    ],
)
def test_a_failed_migration_says_why(bench, vm, kind, failure, status, words):
    bench.cloud.fail(failure)
    plan = bench.plan(migrate(vm, kind, resource_name="vm"))
    ended = bench.run(plan)
    assert where(bench, vm) == ("a", status)
    assert ended.state == "FAILED"
    assert words in only(bench, plan).status_message
    assert ended.status_message.startswith(
        f"migrate of vm: {kind} migration from a to b: "
    )
    assert words in ended.status_message
    assert bench.operations(only(bench, plan).uuid)[0].outcome in ("failed", "refused")


@pytest.mark.parametrize("dest", ["b", None])
@pytest.mark.parametrize("kind", ["live", "cold"])
@pytest.mark.parametrize("trouble", ["lost-answer", "lost-request", "refused"])
def test_a_call_without_an_answer_is_looked_for_not_repeated(
    bench, vm, kind, trouble, dest
):
    bench.cloud.fail(trouble)
    plan = bench.plan(migrate(vm, kind, dest))
    assert bench.run(plan).state == "SUCCEEDED"
    assert len(bench.cloud.clients().nova.migrations(vm)) == 1
    name = f"{kind}_migrate"
    tried = [call for call in bench.calls if call[0] == name]
    assert len(tried) == (1 if trouble == "lost-answer" else 2)
    assert len({call[1][2] for call in tried}) == 1, "one request id for all attempts"


def test_nova_may_be_away_while_a_migration_runs(bench):
    vm = bench.cloud.add_server("big", "a", "m1.large")
    plan = bench.plan(migrate(vm))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("live_migrate"))
    bench.cloud.go_away()
    runner.join(0.3)
    bench.cloud.heal()
    runner.join(10)
    assert bench.state(plan).state == "SUCCEEDED"


def slow(bench, mb_s=5.0):
    bench.cloud.migration_mb_s = mb_s
    return bench.cloud.add_server("slow", "a", "m1.large")


def test_cancel_aborts_a_running_live_migration(bench):
    vm = slow(bench)
    plan = bench.plan(migrate(vm), ("nop", {"message": "m"}, [0]))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("live_migrate"))
    bench.cancel(plan)
    runner.join(10)
    assert bench.states(plan) == ["CANCELLED", "CANCELLED"]
    assert bench.state(plan).state == "CANCELLED"
    assert where(bench, vm) == ("a", "ACTIVE")
    assert len(bench.accepted("abort_live_migration")) == 1
    assert [e[0] for e in bench.events].count("action.cancel.end") == 2


def test_cancel_lets_a_cold_migration_end(bench, vm):
    plan = bench.plan(migrate(vm, "cold"), ("nop", {"message": "m"}, [0]))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("cold_migrate"))
    bench.cancel(plan)
    runner.join(10)
    assert bench.states(plan) == ["SUCCEEDED", "CANCELLED"]
    assert bench.state(plan).state == "CANCELLED"
    assert where(bench, vm) == ("b", "ACTIVE")


def test_a_migration_that_stands_still_is_left_to_nova(bench):
    vm = slow(bench, 1e-6)
    bench.timing = type(bench.timing)(
        migration_s=0.3, interval_s=0.05, first_interval_s=0.01, per_memory_mb_s=0
    )
    plan = bench.plan(migrate(vm))
    assert bench.run(plan).state == "FAILED"
    assert "is left to Nova" in only(bench, plan).status_message
    assert bench.operations(only(bench, plan).uuid)[0].outcome == "timeout"


def test_a_migration_that_advances_is_not_given_up(bench):
    # actions.md A7: deadlines follow the size and the rate seen, nobody counts polls.
    vm = slow(bench, 100.0)
    bench.timing = type(bench.timing)(
        migration_s=0.3, interval_s=0.05, first_interval_s=0.01, per_memory_mb_s=0
    )
    plan = bench.plan(migrate(vm))
    began = time.monotonic()
    assert bench.run(plan).state == "SUCCEEDED"
    assert time.monotonic() - began > 0.6, "it was not late at all: make it slower"


@pytest.mark.parametrize(
    "wrong",
    [
        {"destination_node": 5},
        {"destination_node": ""},
        {"migration_type": "warm"},
        {"source_node": ""},
        {"resource_id": "vm"},
        {"more": 1},
    ],
)
def test_parameters_are_judged_before_the_plan_starts(bench, vm, wrong):
    plan = bench.plan(("migrate", {**migrate(vm)[1], **wrong}))
    assert bench.run(plan).state == "FAILED"
    assert "Action failed in pre_condition" in only(bench, plan).status_message
    assert bench.calls == []


@pytest.mark.parametrize("window_s", [0.0, 5.0])
def test_a_cold_migration_that_nova_confirms_by_itself_has_succeeded(
    bench, vm, window_s
):
    """actions.md A8: the server had moved, but the action was called failed"""
    bench.cloud.pace.confirm_window_s = window_s
    plan = bench.plan(migrate(vm, "cold"))
    assert bench.run(plan).state == "SUCCEEDED"
    assert where(bench, vm) == ("b", "ACTIVE")


def test_a_confirmation_that_fails_says_where_the_server_is(bench, vm):
    """actions.md A8: what is left in the middle is told precisely"""
    bench.timing = dataclasses.replace(bench.timing, confirm_s=0.5)
    plan = bench.plan(migrate(vm, "cold"))
    runner = bench.process().take(plan)
    bench.until(lambda: bench.accepted("cold_migrate"))
    bench.cloud.fail("lost-request", vm, times=99)
    runner.join(10)
    assert bench.state(plan).state == "FAILED"
    assert "it is on b but could not be confirmed" in only(bench, plan).status_message
    assert where(bench, vm) == ("b", "VERIFY_RESIZE")
    outcomes = [op.outcome for op in bench.operations(only(bench, plan).uuid)]
    assert outcomes == ["failed", "failed"]
