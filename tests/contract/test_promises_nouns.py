"""What the published client relies on in bodies: rest-api C11 to C23, one test each."""

import json

import pytest
from watcherclient import exceptions
from watcherclient.v1 import resource_fields as fields

from tests.contract import lines
from tests.contract.lines import JSON
from tests.contract.standalone import planned, until
from tests.contract.wire import Local, Wire

NOUNS = ("goal", "strategy", "scoring_engine", "service", "audit_template", "audit",
         "action_plan", "action")  # fmt: skip
# Shown by the client, but nothing that rows are sorted by.
UNSORTED = {
    ("service", "status"),
    ("action_plan", "efficacy_indicators"),
    ("action", "description"),
}


@pytest.fixture
def wire(standalone):
    return Wire(standalone.url)


@pytest.fixture(scope="module")
def found(client):
    """An audit from a template, and its plan"""
    made = client.audit_template.create(name="promises", goal="dummy", strategy="dummy")
    audit = client.audit.create(
        audit_type="ONESHOT", audit_template_uuid=made.uuid, force=True
    )
    audit = until(client.audit.get, audit.uuid, ("SUCCEEDED",))
    (plan,) = client.action_plan.list(audit=audit.uuid)
    return audit, plan


@pytest.mark.parametrize("noun", NOUNS)
def test_c11_one_is_an_object_and_lists_have_the_key_of_the_collection(
    wire, found, noun
):
    manager = getattr(wire.client, noun)
    listed = manager.list(limit=1)[0]
    key = wire.last.url.partition("/v1/")[2].partition("/")[0]
    assert isinstance(wire.last.json()[key], list)
    one = manager.get(getattr(listed, "uuid", None) or str(listed.id))
    assert isinstance(wire.last.json(), dict)
    assert one.to_dict().items() >= listed.to_dict().items()


def test_c11_a_list_of_nothing_has_its_key_too(wire, found):
    assert wire.client.audit.list(goal="noisy_neighbor") == []
    assert wire.last.json() == {"audits": []}


@pytest.mark.parametrize("version", lines.VERSIONS)
def test_c12_the_name_of_the_strategy_is_there_though_it_may_be_null(
    standalone, version
):
    client = Wire(standalone.url, version).client
    made = client.audit.create(audit_type="EVENT", goal="dummy")
    listed = client.audit.list(marker=None, sort_key="id", sort_dir="desc", limit=1)
    for row in (made, client.audit.get(made.uuid), *listed):
        assert row.uuid == made.uuid
        assert row.to_dict()["strategy_name"] is None


def test_c12_commands_call_such_a_strategy_auto(command):
    made = command("audit create", "-t", "EVENT", "-g", "dummy", *JSON)
    assert made["Strategy"] == "auto"
    assert command("audit show", made["UUID"], *JSON)["Strategy"] == "auto"


def test_c13_names_are_looked_up_and_uuids_are_sent(command, found):
    command("audit create", "-a", "promises", *JSON)
    looked, made = command.seen
    assert looked.request.path_url == "/v1/audit_templates/promises"
    assert json.loads(made.request.body)["audit_template_uuid"] == looked.json()["uuid"]
    name = f"c13-{command.kind.name}"
    command("audittemplate create", name, "dummy", "-s", "dummy", *JSON)
    goal, strategy, made = command.seen
    assert goal.request.path_url == "/v1/goals/dummy"
    assert strategy.request.path_url == "/v1/strategies/dummy"
    sent = json.loads(made.request.body)
    assert sent["goal"] == goal.json()["uuid"]
    assert sent["strategy"] == strategy.json()["uuid"]


@pytest.mark.parametrize("version", lines.VERSIONS)
def test_c14_what_commands_send_unasked_is_taken(command, version):
    times = ("--start-time", "2099-01-01", "--end-time", "2099-02-01")
    command("audit create", "-t", "CONTINUOUS", "-i", "3600", "-g", "dummy", *times,
            *JSON, version=version)  # fmt: skip
    sent = json.loads(command.seen[-1].request.body)
    assert sent["auto_trigger"] is False
    assert sent.get("force") is (None if version < "1.2" else False)
    assert ("start_time" in sent and "end_time" in sent) is (version > "1.0")


def test_c15_intervals_stay_text_and_a_number_is_no_name(command):
    made = command("audit create", "-t", "CONTINUOUS", "-g", "dummy", "-i", "60", *JSON)
    changed = command("audit update", made["UUID"], "replace", "interval=90", *JSON)
    assert json.loads(command.seen[-1].request.body)[0]["value"] == "90"
    assert changed["Interval"] == "90"
    why = command("audit update", made["UUID"], "replace", "name=123", fails=True)
    assert json.loads(command.seen[-1].request.body)[0]["value"] == 123
    assert "name" in why and "(HTTP 400)" in why


