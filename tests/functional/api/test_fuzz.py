"""Hostile requests by the thousand: refused without a trace, or kept as they were sent."""

import os

from tests.functional.api import fuzz_routes
from tests.functional.api.fuzz_run import Run, Tally
from tests.functional.api.fuzz_wire import Inside
from tests.functional.api.fuzz_world import World

SEED = int(os.environ.get("WATCHER_FUZZ_SEED", "3"))
BATCH = int(os.environ.get("WATCHER_FUZZ_BATCH", "1000"))


def fuzz(url, tally, strategy, number, seed, walks=True):
    """Send requests into a world of their own; fail with all that went wrong"""
    world = World(url)
    wire = Inside(world.application)
    run = Run(world, wire, tally)
    try:
        run.draw(strategy, number, seed)
        if walks:
            run.walk()
    finally:
        wire.close()
        world.close()
    told = "\n".join(run.failures.values())
    assert not run.failures, f"seed {seed} on {world.engine_name}:\n{told}"


def test_short(database_url):
    tally = Tally("short")
    fuzz(database_url, tally, fuzz_routes.every, BATCH, SEED)
    print(tally.line())
