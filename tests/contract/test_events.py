"""Alarms that start audits, and scoring engines, on the running service."""

import json
import urllib.request

from tests import servers
from tests.contract.standalone import until

HEADERS = {"Content-Type": "application/json", "X-Roles": "service"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
ENDED = ("SUCCEEDED", "FAILED")


def alarm(standalone, audit):
    """Send an alarm as alarm services do; return the status and what came back"""
    request = urllib.request.Request(
        f"{standalone.url}/v1/webhooks/{audit}",
        json.dumps({"alarm": "cpu_high", "at": 1764072000000000000}).encode(),
        HEADERS,
        method="POST",
    )
    with OPENER.open(request, timeout=30) as answer:
        return answer.status, answer.headers.get("Content-Type"), answer.read()


def test_an_alarm_starts_an_event_audit_each_time(standalone, client):
    template = client.audit_template.create(name="on-alarm", goal="dummy")
    audit = client.audit.create(
        audit_type="EVENT",
        audit_template_uuid=template.uuid,
        name="alarmed",
        force=True,
    )
    assert client.audit.get(audit.uuid).state == "PENDING"
    for runs, ident in ((1, "alarmed"), (2, audit.uuid)):
        assert alarm(standalone, ident) == (202, None, b"")
        servers.wait_until(
            lambda n=runs: len(client.action_plan.list(audit=audit.uuid)) == n,
            60,
            f"run {runs}",
        )
        assert until(client.audit.get, audit.uuid, ENDED).state == "SUCCEEDED"
    # A filter that the library has always sent.
    for value in ("on-alarm", template.uuid):
        (found,) = client.audit.list(audit_template=value)
        assert found.uuid == audit.uuid
    client.audit.delete(audit.uuid)
    client.audit_template.delete(template.uuid)


def test_the_sample_engines_are_listed_and_used(client):
    engines = {engine.name: engine for engine in client.scoring_engine.list(limit=0)}
    assert {
        "dummy_scorer",
        *(f"dummy_{name}_scorer" for name in ("min", "max", "avg")),
    } <= set(engines)
    shown = client.scoring_engine.get("dummy_scorer")
    assert len(json.loads(shown.metainfo)["feature_columns"]) == 9
    audit = client.audit.create(
        audit_type="ONESHOT", goal="dummy", strategy="dummy_with_scorer", force=True
    )
    assert until(client.audit.get, audit.uuid).state == "SUCCEEDED"
    (plan,) = client.action_plan.list(audit=audit.uuid)
    found = client.action.list(action_plan=plan.uuid, detail=True, limit=0)
    said = [a.input_parameters["message"] for a in found if a.action_type == "nop"]
    assert len(said) == 3 and any("workload" in text for text in said)
