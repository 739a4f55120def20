"""The samples of the API reference are what the API answers.

WATCHER_WRITE_SAMPLES=1 writes them anew; without it a stale one fails.
"""

import datetime
import json
import os
import pathlib
import re
import uuid

import pytest

from tests.unit.api import scene
from tests.unit.api.conftest import described, stored
from watcher.api import openapi

FOLDER = pathlib.Path(__file__).parents[3] / "doc/source/api/samples"
WRITE = bool(os.environ.get("WATCHER_WRITE_SAMPLES"))
HOST = "http://controller:9322"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
_KNOWN = {value for value in vars(scene).values() if isinstance(value, str)}


@pytest.fixture(scope="session")
def seeded():
    return stored(scene.seed)


@pytest.fixture
def bus():
    return scene.Engine()


OPERATIONS = {
    operation["operationId"]: (path, method.upper(), operation)
    for path, methods in described().document["paths"].items()
    for method, operation in methods.items()
}
SENT = [
    (name, example, told["value"])
    for name, (_path, _method, operation) in OPERATIONS.items()
    if "requestBody" in operation
    for example, told in operation["requestBody"]["content"]["application/json"][
        "examples"
    ].items()
]
READ = [
    name
    for name, (path, method, _operation) in OPERATIONS.items()
    if method == "GET" and path != openapi.PATH
]
# What is best seen of another row.
OTHERS = {
    f"action_plans_{what}": {"action_plan": scene.RUNNING}
    for what in ("progress", "history")
}
ERRORS = {
    "error-400": ("POST", "/v1/audits", {"goal": "dummy"}, {}),
    "error-403": ("DELETE", f"/v1/audits/{scene.AUDIT}", None, {"X_Roles": "member"}),
    "error-404": ("GET", "/v1/goals/nope", None, {}),
    "error-405": ("DELETE", "/v1/goals", None, {}),
    "error-406": ("GET", "/v1/data_model", None, {"version": "1.2"}),
    "error-409": ("POST", "/v1/audit_templates", {"name": "at1", "goal": "dummy"}, {}),
}


def steady(document):
    """Return a document with other times and new identifiers, the same on every run"""
    text = json.dumps(document).replace("http://localhost", HOST)
    now = datetime.datetime.now(datetime.UTC).date()
    near = {str(now + datetime.timedelta(days=days)) for days in (-1, 0, 1)}
    seen = {}

    def name(found):
        if found[0] in _KNOWN:
            return found[0]
        return seen.setdefault(
            found[0], str(uuid.uuid5(uuid.NAMESPACE_URL, str(len(seen))))
        )

    def time(found):
        if found[0][:10] not in near:
            return found[0]
        return "2026-03-01T10:00:00"

    return json.loads(_UUID.sub(name, _TIME.sub(time, text)))


def compare(name, document):
    """Fail unless the sample ``name`` holds ``document``; or write it"""
    path = FOLDER / f"{name}.json"
    text = json.dumps(steady(document), indent=2) + "\n"
    if WRITE:
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists() and path.read_text() == text, (
        f"{path.name} is stale; WATCHER_WRITE_SAMPLES=1 writes it anew"
    )


@pytest.mark.parametrize("name", READ)
def test_what_is_read(client, name):
    path, _method, _operation = OPERATIONS[name]
    listing = name.endswith(("_get_all", "_detail")) and name != "data_model_get_all"
    idents = {**scene.IDENTS, **OTHERS.get(name, {})}
    answer = client.get(path.format(**idents) + ("?limit=1" if listing else ""))
    assert answer.status == 200
    compare(f"{name}-response", answer.json)


@pytest.mark.parametrize(
    "name, example, body", SENT, ids=[f"{name}-{each}" for name, each, _body in SENT]
)
def test_what_is_sent(client, name, example, body):
    path, method, _operation = OPERATIONS[name]
    idents = scene.IDENTS
    if name.startswith("webhooks"):
        idents = {"audit": scene.ALARM}
    if name.endswith(("_pause", "_resume")):
        client.db.write(scene.begin)
    if name.endswith("_rollback"):
        idents = {"action_plan": scene.FAILED}
    answer = client.send(method, path.format(**idents), body)
    assert answer.status < 300, answer.raw
    if answer.raw:
        compare(f"{name}-{example}-response", answer.json)


@pytest.mark.parametrize("name", ERRORS)
def test_what_goes_wrong(client, name):
    method, path, body, more = ERRORS[name]
    answer = client.send(method, path, body, **more)
    assert str(answer.status) == name[-3:]
    compare(f"{name}-response", answer.json)


def test_every_resource_has_its_page():
    pages = " ".join(path.read_text() for path in FOLDER.parent.glob("*.rst"))
    told = set(re.findall(r"api-resource:: (\S+)", pages))
    tags = {
        tag for *_where, operation in OPERATIONS.values() for tag in operation["tags"]
    }
    assert told == tags


def test_no_sample_is_left_over():
    wanted = {f"{name}-response.json" for name in (*READ, *ERRORS)}
    for name, example, _body in SENT:
        status = next(iter(OPERATIONS[name][2]["responses"]))
        if "content" in OPERATIONS[name][2]["responses"][status]:
            wanted.add(f"{name}-{example}-response.json")
    assert {path.name for path in FOLDER.iterdir()} == wanted
