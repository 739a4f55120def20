"""Hostile requests by the thousand: refused without a trace, or kept as they were sent.

What is drawn depends on ``WATCHER_FUZZ_SEED`` alone; a failure prints its seed and the
smallest request found that fails in the same way.
"""

import contextlib
import itertools
import os

import pytest
from hypothesis import strategies as st

from tests.functional.api import fuzz_document, fuzz_routes
from tests.functional.api.fuzz_run import Run, Tally
from tests.functional.api.fuzz_wire import ROLES, Inside
from tests.functional.api.fuzz_world import World

SEED = int(os.environ.get("WATCHER_FUZZ_SEED", "3"))
# Requests drawn into one world; more rows would only slow down what looks at all of them.
BATCH = 1000
# Batches of the long form, on each engine.
BATCHES = 18
ENGINES = [
    "sqlite",
    pytest.param("mysql", marks=pytest.mark.mysql),
    pytest.param("postgresql", marks=pytest.mark.postgresql),
]


@pytest.fixture(scope="module")
def tallies():
    """What was sent to each engine, told when all is done"""
    found = {}
    yield found
    print()
    for tally in found.values():
        print(tally.line())


@pytest.fixture
def shoot(request, tallies, tmp_path):
    """Starts runs, each on a fresh database of an engine; fails with what they found"""
    servers = {"mysql": "mariadb", "postgresql": "postgresql"}
    numbers = itertools.count()

    def url(engine):
        if engine in servers:
            return request.getfixturevalue(servers[engine]).create()
        return f"sqlite:///{tmp_path / f'{next(numbers)}.sqlite'}"

    @contextlib.contextmanager
    def start(engine, seed):
        world = World(url(engine))
        wire = Inside(world.application)
        run = Run(world, wire, tallies.setdefault(engine, Tally(engine)))
        try:
            yield run
            run.walk()
        finally:
            run.close()
            wire.close()
            world.close()
        told = "\n".join(run.failures.values())
        assert not run.failures, f"seed {seed} on {engine}:\n{told}"

    return start


@pytest.mark.parametrize("engine", ENGINES)
def test_a_few_hundred_requests(shoot, engine, tallies):
    with shoot(engine, SEED) as run:
        for request in list(fuzz_routes.sweep(run.world))[SEED % 61 :: 61]:
            run.send(request)
        run.draw(fuzz_routes.every, 250, SEED)
        drafts = fuzz_document.operations(run.document)
        run.draw(st.sampled_from(list(drafts.values())).flatmap(_itself), 60, SEED)
    assert tallies[engine].total > 400


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("engine", ENGINES[:2])
def test_twenty_thousand_requests(shoot, engine, tallies):
    before = tallies.get(engine, Tally(engine)).total
    for batch in range(BATCHES):
        seed = SEED + batch
        with shoot(engine, seed) as run:
            run.draw(fuzz_routes.every, BATCH, seed)
        print(f"{engine}: batch {batch + 1} of {BATCHES}", flush=True)
    with shoot(engine, SEED) as run:
        for drafts in fuzz_document.operations(run.document).values():
            run.draw(drafts, 60, SEED)
    assert tallies[engine].total - before >= 20_000
    with shoot(engine, SEED) as run:
        for request in fuzz_routes.sweep(run.world):
            run.send(request)
    sent = tallies[engine].routes
    for method, path in fuzz_routes.declared():
        for role in ROLES:
            assert sent[method, path, role], f"no {method} {path} as {role}"


def _itself(value):
    return value
