"""What the published test-suite relies on: rest-api T1 to T16, one test each.

The suite itself runs against a real control plane, see tests/cloud/test_tempest.py.
"""

import datetime
import re
import time

import pytest
from watcherclient import exceptions

from tests.contract.lines import JSON
from tests.contract.standalone import planned, until
from tests.contract.wire import Wire

# What may differ between the answer to a creation and a look a moment later.
MOVING = {
    "created_at",
    "updated_at",
    "deleted_at",
    "state",
    "hostname",
    "next_run_time",
}
LISTS = ("goals", "strategies", "scoring_engines", "services", "audit_templates",
         "audits", "action_plans", "actions")  # fmt: skip


@pytest.fixture
def wire(standalone):
    return Wire(standalone.url)


@pytest.fixture(scope="module")
def done(client):
    """A finished audit, its plan and the plan's actions, and a template somewhere"""
    client.audit_template.create(name="suite", goal="dummy")
    audit, plan = planned(client)
    return audit, plan, client.action.list(action_plan=plan.uuid, detail=True)


def _replace(path, value):
    return [{"op": "replace", "path": path, "value": value}]


def test_t01_status_codes(wire):
    made = wire.client.audit_template.create(name="t01", goal="dummy")
    assert wire.last.status_code == 201
    wire.client.audit_template.list()
    assert wire.last.status_code == 200
    wire.client.audit_template.get(made.uuid)
    assert wire.last.status_code == 200
    wire.client.audit_template.update(made.uuid, _replace("/description", "x"))
    assert wire.last.status_code == 200
    wire.client.audit_template.delete(made.uuid)
    assert wire.last.status_code == 204


@pytest.mark.parametrize("noun", LISTS)
def test_t02_t03_links_have_no_path_before_the_version(wire, done, noun):
    for view in ("", "/detail"):
        rows = wire.send("GET", f"/v1/{noun}{view}")[1][noun]
        assert rows
        for row in rows:
            ident = row.get("uuid") or row["id"]
            own, bookmark = row["links"]
            assert re.fullmatch(rf"https?://[^/]+/v1/{noun}/{ident}", own["href"])
            assert re.fullmatch(rf"https?://[^/]+/{noun}/{ident}", bookmark["href"])


def test_t04_exact_keys(wire):
    goal = wire.client.goal.get("dummy").to_dict()
    assert set(goal) == {
        "uuid", "name", "display_name", "efficacy_specification", "links", "created_at",
        "updated_at", "deleted_at",
    }  # fmt: skip
    engine = wire.client.scoring_engine.get("dummy_scorer").to_dict()
    assert set(engine) == {"uuid", "name", "description", "metainfo", "links"}
    service = wire.client.service.get("watcher-applier").to_dict()
    assert {"host", "last_seen_up", "status"} <= set(service)
    assert service["last_seen_up"]


def test_t05_the_root_and_the_version(wire):
    root = wire.send("GET", "/")[1]
    assert [version["id"] for version in root["versions"]] == ["v1"]
    assert root["default_version"]["id"] == "v1"
    assert {"audit_templates", "audits", "action_plans", "actions", "links",
            "media_types"} <= set(wire.send("GET", "/v1")[1])  # fmt: skip


def test_t06_what_is_created_is_what_is_shown(wire):
    for kind, words in (
        ("audit_template", {"name": "t06", "goal": "dummy", "strategy": "dummy"}),
        ("audit", {"audit_type": "ONESHOT", "goal": "dummy", "strategy": "dummy"}),
        ("audit", {"audit_type": "CONTINUOUS", "goal": "dummy", "interval": "7200"}),
        ("audit", {"audit_type": "EVENT", "goal": "dummy"}),
    ):
        manager = getattr(wire.client, kind)
        made = manager.create(**words).to_dict()
        shown = manager.get(made["uuid"]).to_dict()
        assert set(made) == set(shown)
        moved = {name for name in made if made[name] != shown[name]}
        assert moved <= MOVING


def test_t07_bodies_that_are_refused_and_nulls_that_are_not(wire):
    for words in ({"audit_template_uuid": "INVALID"}, {"goal": "dummy", "state": "x"}):
        with pytest.raises(exceptions.HTTPBadRequest):
            wire.send("POST", "/v1/audits", body={"audit_type": "ONESHOT", **words})
    nulls = {"interval": None, "parameters": None, "strategy": None}
    body = {"audit_type": "ONESHOT", "goal": "dummy", **nulls}
    assert wire.send("POST", "/v1/audits", body=body)[0].status_code == 201
    body = {"name": "t07", "goal": "dummy", "description": None, "strategy": None}
    assert wire.send("POST", "/v1/audit_templates", body=body)[0].status_code == 201


