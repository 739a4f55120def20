"""Hostile requests by the thousand: refused without a trace, or kept as they were sent.

What is drawn depends on ``WATCHER_FUZZ_SEED`` and on the code (hypothesis looks at its
constants), on nothing else. A failure prints its seed and the smallest request found that
fails in the same way.
"""

import contextlib
import os
import time

import pytest
from hypothesis import strategies as st

from tests import web
from tests.functional.api import fuzz_document, fuzz_routes
from tests.functional.api.fuzz_run import Run, Tally, drawn
from tests.functional.api.fuzz_storm import flaws, storm
from tests.functional.api.fuzz_wire import ROLES, Inside, Socket, fit_for_http
from tests.functional.api.fuzz_world import World
from tests.servers import LOOPBACK

SEED = int(os.environ.get("WATCHER_FUZZ_SEED", "3"))
# Requests drawn into one world; more rows would only slow down what looks at all of them.
BATCH = 1000
# Batches of the long form, on each engine.
BATCHES = 18
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia")
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
def fresh(request, tmp_path):
    """Makes worlds on fresh databases of an engine"""
    servers = {"mysql": "mariadb", "postgresql": "postgresql"}
    worlds = []

    def make(engine):
        url = f"sqlite:///{tmp_path / f'{len(worlds)}.sqlite'}"
        if engine in servers:
            url = request.getfixturevalue(servers[engine]).create()
        worlds.append(World(url))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def shoot(fresh, tallies):
    """Starts runs, each in a world of its own; fails with what they found"""

    @contextlib.contextmanager
    def start(engine, seed):
        world = fresh(engine)
        wire = Inside(world.application)
        run = Run(world, wire, tallies.setdefault(engine, Tally(engine)))
        try:
            yield run
            run.walk()
        finally:
            run.close()
            wire.close()
        told = [*run.failures.values(), *flaws(world)]
        assert not told, "\n".join([f"seed {seed} on {engine}:", *told])

    return start


@pytest.mark.parametrize("engine", ENGINES)
def test_a_few_hundred_requests(shoot, engine, tallies):
    with shoot(engine, SEED) as run:
        for request in list(fuzz_routes.sweep(run.world))[SEED % 61 :: 61]:
            run.send(request)
        run.draw(fuzz_routes.every, 200, SEED)
        run.draw(described(run), 30, SEED)
        storm(run, drawn(fuzz_routes.changes, 100, SEED))
    assert tallies[engine].total > 400


def test_through_a_web_server(fresh, tallies, tmp_path):
    """Over sockets, into a process: nothing is lost between server and application"""
    served(fresh("sqlite"), tmp_path, tallies, 100)


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("engine", ENGINES[:2])
def test_twenty_thousand_requests(shoot, engine, tallies):
    before = tallies.get(engine, Tally(engine)).total
    for batch in range(BATCHES):
        seed = SEED + batch
        with local(ZONES[batch % len(ZONES)]), shoot(engine, seed) as run:
            run.draw(fuzz_routes.every, BATCH, seed)
        print(f"{engine}: batch {batch + 1} of {BATCHES}", flush=True)
    with shoot(engine, SEED) as run:
        for drafts in fuzz_document.operations(run.document).values():
            run.draw(drafts, 60, SEED)
    assert tallies[engine].total - before >= 20_000


@pytest.mark.acceptance
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_route_with_every_method_role_and_microversion(shoot, engine, tallies):
    with shoot(engine, SEED) as run:
        for request in fuzz_routes.sweep(run.world):
            run.send(request)
    sent = tallies[engine].routes
    for method, path in fuzz_routes.declared():
        for role in ROLES:
            assert sent[method, path, role], f"no {method} {path} as {role}"


@pytest.mark.acceptance
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("engine", ENGINES)
def test_eight_clients_at_once(shoot, engine):
    for seed in range(SEED, SEED + 4):
        with shoot(engine, seed) as run:
            storm(run, drawn(fuzz_routes.changes, 500, seed))


@pytest.mark.acceptance
@pytest.mark.timeout(1200)
def test_thousands_through_a_web_server(fresh, tallies, tmp_path):
    served(fresh("sqlite"), tmp_path, tallies, 3000)


@contextlib.contextmanager
def local(zone):
    """The time zone of this process, which times without an offset are in"""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def described(run):
    """Drafts of all operations of the API's own description, each as often"""
    drafts = list(fuzz_document.operations(run.document).values())
    return st.sampled_from(drafts).flatmap(lambda source: source)


def fit(request):
    """Whether a request gets to the application, and needs no engine for its answer"""
    asking = ("/state", "/data_model")
    return fit_for_http(request) and not any(part in request.path for part in asking)


def served(world, folder, tallies, number):
    """Fuzz watcher-api as a process on the database of ``world``"""
    config = folder / "watcher.conf"
    config.write_text(
        "[DEFAULT]\nenable_authentication = false\ntransport_url = fake://\n"
        "notification_level =\nrpc_response_timeout = 1\n"
        f"[database]\nconnection = {world.url}\n[api]\nworkers = 1\nready_model_age = 0\n"
    )
    server = web.WatcherApi(folder, config).start()
    wire = Socket(LOOPBACK, server.port)
    run = Run(world, wire, tallies.setdefault("watcher-api", Tally("watcher-api")))
    try:
        run.draw(fuzz_routes.every, number, SEED, only=fit)
        run.walk()
        assert server.process.poll() is None
    finally:
        run.close()
        wire.close()
        server.stop()
    assert not run.failures, "\n".join(run.failures.values())
