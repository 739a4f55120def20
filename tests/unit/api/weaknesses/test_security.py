"""Weaknesses of the published API that let people see or do too much."""

import json

import pytest

from tests.unit.api.conftest import Client
from watcher.api import app
from watcher.plugins import Plugins
from watcher.policy import Enforcer

MISSING = "11111111-1111-4111-8111-111111111111"
NOBODY = {"X_Roles": "member"}
BODIES = (None, b"{", b'[{"op": "replace"}]')


def routes(application):
    """Every method of every resource that a rule guards, with an identifier"""
    for kind in app.RESOURCES:
        for path, methods in kind(parts=application).routes.items():
            for method, route in methods.items():
                if route.rule is not None:
                    yield method, f"/v1/{kind.name}/{path}".rstrip("/"), route


class Parts:
    """Enough to build resources from"""

    plugins = Plugins.of({})
    conf = rpc = db = None


GUARDED = list(routes(Parts()))


def test_w02_policy_comes_before_the_body_of_a_template(client):
    body = {"name": "t", "goal": "nope", "strategy": "nope", "scope": 5}
    for raw in (json.dumps(body).encode(), b"{", b""):
        answer = client.send("POST", "/v1/audit_templates", raw=raw, **NOBODY)
        assert answer.status == 403 and "audit_template:create" in answer.fault
        assert b"dummy" not in answer.raw


@pytest.mark.parametrize(
    "method, path, route", GUARDED, ids=[f"{m} {p}" for m, p, _ in GUARDED]
)
def test_w26_a_refusal_tells_nothing(client, audit, method, path, route):
    """Whatever identifier, body, query or microversion: the same 403"""
    client.strict = False  # dozens of answers, and not their shape is asked for
    found = set()
    for ident in (audit["uuid"], "a", MISSING, "no such name", "%00", "1"):
        for raw in BODIES:
            for version in ("1.0", "1.7"):
                query = "?nope=1&limit=x" if version == "1.0" else ""
                answer = client.send(
                    method,
                    path.replace("{id}", ident) + query,
                    raw=raw,
                    version=version,
                    **NOBODY,
                )
                found.add((answer.status, answer.fault))
    [(status, words)] = found
    assert status == 403
    assert words.startswith("Policy doesn't allow ")
    assert client.get(f"/v1/audits/{audit['uuid']}").json == audit


@pytest.fixture
def ruled(conf, database, bus, tmp_path):
    """Return a client of an API whose operator overrides rules"""

    def build(**rules):
        Enforcer(conf)  # declares the library's options
        path = tmp_path / "policy.yaml"
        path.write_text(json.dumps({k.replace("__", ":"): v for k, v in rules.items()}))
        conf.set_override("policy_file", str(path), "oslo_policy")
        return Client(
            app.build(conf, database, bus, Enforcer(conf), Plugins.of({})), database
        )

    return build


ONESHOT_ONLY = "role:admin and 'ONESHOT':%(audit_type)s"


def test_w26_who_may_look_may_not_change(client, audit):
    path = f"/v1/audits/{audit['uuid']}"
    for reader in (
        {"X_Roles": "infra_optim_reader"},
        {"X_Roles": "reader", "OpenStack_System_Scope": "all"},
    ):
        assert client.get(path, **reader).json == audit
        assert client.get("/v1/audits", **reader).json["audits"]
        refused = client.patch(path, ("replace", "/name", "b"), **reader)
        assert refused.status == 403 and "audit:update" in refused.fault
        assert client.post("/v1/audits", {}, **reader).status == 403
    # A project's reader is nobody: rows show the whole cloud.
    for project in ({}, {"X_Project_Id": "p"}, {"OpenStack_System_Scope": "some"}):
        assert client.get(path, X_Roles="reader", **project).status == 403


def test_w26_rules_about_rows_see_the_row(ruled, audit):
    client = ruled(audit__get=ONESHOT_ONLY, audit__update=ONESHOT_ONLY)
    event = client.post("/v1/audits", {"audit_type": "EVENT", "goal": "dummy"}).json
    oneshot, event = (f"/v1/audits/{row['uuid']}" for row in (audit, event))
    rename = ("replace", "/name", "b")
    assert client.get(oneshot).status == 200
    assert client.get(event).status == 403
    assert client.patch(oneshot, rename).status == 200
    assert client.patch(event, rename).status == 403
    # Where the row decides, one that is missing looks like one that is kept secret.
    missing = client.get(f"/v1/audits/{MISSING}")
    assert (missing.status, missing.fault) == (403, client.get(event).fault)
    assert client.get(oneshot, **NOBODY).status == 403


def test_w26_no_project_owns_a_row(ruled, audit):
    client = ruled(audit__get="project_id:%(project_id)s", audit__get_all="@")
    mine = {"X_Project_Id": "p", "X_Roles": "member"}
    assert client.get("/v1/audits", **mine).status == 200
    assert client.get(f"/v1/audits/{audit['uuid']}", **mine).status == 403


