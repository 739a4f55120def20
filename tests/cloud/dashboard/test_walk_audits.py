"""The pages of templates and audits, and of what they are made from: each list, form and
button, by the numbers of what the dashboard relies on.
"""

import datetime
import json

import pytest
import yaml

from tests import servers
from tests.cloud.dashboard import journey
from watcher import policies

pytestmark = pytest.mark.acceptance


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
