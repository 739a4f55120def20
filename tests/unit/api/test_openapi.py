"""The description of the API says what is served, no more and no less."""

import dataclasses
import itertools
import json

import openapi_spec_validator
import pytest

from tests.unit.api.conftest import Client, described
from tests.unit.api.described import at
from watcher.api import app, examples, microversion, openapi, ready
from watcher.cluster.scope.compute import ComputeScope
from watcher.db import action_plans, audit_templates, goals, services
from watcher.db.query import ListQuery
from watcher.domain import states
from watcher.plugins import Plugins
from watcher.policy import Enforcer

TEMPLATE = examples.NEW_AUDITS["template"]["audit_template_uuid"]
MINORS = sorted(microversion.HISTORY)


@pytest.fixture(name="described")
def one_description():
    return described()


@pytest.fixture
def document(described):
    return described.document


@pytest.fixture
def world(client):
    """The identifiers of one row of each noun, by what paths call them"""

    def template(tx):
        goal = goals.list(tx, ListQuery(filters={"name": "dummy"}))[0]
        return audit_templates.create(tx, uuid=TEMPLATE, name="kept", goal_id=goal.id)

    client.db.write(template)
    client.db.write(services.beat, "watcher-applier", "host", runtime="x")
    body = {**examples.NEW_AUDITS["hourly"], "strategy": "dummy", "name": "watched"}
    audit = client.post("/v1/audits", body).json["uuid"]
    plan = client.plan(audit)
    actions = client.get(f"/v1/actions?action_plan_uuid={plan}").json["actions"]
    return {
        "goal": "dummy",
        "strategy": "dummy",
        "scoring_engine": "dummy_scorer",
        "service": "watcher-applier",
        "audit_template": TEMPLATE,
        "audit": audit,
        "action_plan": plan,
        "action": actions[0]["uuid"],
    }


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_it_is_valid(document):
    openapi_spec_validator.validate(document)
    assert document["openapi"] == "3.1.0"
    names = [operation["operationId"] for *_where, operation in operations(document)]
    assert len(names) == len(set(names))
    for *_where, operation in operations(document):
        assert operation["summary"] and "\n" not in operation["summary"]


def test_it_is_the_same_at_every_microversion_and_has_one_name(client):
    first = client.get("/v1/openapi.json", version="1.0")
    assert first.json == {**described().document, "servers": first.json["servers"]}
    assert first.headers["Content-Type"] == "application/json"
    for path in ("/v1/openapi.json", "/openapi.json", "/v1/openapi.json/"):
        assert client.get(path, version="1.7").json == first.json
    assert client.get("/v1/openapi").status == client.get("/v1/openapi.xml").status
    assert client.get("/v1/openapi").status == 404
    # No rule of the policy stands before it; whoever has a token may read it.
    assert client.get("/v1/openapi.json", X_Roles="nobody").status == 200
    paths = [item["path"] for item in client.get("/v1").json["extensions"]]
    assert openapi.PATH in paths and set(paths) <= set(first.json["paths"])


def declared():
    for kind in app.RESOURCES:
        for attribute in dir(kind):
            route = getattr(getattr(kind, attribute), "route", None)
            if route is not None:
                path = f"/v1/{kind.name}/{route.path}".rstrip("/")
                ident = kind.item or (kind.noun.name if hasattr(kind, "noun") else "")
                yield path.replace("{id}", f"{{{ident}}}"), route


def test_every_served_method_is_in_it_and_nothing_else(document):
    served = {("/", "GET"), ("/v1", "GET"), (openapi.PATH, "GET")}
    served |= {(path, "GET") for path in ready.CHECKS}
    served |= {(path, route.method) for path, route in declared()}
    assert {(path, method) for path, method, _op in operations(document)} == served


def test_methods_that_are_not_in_it_are_refused(client, document, world):
    for path, methods in document["paths"].items():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if method.lower() in methods:
                continue
            answer = client.send(method, path.format(**world), {})
            # As published: 400 for methods that need an identifier, 404 for GET /start.
            assert answer.status in (400, 404, 405), (method, path)