def test_t08_words_of_refusals(wire, done):
    with pytest.raises(exceptions.HTTPBadRequest, match="State transition not allowed"):
        wire.client.audit.update(done[0].uuid, _replace("/state", "CANCELLED"))
    waiting = wire.client.audit.create(audit_type="EVENT", goal="dummy")
    with pytest.raises(
        exceptions.HTTPBadRequest, match="Couldn't delete when state is"
    ):
        wire.client.audit.delete(waiting.uuid)


@pytest.mark.parametrize("noun", LISTS)
def test_t09_next_starts_from_the_last_row(wire, done, noun):
    body = wire.send("GET", f"/v1/{noun}?limit=1")[1]
    (row,) = body[noun]
    assert str(row.get("uuid") or row["id"]) in body["next"]


def test_t10_names_in_any_case(wire):
    assert wire.client.goal.get("DUMMY").name == "dummy"


def test_t11_patches(wire):
    client = wire.client
    goal = client.goal.get("server_consolidation").uuid
    strategy = client.strategy.get("basic").uuid
    made = client.audit_template.create(name="t11", goal="dummy", strategy="dummy")
    changed = client.audit_template.update(
        made.uuid,
        _replace("/name", "t11-new") + _replace("/description", "new")
        + _replace("/goal", goal) + _replace("/strategy", strategy),
    )  # fmt: skip
    assert (changed.goal_uuid, changed.strategy_uuid) == (goal, strategy)
    assert (changed.name, changed.description) == ("t11-new", "new")
    gone = [{"op": "remove", "path": "/description"}]
    assert client.audit_template.update(made.uuid, gone).description is None
    back = [{"op": "add", "path": "/description", "value": "back"}]
    assert client.audit_template.update(made.uuid, back).description == "back"
    audit = client.audit.create(
        audit_type="CONTINUOUS", goal="dummy", interval="*/2 * * * *"
    )
    changed = client.audit.update(audit.uuid, _replace("/interval", "*/1 * * * *"))
    assert changed.interval == "*/1 * * * *"


def test_t12_the_data_model(wire):
    with pytest.raises(exceptions.HTTPNotFound):
        wire.client.data_model.list(data_model_type="storage")
    for row in wire.client.data_model.list().context:
        for name in ("node_vcpus", "node_memory", "server_vcpus", "server_memory"):
            assert name.startswith("server") or name in row
            assert isinstance(row.get(name, 0), int)
        assert {"node_hostname", "node_uuid", "node_status", "node_state"} <= set(row)


def test_t13_names_that_are_there(wire):
    client = wire.client
    assert {"dummy", "server_consolidation"} <= {g.name for g in client.goal.list(0)}
    assert {"dummy", "basic"} <= {s.name for s in client.strategy.list(limit=0)}
    assert "dummy_scorer" in {s.name for s in client.scoring_engine.list(limit=0)}
    assert {s.name for s in client.service.list()} >= {
        "watcher-decision-engine", "watcher-applier",
    }  # fmt: skip


def test_t14_who_ran_it_is_told(wire, done):
    assert wire.client.audit.get(done[0].uuid).hostname
    audit = wire.client.audit.create(
        audit_type="CONTINUOUS", goal="dummy", interval="3600"
    )
    assert until(wire.client.audit.get, audit.uuid, ("ONGOING",)).hostname


def test_t15_reasons_of_skipped_actions(wire, done):
    ops = _replace("/state", "SKIPPED") + _replace("/status_message", "skipped test")
    skipped = wire.client.action.update(done[2][0].uuid, ops)
    assert skipped.status_message == "Action skipped by user. Reason: skipped test"


def test_t16_times_of_the_service_are_shown_in_utc(command, done):
    # The suite runs where the service does, here two hours ahead of UTC.
    told = datetime.datetime.now().replace(microsecond=0)
    shown = command("audit update", done[0].uuid, "replace",
                    f"end_time={told.isoformat()}", *JSON)  # fmt: skip
    wanted = told - datetime.timedelta(hours=2)
    assert shown["End Time"] == wanted.isoformat()
    assert time.strptime(shown["End Time"], "%Y-%m-%dT%H:%M:%S")
