"""From a request to moved servers, on real services, judged by Nova itself."""

import statistics
import time

from tests.cloud import maintenance


def test_a_host_is_emptied_for_maintenance(daemons, report):
    host = maintenance.fullest(daemons)
    run = maintenance.whole(daemons, host)
    report(f"maintenance of {host}: {run.ended - run.began:.1f} s from request to end")
    maintenance.enable_all(daemons)


def test_every_action_has_a_reason(daemons):
    run = maintenance.request(daemons, maintenance.fullest(daemons))
    maintenance.await_audit(daemons, run)
    plane = daemons.plane
    told = plane.call(
        "GET", plane.url("watcher", f"/v1/action_plans/{run.plan}/explanation")
    )
    actions = daemons.client().action.list(action_plan=run.plan)
    assert {a["uuid"] for a in told["actions"]} == {a.uuid for a in actions}
    assert all(a["reason"] for a in told["actions"])
    daemons.client().action_plan.cancel(run.plan)


def test_an_audit_takes_tenths_of_a_second_when_the_model_is_warm(daemons, report):
    host = maintenance.fullest(daemons)
    client = daemons.client()
    taken = []
    for number in range(20):
        began = time.monotonic()
        audit = client.audit.create(
            audit_type="ONESHOT",
            goal="cluster_maintaining",
            strategy="host_maintenance",
            parameters={"maintenance_node": host},
            name=f"measure-{number}-{time.time()}",
        )
        state = audit.state
        while state not in maintenance.FINAL:
            time.sleep(0.05)
            state = client.audit.get(audit.uuid).state
        taken.append(time.monotonic() - began)
        assert state == "SUCCEEDED"
    report(
        f"audit request to SUCCEEDED, 20 times: median {statistics.median(taken):.2f} s, "
        f"worst {max(taken):.2f} s"
    )
    for plan in client.action_plan.list(limit=100):
        if plan.state == "RECOMMENDED":
            client.action_plan.cancel(plan.uuid)