@pytest.mark.parametrize("minor", MINORS)
def test_what_is_shown_is_what_is_told(client, described, world, minor):
    version = f"1.{minor}"
    seen = 0
    for path, method, _operation in operations(described.document):
        if method != "GET":
            continue
        for suffix in ("", "?limit=1&sort_dir=desc", "?nope=1"):
            where = path.format(**world) + suffix
            answer = client.get(where, version=version)
            described.compare("GET", where, answer, minor)
            seen += answer.status == 200
    assert seen > 25


def test_a_field_that_is_shown_and_not_told_is_found(client, described, audit):
    path = f"/v1/audits/{audit['uuid']}"
    answer = client.get(path, version="1.0")
    with pytest.raises(AssertionError, match="start_time"):
        described.compare("GET", path, client.get(path, version="1.1"), 0)
    with pytest.raises(AssertionError, match="start_time"):
        described.compare("GET", path, answer, 1)
    more = dataclasses.replace(answer, raw=json.dumps({**answer.json, "x": 1}).encode())
    with pytest.raises(AssertionError, match="'x' was unexpected"):
        described.compare("GET", path, more, 0)


EXAMPLES = [
    (route.method, path, route.status, name, body)
    for path, route in declared()
    for name, body in route.examples.items()
]


@pytest.mark.parametrize(
    "method, path, status, name, body",
    EXAMPLES,
    ids=[f"{method}-{path}-{name}" for method, path, _status, name, _body in EXAMPLES],
)
def test_every_example_is_valid_and_accepted(
    client, described, world, method, path, status, name, body
):
    operation = described.document["paths"][path][method.lower()]
    content = operation["requestBody"]["content"]["application/json"]
    assert content["examples"][name]["value"] == body
    described.validator(json.dumps(content["schema"]), MINORS[-1]).validate(body)
    if "webhooks" in path:
        alarm = client.post("/v1/audits", examples.NEW_AUDITS["alarm"])
        world["audit"] = alarm.json["uuid"]
    if path.endswith(("/pause", "/resume")):
        world["action_plan"] = client.moved(world["audit"])
    if path.endswith("/rollback"):
        plan = world["action_plan"] = client.moved(world["audit"])
        client.db.write(action_plans.step, plan, "ONGOING", "FAILED")
    answer = client.send(method, path.format(**world), body)
    assert answer.status == status, answer.raw
    described.compare(method, path.format(**world), answer, MINORS[-1])


@pytest.mark.parametrize(
    "method, path, body",
    [(method, path, body) for method, path, _status, _name, body in EXAMPLES],
    ids=[f"{method}-{path}-{name}" for method, path, _status, name, _body in EXAMPLES],
)
def test_what_is_answered_to_it_at_every_version_is_told(
    client, described, world, method, path, body
):
    where = path.format(**world)
    for minor in MINORS:
        if isinstance(body, dict) and "name" in body:
            body = {**body, "name": f"{body['name'][:9]}-{minor}"}
        answer = client.send(method, where, body, version=f"1.{minor}")
        described.compare(method, where, answer, minor)
    answer = client.delete(where)
    described.compare("DELETE", where, answer, MINORS[-1])


def test_every_body_has_an_example(document):
    for path, method, operation in operations(document):
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            assert content["examples"], (method, path)


AIMS = [{}, {"goal": "dummy"}, {"audit_template_uuid": TEMPLATE}]
AIMS += [{**AIMS[1], **AIMS[2]}, {"goal": None, **AIMS[2]}, {"goal": ""}]
TIMES = [{}, {"start_time": "2030-01-01"}, {"end_time": "2030-01-01T00:00:00"}]
INTERVALS = [{}, {"interval": None}, {"interval": 60}, {"interval": "*/5 * * * *"}]


@pytest.mark.parametrize("kind", [*states.AUDIT_TYPES, "oneshot", None])
def test_which_audits_are_valid_is_told_as_it_is_judged(client, described, world, kind):
    reference = json.dumps({"$ref": "#/components/schemas/NewAudit"})
    validator = described.validator(reference, MINORS[-1])
    accepted = 0
    for parts in itertools.product(AIMS, TIMES, INTERVALS):
        body = {"audit_type": kind}
        for part in parts:
            body.update(part)
        answer = client.post("/v1/audits", body)
        assert (answer.status == 201) == validator.is_valid(body), body
        accepted += answer.status == 201
    assert accepted or kind not in states.AUDIT_TYPES


