"""Audits scoped to one of two aggregates of a real Nova: nothing else is touched."""

import time

import pytest
from watcherclient import exceptions

from tests import servers
from tests.cloud import bus, maintenance
from tests.cloud.daemons import ENGINE, SCOPE_CHECK_S
from tests.cloud.operations import Operations


@pytest.fixture(scope="module")
def halves(plane):
    """Two aggregates, each with half of the hosts; their ids and hosts"""
    do = Operations(plane)
    middle = len(plane.hosts) // 2
    parts = [plane.hosts[:middle], plane.hosts[middle:]]
    made = [(do.aggregate(f"half-{n}", *hosts), hosts) for n, hosts in enumerate(parts)]
    yield made
    for ident, _hosts in made:
        do.drop_aggregate(ident)


@pytest.fixture(autouse=True)
def in_service(daemons):
    """Every host may be used, before and after"""
    maintenance.enable_all(daemons)
    yield
    maintenance.enable_all(daemons)


def places(plane):
    """Return where every server is"""
    return {s["id"]: s["OS-EXT-SRV-ATTR:host"] for s in plane.servers()}


def fullest(daemons, hosts):
    """Return the host with the most servers; give it some when none has any"""
    counts = {host: len(daemons.plane.servers_on(host)) for host in hosts}
    host = max(sorted(counts), key=lambda h: counts[h])
    if counts[host] < 2:
        do = Operations(daemons.plane)
        for number in range(2):
            do.create(f"scoped-{number}", host=host)
    return host


def scope(ident):
    """Return the scope that an aggregate is"""
    return [{"compute": [{"host_aggregates": [{"id": ident}]}]}]


def carried_out(daemons, run):
    """Start the plan and wait for its end; return who was where before and after"""
    before = places(daemons.plane)
    maintenance.start(daemons, run)
    maintenance.await_plan(daemons, run)
    maintenance.check(daemons, run)
    return before, places(daemons.plane)


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("with_backup", [False, True])
def test_only_servers_of_the_aggregate_move_and_stay_in_it(
    daemons, halves, report, half, with_backup
):
    ident, hosts = halves[half]
    host = fullest(daemons, hosts)
    more = {}
    if with_backup:
        more["backup_node"] = next(h for h in hosts if h != host)
    run = maintenance.request(daemons, host, scope=scope(ident), **more)
    maintenance.await_audit(daemons, run)
    before, after = carried_out(daemons, run)
    moved = {s for s, place in after.items() if before.get(s) != place}
    assert moved and moved == {s for s, place in before.items() if place == host}
    assert {after[s] for s in moved} <= set(hosts)
    if with_backup:
        assert {after[s] for s in moved} == {more["backup_node"]}
    report(f"audit scoped to an aggregate of {len(hosts)} hosts"
           f"{', with a backup node' if with_backup else ''}: {len(moved)} servers moved, "
           "all inside it; no other did")  # fmt: skip


def test_the_flat_form_with_a_name_means_the_same(daemons, halves):
    _ident, hosts = halves[1]
    host = fullest(daemons, hosts)
    run = maintenance.request(
        daemons, host, scope=[{"host_aggregates": [{"name": "half-1"}]}]
    )
    maintenance.await_audit(daemons, run)
    actions = daemons.client().action.list(action_plan=run.plan, detail=True)
    targets = {
        a.input_parameters["destination_node"]
        for a in actions
        if a.action_type == "migrate"
    }
    assert targets and targets <= set(hosts)
    daemons.client().action_plan.cancel(run.plan)


@pytest.mark.parametrize("which", ["maintenance_node", "backup_node"])
def test_a_node_outside_the_scope_is_named_and_nothing_moves(daemons, halves, which):
    """audits.md 11.3: a strategy parameter that names an out-of-scope node"""
    (ident, inside), (_other, outside) = halves
    named = {"maintenance_node": inside[0], which: outside[0]}
    before = places(daemons.plane)
    run = maintenance.request(
        daemons,
        named.pop("maintenance_node"),
        scope=scope(ident),
        **named,
    )
    found = maintenance.end_of_audit(daemons, run)
    assert found.state == "FAILED" and outside[0] in found.status_message
    assert daemons.client().action_plan.list(audit=run.audit) == []
    assert places(daemons.plane) == before


def test_an_aggregate_that_vanished_from_a_scope_is_told_once(daemons, plane, report):
    """By log and notification; and nobody gives the scope to anything new

    The look asks no cloud: it is told by the first model that was read without it.
    """
    do = Operations(plane)
    ident = do.aggregate("vanishing", plane.hosts[0])
    what = {
        "goal": "cluster_maintaining",
        "strategy": "host_maintenance",
        "scope": scope(ident),
    }
    client = daemons.client()
    with bus.Bus(plane.rabbitmq.url, [("watcher", "notifications")]) as ear:
        template = client.audit_template.create(name=f"vanishing-{ident}", **what)
        do.drop_aggregate(ident)
        gone = time.monotonic()

        def told():
            daemons.ask_engine("ctl1")  # reads what changed
            return [
                each.payload["watcher_object.data"]
                for each in ear.since(0)
                if each.kind == "audit.scope.invalid"
                and template.uuid in str(each.payload)
            ]

        servers.wait_until(lambda: bool(told()), 60, "the notification")
        report(f"aggregate gone from a scope: told {time.monotonic() - gone:.1f} s later "
               f"(looked for every {SCOPE_CHECK_S} s)")  # fmt: skip
        time.sleep(3 * SCOPE_CHECK_S)
        (data,) = told()
    assert data["resource"] == "audit_template"
    assert [m["name"] for m in data["missing"]] == [str(ident)]
    log = plane.folder / "log" / f"{ENGINE}@ctl1.log"
    lines = [
        line
        for line in log.read_text().splitlines()
        if "WARNING" in line and template.uuid in line
    ]
    assert len(lines) == 1 and str(ident) in lines[0]
    with pytest.raises(exceptions.HTTPBadRequest, match=str(ident)):
        client.audit_template.create(name=f"vanished-{ident}", **what)
    client.audit_template.delete(template.uuid)
