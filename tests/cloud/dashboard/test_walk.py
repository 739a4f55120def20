"""Every page, form and button of the dashboard, by the numbers of what it relies on."""

import datetime
import json

import pymysql
import pytest
import yaml

from tests import servers
from tests.cloud.dashboard import journey
from watcher import policies

pytestmark = pytest.mark.acceptance

# Of this type one runs at a time.
SLOW = {"actions": [
    {"action_type": "sleep", "input_parameters": {"duration": seconds}}
    for seconds in (60, 61)]}  # fmt: skip
FAILING = {"actions": [
    {"action_type": "nop", "input_parameters": {"message": "fails",
                                                "fail_execute": True}}]}  # fmt: skip


@pytest.fixture(scope="module")
def dummy(person):
    """Name of a template with goal and strategy dummy"""
    name = journey.name("walk")
    journey.template(person, name, "Dummy goal", "Dummy strategy")
    return name


@pytest.fixture
def plan(desk, daemons, dummy):
    """UUID of a fresh plan: nop, nop, and a sleep of eight seconds"""
    name = journey.name("planned")
    journey.audit(desk, dummy, name, parameters='{"para1": 8}')
    return journey.plan_of(desk, daemons.client().audit.get(name).uuid)


def test_d1_features_are_offered_by_the_version_that_the_root_tells(
    desk, traffic, dummy, plan
):
    assert ("GET", "/", 200) in traffic.requests()
    desk.open("audits")
    form = desk.form("Create Audit")
    form.get_by_label("Audit Type").select_option(label="CONTINUOUS")
    assert form.locator("[name=start_time]").is_visible()
    desk.detail("action_plans", plan)
    [(sleep, _)] = journey.actions_of(desk, plan)["Sleep"]
    assert desk.buttons(sleep) == {"Skip Action"}


def test_d2_lists_are_filtered(desk, traffic, daemons, dummy, plan):
    audit = daemons.client().action_plan.get(plan).audit_uuid
    journey.template(desk, journey.name("other"), "Unclassified", "Actuator")
    desk.open("strategies")
    assert {row[3] for row in desk.filter("strategies", "goal", "dummy")} == {"dummy"}
    for panel in ("audit_templates", "audits"):
        desk.open(panel)
        for field, column in (("goal", 2), ("strategy", 3)):
            left = desk.filter(panel, field, "dummy")
            assert left and {row[column] for row in left} == {"dummy"}
            assert desk.filter(panel, field, "nothing") == []
    desk.open("action_plans")
    left = desk.filter("action_plans", "audit", audit)
    assert [row[1:3] for row in left] == [[plan, audit]]
    desk.open("actions")
    left = desk.filter("wactions", "action_plan", plan)
    assert sorted(row[1] for row in left) == ["Nop", "Nop", "Sleep"]
    asked = [path for _, path, _ in traffic.requests()]
    assert "/v1/strategies/detail?goal=dummy" in asked
    assert f"/v1/action_plans/detail?audit_uuid={audit}" in asked
    assert f"/v1/actions/detail?action_plan_uuid={plan}" in asked


def test_d2_a_template_and_the_audits_made_from_it(desk, daemons, dummy, plan):
    client = daemons.client()
    template = client.audit_template.get(dummy).uuid
    desk.detail("audit_templates", template)
    assert desk.fact("Name") == dummy
    # The page has code for a panel of these audits, though this release never shows it.
    audits = client.audit.list(detail=True, audit_template=template)
    assert client.action_plan.get(plan).audit_uuid in {each.uuid for each in audits}
    assert {each.goal_name for each in audits} == {"dummy"}


def test_d3_a_continuous_audit_with_interval_and_local_times(desk, daemons, dummy):
    name = journey.name("continuous")
    start = datetime.datetime.now().replace(microsecond=0) + datetime.timedelta(hours=1)
    end = start + datetime.timedelta(days=1)
    told = journey.audit(
        desk, dummy, name, "CONTINUOUS", interval="*/5 * * * *", auto_trigger=True,
        start_time=start.isoformat(), end_time=end.isoformat(),
    )  # fmt: skip
    assert told == "Success: Audit was successfully created."
    client = daemons.client()
    found = client.audit.get(name)
    assert found.audit_type == "CONTINUOUS" and found.auto_trigger is True
    assert found.interval == "*/5 * * * *"
    utc = [each.astimezone(datetime.UTC).replace(tzinfo=None).isoformat()
           for each in (start, end)]  # fmt: skip
    assert [found.start_time, found.end_time] == utc
    desk.detail("audits", found.uuid, "audits-detail-continuous")
    assert desk.fact("Type") == "CONTINUOUS" and desk.fact("Auto Trigger") == "True"
    assert desk.fact("Start Time") and desk.fact("End Time")
    # It waits for its start, so it may be cancelled, and only then be archived.
    desk.open("audits")
    assert "Archive Audit" not in desk.buttons(found.uuid)
    assert "Success: Cancelled Audit" in desk.press(found.uuid, "Cancel Audit")
    assert client.audit.get(found.uuid).state == "CANCELLED"
    assert "Success: Archived Audit" in desk.press(found.uuid, "Archive Audit")
    assert found.uuid not in {row[0] for row in desk.rows("audits")}


