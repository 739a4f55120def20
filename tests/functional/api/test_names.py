"""Names are the same names on every engine; texts have the same limits."""

import concurrent.futures
from urllib.parse import quote

import pytest

TEMPLATE = {"goal": "dummy"}
ONESHOT = {"audit_type": "ONESHOT", "goal": "dummy"}
SPELLINGS = [
    ("Nightly", "nightly"),
    ("Nightly", "NIGHTLY"),
    ("Nightly", "Nightly  "),
    ("N\u00e4chtlich", "N\u00c4CHTLICH"),
    ("\u00c9t\u00e9 7", "\u00e9t\u00c9 7 "),
    ("\u041d\u043e\u0447\u044c", "\u043d\u041e\u0447\u044c"),
    ("7", "7 "),
]


@pytest.mark.parametrize(
    "noun, body", [("audits", ONESHOT), ("audit_templates", TEMPLATE)]
)
@pytest.mark.parametrize("name, other", SPELLINGS, ids=range(len(SPELLINGS)))
def test_one_name_in_two_spellings(client, noun, body, name, other):
    path = f"/v1/{noun}"
    made = client.post(path, {**body, "name": name})
    assert made.status == 201 and made.json["name"] == name
    assert client.get(f"{path}/{quote(other)}").json == made.json
    assert client.post(path, {**body, "name": other}).status == 409
    third = client.post(path, {**body, "name": "third"}).json["uuid"]
    taken = client.patch(f"{path}/{third}", ("replace", "/name", other))
    assert taken.status == 409
    # Its own name may be spelled anew, and is told as it is spelled.
    uuid = made.json["uuid"]
    renamed = client.patch(f"{path}/{uuid}", ("replace", "/name", other))
    assert renamed.status == 200 and renamed.json["name"] == other
    if noun == "audit_templates":
        found = client.get(f"{path}?name={quote(name)}").json[noun]
        assert [row["uuid"] for row in found] == [uuid]
        assert client.delete(f"{path}/{quote(other)}").status == 204
        # A name is free again when nobody has it.
        assert client.post(path, {**body, "name": other}).status == 201


def test_goals_and_strategies_in_any_spelling(client):
    for name in ("DUMMY", "Dummy", "dummy%20"):
        assert client.get(f"/v1/goals/{name}").json["name"] == "dummy"
        assert client.get(f"/v1/strategies/{name}").json["name"] == "dummy"
        assert len(client.get(f"/v1/strategies?goal={name}").json["strategies"]) == 1
    body = {"audit_type": "EVENT", "goal": "DUMMY", "strategy": "Dummy ", "name": "a"}
    assert client.post("/v1/audits", body).json["strategy_name"] == "dummy"
    for query in ("goal=DUMMY", "strategy=DUMMY", "goal=dummy&strategy=dummy%20"):
        assert len(client.get(f"/v1/audits?{query}").json["audits"]) == 1


def test_uuids_in_any_spelling(client):
    made = client.post("/v1/audits", {**ONESHOT, "strategy": "dummy"}).json
    plan = client.plan(made["uuid"])
    for text in (made["uuid"].upper(), made["uuid"].replace("-", "")):
        assert client.get(f"/v1/audits/{text}").json == made
        for query in (f"action_plans?audit_uuid={text}", f"actions?audit_uuid={text}"):
            noun = query.partition("?")[0]
            assert len(client.get(f"/v1/{query}").json[noun]) > 0
    assert client.get(f"/v1/action_plans/{plan.upper()}").json["uuid"] == plan
    goal = client.get("/v1/goals/dummy").json["uuid"].upper()
    assert len(client.get(f"/v1/audits?goal={goal}").json["audits"]) == 1
    marker = made["uuid"].upper()
    assert client.get(f"/v1/audits?marker={marker}").json == {"audits": []}


def test_only_one_of_many_gets_a_name(client):
    spellings = ["nightly", "Nightly", "NIGHTLY", "nightly "] * 2
    bodies = [{**ONESHOT, "name": name} for name in spellings]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = [
            answer.status
            for answer in pool.map(lambda body: client.post("/v1/audits", body), bodies)
        ]
    assert sorted(found) == [201] + [409] * 7
    assert len(client.get("/v1/audits").json["audits"]) == 1


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\u4e2d"], ids=ascii)
def test_w29_limits_are_characters_on_every_engine(client, letter):
    for field, longest in (("name", 63), ("description", 255)):
        body = {**TEMPLATE, "name": f"t-{field}"}
        fits = client.post("/v1/audit_templates", {**body, field: letter * longest})
        assert fits.status == 201 and fits.json[field] == letter * longest
        over = client.post(
            "/v1/audit_templates", {**body, field: letter * (longest + 1)}
        )
        assert over.status == 400 and str(longest) in over.fault
    cut = client.post("/v1/audits", {**ONESHOT, "name": letter * 300})
    assert cut.json["name"] == letter * 63


SMILE = "\U0001f600"


def test_w29_what_a_database_cannot_store_is_a_400_or_kept_whole(client, database):
    """MariaDB as the published guide creates it has no letters of four bytes"""
    for noun, body in (("audits", ONESHOT), ("audit_templates", TEMPLATE)):
        answer = client.post(f"/v1/{noun}", {**body, "name": SMILE})
        if database.engine.dialect.name == "mysql":
            assert answer.status == 400 and "cannot be stored" in answer.fault
            assert client.get(f"/v1/{noun}").json == {noun: []}
        else:
            assert answer.json["name"] == SMILE
        # Nor can anybody have such a name there.
        assert client.get(f"/v1/{noun}/no%F0%9F%98%80").status in (400, 404)
    # Inside of structured values it is kept everywhere.
    body = {**ONESHOT, "strategy": "dummy", "parameters": {"para2": SMILE}}
    assert client.post("/v1/audits", body).json["parameters"]["para2"] == SMILE
