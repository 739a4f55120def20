"""Values go in and come out alike on each engine: views, times, structured values."""

import datetime
import os
import time

import pytest
import sqlalchemy as sa

from tests.unit.api import annex
from watcher.db import services

AUDIT = {"name": "b", "audit_type": "CONTINUOUS", "goal": "dummy", "interval": "60"}


@pytest.fixture
def filled(client, database):
    """One row of everything"""
    client.post("/v1/audit_templates", {"name": "t", "goal": "dummy"})
    client.plan(client.post("/v1/audits", AUDIT).json["uuid"])
    database.write(services.beat, "watcher-applier", "h1", runtime="t")
    return client


def test_fields_of_every_view_at_every_version(filled):
    for noun in annex.NOUNS:
        for minor in annex.VERSIONS:
            annex.check(filled, noun, minor)


@pytest.fixture
def far_away(monkeypatch, database, request):
    """The server's clock shows Kathmandu's time, the database's sessions Tahiti's"""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    zone = {"mysql": "SET time_zone = '-10:00'", "postgresql": "SET timezone = '+10'"}
    statement = zone.get(database.engine.dialect.name)

    @sa.event.listens_for(database.engine, "checkout")
    def move(connection, record, proxy):
        if statement:
            cursor = connection.cursor()
            cursor.execute(statement)
            cursor.close()

    yield
    monkeypatch.undo()
    os.environ.setdefault("TZ", "UTC")
    time.tzset()


def test_times_are_utc_wherever_server_and_database_are(far_away, client, database):
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=2)
    times = {"start_time": "2026-03-01T05:45:00", "end_time": "2026-03-02T00:00:00Z"}
    made = client.post("/v1/audits", {**AUDIT, **times}).json
    # Without an offset it is the server's local time.
    assert made["start_time"] == "2026-03-01T00:00:00"
    assert made["end_time"] == "2026-03-02T00:00:00"
    path = f"/v1/audits/{made['uuid']}"
    assert client.get(path).json == made
    end = ("replace", "/end_time", "2026-03-05 05:45")
    changed = client.patch(path, end).json
    assert changed["end_time"] == "2026-03-05T00:00:00"
    client.patch(path, ("replace", "/state", "CANCELLED"))
    client.delete(path)
    gone = client.get(path, X_Show_Deleted="1").json
    after = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    for name in ("created_at", "updated_at", "deleted_at"):
        assert before < datetime.datetime.fromisoformat(gone[name]) < after, name
    database.write(services.beat, "watcher-applier", "h1", runtime="t")
    service = client.get("/v1/services/watcher-applier").json
    seen = datetime.datetime.fromisoformat(service["last_seen_up"] + "+00:00")
    assert before < seen < after and service["status"] == "ACTIVE"


VALUES = [
    {"text": '\u00e4\u4e2d\U0001f600 "quoted" \\ % \' ; --', "empty": ""},
    {"number": 10**17, "small": -(10**17), "float": 0.1, "large": 1e300},
    {"deep": {"a": [{"b": [[], {}, None, True, False]}]}},
    {"": 0, "a.b": 1, "A": 2, "a": 3, "%s": 4, ":x": 5},
    {"long": "x" * 20_000},
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_structured_values_come_back_as_they_were(client, value):
    scope = [{"compute": [{"exclude": [{"instance_metadata": [value]}]}]}]
    body = {"name": "t", "goal": "dummy", "scope": scope}
    made = client.post("/v1/audit_templates", body)
    assert made.status == 201 and made.json["scope"] == scope
    patch = ("add", "/scope/-", scope[0])
    changed = client.patch("/v1/audit_templates/t", patch)
    assert changed.json["scope"] == scope * 2
    assert client.get("/v1/audit_templates").json["audit_templates"][0]["scope"] == (
        scope * 2
    )
    for direction in ("asc", "desc"):
        path = f"/v1/audit_templates?sort_key=scope&sort_dir={direction}"
        assert client.get(path).status == 200


def test_what_is_too_long_for_a_column_is_refused_whole(client):
    """MariaDB keeps 64 KiB of a scope; nobody gets half of one"""
    rule = {"exclude": [{"instance_metadata": [{"long": "x" * 100_000}]}]}
    body = {"name": "t", "goal": "dummy", "scope": [{"compute": [rule]}]}
    answer = client.post("/v1/audit_templates", body)
    listed = client.get("/v1/audit_templates").json["audit_templates"]
    if answer.status == 400:
        assert listed == []
    else:
        assert listed[0]["scope"] == body["scope"]


def test_seconds_and_smaller_parts(client):
    for text, shown in (
        ("2026-03-01T00:00:00.999999Z", "2026-03-01T00:00:00"),
        ("2026-03-01T23:59:59.5+00:00", "2026-03-01T23:59:59"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59"),
        ("1000-01-01T00:00:00Z", "1000-01-01T00:00:00"),
    ):
        made = client.post("/v1/audits", {**AUDIT, "start_time": text, "name": text})
        assert made.status == 201, made.raw
        path = f"/v1/audits/{made.json['uuid']}"
        assert client.get(path).json["start_time"] == shown