def test_w26_a_row_rule_holds_on_every_method_of_a_row(ruled, audit):
    """Nobody forgets to ask about the row: whoever may only see EVENT, sees no other"""
    other = "role:admin and 'EVENT':%(audit_type)s"
    client = ruled(audit__get=other, audit__update=other, audit__delete=other)
    path = f"/v1/audits/{audit['uuid']}"
    for method, rest in (
        ("GET", ""),
        ("GET", "/explanation"),
        ("PATCH", ""),
        ("DELETE", ""),
    ):
        answer = client.send(method, path + rest, [] if method == "PATCH" else None)
        assert answer.status == 403, (method, rest)


@pytest.mark.parametrize(
    "rule", ["http://127.0.0.1:9/%(name)s", "http://127.0.0.1:9/", "https://[::1]:9/"]
)
def test_w26_a_silent_policy_server_is_nobodys_fault(ruled, rule, audit):
    client = ruled(audit__get=rule, audit__get_all=rule)
    for path in (f"/v1/audits/{audit['uuid']}", "/v1/audits"):
        answer = client.get(path)
        # A list has no name to make an address of.
        assert answer.status == 503 or (answer.status == 403 and "name" in rule)
        assert b"127.0.0.1" not in answer.raw


def test_w26_a_policy_file_that_broke_meanwhile_lets_nobody_in(ruled, conf):
    client = ruled(goal__get_all="@")
    assert client.get("/v1/goals", **NOBODY).status == 200
    with open(conf.oslo_policy.policy_file, "w") as file:
        file.write("goal:get_all: [")
    assert client.get("/v1/goals").status == 503


class Broken:
    """A database that fails as no database should"""

    secrets = "UPDATE audits SET name='secret'", "watcher.db.SecretClass", "<object at"

    def read(self, fn, /, *args, **kwargs):
        raise RuntimeError(" ".join(self.secrets))

    write = ping = read


@pytest.mark.parametrize("form", ["application/json", "application/xml"])
def test_w27_nothing_internal_is_told(conf, form):
    client = Client(
        app.build(conf, Broken(), None, Enforcer(conf), Plugins.of({})), None
    )
    for method, path, body in (
        ("GET", "/v1/audits", None),
        ("GET", f"/v1/actions/{MISSING}", None),
        ("POST", "/v1/audits", {"audit_type": "ONESHOT", "goal": "dummy"}),
        ("PATCH", "/v1/audit_templates/t", []),
        ("DELETE", "/v1/audits/a", None),
    ):
        answer = client.send(method, path, body, Accept=form)
        assert answer.status == 500
        assert answer.headers["x-openstack-request-id"].encode() in answer.raw or (
            form == "application/xml"
        )
        for secret in (*Broken.secrets, "secret", "RuntimeError", "Traceback", "File "):
            assert secret.encode() not in answer.raw


def test_w27_refusals_speak_of_what_was_sent_alone(client, audit):
    plan = client.plan(audit["uuid"])
    for value in ([], [1], "x", 5, 1.5, True, None, {"a": None}, [{"op": []}]):
        raw = json.dumps(value).encode()
        for method, path in (
            ("POST", "/v1/audits"),
            ("POST", "/v1/audit_templates"),
            ("POST", f"/v1/action_plans/{plan}/start"),
            ("PATCH", f"/v1/action_plans/{plan}"),
            ("PATCH", "/v1/audits/a"),
        ):
            answer = client.send(method, path, raw=raw)
            assert answer.status in (200, 400)
            for word in (b"<class", b"<object", b" at 0x", b"watcher.", b"Traceback"):
                assert word not in answer.raw, (method, path, value)


def test_w28_ids_of_rows_are_no_identifiers(client, audit, database):
    client.post("/v1/audit_templates", {"name": "t", "goal": "dummy"})
    for noun in ("goals", "strategies", "audits", "audit_templates", "scoring_engines"):
        assert len(client.get(f"/v1/{noun}").json[noun]) > 0
        assert client.get(f"/v1/{noun}/1").status == 404
    for noun in ("action_plans", "actions"):
        assert client.get(f"/v1/{noun}/1").status == 400
    body = {"audit_type": "ONESHOT", "goal": "1"}
    assert client.post("/v1/audits", body).status == 404
    body = {"audit_type": "ONESHOT", "goal": "dummy", "strategy": "1"}
    assert client.post("/v1/audits", body).status == 404
    template = {"name": "u", "goal": "dummy", "strategy": "1"}
    assert client.post("/v1/audit_templates", template).status == 400
    for field in ("goal", "strategy", "goal_id", "strategy_id"):
        for path in ("/v1/audits/a", "/v1/audit_templates/t"):
            for value in (1, "1"):
                patch = ("replace", f"/{field}", value)
                assert client.patch(path, patch).status == 400