ZONES = [{"availability_zones": [{"name": "a"}]}]


@pytest.mark.parametrize(
    "scope",
    [
        *([], {}, None, "x", 1, ["x"], [{}], [{"compute": []}], [{"compute": {}}]),
        *(ZONES, [*ZONES, {}], [{"compute": ZONES}], [{"compute": [{}]}]),
        *([{"compute": ZONES, "storage": [{"volume_types": [{"name": "b"}]}]}],),
        *([{"storage": ZONES}, {"baremetal": []}], [{"storage": [{"x": 1}]}]),
        *([{"host_aggregates": [{"id": 1}, {"name": "c"}]}],),
        *([{"host_aggregates": [{"id": "*"}]}], [{}, *ZONES]),
        *([{"host_aggregates": [{"id": "1"}]}], [{"host_aggregates": ["c"]}]),
        *([{"host_aggregates": [{"id": 1, "name": "c"}]}], [{"cloud": []}]),
        *([*ZONES, {"compute": ZONES}], [{"compute": ZONES}, *ZONES]),
        [{"exclude": [{"instances": [{"uuid": "d"}]}, {"projects": []}]}],
        [{"exclude": [{"instance_metadata": [{"any": {"thing": 1}}], "x": []}]}],
    ],
    ids=json.dumps,
)
def test_which_scopes_are_valid_is_told_as_it_is_judged(client, described, scope):
    reference = json.dumps({"$ref": "#/components/schemas/NewAuditTemplate"})
    body = {"name": "scoped", "goal": "dummy", "scope": scope}
    valid = described.validator(reference, MINORS[-1]).is_valid(body)
    assert (client.post("/v1/audit_templates", body).status == 201) == valid


class Handler:
    """A scope handler of somebody else"""

    def __init_subclass__(cls, schema):
        cls.SCHEMA = schema


class Plain(Handler, schema={"type": "array", "items": {"type": "string"}}):
    pass


class Foreign(Handler, schema={"type": "array", "items": {"$ref": "#/definitions/x"}}):
    pass


class Old(Handler, schema={"items": {"type": "number", "exclusiveMinimum": True}}):
    pass


def test_scopes_are_those_of_the_installed_handlers(conf, database):
    known = {
        "watcher_scope_handlers": {
            "compute": ComputeScope,
            "a": Plain,
            "b": Foreign,
            "c": Old,
        }
    }
    served = app.build(conf, database, None, Enforcer(conf), Plugins.of(known))
    document = Client(served, database).get(openapi.PATH).json
    openapi_spec_validator.validate(document)
    rules = document["components"]["schemas"]["Scope"]["anyOf"][0]["items"][
        "properties"
    ]
    assert rules["a"] == Plain.SCHEMA
    # What would mean something else in this document is not copied into it.
    assert rules["b"] == rules["c"] == {"type": "array"}
    assert {"compute", "storage", "baremetal"} < set(rules)


def test_whether_a_token_is_needed_is_told(conf, database):
    def told():
        # Whoever asks has been let in.
        served = app.build(
            conf, database, None, Enforcer(conf), identity=lambda app: app
        )
        return Client(served, database).get(openapi.PATH).json

    assert told()["security"] == [{"token": []}, {}]
    conf.set_override("enable_authentication", True)
    document = told()
    assert document["security"] == [{"token": []}]
    for path in ("/", "/healthcheck", "/readyz"):
        assert document["paths"][path]["get"]["security"] == []
    assert "security" not in document["paths"]["/v1"]["get"]
    webhook = document["paths"]["/v1/webhooks/{audit}"]["post"]
    assert "security" not in webhook and webhook["x-openstack-policy"]
    assert {"401", "403"} < set(webhook["responses"])
    conf.set_override("enable_webhooks_auth", False, "api")
    webhook = told()["paths"]["/v1/webhooks/{audit}"]["post"]
    assert webhook["security"] == [] and "x-openstack-policy" not in webhook
    assert not {"401", "403"} & set(webhook["responses"])


def test_properties_of_later_versions_are_told_apart():
    schema = {
        "properties": {"old": {}, "new": {"x-openstack-since": "1.5"}},
        "required": ["old"],
    }
    assert set(at(schema, 4)["properties"]) == {"old"}
    assert at(schema, 5)["required"] == ["new", "old"]
