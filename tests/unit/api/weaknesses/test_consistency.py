"""Weaknesses of the published API that left rows behind nobody can use.

What needs rivals or engines (W19, W23, W41, W42) is tested on real databases.
"""

import datetime

import pytest

from watcher.db import audits, services

ONESHOT = {"audit_type": "ONESHOT", "goal": "dummy"}
TEMPLATE = {"name": "t", "goal": "dummy"}
CANCEL = ("replace", "/state", "CANCELLED")
SKIP = ("replace", "/state", "SKIPPED")


def say(text):
    return ("add", "/status_message", text)


@pytest.fixture
def silent(bus):
    """A bus that nobody is on"""
    bus.trigger_audit = lambda ctx, uuid: False
    bus.launch_action_plan = lambda ctx, uuid: False


def test_w14_work_waits_for_its_engine_when_no_message_gets_through(
    client, database, silent
):
    made = client.post("/v1/audits", ONESHOT)
    assert (made.status, made.json["state"]) == (201, "PENDING")
    # Engines look for such rows themselves.
    assert database.read(audits.claimable) == [made.json["uuid"]]
    plan = f"/v1/action_plans/{client.plan(made.json['uuid'])}"
    started = client.post(f"{plan}/start", {})
    assert (started.status, started.json["state"]) == (200, "PENDING")
    event = client.post("/v1/audits", {**ONESHOT, "audit_type": "EVENT"}).json["uuid"]
    assert client.post(f"/v1/webhooks/{event}", {}).status == 202
    assert event in database.read(audits.claimable)


def test_w18_generated_names_keep_their_time_and_stay_unique(client):
    uuid = client.post("/v1/audit_templates", {**TEMPLATE, "name": "t" * 63}).json[
        "uuid"
    ]
    body = {"audit_type": "ONESHOT", "audit_template_uuid": uuid}
    names = [client.post("/v1/audits", body).json["name"] for _ in range(5)]
    assert len(set(names)) == 5
    for name in names:
        assert len(name) <= 63 and name.startswith("tttt")
        datetime.datetime.fromisoformat(name.lstrip("t").removeprefix("-"))


@pytest.mark.parametrize("word", ["False", "false", "0", "no", "off", "n", "F", ""])
def test_w20_a_no_in_the_header_means_no(client, audit, word):
    path = f"/v1/audits/{audit['uuid']}"
    client.patch(path, CANCEL)
    client.delete(path)
    assert client.get(path, X_Show_Deleted=word).status == 404
    listed = client.get("/v1/audits", X_Show_Deleted=word).json["audits"]
    assert listed == []


def test_w20_deleted_rows_are_shown_behind_live_ones_and_never_changed(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    client.patch(path, CANCEL)
    client.delete(path)
    live = client.post("/v1/audits", {**ONESHOT, "name": "A"}).json
    shown = {"X_Show_Deleted": "True"}
    assert client.get("/v1/audits/a", **shown).json == live
    assert client.get(path, **shown).json["state"] == "DELETED"
    assert len(client.get("/v1/audits", **shown).json["audits"]) == 2
    deleted = client.get(path, **shown).json
    for answer in (
        client.patch(path, ("replace", "/name", "b"), **shown),
        client.delete(path, **shown),
    ):
        assert answer.status == 404
    assert client.get(path, **shown).json == deleted


def test_w21_a_service_on_several_hosts_is_the_one_seen_last(client, database):
    for host in ("h1", "h2", "h3"):
        database.write(services.beat, "watcher-applier", host, runtime="t")
    database.write(services.beat, "watcher-applier", "h2", runtime="t")
    database.write(services.beat, "watcher-applier", "h3", runtime="t", stopped=True)
    for name in ("watcher-applier", "WATCHER-applier"):
        found = client.get(f"/v1/services/{name}").json
        assert (found["host"], found["status"]) == ("h2", "ACTIVE")
    assert client.get(f"/v1/services/{found['id']}").json["host"] == "h2"
    for ident in ("11111111-1111-4111-8111-111111111111", "nope", "99", "9" * 30):
        answer = client.get(f"/v1/services/{ident}")
        assert answer.status == 404
        assert answer.fault == f"The service {ident} cannot be found."


@pytest.fixture
def action(client, audit):
    client.plan(audit["uuid"])
    return f"/v1/actions/{client.get('/v1/actions').json['actions'][0]['uuid']}"


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [("replace", "/state", "PENDING")],
        [say(None)],
        [say("")],
        [("replace", "/state", "PENDING"), say(None)],
    ],
    ids=str,
)
def test_w24_a_pending_action_that_is_left_alone_gets_no_message(
    client, action, operations
):
    before = client.get(action).json
    answer = client.patch(action, *operations)
    assert answer.status == 200
    for name in ("state", "status_message"):
        assert answer.json[name] == before[name]
    assert before["status_message"] is None


def test_w24_the_reason_of_a_skip_is_kept_until_another_is_given(client, action):
    reason = "Action skipped by user. Reason: no room"
    assert client.patch(action, SKIP, say("no room")).json["status_message"] == reason
    for operations in ([], [SKIP], [say(reason)], [SKIP, say(reason)]):
        assert client.patch(action, *operations).json["status_message"] == reason
    # Edited as it was shown: its beginning is not doubled.
    edited = client.patch(action, say(reason + " now")).json
    assert edited["status_message"] == reason + " now"
    cleared = client.patch(action, say(None)).json
    assert cleared["status_message"] == "Action skipped by user."
