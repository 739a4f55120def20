"""Webhooks: who may trigger an EVENT audit, with what, and what comes of it."""

import datetime

import pytest
import sqlalchemy as sa
import webob

from tests.unit.api.test_identity import FORGED, Tokens
from watcher.api import app, edge
from watcher.db import audits, history, models, services
from watcher.policy import Enforcer


@pytest.fixture
def event(client):
    body = {"audit_type": "EVENT", "goal": "dummy", "name": "On Alarm"}
    return client.post("/v1/audits", body).json["uuid"]


@pytest.fixture
def row(database, event):
    """Read the audit as the engine sees it"""
    return lambda: database.read(audits.get, event)


def force(database, uuid, state):
    """Bring an audit into a state, whatever it takes"""

    def write(tx):
        table = models.Audit
        tx.execute(sa.update(table).where(table.uuid == uuid).values(state=state))

    database.write(write)


def test_a_trigger_is_accepted_without_a_word(client, bus, event, row):
    answer = client.post(f"/v1/webhooks/{event}", {"alarm": "cpu"}, version="1.0")
    assert answer.status == 202 and answer.raw == b""
    assert "Content-Type" not in answer.headers
    assert bus.audits == [event]
    assert row().triggered_at is not None
    # The row looks as before: only the engine changes it.
    shown = client.get(f"/v1/audits/{event}").json
    assert (shown["state"], shown["updated_at"]) == ("PENDING", None)
    assert "triggered_at" not in shown


@pytest.mark.parametrize("ident", ["On Alarm", "on alarm", "{uuid}", "{uuid}/"])
def test_the_audit_is_found_by_uuid_and_name(client, bus, event, ident):
    ident = ident.format(uuid=event).replace(" ", "%20")
    for path in ("/v1/webhooks/", "/webhooks/"):
        assert client.post(path + ident, {}).status == 202
    assert bus.audits == [event, event]


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b"null",
        b"0",
        b'"x"',
        b"false",
        # Nanoseconds, and worse: nobody stores what a sender's clock says.
        b'{"at": 1764072000000000000, "big": 1e999}',
        b'{"n": ' + b"9" * 6000 + b"}",
    ],
)
def test_any_json_is_taken(client, event, raw):
    assert client.post(f"/v1/webhooks/{event}", raw=raw).status == 202


def test_a_body_must_be_there_and_json(client, bus, event, row):
    path = f"/v1/webhooks/{event}"
    assert client.post(path).status == 400
    assert client.post(path, raw=b"{").status == 400
    assert client.post(path, raw=b"[" * 60 + b"]" * 60).status == 400
    assert client.post(path, {}, Content_Type="text/plain").status == 415
    assert client.post(path + "?x=1", {}).status == 400
    assert bus.audits == [] and row().triggered_at is None


def test_the_route_has_one_method_and_needs_an_audit(client, event):
    assert "audit" in client.post("/v1/webhooks", {}).fault
    for path in ("/v1/webhooks", f"/v1/webhooks/{event}"):
        refused = client.get(path)
        assert (refused.status, refused.headers["Allow"]) == (405, "POST")
    assert client.post(f"/v1/webhooks/{event}/x", {}).status == 404
    assert client.post("/v1/webhooks/nobody", {}).status == 404
    assert "webhooks" in client.get("/v1", version="1.4").json
    assert "webhooks" not in client.get("/v1", version="1.3").json


@pytest.mark.parametrize("kind", ["ONESHOT", "CONTINUOUS"])
def test_other_types_are_refused_by_name(client, bus, kind):
    body = {"audit_type": kind, "goal": "dummy", "name": "other"}
    if kind == "CONTINUOUS":
        body["interval"] = "60"
    client.post("/v1/audits", body)
    bus.audits.clear()
    refused = client.post("/v1/webhooks/other", {})
    assert refused.status == 400 and kind in refused.fault
    assert bus.audits == []


@pytest.mark.parametrize("state", ["PENDING", "ONGOING", "SUCCEEDED", "FAILED"])
def test_what_ran_runs_again_and_what_runs_runs_once_more(
    client, database, bus, event, row, state
):
    force(database, event, state)
    for _ in range(3):
        assert client.post(f"/v1/webhooks/{event}", {}).status == 202
    assert row().state == state and row().triggered_at is not None
    entries = database.read(history.of, "audit", event)
    assert [(e.new, e.actor) for e in entries if e.reason == "triggered"] == [
        (state, "api")
    ]
    # A message may be lost or doubled; each request sends one all the same.
    assert bus.audits == [event] * 3


