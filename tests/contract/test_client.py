"""The library of the published client against the standalone service."""

import pytest
from watcherclient import exceptions
from watcherclient.common.apiclient.exceptions import Forbidden

from tests.contract.standalone import GOALS, HOSTS, PAGE, SERVERS, planned, until

MISSING = "00000000-0000-4000-8000-000000000000"


def test_goals_come_in_pages(client):
    assert len(client.goal.list()) == PAGE
    assert len(client.goal.list(limit=PAGE + 1)) == PAGE + 1
    goals = client.goal.list(limit=0, sort_key="name", sort_dir="desc")
    names = [goal.name for goal in goals]
    assert len(names) == GOALS
    assert names == sorted(names, reverse=True)
    following = client.goal.list(marker=goals[PAGE].uuid, sort_key="name", limit=2)
    assert [goal.name for goal in following] == sorted(names)[GOALS - PAGE :][:2]


def test_a_goal_is_found_by_name_in_any_case(client):
    goal = client.goal.get("DUMMY")
    assert (goal.name, goal.display_name) == ("dummy", "Dummy goal")
    assert client.goal.get(goal.uuid).to_dict() == goal.to_dict()


def test_strategies_belong_to_goals_and_say_what_they_need(client):
    found = client.strategy.list(goal="dummy", detail=True)
    assert "dummy" in {s.name for s in found}
    assert {s.goal_name for s in found} == {"dummy"}
    assert client.strategy.get("dummy").parameters_spec["properties"]["para1"]
    needs = {need.type: need for need in client.strategy.state("host_maintenance")}
    assert {"compute_model": "available"} in needs["CDM"].state
    assert needs["Name"].state == "host_maintenance"


def test_services_are_found_by_id_and_name(client):
    found = {s.name: s for s in client.service.list(detail=True)}
    assert {"watcher-applier", "watcher-decision-engine"} <= set(found)
    one = client.service.get("watcher-applier")
    assert one.status == "ACTIVE"
    assert client.service.get(str(one.id)).name == "watcher-applier"


def test_the_data_model_is_cut_to_an_audit(client):
    rows = client.data_model.list().context
    assert len({row["server_uuid"] for row in rows if "server_uuid" in row}) == SERVERS
    zone = [{"compute": [{"availability_zones": [{"name": "az1"}]}]}]
    template = client.audit_template.create(name="zone", goal="dummy", scope=zone)
    audit = client.audit.create(audit_type="EVENT", audit_template_uuid=template.uuid)
    assert audit.scope == zone
    cut = client.data_model.list(audit=audit.uuid).context
    assert 0 < len({row["node_uuid"] for row in cut}) < HOSTS
    assert all(row in rows for row in cut)


def test_templates_live(client):
    made = client.audit_template.create(
        name="nightly", goal="dummy", description="at night"
    )
    assert made.goal_name == "dummy"
    assert made.strategy_name is None
    changed = client.audit_template.update(
        "nightly",
        [
            {"op": "replace", "path": "/description", "value": "by day"},
            {"op": "add", "path": "/strategy", "value": "dummy"},
        ],
    )
    assert (changed.description, changed.strategy_name) == ("by day", "dummy")
    (listed,) = client.audit_template.list(strategy="dummy", detail=True)
    assert listed.to_dict() == client.audit_template.get("nightly").to_dict()
    with pytest.raises(exceptions.Conflict, match="nightly already exists"):
        client.audit_template.create(name="nightly", goal="dummy")
    audit = client.audit.create(audit_type="ONESHOT", audit_template_uuid=made.uuid)
    assert audit.strategy_name == "dummy"
    client.audit_template.delete("nightly")
    with pytest.raises(exceptions.HTTPNotFound, match="nightly could not be found"):
        client.audit_template.get("nightly")


def test_an_audit_leads_to_a_plan_that_runs_to_its_end(client):
    audit, plan = planned(client, name="whole")
    assert (audit.state, plan.state) == ("SUCCEEDED", "RECOMMENDED")
    assert audit.hostname
    actions = client.action.list(action_plan=plan.uuid, detail=True)
    assert sorted(a.action_type for a in actions) == ["nop", "nop", "sleep"]
    second = next(a for a in actions if a.input_parameters.get("message") == "hello")
    skipped = client.action.update(
        second.uuid,
        [
            {"op": "replace", "path": "/state", "value": "SKIPPED"},
            {"op": "replace", "path": "/status_message", "value": "said before"},
        ],
    )
    assert skipped.status_message == "Action skipped by user. Reason: said before"
    assert client.action_plan.start(plan.uuid).state == "PENDING"
    plan = until(client.action_plan.get, plan.uuid)
    assert plan.state == "SUCCEEDED"
    states = {a.uuid: a.state for a in client.action.list(audit=audit.uuid)}
    assert states.pop(second.uuid) == "SKIPPED"
    assert set(states.values()) == {"SUCCEEDED"}


