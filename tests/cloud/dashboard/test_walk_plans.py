"""The pages of plans and actions: each list, form and button, by the numbers of what the
dashboard relies on.
"""

import json

import pymysql
import pytest

from tests.cloud.dashboard import journey

pytestmark = pytest.mark.acceptance

# Of this type one runs at a time.
SLOW = {"actions": [
    {"action_type": "sleep", "input_parameters": {"duration": seconds}}
    for seconds in (60, 61)]}  # fmt: skip
FAILING = {"actions": [
    {"action_type": "nop", "input_parameters": {"message": "fails",
                                                "fail_execute": True}}]}  # fmt: skip


def test_d5_an_action_of_a_running_plan_is_not_skipped(desk, traffic, daemons):
    template, audit = journey.name("slow"), journey.name("slow")
    journey.template(desk, template, "Unclassified", "Actuator")
    journey.audit(desk, template, audit, parameters=json.dumps(SLOW))
    plan = journey.plan_of(desk, daemons.client().audit.get(audit).uuid)
    daemons.client().action_plan.start(plan)
    desk.detail("action_plans", plan)
    desk.await_fact("State", "ONGOING")
    sleeps = journey.actions_of(desk, plan)["Sleep"]
    waiting = {state: ident for ident, state in sleeps}["Pending"]
    told = desk.refused(desk.form("Skip Action", waiting))
    desk.picture("actions-skip-refused")
    assert "There was an error submitting the form" in told
    assert ("PATCH", f"/v1/actions/{waiting}", 409) in traffic.requests()
    # This release has no words for the 409: its own server gives up with a 500.
    assert [each[:3] for each in desk.complaints] == ["500"]
    desk.complaints.clear()
    daemons.client().action_plan.cancel(plan)
    desk.detail("action_plans", plan)
    desk.await_fact("State", "CANCELLED")
    desk.picture("action_plans-detail-cancelled")


def test_d6_a_reason_of_200_characters_and_its_edition(desk, daemons, plan):
    nop, other = [ident for ident, _ in journey.actions_of(desk, plan)["Nop"]]
    form = desk.form("Skip Action", nop)
    reason = form.get_by_label("Reason for skipping")
    assert reason.get_attribute("maxlength") == "200"
    longest = "ä" * 200
    reason.fill(longest)
    assert desk.send(form) == "Success: Action was successfully skipped."
    desk.detail("actions", nop, "actions-detail-skipped")
    assert desk.fact("Skip Reason") == f"Action skipped by user. Reason: {longest}"

    desk.detail("action_plans", plan)
    form = desk.form("Skip Action", nop)
    assert "A reason is required" in desk.refused(form)
    desk.picture("actions-skip-form-refused")
    form.get_by_label("Reason for skipping").fill("second thoughts")
    assert desk.send(form) == "Success: Skip reason was successfully updated."
    desk.detail("actions", nop, "actions-detail-edited")
    assert desk.fact("Skip Reason") == "Action skipped by user. Reason: second thoughts"

    desk.detail("action_plans", plan)
    assert desk.send(desk.form("Skip Action", other)) == (
        "Success: Action was successfully skipped."
    )
    desk.detail("actions", other)
    assert desk.fact("Skip Reason") == "Action skipped by user."


def test_d7_an_audit_leads_to_its_plan_which_runs_and_is_archived(
    desk, traffic, daemons, plan
):
    audit = daemons.client().action_plan.get(plan).audit_uuid
    desk.open("audits")
    desk.follow(audit, "Go to Action Plan")
    assert desk.page.url.endswith(f"/action_plans/{plan}/detail")
    desk.open("action_plans")
    assert desk.buttons(plan) == {"Start Action Plan", "Archive Action Plan"}
    assert "Success: Action Plan started" in desk.press(plan, "Start Action Plan")
    assert ("POST", f"/v1/action_plans/{plan}/start", 200) in traffic.requests()
    desk.detail("action_plans", plan)
    desk.await_fact("State", "ONGOING")
    desk.picture("action_plans-detail-ongoing")
    desk.await_fact("State", "SUCCEEDED")
    desk.picture("action_plans-detail-succeeded")
    desk.open("action_plans")
    assert desk.buttons(plan) == {"Archive Action Plan"}
    assert "Success: Action Plan archived" in desk.press(plan, "Archive Action Plan")
    assert plan not in {row[1] for row in desk.rows("action_plans")}
    desk.open("audits")
    assert "Success: Archived Audit" in desk.press(audit, "Archive Audit")


def test_d7_a_failed_plan_cannot_be_started(desk, traffic, daemons):
    template, audit = journey.name("failing"), journey.name("fails")
    journey.template(desk, template, "Unclassified", "Actuator")
    journey.audit(desk, template, audit, parameters=json.dumps(FAILING))
    plan = journey.plan_of(desk, daemons.client().audit.get(audit).uuid)
    desk.open("action_plans")
    desk.press(plan, "Start Action Plan")
    desk.detail("action_plans", plan)
    desk.await_fact("State", "FAILED")
    desk.picture("action_plans-detail-failed")
    assert desk.fact("Status Message")
    desk.open("action_plans", "action_plans-failed")
    told = desk.press(plan, "Start Action Plan")
    desk.picture("action_plans-start-refused")
    assert "Warning: Failed to start the action plan." in told
    assert ("POST", f"/v1/action_plans/{plan}/start", 400) in traffic.requests()
    assert daemons.client().action_plan.get(plan).state == "FAILED"


def test_c19_what_a_plan_achieves_is_shown(desk, daemons, plan):
    # No strategy that is here yet has indicators without a source of metrics.
    link = pymysql.connect(host="127.0.0.1", port=daemons.mariadb.port, user="root",
                           database="watcher", autocommit=True)  # fmt: skip
    with link, link.cursor() as cursor:
        cursor.execute(
            "insert into efficacy_indicators (uuid, name, description, unit, value, data,"
            " action_plan_id, created_at, deleted) select uuid(), 'released', 'Nodes that"
            " become free', '%%', 12.5, 12.5, id, now(), 0 from action_plans"
            " where uuid = %s",
            (plan,),
        )
        cursor.execute(
            "update action_plans set global_efficacy = %s where uuid = %s",
            (json.dumps([{"name": "ratio", "description": "freed of all", "unit": "%",
                          "value": 42.5}]), plan),
        )  # fmt: skip
    desk.open("action_plans", "action_plans-efficacy")
    [row] = [row for row in desk.rows("action_plans") if row[1] == plan]
    assert row[5].split() == ["ratio", "42.5", "%"]
    desk.detail("action_plans", plan, "action_plans-detail-efficacy")
    assert desk.rows("related_efficacy_indicators") == [
        ["released", "Nodes that become free", "%", "12.5"]
    ]
