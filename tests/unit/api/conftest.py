"""An API over a database in memory, and a client that speaks to it without a network."""

import dataclasses
import functools
import json
from typing import Any

import pytest
import webob

import watcher.conf
from tests.unit.api.described import Described
from watcher.api import app, openapi
from watcher.cluster.scope.compute import ComputeScope
from watcher.db import (
    action_plans,
    actions,
    goals,
    leases,
    migration,
    operations,
    scoring_engines,
    strategies,
)
from watcher.db.session import Database
from watcher.domain.records import Claim, EfficacyIndicator, NewAction, NewPlan
from watcher.plugins import SCOPE_HANDLERS, Plugins
from watcher.policy import Enforcer

PLUGINS = Plugins.of({SCOPE_HANDLERS: {"compute": ComputeScope}})
SPEC = {
    "properties": {
        "para1": {"type": "number", "default": 3.2, "minimum": 1.0, "maximum": 10.2},
        "para2": {"type": "string", "default": "hello"},
    }
}


class Bus:
    """Remembers what the daemons were woken for"""

    def __init__(self):
        self.audits, self.plans, self.scopes = [], [], []
        self.findings = {"missing": [], "unused": [], "unknown": {}}
        self.decision_engine = self.applier = self

    def trigger_audit(self, ctx, uuid):
        self.audits.append(uuid)
        return True

    def launch_action_plan(self, ctx, uuid):
        self.plans.append(uuid)
        return True

    def check_scope(self, ctx, scope, goal, strategy=None):
        self.scopes.append((scope, goal, strategy))
        if isinstance(self.findings, Exception):
            raise self.findings
        return self.findings

    def get_strategy_info(self, ctx, name):
        return [{"type": "Metrics", "state": [], "mandatory": False, "comment": ""}]


@dataclasses.dataclass
class Answer:
    """What came back"""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def fault(self):
        """The text of an error, decoded as published clients do"""
        return json.loads(self.json["error_message"])["faultstring"]


@functools.cache
def described():
    """The API's description of itself; every answer of every test is compared with it"""
    conf = _conf()
    request = webob.Request.blank(openapi.PATH)
    found = request.get_response(app.build(conf, None, None, Enforcer(conf)))
    return Described(found.json)


class Client:
    """Sends requests straight into the application, as an administrator

    ``strict`` False: answers may be others than the API says it gives.
    """

    strict = True

    def __init__(self, application, database):
        self.app, self.db = application, database
        self.version = "1.7"

    def send(self, method, path, body=None, *, raw=None, version=None, **headers):
        request = webob.Request.blank(path, method=method)
        request.headers["OpenStack-API-Version"] = (
            f"infra-optim {version or self.version}"
        )
        request.headers["X-Roles"] = "admin"
        if body is not None or raw is not None:
            request.body = json.dumps(body).encode() if raw is None else raw
            request.content_type = "application/json"
        for name, value in headers.items():
            request.headers[name.replace("_", "-")] = value
        response = request.get_response(self.app)
        answer = Answer(response.status_int, response.headers, response.body)
        if self.strict:
            described().check(request, answer)
        return answer

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.send("POST", path, body, **more)

    def patch(self, path, *operations, **more):
        return self.send(
            "PATCH",
            path,
            [
                dict(zip(("op", "path", "value"), item, strict=False))
                for item in operations
            ],
            **more,
        )

    def delete(self, path, **more):
        return self.send("DELETE", path, **more)

    def plan(self, audit_uuid, count=2, state="RECOMMENDED"):
        """Store an action plan as a decision engine does; return its UUID"""
        number = len(self.get("/v1/action_plans").json["action_plans"])
        uuid = f"00000000-0000-4000-8000-0000000000{number:02x}"
        found = [
            NewAction(
                uuid=f"{index:08x}-0000-4000-8000-0000000000{number:02x}",
                action_type="nop",
                input_parameters={"message": "hello"},
                parents=[],
            )
            for index in range(count)
        ]
        plan = NewPlan(
            uuid=uuid,
            audit_uuid=audit_uuid,
            strategy_name="dummy",
            state=state,
            actions=found,
            global_efficacy=[],
            efficacy_indicators=[EfficacyIndicator(name="moves", unit="%", value=2.0)],
            explanation={"summary": "two are enough"},
        )
        self.db.write(action_plans.save, plan)
        return uuid

    def moved(self, audit_uuid):
        """Store a plan that runs and has moved a server already"""
        uuid = self.plan(audit_uuid, state="PENDING")
        given = {"resource_id": uuid, "migration_type": "live", "source_node": "a"}

        def run(tx):
            epoch = leases.acquire(
                tx, "me", service="watcher-applier", host="h", ttl_s=20
            )
            claim = Claim("me", epoch)
            action_plans.claim(tx, uuid, claim, "h")
            mine = actions.of_plan(tx, uuid)[0].uuid
            actions.update(tx, mine, action_type="migrate", input_parameters=given)
            actions.step(tx, mine, "PENDING", "ONGOING")
            actions.step(tx, mine, "ONGOING", "SUCCEEDED")
            row = operations.begin(
                tx, action_uuid=mine, plan_uuid=uuid, claim=claim, kind="migrate",
                request_id="req", detail={"source": "a", "dest": "b"},
            )  # fmt: skip
            operations.finish(tx, row.id, "succeeded")

        self.db.write(run)
        return uuid


def _conf():
    return watcher.conf.load(
        "test",
        default_config_files=[],
        overrides={
            ("database", "connection"): "sqlite://",
            (None, "enable_authentication"): False,
        },
    )


@pytest.fixture
def conf():
    return _conf()


def stored(rows):
    """Return the bytes of a database that ``rows`` was called to fill"""
    found = Database(_conf())
    migration.create_schema(found.engine)
    found.write(rows)
    raw = found.engine.raw_connection()
    content = raw.driver_connection.serialize()
    raw.close()
    found.dispose()
    return content


@pytest.fixture(scope="session")
def seeded():
    """The bytes of a database with goals and strategies, made once for the run"""
    return stored(seed)


@pytest.fixture
def database(conf, seeded):
    found = Database(conf, actor="api")
    raw = found.engine.raw_connection()
    raw.driver_connection.deserialize(seeded)
    raw.close()
    yield found
    found.dispose()


def seed(tx):
    """Insert two goals with a strategy each, and a scoring engine"""
    dummy = goals.create(tx, name="dummy", display_name="Dummy goal")
    other = goals.create(
        tx,
        name="saving_energy",
        display_name="Saving energy",
        efficacy_specification=[
            {"name": "moves", "description": "m", "unit": "%", "schema": "{}"}
        ],
    )
    strategies.create(
        tx,
        name="dummy",
        display_name="Dummy strategy",
        goal_id=dummy.id,
        parameters_spec=SPEC,
    )
    strategies.create(tx, name="plain", display_name="Plain", goal_id=other.id)
    scoring_engines.create(tx, name="dummy_scorer", description="d", metainfo="m")


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def application(conf, database, bus):
    return app.build(conf, database, bus, Enforcer(conf), PLUGINS)


@pytest.fixture
def client(application, database):
    return Client(application, database)


@pytest.fixture
def audit(client):
    """A ONESHOT audit that waits for an engine"""
    body = {"audit_type": "ONESHOT", "goal": "dummy", "strategy": "dummy", "name": "a"}
    answer = client.post("/v1/audits", body)
    assert answer.status == 201, answer.raw
    return answer.json
