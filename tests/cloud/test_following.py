"""What an engine missed: while it was away, frozen, or because the broker forgot it."""

import signal
import time

import pytest

from tests import servers
from tests.cloud import agreement
from tests.cloud.daemons import ENGINE
from tests.cloud.operations import Operations
from watcher.cluster.collector.cache import FOLLOWED_S

# A reading is asked for, done and shown.
SHOWN_S = 10.0


@pytest.fixture
def do(plane):
    """Operations; no test leaves a server of its own"""
    made = Operations(plane)
    yield made
    for server in plane.servers():
        if server["name"].startswith("followed-"):
            made.delete(server["id"])


def agrees(daemons, host, seconds):
    """Wait until an engine shows what Nova says; return the seconds"""
    began = time.monotonic()
    wrong = []

    def same():
        wrong[:] = agreement.shown_wrong(daemons.plane, daemons.ask_engine(host))
        return not wrong

    try:
        servers.wait_until(same, seconds, f"agreement of {host}")
    except RuntimeError as error:
        raise AssertionError("\n".join([str(error), *wrong])) from None
    return time.monotonic() - began


def change(do):
    """Make servers, move one, delete two; return who was deleted"""
    idents = [do.create(f"followed-{n}", wait=False) for n in range(4)]
    for ident in idents:
        do.settled(ident, "ACTIVE")
    do.live_migrate(idents[0], None, "ACTIVE")
    for ident in idents[:2]:
        do.delete(ident)
    return set(idents[:2])


def test_old_messages_do_not_bring_deleted_servers_back(two_engines, do, report):
    daemons = two_engines
    daemons.end(ENGINE, "ctl2")
    deleted = change(do)
    waiting = daemons.waiting("watcher-model-ctl2")
    assert waiting > 10
    daemons.launch(ENGINE, "ctl2")
    daemons.wait_engines("ctl2")
    servers.wait_until(
        lambda: daemons.waiting("watcher-model-ctl2") == 0,
        30,
        "the end of old messages",
    )
    agrees(daemons, "ctl2", SHOWN_S)
    rows = daemons.ask_engine("ctl2")
    assert not deleted & {row.get("server_uuid") for row in rows}
    report(f"{waiting} old messages of 4 servers waited for an engine: none came back")


def test_a_broker_that_forgets_misleads_for_seconds_at_most(two_engines, do, report):
    """A restarted broker has lost what a frozen engine had not taken yet"""
    daemons = two_engines
    daemons.signal(ENGINE, signal.SIGSTOP, "ctl2")
    change(do)
    broker = daemons.plane.rabbitmq
    broker.kill()
    broker.end_mapper()
    broker.launch()
    daemons.signal(ENGINE, signal.SIGCONT, "ctl2")
    daemons.wait_engines("ctl2")
    taken = agrees(daemons, "ctl2", FOLLOWED_S + SHOWN_S)
    report(
        f"events lost by the broker: an engine was right {taken:.1f} s after its return"
    )
    # And it hears again.
    ident = do.create("followed-again")
    agrees(daemons, "ctl2", FOLLOWED_S + SHOWN_S)
    rows = daemons.ask_engine("ctl2")
    assert ident in {row.get("server_uuid") for row in rows}
    # Nova has to get over it too before anything else is asked of it.
    daemons.plane.await_reports()


@pytest.mark.acceptance
def test_a_dead_host_is_seen_by_reading(two_engines, do, plane):
    """Nobody tells that a host died: after its silence, Nova and the model say down"""
    host = plane.hosts[-1]
    plane.kill_host(host)
    try:
        servers.wait_until(
            lambda: plane.services(host=host)[0]["state"] == "down", 120, "its death"
        )
        took = [
            agrees(two_engines, each, FOLLOWED_S + SHOWN_S) for each in ("ctl1", "ctl2")
        ]
        assert len(took) == 2
    finally:
        plane.launch_hosts(host)
        servers.wait_until(
            lambda: plane.services(host=host)[0]["state"] == "up", 120, "its return"
        )
    agrees(two_engines, "ctl1", FOLLOWED_S + SHOWN_S)
