"""A host is emptied almost as fast as Nova can be driven by hand."""

import concurrent.futures
import json
import time

import pytest

from tests.cloud import maintenance
from tests.cloud.operations import Operations

SERVERS, AT_ONCE, MIGRATION_S = 9, 2, 1.0
LONGER = 1.3


@pytest.fixture
def slow(plane):
    """Live migrations that last a while"""
    path = plane.folder / "control" / "default.json"
    path.write_text(json.dumps({"live_migration_seconds": MIGRATION_S}))
    yield
    path.write_text("{}")


def by_hand(do, idents, host):
    """Move servers to ``host``, some at once; return the seconds"""
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda ident: do.live_migrate(ident, host, "ACTIVE"), idents))
    return time.monotonic() - began


@pytest.mark.acceptance
def test_a_host_is_emptied_as_fast_as_by_hand(daemons, plane, slow, report):
    """The limits in force let as many servers leave at once as the hand does"""
    do = Operations(plane)
    plane.await_reports()
    maintenance.enable_all(daemons)
    host, other = plane.hosts[0], plane.hosts[1]
    do_not = plane.servers_on(host)
    for number in range(SERVERS - len(do_not)):
        do.create(f"drained-{number}", host=host)
    idents = [s["id"] for s in plane.servers_on(host)][:SERVERS]
    for server in plane.servers_on(host):
        if server["id"] not in idents:
            do.delete(server["id"])
    hand_s = by_hand(do, idents, other)
    by_hand(do, idents, host)
    run = maintenance.request(daemons, host, backup_node=other)
    maintenance.await_audit(daemons, run)
    began = time.monotonic()
    maintenance.start(daemons, run)
    maintenance.await_plan(daemons, run)
    taken_s = time.monotonic() - began
    maintenance.check(daemons, run)
    maintenance.enable_all(daemons)
    report(f"{SERVERS} servers left a host: {taken_s:.1f} s, {hand_s:.1f} s when Nova is "
           f"driven by hand, {AT_ONCE} at once")  # fmt: skip
    assert taken_s <= LONGER * hand_s