def test_d3_an_interval_in_seconds_runs_again(desk, daemons, dummy):
    name = journey.name("often")
    journey.audit(desk, dummy, name, "CONTINUOUS", interval="2")
    ident = daemons.client().audit.get(name).uuid
    desk.detail("audits", ident, "audits-detail-often")
    desk.await_fact("State", "ONGOING")

    def plans() -> int:
        desk.page.reload()
        return len(desk.rows("related_action_plans"))

    servers.wait_until(lambda: plans() >= 2, 60, "two plans of a continuous audit")
    desk.open("audits")
    assert "Success: Cancelled Audit" in desk.press(ident, "Cancel Audit")


def test_d4_a_template_with_blanks_has_no_strategy_and_no_scope(desk, daemons):
    name = journey.name("blank")
    told = journey.template(desk, name, "Dummy goal")
    assert told == "Success: Audit Template was successfully created."
    found = daemons.client().audit_template.get(name)
    assert found.strategy_uuid is None and found.scope == []
    desk.detail("audit_templates", found.uuid, "audit_templates-blank")
    assert (desk.fact("Goal"), desk.fact("Strategy")) == ("dummy", "-")


def test_d4_a_template_with_all_fields(desk, daemons):
    name = journey.name("full")
    scope = "- compute:\n  - host_aggregates:\n    - id: 1\n"
    told = journey.template(desk, name, "Dummy goal", "Dummy strategy",
                            Description="all of it", Scope=scope)  # fmt: skip
    assert told == "Success: Audit Template was successfully created."
    found = daemons.client().audit_template.get(name)
    assert found.description == "all of it" and found.scope == yaml.safe_load(scope)
    desk.detail("audit_templates", found.uuid, "audit_templates-full")
    assert json.loads(desk.fact("Audit Scope")) == found.scope


def test_d5_a_name_that_exists_is_a_409(desk, traffic, daemons, dummy):
    name = journey.name("twice")
    journey.audit(desk, dummy, name)
    told = journey.audit(desk, dummy, name)
    desk.picture("audits-name-exists")
    assert told.startswith("Error: Error: Audit name already exists.")
    assert ("POST", "/v1/audits", 409) in traffic.requests()


def test_d5_what_the_api_refuses_is_told(desk, dummy):
    told = journey.audit(
        desk, dummy, journey.name("odd"), parameters='{"para1": "much"}'
    )
    desk.picture("audits-refused")
    assert told.startswith("Error: Failed to create audit.")
    told = journey.template(
        desk, journey.name("odd"), "Dummy goal", Scope="- network: 1"
    )
    desk.picture("audit_templates-refused")
    assert told.startswith("Error: Failed to create audit template.")
    # The reason is behind "Details".
    assert "network" in desk.reason()


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


def test_d7_a_template_launches_an_audit_and_is_archived(desk, daemons):
    name = journey.name("launched")
    journey.template(desk, name, "Dummy goal", "Dummy strategy")
    client = daemons.client()
    template = client.audit_template.get(name).uuid
    assert "Success: Launched Audit" in desk.press(template, "Launch Audit")
    [audit] = client.audit.list(audit_template=template)
    journey.plan_of(desk, audit.uuid)
    desk.open("audit_templates")
    assert "Success: Archived Template" in desk.press(template, "Archive Template")
    assert template not in {each.uuid for each in client.audit_template.list()}


def test_d8_our_policy_has_the_rules_of_the_published_file(site):
    published = yaml.safe_load(site.policy_file.read_text())
    ours = {rule.name: rule.check_str for rule in policies.list_rules()}
    # Ours may let in more, the readers of the whole cloud; nobody is locked out.
    assert all(ours[name].startswith(check) for name, check in published.items())


def test_d9_labels_and_parameters_are_those_of_the_plugins(desk, daemons, dummy):
    client = daemons.client()
    desk.open("goals")
    assert len(desk.rows("goals")) == len(client.goal.list())
    for goal in client.goal.list():
        desk.detail("goals", goal.uuid, f"goals-detail-{goal.name}")
        assert desk.fact("Name") == goal.display_name
        assert [row[0] for row in desk.rows("related_strategies")] == [
            each.uuid for each in client.strategy.list(goal=goal.uuid)
        ]
    for strategy in client.strategy.list(detail=True):
        desk.detail("strategies", strategy.uuid, f"strategies-detail-{strategy.name}")
        assert desk.fact("Name") == strategy.display_name
        spec = desk.fact("Parameters Spec")
        assert all(name in spec for name in strategy.parameters_spec["properties"])
    desk.open("audit_templates")
    form = desk.form("Create Template")
    labels = form.get_by_label("Goal").locator("option").all_text_contents()
    assert labels[1:] == [goal.display_name for goal in client.goal.list()]
    desk.open("audits")
    form = desk.form("Create Audit")
    form.get_by_label("Audit Template").select_option(label=dummy)
    form.locator("#strategy-info").wait_for()
    shown = form.locator("#parameters-list code").all_inner_texts()
    assert shown == ["para1", "para2"]


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
