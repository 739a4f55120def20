"""The API on each of the database engines: one life of an audit, and hostile input."""

import concurrent.futures

import pytest

import watcher.conf
from tests.unit.api.conftest import Bus, Client, seed
from watcher.api import app
from watcher.db import migration
from watcher.db.session import Database
from watcher.plugins import Plugins
from watcher.policy import Enforcer


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def client(database_url, bus):
    conf = watcher.conf.load(
        "test",
        default_config_files=[],
        overrides={
            ("database", "connection"): database_url,
            (None, "enable_authentication"): False,
        },
    )
    database = Database(conf, actor="api")
    migration.create_schema(database.engine)
    database.write(seed)
    yield Client(
        app.build(conf, database, bus, Enforcer(conf), Plugins.of({})), database
    )
    database.dispose()


ONESHOT = {"audit_type": "ONESHOT", "goal": "dummy", "strategy": "dummy", "name": "a"}


def test_life_of_an_audit_and_its_plan(client, bus):
    template = {"name": "t", "goal": "DUMMY", "strategy": "dummy"}
    assert client.post("/v1/audit_templates", template).status == 201
    audit = client.post("/v1/audits", ONESHOT)
    assert audit.status == 201
    path = f"/v1/audits/{audit.json['uuid']}"
    assert client.get(path).json == audit.json
    assert client.post("/v1/audits", ONESHOT).status == 409
    plan = client.plan(audit.json["uuid"])
    action = client.get("/v1/actions").json["actions"][0]["uuid"]
    skip = ("replace", "/state", "SKIPPED")
    assert client.patch(f"/v1/actions/{action}", skip).status == 200
    assert client.post(f"/v1/action_plans/{plan}/start").status == 200
    assert bus.plans == [plan]
    cancel = ("replace", "/state", "CANCELLED")
    assert client.patch(f"/v1/action_plans/{plan}", cancel).status == 200
    assert client.patch(path, cancel).status == 200
    assert client.delete(path).status == 204
    assert client.delete(f"/v1/action_plans/{plan}").status == 204
    for noun in ("audits", "action_plans", "actions"):
        assert client.get(f"/v1/{noun}/detail").json == {noun: []}


def test_every_sort_key_of_every_list(client):
    audit = client.post("/v1/audits", ONESHOT).json
    client.plan(audit["uuid"])
    nouns = [kind for kind in app.RESOURCES if hasattr(kind, "noun")]
    for kind in nouns:
        for key in kind.noun.sort_keys:
            for direction in ("asc", "desc"):
                path = f"/v1/{kind.name}?limit=1&sort_key={key}&sort_dir={direction}"
                first = client.get(path)
                assert first.status == 200, (path, first.raw)
                if "next" in first.json:
                    following = first.json["next"].removeprefix("http://localhost")
                    assert client.get(following).status == 200, following


HOSTILE = [
    "9" * 40,
    "2147483648",
    "-1",
    "x" * 5000,
    "%00",
    "%F0%9F%98%80",
    "'; DROP TABLE audits; --",
    "%25",
    "%5C",
    "\u0661".encode().hex(),
    "%D9%A1",
]


@pytest.mark.parametrize("ident", HOSTILE, ids=range(len(HOSTILE)))
def test_identifiers_that_nobody_has(client, ident):
    # 400 when it could not even be stored: four-byte characters, for one.
    for noun in ("goals", "strategies", "audits", "audit_templates", "services"):
        assert client.get(f"/v1/{noun}/{ident}").status in (400, 404), noun
        query = client.get(f"/v1/{noun}?marker={ident}")
        assert query.status in (400, 404), noun
    assert client.get(f"/v1/strategies?goal={ident}").status in (200, 400)
    assert client.get(f"/v1/goals?limit={ident}").status in (200, 400)


@pytest.mark.parametrize("text", ["\U0001f600", "\0", "\ud800", "x" * 100_000, "\\'%"])
def test_texts_that_are_hard_to_store(client, text):
    created = client.post("/v1/audits", {**ONESHOT, "name": text})
    assert created.status in (201, 400)
    template = {"name": "t", "goal": "dummy", "description": text}
    assert client.post("/v1/audit_templates", template).status in (201, 400)
    parameters = {**ONESHOT, "name": "p", "parameters": {"para2": text}}
    assert client.post("/v1/audits", parameters).status in (201, 400)
    for value in ({"goal": text}, {"strategy": text}):
        answer = client.post("/v1/audits", {**ONESHOT, "name": "g", **value})
        assert answer.status in (400, 404)


def test_one_of_many_starts_wins(client, bus):
    audit = client.post("/v1/audits", ONESHOT).json
    path = f"/v1/action_plans/{client.plan(audit['uuid'])}/start"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = [
            answer.status for answer in pool.map(lambda _n: client.post(path), range(8))
        ]
    assert found.count(200) == 1 and set(found) <= {200, 400, 409}
    assert len(bus.plans) == 1
