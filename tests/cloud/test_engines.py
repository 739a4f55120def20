"""Two decision engines on one cloud: the work of one that dies is done by the other."""

import signal
import time

from tests.cloud import maintenance
from tests.cloud.daemons import ENGINE

AUDITS = 12
TAKEOVER_S = 30.0


def test_one_of_two_engines_dies_in_the_middle_of_a_dozen_audits(
    two_engines, plane, report
):
    daemons = two_engines
    maintenance.enable_all(daemons)
    hosts = plane.hosts
    runs = [
        maintenance.request(daemons, hosts[n % len(hosts)]) for n in range(AUDITS - 4)
    ]
    daemons.signal(ENGINE, signal.SIGKILL, "ctl2")
    died = time.monotonic()
    runs += [maintenance.request(daemons, host) for host in hosts[:4]]
    for run in runs:
        # As soon as one is late, it was lost.
        maintenance.await_audit(daemons, run, TAKEOVER_S + 30)
    report(f"one of two engines killed with {AUDITS} audits: all SUCCEEDED with one plan "
           f"each, the last {time.monotonic() - died:.1f} s later")  # fmt: skip
    held = daemons.rows(
        "SELECT uuid, owner FROM audits WHERE owner IS NOT NULL AND deleted_at IS NULL"
    )
    assert held == []
    for run in runs:
        daemons.client().action_plan.cancel(run.plan)
