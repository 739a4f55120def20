"""Plans that change servers in place, from the audit to the changed cloud."""

import pytest

from tests import servers
from tests.contract.standalone import Standalone, until

ALLOWED = """
[watcher_strategies.actuator]
allowed_actions = nop,resize,stop,start,shelve,unshelve,delete
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    service = Standalone(tmp_path_factory.mktemp("standalone"), ALLOWED)
    try:
        servers.wait_until(service.ready, 90, "standalone service")
        yield service.client("1.5")
    finally:
        service.stop()


def carried_out(client, strategy, parameters=None, goal="unclassified"):
    """Let a strategy decide and its plan be carried out; return plan and actions"""
    audit = client.audit.create(
        audit_type="ONESHOT", goal=goal, strategy=strategy, force=True,
        **({"parameters": parameters} if parameters else {}),
    )  # fmt: skip
    ended = until(client.audit.get, audit.uuid)
    assert ended.state == "SUCCEEDED", ended.status_message
    (plan,) = client.action_plan.list(audit=audit.uuid)
    client.action_plan.start(plan.uuid)
    ended = until(client.action_plan.get, plan.uuid)
    found = client.action.list(action_plan=plan.uuid, detail=True, limit=0)
    return ended, found


def given(*actions):
    """Return the strategy's parameters; an action is (type, server, parameters)"""
    return {
        "actions": [
            {"action_type": kind, "resource_id": uuid, "input_parameters": more}
            for kind, uuid, more in actions
        ]
    }


def seen(client):
    """Return what the compute model shows, by server"""
    rows = client.data_model.list().context
    return {row["server_uuid"]: row for row in rows if row.get("server_uuid")}


def test_actuator_carries_out_what_it_is_given(client):
    before = seen(client)
    running = [u for u, row in before.items() if row["server_state"] == "active"]
    running.sort(key=lambda uuid: (before[uuid]["server_memory"], uuid))
    small, off, away, doomed = running[:4]
    plan, actions = carried_out(
        client, "actuator",
        given(
            ("resize", small, {"flavor": "m1.large"}),
            ("stop", off, {}),
            ("shelve", away, {}),
            ("delete", doomed, {}),
        ),
    )  # fmt: skip
    texts = {a.action_type: (a.state, a.status_message) for a in actions}
    assert texts == dict.fromkeys(
        ("resize", "stop", "shelve", "delete"), ("SUCCEEDED", None)
    )
    assert plan.state == "SUCCEEDED"

    plan, actions = carried_out(
        client, "actuator",
        given(("start", off, {}), ("unshelve", away, {}), ("stop", doomed, {}),
              ("resize", small, {"flavor": "m1.large"})),
    )  # fmt: skip
    assert {a.action_type: a.state for a in actions} == {
        "start": "SUCCEEDED",
        "unshelve": "SUCCEEDED",
        "stop": "SKIPPED",
        "resize": "SKIPPED",
    }
    assert plan.state == "SUCCEEDED"


def test_dummy_with_resize_ends_well_though_its_servers_do_not_exist(client):
    plan, actions = carried_out(client, "dummy_with_resize", goal="dummy")
    assert plan.state == "SUCCEEDED"
    assert plan.status_message == "One or more actions were skipped."
    assert sorted((a.action_type, a.state) for a in actions) == [
        ("migrate", "SKIPPED"),
        ("migrate", "SKIPPED"),
        ("nop", "SUCCEEDED"),
        ("nop", "SUCCEEDED"),
        ("resize", "SKIPPED"),
        ("sleep", "SUCCEEDED"),
    ]
