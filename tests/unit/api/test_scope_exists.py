"""Scopes that name what is not there, asked from a decision engine (decisions.rst D5.8)."""

import logging

import pytest

from watcher import exception
from watcher.broker import NoAnswer
from watcher.db import audit_templates
from watcher.notifications import emit

FAST = {"host_aggregates": [{"name": "fast"}]}
SCOPE = [{"storage": []}, {"compute": [FAST]}]
TEMPLATE = {"name": "t", "goal": "dummy", "strategy": "dummy", "scope": SCOPE}
PATH = "/1/compute/0/host_aggregates/0/name"
LOST = {"path": PATH, "what": "host aggregate", "name": "fast"}


def findings(missing=(), unused=(), unknown=None):
    return {
        "missing": list(missing),
        "unused": list(unused),
        "unknown": unknown or {},
    }


@pytest.fixture
def told(database):
    """The notifications that were written"""
    found = []

    def add(tx, event_type, priority, payload, context):
        found.append((event_type, priority, payload["watcher_object.data"]))

    class Related:
        goal = strategy = audit = plan = staticmethod(lambda tx, ident: None)

    database._info["observer"] = emit.Observer("api", "info", add, Related())
    return found


@pytest.fixture(params=["POST template", "PATCH template", "PATCH audit"])
def store(client, bus, request):
    """Return a function that stores a scope, by each way there is"""
    audit = {"audit_type": "CONTINUOUS", "goal": "dummy", "interval": "9", "name": "a"}
    client.post("/v1/audits", audit)
    client.post("/v1/audit_templates", {**TEMPLATE, "name": "old", "scope": []})

    def call(scope=SCOPE):
        if request.param == "POST template":
            body = {**TEMPLATE, "scope": scope}
            return client.post("/v1/audit_templates", body)
        path = "audit_templates/old" if "template" in request.param else "audits/a"
        return client.patch(f"/v1/{path}", ("replace", "/scope", scope))

    assert bus.scopes == []
    return call


def stored(client):
    rows = client.get("/v1/audit_templates").json["audit_templates"]
    rows += client.get("/v1/audits").json["audits"]
    return [row["scope"] for row in rows if row["scope"]]


def test_what_is_there_is_stored(store, client, bus, told):
    assert store().status in (200, 201)
    [(scope, goal, _strategy)] = bus.scopes
    assert (scope, goal) == (SCOPE, "dummy") and stored(client) == [SCOPE]
    assert not [event for event, *_ in told if event.startswith("audit.scope")]


def test_what_is_missing_is_refused_with_its_path_and_nothing_is_stored(
    store, client, bus
):
    """audits.md S1: not even by a patch"""
    bus.findings = findings([LOST])
    answer = store()
    assert answer.status == 400
    assert answer.fault.startswith("Invalid input for field/attribute scope. Value: ")
    assert answer.fault.endswith(f". /scope{PATH}: there is no host aggregate 'fast'")
    assert stored(client) == []


def test_paths_of_the_flat_form_point_into_what_was_sent(store, bus):
    path = "/0/compute/1/host_aggregates/0/name"
    bus.findings = findings([{**LOST, "path": path}])
    answer = store([{"exclude": []}, {"host_aggregate": [{"name": "fast"}]}])
    assert "/scope/1/host_aggregates/0/name: there is no" in answer.fault


def test_a_section_that_nobody_looks_at_is_refused(store, bus):
    bus.findings = findings(unused=["/1/compute"])
    answer = store()
    assert answer.status == 400
    assert "/scope/1/compute: " in answer.fault
    assert "look" in answer.fault and "at the compute model" in answer.fault


def test_whose_strategies_do_not_look_is_said(client, bus):
    bus.findings = findings(unused=["/1/compute"])
    assert "the strategy 'dummy' does not look at" in (
        client.post("/v1/audit_templates", TEMPLATE).fault
    )
    body = {**TEMPLATE, "strategy": None}
    assert "no strategy of the goal 'dummy' looks at" in (
        client.post("/v1/audit_templates", body).fault
    )


