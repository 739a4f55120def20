"""/healthcheck and /readyz: who is asked, how often, and what is told."""

import threading
import time
import types

import pytest
from sqlalchemy import event

from tests.unit.api.conftest import Client
from watcher.api import app, ready
from watcher.db import services
from watcher.policy import Enforcer


class Broker:
    """A broker that is away, or there"""

    def __init__(self, reason=None):
        self.reason = reason

    def ready(self, kept_s):
        return self.reason


class Silent:
    """A database that takes the question and says nothing until it is released"""

    def __init__(self):
        self.asked, self.released = 0, threading.Event()

    def ping(self):
        self.asked += 1
        self.released.wait(20)


@pytest.fixture
def ask(conf, database):
    def build(db=database, rpc=None, **options):
        for name, value in options.items():
            conf.set_override(name, value, "api")
        application = app.build(conf, db, rpc, Enforcer(conf))
        return Client(application, db)

    return build


def beat(database, age_s, host="h"):
    database.write(
        services.beat,
        "watcher-decision-engine",
        host,
        runtime="ours",
        model_age_s=age_s,
    )


def test_ready_with_database_broker_and_a_model(ask, database):
    beat(database, 10)
    client = ask(rpc=types.SimpleNamespace(broker=Broker()))
    answer = client.get("/readyz", X_Roles="")
    assert answer.status == 200 and answer.json == {"status": "OK", "reasons": []}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["x-openstack-request-id"].startswith("req-")


def test_without_a_model_watcher_cannot_do_its_work(ask):
    answer = ask().get("/readyz")
    assert answer.status == 503
    assert answer.json == {"status": "UNAVAILABLE", "reasons": [ready.NO_MODEL]}


def test_the_newest_model_counts_and_may_be_too_old(ask, database):
    beat(database, 500, "a")
    beat(database, 900, "b")
    answer = ask(ready_model_age=300).get("/readyz")
    assert answer.status == 503
    (reason,) = answer.json["reasons"]
    assert "500 s old" in reason and "(300 s)" in reason
    assert ask(ready_model_age=600).get("/readyz").status == 200


def test_the_age_of_the_model_need_not_matter(ask):
    assert ask(ready_model_age=0).get("/readyz").status == 200


def test_every_reason_is_told_and_no_host(ask):
    class Down:
        def ping(self):
            raise RuntimeError("mysql://user:secret@db.example.org")

    rpc = types.SimpleNamespace(broker=Broker("mq.example.org:5672: refused"))
    answer = ask(Down(), rpc).get("/readyz")
    assert answer.status == 503
    assert answer.json["reasons"] == [ready.NO_DATABASE, ready.NO_BROKER]
    assert b"example.org" not in answer.raw and b"secret" not in answer.raw


def test_healthcheck_asks_nobody_else(ask):
    """It tells who restarts processes; a database that is away comes back without that"""

    class Down:
        def ping(self):
            raise RuntimeError("away")

    client = ask(Down(), types.SimpleNamespace(broker=Broker("away")))
    assert client.get("/healthcheck").json == {"status": "OK", "reasons": []}
    assert client.get("/readyz").status == 503


@pytest.mark.parametrize("path", ["/healthcheck", "/readyz"])
def test_methods(ask, path):
    client = ask(ready_model_age=0)
    head = client.send("HEAD", path)
    assert head.status == 200 and head.raw == b""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        refused = client.send(method, path)
        assert refused.status == 405 and refused.headers["Allow"] == "GET, HEAD"
        assert refused.headers["x-openstack-request-id"]


def test_many_questions_are_few_statements(ask, database):
    seen = []
    event.listen(
        database.engine, "before_cursor_execute", lambda *args: seen.append(args[2])
    )
    client = ask()
    for _ in range(50):
        client.get("/readyz")
        client.get("/healthcheck")
    assert len([text for text in seen if text != "BEGIN"]) == 2


def test_a_silent_database_is_asked_once_and_not_waited_for(monkeypatch):
    silent = Silent()
    probe = ready.Probe("database", silent.ping, "silent", kept_s=0, wait_s=0.3)
    start = time.monotonic()
    told = []
    threads = [
        threading.Thread(target=lambda: told.append(probe.reason())) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["silent"] * 20 and silent.asked == 1
    assert time.monotonic() - start < 2
    # Who comes later does not even wait.
    start = time.monotonic()
    assert probe.reason() == "silent" and time.monotonic() - start < 0.1
    silent.released.set()
    time.sleep(0.1)
    assert probe.reason() is None and silent.asked == 2


def test_an_answer_is_kept_for_a_moment():
    asked = []

    def ask():
        asked.append(1)
        return "why"

    kept = ready.Probe("x", ask, "failure", kept_s=60)
    assert [kept.reason() for _ in range(3)] == ["why"] * 3 and len(asked) == 1
    fresh = ready.Probe("x", ask, "failure", kept_s=0)
    assert [fresh.reason() for _ in range(3)] == ["why"] * 3 and len(asked) == 4
