"""The applier looks before it begins, on real services: Nova says what was touched."""

from tests import servers
from tests.cloud import maintenance

HOST = "OS-EXT-SRV-ATTR:host"


def planned(daemons):
    """A plan to empty a host, and its moves by server"""
    run = maintenance.request(daemons, maintenance.fullest(daemons))
    maintenance.await_audit(daemons, run)
    return run, moves(daemons, run)


def moves(daemons, run):
    found = daemons.client().action.list(action_plan=run.plan, detail=True)
    return {
        a.input_parameters["resource_id"]: a
        for a in found
        if a.action_type == "migrate"
    }


def ended(daemons, run):
    maintenance.start(daemons, run)
    maintenance.await_plan(daemons, run)
    return daemons.client().action_plan.get(run.plan)


def server(daemons, ident):
    return daemons.plane.nova("GET", f"/servers/{ident}")["server"]


def ask(daemons, ident, **action):
    daemons.plane.nova("POST", f"/servers/{ident}/action", action)


def efficacy(daemons, run):
    """What was achieved, once that is measured"""
    plane, found = daemons.plane, {}

    def measured():
        path = f"/v1/action_plans/{run.plan}/efficacy"
        found.update(plane.call("GET", plane.url("watcher", path)))
        return found["achieved"] is not None

    servers.wait_until(measured, 60, "achieved efficacy")
    rows = found["achieved"]["indicators"]
    return {row["name"]: (row["promised"], row["value"]) for row in rows}


def test_h10_a_server_that_was_moved_by_hand_is_left_where_it_is(daemons):
    """actions.md H10"""
    run, before = planned(daemons)
    chosen, action = sorted(before.items())[0]
    others = {a.input_parameters["destination_node"] for a in before.values()}
    hosts = {s["host"] for s in daemons.plane.services(status="enabled", state="up")}
    by_hand = sorted(hosts - {run.host} - others or others)[0]
    ask(
        daemons, chosen,
        **{"os-migrateLive": {"host": by_hand, "block_migration": "auto"}},
    )  # fmt: skip
    servers.wait_until(
        lambda: server(daemons, chosen)[HOST] == by_hand
        and server(daemons, chosen)["status"] == "ACTIVE",
        60, "the move by hand",
    )  # fmt: skip
    plan = ended(daemons, run)
    assert plan.state == "SUCCEEDED", plan.status_message
    after = moves(daemons, run)
    assert after.pop(chosen).state == "SKIPPED"
    assert {a.state for a in after.values()} == {"SUCCEEDED"}
    assert not daemons.plane.servers_on(run.host)
    assert server(daemons, chosen)[HOST] == by_hand
    assert efficacy(daemons, run) == {
        "moves_made": (len(before), len(before) - 1),
        "servers_left": (None, 0),
    }
    maintenance.enable_all(daemons)


def test_h10_a_host_that_cannot_be_emptied_any_more_is_not_touched(daemons):
    """actions.md H10"""
    run, before = planned(daemons)
    chosen = sorted(before)[0]
    ask(daemons, chosen, lock=None)
    try:
        plan = ended(daemons, run)
        assert plan.state == "SUPERSEDED", plan.status_message
        assert f"{chosen} is locked" in plan.status_message
        assert {a.state for a in moves(daemons, run).values()} == {"CANCELLED"}
        (service,) = daemons.plane.services(host=run.host)
        assert service["status"] == "enabled"
        newest = max((m["id"] for m in daemons.plane.migrations()), default=0)
        assert newest == run.migrations_before
    finally:
        ask(daemons, chosen, unlock=None)