def test_many_are_counted(client, bus):
    bus.findings = findings([{**LOST, "name": f"n{i}"} for i in range(9)])
    fault = client.post("/v1/audit_templates", TEMPLATE).fault
    assert fault.count("there is no") == 5 and fault.endswith("; and 4 more")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (NoAnswer(reason="in 2 s"), "in 2 s"),
        (exception.NotReady(reason="the broker is away"), "the broker is away"),
        (exception.WatcherException("does not support version 1.1"), "1.1"),
        (findings(unknown={"compute": "not read yet"}), "compute model: not read yet"),
        (None, "not understood"),
        ([], "not understood"),
        ({}, None),
    ],
    ids=repr,
)
def test_nobody_who_could_tell_is_no_reason_to_refuse(
    store, client, bus, told, caplog, answer, why
):
    caplog.set_level(logging.WARNING)
    bus.findings = answer
    assert store().status in (200, 201) and stored(client) == [SCOPE]
    warned = [item for item in told if item[0] == "audit.scope.unchecked"]
    if why is None:
        assert not warned and "not checked" not in caplog.text
        return
    [(_event, priority, data)] = warned
    assert priority == "warning" and why in data["reason"] and data["missing"] == []
    assert data["scope"] == SCOPE and data["resource"] in ("audit", "audit_template")
    assert "is not checked" in caplog.text and why in caplog.text


@pytest.mark.parametrize("scope", [[], None, [{"compute": []}], {}], ids=str)
def test_scopes_that_say_nothing_ask_nobody(client, bus, scope):
    body = {**TEMPLATE, "scope": scope}
    if scope is None:
        del body["scope"]
    assert client.post("/v1/audit_templates", body).status == 201
    assert bus.scopes == []


def test_other_changes_ask_nobody(client, bus):
    """A template whose scope became invalid can still be renamed, and lose its scope"""
    client.post("/v1/audit_templates", TEMPLATE)
    bus.scopes.clear()
    bus.findings = findings([LOST])
    path = "/v1/audit_templates/t"
    assert client.patch(path, ("replace", "/description", "x")).status == 200
    assert client.patch(path, ("replace", "/name", "u")).status == 200
    path = "/v1/audit_templates/u"
    assert bus.scopes == []
    assert client.patch(path, ("remove", "/scope")).status == 200
    assert bus.scopes == []


def test_another_goal_is_asked_about(client, bus):
    client.post("/v1/audit_templates", TEMPLATE)
    bus.scopes.clear()
    bus.findings = findings(unused=["/1/compute"])
    answer = client.patch(
        "/v1/audit_templates/t",
        ("replace", "/goal", "saving_energy"),
        ("remove", "/strategy"),
    )
    assert answer.status == 400 and bus.scopes == [(SCOPE, "saving_energy", None)]


def test_other_mistakes_are_told_before_anybody_is_asked(client, bus):
    for change in ({"goal": "nope"}, {"strategy": "plain"}, {"scope": [5]}):
        assert client.post("/v1/audit_templates", {**TEMPLATE, **change}).status == 400
    assert bus.scopes == []


def test_a_row_that_changes_meanwhile_is_asked_about_again(client, bus, database):
    """What is stored is what was judged, also when two clients change one template"""
    client.post("/v1/audit_templates", {**TEMPLATE, "scope": []})
    other = [{"compute": [{"availability_zones": [{"name": "z"}]}]}]
    asked = bus.check_scope

    def meanwhile(ctx, scope, goal, strategy=None):
        if len(bus.scopes) == 0:
            uuid = client.get("/v1/audit_templates/t").json["uuid"]
            database.write(audit_templates.update, uuid, scope=other)
        return asked(ctx, scope, goal, strategy)

    bus.check_scope = meanwhile
    answer = client.patch("/v1/audit_templates/t", ("add", "/scope/-", SCOPE[1]))
    assert answer.status == 200
    assert [scope for scope, *_ in bus.scopes] == [[SCOPE[1]], [*other, SCOPE[1]]]
    assert answer.json["scope"] == [*other, SCOPE[1]]


def test_one_that_always_changes_is_a_conflict(client, bus, database):
    client.post("/v1/audit_templates", {**TEMPLATE, "scope": []})
    uuid = client.get("/v1/audit_templates/t").json["uuid"]
    asked = bus.check_scope

    def meanwhile(ctx, scope, goal, strategy=None):
        zone = [{"compute": [{"availability_zones": [{"name": str(len(bus.scopes))}]}]}]
        database.write(audit_templates.update, uuid, scope=zone)
        return asked(ctx, scope, goal, strategy)

    bus.check_scope = meanwhile
    patch = ("add", "/scope/-", SCOPE[1])
    assert client.patch("/v1/audit_templates/t", patch).status == 409
