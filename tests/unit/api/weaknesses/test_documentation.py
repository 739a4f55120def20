"""Weaknesses of the published documentation: it said what was not so, or nothing."""

import pytest

from watcher.api import openapi
from watcher.domain import states


@pytest.fixture
def document(client):
    return client.get(openapi.PATH).json


def arguments(document, path):
    """Return the query arguments of a GET by name"""
    found = document["paths"][path]["get"]["parameters"]
    return {item["name"]: item for item in found if item.get("in") == "query"}


def test_w35_arguments_of_the_data_model_are_those_that_are_taken(document):
    assert set(arguments(document, "/v1/data_model")) == {
        "data_model_type",
        "audit_uuid",
    }


def test_w35_numbers_of_the_data_model_are_numbers(document):
    answer = document["paths"]["/v1/data_model"]["get"]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]
    row = schema["properties"]["context"]["items"]["properties"]
    for name in ("node_memory", "node_disk", "node_vcpus", "server_vcpus"):
        assert row[name]["type"] == ["integer", "null"]
    assert row["node_disk_ratio"]["type"] == ["number", "null"]


def test_w35_a_refused_deletion_is_a_400_as_told(client, document, audit):
    refused = client.delete(f"/v1/audits/{audit['uuid']}")
    assert refused.status == 400
    for noun in ("audits", "action_plans", "audit_templates"):
        item = next(
            methods
            for path, methods in document["paths"].items()
            if path.startswith(f"/v1/{noun}/{{") and path.endswith("}")
        )
        assert {"204", "400", "404"} <= set(item["delete"]["responses"])


def test_w35_what_a_patch_may_change_is_told_and_true(client, document, audit):
    schemas = document["components"]["schemas"]
    assert "audit_type" not in str(schemas["AuditPatch"])
    patch = ("replace", "/audit_type", "EVENT")
    assert client.patch(f"/v1/audits/{audit['uuid']}", patch).status == 400


def test_w35_every_list_tells_of_its_marker(document):
    lists = [
        path
        for path, methods in document["paths"].items()
        if "sort_key" in str(methods.get("get", {}).get("parameters"))
    ]
    assert len(lists) == 16
    for path in lists:
        assert arguments(document, path)["marker"]["description"]


def test_w46_types_states_and_scopes_can_be_asked_for(document):
    schemas = document["components"]["schemas"]
    kinds = set(states.AUDIT_TYPES)
    for name in ("Audit", "NewAudit"):
        assert set(schemas[name]["properties"]["audit_type"]["enum"]) == kinds
    for name, table in (
        ("Audit", states.AUDIT),
        ("ActionPlan", states.PLAN),
        ("Action", states.ACTION),
    ):
        assert set(schemas[name]["properties"]["state"]["enum"]) == set(table)
    models = schemas["Scope"]
    for word in ("compute", "storage", "baremetal", "host_aggregates", "ironic_nodes"):
        assert word in str(models)