@pytest.mark.parametrize("state", ["CANCELLED", "SUSPENDED"])
def test_what_was_stopped_is_refused_by_its_state(client, database, event, row, state):
    force(database, event, state)
    refused = client.post(f"/v1/webhooks/{event}", {})
    assert refused.status == 400 and state in refused.fault
    assert row().triggered_at is None


def test_a_deleted_audit_is_not_there(client, database, event):
    force(database, event, "SUCCEEDED")
    assert client.delete(f"/v1/audits/{event}").status == 204
    for ident in (event, "On%20Alarm"):
        answer = client.post(f"/v1/webhooks/{ident}", {}, X_Show_Deleted="true")
        assert answer.status == 404


def test_cancelling_takes_the_trigger_back(client, event, row):
    client.post(f"/v1/webhooks/{event}", {})
    client.patch(f"/v1/audits/{event}", ("replace", "/state", "CANCELLED"))
    assert row().triggered_at is None


def test_engines_of_the_reference_get_the_message_and_no_mark(
    client, database, bus, event, row
):
    def engine(tx):
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        values = {"host": "old", "last_seen_up": now, "created_at": now, "deleted": 0}
        tx.execute(
            sa.insert(models.Service).values(name="watcher-decision-engine", **values)
        )

    database.write(engine)
    assert client.post(f"/v1/webhooks/{event}", {}).status == 202
    assert bus.audits == [event] and row().triggered_at is None
    # Ours took over: its heartbeat marks the row as ours.
    database.write(services.beat, "watcher-decision-engine", "old", runtime="ours")
    client.post(f"/v1/webhooks/{event}", {})
    assert row().triggered_at is not None


# Who may ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("roles", "status"),
    [("admin", 202), ("service", 202), ("member", 403), ("infra_optim_reader", 403)],
)
def test_the_policy_lets_admins_and_services(client, bus, event, roles, status):
    path = f"/v1/webhooks/{event}"
    answer = client.post(path, {}, X_Roles=roles)
    assert answer.status == status
    assert len(bus.audits) == (status == 202)
    if status == 403:
        assert "webhook:trigger" in answer.fault
        # Before anything is looked up: not even whether it exists is told.
        assert client.post("/v1/webhooks/nobody", {}, X_Roles=roles).status == 403


@pytest.fixture
def send(conf, database, bus, event, monkeypatch):
    """Make a sender against an API with Keystone; ``webhooks`` says who may trigger"""
    monkeypatch.setattr(
        edge.auth_token, "AuthProtocol", lambda inner, options: Tokens(inner)
    )
    conf.set_override("enable_authentication", True)

    def make(webhooks_auth):
        conf.set_override("enable_webhooks_auth", webhooks_auth, "api")
        application = app.build(conf, database, bus, Enforcer(conf))

        def post(path, **headers):
            request = webob.Request.blank(path, method="POST", body=b"{}")
            request.content_type = "application/json"
            for name, value in headers.items():
                request.headers[name.replace("_", "-")] = value
            return request.get_response(application).status_int

        return post

    return make


def test_w1_a_token_is_needed_unless_the_option_opens_the_route(send, event, bus):
    post = send(True)
    for path in (f"/v1/webhooks/{event}", f"/webhooks/{event}"):
        assert post(path) == 401
        assert post(path, **FORGED) == 401
        assert post(path, X_Auth_Token="good") == 202
    assert len(bus.audits) == 2


def test_w1_with_the_option_off_anybody_may_trigger_and_nothing_else(
    send, event, bus, client
):
    post = send(False)
    for path in (f"/v1/webhooks/{event}", f"/v1/webhooks/{event}/"):
        assert post(path) == 202
        # What one says about oneself changes nothing.
        assert post(path, **FORGED) == 202
    assert post("/v1/webhooks/nobody") == 404
    assert len(bus.audits) == 4
    # The alias without a version stays behind the token, as published.
    assert post(f"/webhooks/{event}") == 401
    assert post(f"/webhooks/{event}", X_Auth_Token="good") == 202
    for path in ("/v1/audits", "/v1/webhooks", "/v1/audits/webhooks/x"):
        assert post(path, **FORGED) == 401
    # No way around: these are names of audits that there are not.
    for path in ("/v1/webhooks/../audits", "/v1/webhooks/..%2Faudits"):
        assert post(path, **FORGED) == 404


def test_w36_webhooks_and_event_audits_are_there_at_every_microversion(client):
    for minor in range(8):
        version = f"1.{minor}"
        body = {"audit_type": "EVENT", "goal": "dummy", "name": version}
        assert client.post("/v1/audits", body, version=version).status == 201
        answer = client.post(f"/v1/webhooks/{version}", {}, version=version)
        assert answer.status == 202
