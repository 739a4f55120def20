"""What is shown where, since when, and how it is written."""

import re

import pytest

from tests.unit.api import annex
from watcher.db import services

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00\Z")
NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\Z")
TEMPLATE = {"name": "t", "goal": "dummy"}
AUDIT = {"name": "b", "audit_type": "CONTINUOUS", "goal": "dummy", "interval": "60"}


@pytest.fixture
def filled(client, audit, database):
    """One row of everything"""
    client.post("/v1/audit_templates", TEMPLATE)
    client.plan(audit["uuid"])
    database.write(services.beat, "watcher-applier", "h1", runtime="t")
    return client


@pytest.mark.parametrize("noun", annex.NOUNS)
def test_fields_of_every_view_at_every_version(filled, noun):
    for minor in annex.VERSIONS:
        annex.check(filled, noun, minor)


def test_changes_show_what_a_later_look_shows(filled):
    for minor in annex.VERSIONS:
        version = {"version": f"1.{minor}"}
        made = {}
        for noun, body in (("audits", AUDIT), ("audit_templates", TEMPLATE)):
            body = {**body, "name": f"n{minor}"}
            made[noun] = filled.post(f"/v1/{noun}", body, **version).json
        audit = made["audits"]["uuid"]
        made["action_plans"] = {"uuid": filled.plan(audit)}
        for noun, operation in (
            ("audits", ("replace", "/name", f"x{minor}")),
            ("audit_templates", ("add", "/description", "d")),
            ("action_plans", ("replace", "/state", "PENDING")),
        ):
            path = f"/v1/{noun}/{made[noun]['uuid']}"
            if noun != "action_plans":
                assert set(made[noun]) == annex.shown(noun, minor)
                assert filled.get(path, **version).json == made[noun]
            changed = filled.patch(path, operation, **version).json
            assert set(changed) == annex.shown(noun, minor)
            assert filled.get(path, **version).json == changed
        plan = filled.plan(audit)
        started = filled.post(f"/v1/action_plans/{plan}/start", {}, **version).json
        assert set(started) == annex.shown("action_plans", minor)


def test_actions_just_changed_are_shown_like_others(filled):
    uuid = filled.get("/v1/actions").json["actions"][0]["uuid"]
    for minor in (5, 6, 7):
        version = {"version": f"1.{minor}"}
        skip = ("replace", "/state", "SKIPPED")
        changed = filled.patch(f"/v1/actions/{uuid}", skip, **version).json
        assert set(changed) == annex.shown("actions", minor)
        assert filled.get(f"/v1/actions/{uuid}", **version).json == changed


def test_times_of_rows_have_an_offset_and_times_of_clients_have_none(filled, database):
    database.write(services.beat, "watcher-applier", "h1", runtime="t")
    times = {"start_time": "2026-03-01 00:00Z", "end_time": "2026-03-02T00:00:00Z"}
    made = filled.post("/v1/audits", {**AUDIT, **times}).json
    assert made["start_time"] == "2026-03-01T00:00:00"
    assert made["end_time"] == "2026-03-02T00:00:00"
    for noun in annex.NOUNS:
        for row in filled.get(f"/v1/{noun}/detail").json[noun]:
            for name in ("created_at", "updated_at", "deleted_at"):
                assert row.get(name) is None or STAMP.match(row[name])
            if "created_at" in row:
                assert row["created_at"] is not None and row["deleted_at"] is None
    service = filled.get("/v1/services/watcher-applier").json
    assert NAIVE.match(service["last_seen_up"])


def test_what_is_never_null(filled):
    """Clients walk through these without asking"""
    for strategy in filled.get("/v1/strategies/detail").json["strategies"]:
        assert isinstance(strategy["parameters_spec"], dict)
    for goal in filled.get("/v1/goals").json["goals"]:
        assert isinstance(goal["efficacy_specification"], list)
    for plan in filled.get("/v1/action_plans").json["action_plans"]:
        assert isinstance(plan["efficacy_indicators"], list)
        assert isinstance(plan["global_efficacy"], list)
    for action in filled.get("/v1/actions/detail").json["actions"]:
        assert isinstance(action["parents"], list)
        assert isinstance(action["input_parameters"], dict)
        assert action["description"] == ""
    for row in filled.get("/v1/audits/detail").json["audits"]:
        assert "strategy_name" in row and isinstance(row["scope"], list)


@pytest.mark.parametrize(
    "word, value",
    [
        *((word, True) for word in ("true", "t", "yes", "y", "on", "1", True, 1, -3)),
        *((word, False) for word in ("false", "f", "no", "n", "off", "0", False, 0)),
    ],
    ids=repr,
)
def test_booleans_in_every_spelling(filled, word, value):
    made = filled.post("/v1/audits", {**AUDIT, "auto_trigger": word}).json
    assert made["auto_trigger"] is value
    patch = ("replace", "/force", word)
    assert filled.patch(f"/v1/audits/{made['uuid']}", patch).json["force"] is value


@pytest.mark.parametrize("word", ["True", "YES", "2", "", "x", 1.0, [], {}], ids=repr)
def test_what_is_no_boolean(filled, word):
    for field in ("auto_trigger", "force"):
        assert filled.post("/v1/audits", {**AUDIT, field: word}).status == 400