def test_plans_are_cancelled_before_and_while_they_run(client):
    _audit, plan = planned(client)
    assert client.action_plan.cancel(plan.uuid).state == "CANCELLED"
    client.action_plan.delete(plan.uuid)
    with pytest.raises(exceptions.HTTPNotFound, match=plan.uuid):
        client.action_plan.get(plan.uuid)
    _audit, plan = planned(client, seconds=10)
    client.action_plan.start(plan.uuid)
    until(client.action_plan.get, plan.uuid, ("ONGOING",))
    assert client.action_plan.cancel(plan.uuid).state == "CANCELLING"
    assert until(client.action_plan.get, plan.uuid).state == "CANCELLED"


def test_a_continuous_audit_changes_its_interval_and_ends(client):
    audit = client.audit.create(
        audit_type="CONTINUOUS",
        goal="dummy",
        interval="3600",
        name="hourly",
        end_time="2099-01-01 00:00:00",
    )
    # Told in the service's local time, shown in UTC.
    assert audit.end_time == "2098-12-31T22:00:00"
    changes = [{"op": "replace", "path": "/interval", "value": "*/5 * * * *"}]
    assert client.audit.update("hourly", changes).interval == "*/5 * * * *"
    with pytest.raises(exceptions.HTTPBadRequest, match="Couldn't delete when state"):
        client.audit.delete("hourly")
    ended = [{"op": "replace", "path": "/state", "value": "CANCELLED"}]
    assert client.audit.update("hourly", ended).state == "CANCELLED"
    with pytest.raises(exceptions.HTTPBadRequest, match="transition not allowed"):
        client.audit.update("hourly", ended)
    client.audit.delete("hourly")
    with pytest.raises(exceptions.HTTPNotFound, match="hourly could not be found"):
        client.audit.get("hourly")


# What goes wrong ------------------------------------------------------------------------


def test_errors_carry_a_sentence_and_the_request(client):
    with pytest.raises(exceptions.HTTPNotFound) as caught:
        client.goal.get("nothing")
    assert caught.value.message == "Goal nothing could not be found"
    assert caught.value.request_id.startswith("req-")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("audit", "Audit .* could not be found"),
        ("action_plan", "[Aa]ction ?[Pp]lan .* could not be found"),
        ("action", "Action .* could not be found"),
        ("strategy", "Strategy .* could not be found"),
        ("scoring_engine", "ScoringEngine .* could not be found"),
    ],
)
def test_what_is_not_there_is_named(client, kind, sentence):
    with pytest.raises(exceptions.HTTPNotFound, match=sentence):
        getattr(client, kind).get(MISSING)


def test_an_audit_name_is_taken_once(client):
    client.audit.create(audit_type="EVENT", goal="dummy", name="only")
    with pytest.raises(exceptions.Conflict, match="only already exists"):
        client.audit.create(audit_type="EVENT", goal="dummy", name="only")


def test_a_finished_plan_does_not_start(client):
    _audit, plan = planned(client)
    client.action_plan.cancel(plan.uuid)
    with pytest.raises(exceptions.HTTPBadRequest, match="CANCELLED"):
        client.action_plan.start(plan.uuid)
    with pytest.raises(exceptions.HTTPBadRequest, match="CANCELLED"):
        client.action_plan.cancel(plan.uuid)


def test_storage_is_no_data_model(client):
    with pytest.raises(exceptions.HTTPNotFound, match="storage"):
        client.data_model.list(data_model_type="storage")


@pytest.mark.parametrize("version", ["1.9", "1.2"])
def test_a_wrong_version_tells_the_right_ones(standalone, version):
    # 1.9 is not served at all; at 1.2 there was no data model.
    with pytest.raises(exceptions.UnsupportedVersion) as caught:
        standalone.client(version).data_model.list()
    text = " ".join(str(caught.value).split())
    assert f"Requested API version {version} is not supported" in text
    assert text.endswith("Supported version range is 1.0 to 1.7")


def test_without_the_role_nothing_is_shown(standalone):
    with pytest.raises(Forbidden):
        standalone.client(headers={"X-Roles": "member"}).goal.list()
