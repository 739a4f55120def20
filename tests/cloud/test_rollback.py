"""A plan that is cancelled in the middle and taken back: servers are where they were."""

import time

import pytest

from tests import servers
from tests.cloud import maintenance

MIGRATION_S = 3.0


@pytest.fixture(autouse=True)
def slow_migrations(plane):
    """Live migrations that last a moment, so that the middle of the plan can be met"""
    path = plane.folder / "control" / "default.json"
    path.write_text(f'{{"live_migration_seconds": {MIGRATION_S}}}')
    yield
    path.write_text("{}")


def places(plane):
    """Where every server is, and how"""
    return {
        server["id"]: (server["OS-EXT-SRV-ATTR:host"], server["status"])
        for server in plane.servers()
    }


def actions(daemons, plan):
    return daemons.client().action.list(action_plan=plan, detail=True)


def half_done(daemons):
    """Cancel a maintenance when a server has moved; return its run"""
    run = maintenance.request(daemons, maintenance.fullest(daemons))
    maintenance.await_audit(daemons, run)
    maintenance.start(daemons, run)

    def one_moved():
        done = {
            a.action_type for a in actions(daemons, run.plan) if a.state == "SUCCEEDED"
        }
        return "migrate" in done

    servers.wait_until(one_moved, 60, "a moved server")
    daemons.client().action_plan.cancel(run.plan)
    return run


def post(daemons, path):
    plane = daemons.plane
    return plane.call("POST", plane.url("watcher", path), {})


def test_a_plan_that_was_cancelled_in_the_middle_is_taken_back(daemons, report):
    plane = daemons.plane
    maintenance.enable_all(daemons)
    before = places(plane)
    run = half_done(daemons)
    began = time.monotonic()
    maintenance.await_plan(daemons, run)
    cancelled_s = time.monotonic() - began
    plan = daemons.client().action_plan.get(run.plan)
    assert plan.state == "CANCELLED", plan.to_dict()
    left = {
        ident: place for ident, place in places(plane).items() if place != before[ident]
    }
    assert left and len(left) < sum(host == run.host for host, _ in before.values())
    told = [
        (a.action_type, a.state, a.status_message) for a in actions(daemons, run.plan)
    ]
    states = [state for _, state, _ in told]
    assert "SUCCEEDED" in states and "CANCELLED" in states, told
    # Not reached with the microversion of that client.
    message = daemons.rows(
        "SELECT status_message AS text FROM action_plans WHERE uuid = %s", run.plan
    )[0]["text"]
    assert message.startswith("Cancelled on request; actions: "), message
    names = {server["id"]: server["name"] for server in plane.servers()}
    for ident, (host, _status) in left.items():
        assert f"{names[ident]} on {host}" in message, message

    back = post(daemons, f"/v1/action_plans/{run.plan}/rollback")
    assert back["state"] == "RECOMMENDED"
    path = f"/v1/action_plans/{back['uuid']}/explanation"
    why = plane.call("GET", plane.url("watcher", path))
    assert all(step["reason"] for step in why["actions"]) and why["stays"] == []
    took = maintenance.Run(host=run.host, audit=run.audit, plan=back["uuid"])
    maintenance.start(daemons, took)
    began = time.monotonic()
    maintenance.await_plan(daemons, took)
    plan = daemons.client().action_plan.get(took.plan)
    told = [
        (a.action_type, a.state, a.status_message) for a in actions(daemons, took.plan)
    ]
    assert plan.state == "SUCCEEDED", told
    assert {state for _, state, _ in told} == {"SUCCEEDED"}, told
    assert places(plane) == before
    (service,) = plane.services(host=run.host)
    assert service["status"] == "enabled"
    report(
        f"cancelled with {len(left)} servers moved after {cancelled_s:.1f} s; taken back "
        f"in {time.monotonic() - began:.1f} s ({len(told)} actions)"
    )
