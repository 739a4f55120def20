"""Goals and strategies that are gone, and what was made while they were there."""

import pytest

from watcher.db import goals, strategies

ONESHOT = {"audit_type": "ONESHOT", "goal": "dummy", "strategy": "dummy"}


@pytest.fixture
def template(client):
    body = {"name": "t", "goal": "dummy", "strategy": "dummy"}
    return client.post("/v1/audit_templates", body).json


@pytest.fixture
def orphans(client, audit, template, database):
    """An audit, a plan and a template whose goal and strategy were deleted"""
    client.plan(audit["uuid"])
    database.write(strategies.soft_delete, audit["strategy_uuid"])
    database.write(goals.soft_delete, audit["goal_uuid"])
    return client


def rows(client, path):
    body = client.get(path).json
    return next(iter(body.values()))


def test_they_are_shown_as_null(orphans):
    for noun in ("audits", "audit_templates"):
        for view in ("", "/detail"):
            [row] = rows(orphans, f"/v1/{noun}{view}")
            for name in ("goal_uuid", "goal_name", "strategy_uuid", "strategy_name"):
                assert row[name] is None
    [plan] = rows(orphans, "/v1/action_plans")
    assert plan["strategy_uuid"] is plan["strategy_name"] is None
    assert plan["audit_uuid"] is not None


def test_filters_find_by_them_all_the_same(orphans, audit):
    for value in ("dummy", audit["goal_uuid"]):
        for noun in ("audits", "audit_templates"):
            assert len(rows(orphans, f"/v1/{noun}?goal={value}")) == 1
    for value in ("dummy", audit["strategy_uuid"]):
        for noun in ("audits", "audit_templates", "action_plans"):
            assert len(rows(orphans, f"/v1/{noun}?strategy={value}")) == 1


def test_they_are_found_when_deleted_ones_are_asked_for(orphans, audit):
    path = f"/v1/goals/{audit['goal_uuid']}"
    assert orphans.get(path).status == 404
    assert orphans.get("/v1/goals/dummy").status == 404
    shown = orphans.get(path, X_Show_Deleted="1").json
    assert shown["name"] == "dummy" and shown["deleted_at"] is not None
    names = [row["name"] for row in rows(orphans, "/v1/goals")]
    assert names == ["saving_energy"]


def test_nothing_new_is_made_of_them(orphans, template, bus):
    bus.audits.clear()
    assert orphans.post("/v1/audits", ONESHOT).status == 404
    from_template = {
        "audit_type": "ONESHOT",
        "audit_template_uuid": template["uuid"],
    }
    refused = orphans.post("/v1/audits", from_template)
    assert refused.status == 400 and "does not exist any more" in refused.fault
    assert bus.audits == []


def test_what_is_left_can_be_changed_and_removed(orphans, audit):
    path = f"/v1/audits/{audit['uuid']}"
    assert orphans.patch(path, ("replace", "/name", "b")).json["name"] == "b"
    assert orphans.patch(path, ("replace", "/strategy", "plain")).status == 400
    both = [("replace", "/goal", "saving_energy"), ("replace", "/strategy", "plain")]
    moved = orphans.patch(path, *both, ("remove", "/parameters")).json
    assert moved["strategy_name"] == "plain"
    orphans.patch(path, ("replace", "/state", "CANCELLED"))
    assert orphans.delete(path).status == 204
    assert orphans.delete("/v1/audit_templates/t").status == 204