def test_c16_a_plan_is_looked_at_and_then_cancelled(wire, client):
    _audit, plan = planned(client, seconds=10)
    client.action_plan.start(plan.uuid)
    until(client.action_plan.get, plan.uuid, ("ONGOING",))
    assert wire.client.action_plan.cancel(plan.uuid).state == "CANCELLING"
    assert [answer.request.method for answer in wire.seen] == ["GET", "PATCH"]
    assert wire.body == [{"op": "replace", "path": "/state", "value": "CANCELLING"}]
    _audit, plan = planned(client)
    assert wire.client.action_plan.cancel(plan.uuid).state == "CANCELLED"
    assert wire.body == [{"op": "replace", "path": "/state", "value": "CANCELLED"}]


def test_c17_skipping_replaces_the_state_the_reason_or_both(command, client):
    _audit, plan = planned(client)
    action = client.action.list(action_plan=plan.uuid)[0].uuid
    told = [
        (("--state", "SKIPPED"), "Action skipped by user."),
        (("--reason", "a"), "Action skipped by user. Reason: a"),
        (("--state", "SKIPPED", "--reason", "b"), "Action skipped by user. Reason: b"),
    ]
    for words, message in told:
        shown = command("action update", action, *words, *JSON)
        assert {op["op"] for op in json.loads(command.seen[-1].request.body)} == {
            "replace"
        }
        assert (shown["State"], shown["Status Message"]) == ("SKIPPED", message)
    why = command("action update", action, "--reason", "c", version="1.4", fails=True)
    assert "Minimum required version is 1.5" in why and command.seen == []


def test_c18_parameters_are_an_object_and_the_state_is_four_rows(command, client):
    for strategy in client.strategy.list(limit=0, detail=True):
        assert isinstance(strategy.parameters_spec, dict), strategy.name
        assert "parameters_spec" in command("strategy show", strategy.name).replace(
            "Parameters spec", "parameters_spec"
        )
        rows = command("strategy state", strategy.name, *JSON)
        assert [row["Type"] for row in rows] == ["Datasource", "Metrics", "CDM", "Name"]
        assert rows[3]["State"] == strategy.name
        # Lists are printed as JSON text.
        assert isinstance(json.loads(rows[1]["State"]), list)
        assert {"compute_model": "available"} in json.loads(rows[2]["State"])


def test_c19_tables_of_goals_and_plans_are_printed(command, client, found):
    for goal in client.goal.list(limit=0):
        shown = command("goal show", goal.name)
        for indicator in client.goal.get(goal.name).efficacy_specification:
            assert indicator["name"] in shown
    # A plan without indicators, and one that has some.
    for words in (("show", found[1].uuid), ("list", "--audit", found[0].uuid)):
        assert found[1].uuid in command(f"actionplan {words[0]}", *words[1:])
    local = Local()
    plan = local.planned()
    with local.served():
        for words in (("show", plan), ("list", "--detail")):
            shown = command.at(local.url)(f"actionplan {words[0]}", *words[1:])
            assert "Name: moves" in shown and "Value: 2.0" in shown


def test_c20_hosts_without_servers_have_rows_without_servers(command, client):
    rows = client.data_model.list().context
    empty = [row for row in rows if "server_uuid" not in row]
    shown = command("datamodel list", "--detail", *JSON)
    assert len(shown) == len(rows)
    assert len([row for row in shown if row["Server_UUID"] is None]) == len(empty)
    for kind in ("storage", "baremetal"):
        why = command("datamodel list", "--type", kind, fails=True)
        assert f"{kind} could not be found" in why and "(HTTP 404)" in why


def test_c21_services_by_id_and_name_and_scoring_engines_by_name(command, client):
    service = client.service.list()[0]
    by_name = command("service show", service.name, *JSON)
    assert by_name == command("service show", str(service.id), *JSON)
    assert by_name["Name"] == service.name
    shown = command("scoringengine show", "dummy_scorer", *JSON)
    assert shown["Name"] == "dummy_scorer" and shown["Metainfo"]


def test_c22_filters_that_only_the_library_offers_are_taken(wire, found):
    audit, _plan = found
    template = wire.client.audit_template.get("promises").uuid
    wire.client.audit.create(audit_type="EVENT", goal="dummy")
    for told in ("promises", template):
        listed = wire.client.audit.list(audit_template=told, detail=True, limit=0)
        assert audit.uuid in {row.uuid for row in listed}
        assert {row.strategy_name for row in listed} == {"dummy"}
    named = wire.client.audit_template.list(name="promises")
    assert [row.uuid for row in named] == [template]


def test_c23_lists_are_sorted_by_what_is_shown(wire, found):
    shown = {
        "goal": fields.GOAL_FIELDS,
        "strategy": fields.STRATEGY_FIELDS,
        "scoring_engine": fields.SCORING_ENGINE_FIELDS,
        "service": fields.SERVICE_FIELDS,
        "audit_template": fields.AUDIT_TEMPLATE_FIELDS,
        "audit": fields.AUDIT_FIELDS,
        "action_plan": fields.ACTION_PLAN_FIELDS,
        "action": fields.ACTION_FIELDS,
    }
    assert set(shown) == set(NOUNS)
    refused = set()
    for noun, names in shown.items():
        for name in names:
            try:
                getattr(wire.client, noun).list(sort_key=name, limit=2)
            except exceptions.HTTPBadRequest as error:
                assert error.message == f"Invalid sort key: {name}"
                refused.add((noun, name))
    assert refused == UNSORTED
