"""Weaknesses of the published lists: lost filters, partial order, empty pages."""

import pytest
from sqlalchemy import event

from watcher.api import app

EVENT = {"audit_type": "EVENT", "goal": "dummy"}
NOUNS = [kind.noun for kind in app.RESOURCES if hasattr(kind, "noun")]


def walk(client, path):
    """Return the rows of all pages, following ``next``"""
    found = []
    while path:
        body = client.get(path).json
        [plural] = set(body) - {"next"}
        found += body[plural]
        path = body.get("next", "").removeprefix("http://localhost")
        assert len(found) < 200
    return found


@pytest.fixture
def audits(client):
    """Seven audits: with and without strategy, of two goals"""
    for number in range(7):
        body = {**EVENT, "name": f"a{number}", "force": number % 2 == 0}
        if number % 3 == 0:
            body["strategy"] = "dummy"
        if number == 4:
            body |= {"goal": "saving_energy", "strategy": "plain"}
        assert client.post("/v1/audits", body).status == 201
    return client.get("/v1/audits").json["audits"]


def test_w13_force_is_what_is_stored(client, audits):
    for version in ("1.2", "1.7"):
        listed = client.get("/v1/audits", version=version).json["audits"]
        assert [row["force"] for row in listed] == [n % 2 == 0 for n in range(7)]
    below = client.get("/v1/audits", version="1.1").json["audits"]
    assert [row["force"] for row in below] == [False] * 7


@pytest.mark.parametrize(
    "path",
    [
        "/v1/audits?goal=dummy&strategy=dummy",
        "/v1/audits/detail?goal=DUMMY&strategy=dummy",
        "/v1/audits?strategy=dummy&sort_key=name&sort_dir=desc",
        "/v1/audit_templates?goal=dummy&strategy=dummy&name=t1",
        "/v1/strategies/?goal=dummy",
        "/v1/action_plans?strategy=dummy",
        "/v1/action_plans/detail?audit_uuid={audit}",
        "/v1/actions?audit_uuid={audit}",
        "/v1/actions/detail?action_plan_uuid={plan}",
    ],
)
def test_w15_next_keeps_the_filters(client, audits, path):
    for name, strategy in (("t1", "dummy"), ("t2", None)):
        template = {"name": name, "goal": "dummy", "strategy": strategy}
        client.post("/v1/audit_templates", template)
    plans = [client.plan(audits[n]["uuid"], 3) for n in (0, 0, 1)]
    path = path.format(audit=audits[0]["uuid"], plan=plans[0])
    wanted = walk(client, path)
    assert wanted
    joined = f"{path}&limit=1"
    assert walk(client, joined) == wanted
    assert (
        client.get(joined)
        .json["next"]
        .partition("?")[0]
        .endswith(path.partition("?")[0].rstrip("/"))
    )


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.plural)
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_w16_every_key_orders_the_whole_table_with_nulls_last(
    client, audits, noun, direction
):
    client.strict = False  # hundreds of answers, and not their shape is asked for
    client.post("/v1/audit_templates", {"name": "t", "goal": "dummy"})
    for number in range(3):
        client.plan(audits[number]["uuid"])
    path = f"/v1/{noun.plural}/detail"
    everything = client.get(path).json[noun.plural]
    for key in noun.sort_keys:
        query = f"{path}?sort_key={key}&sort_dir={direction}"
        found = client.get(query).json[noun.plural]
        # A page at a time it is the same: nothing lost, nothing twice.
        assert walk(client, f"{query}&limit=3") == found, key
        assert sorted(map(str, found)) == sorted(map(str, everything))
        values = [row.get(key) for row in found]
        if key.endswith(("_uuid", "_name", "name", "state", "uuid", "_type")):
            known = [value for value in values if value is not None]
            assert values == known + [None] * (len(values) - len(known))
            assert known == sorted(known, reverse=direction == "desc"), key


def test_w16_paging_goes_on_behind_a_row_that_is_gone(client, audits):
    first = client.get("/v1/audits?limit=3&sort_key=strategy_name").json
    last = first["audits"][-1]
    client.patch(f"/v1/audits/{last['uuid']}", ("replace", "/state", "CANCELLED"))
    assert client.delete(f"/v1/audits/{last['uuid']}").status == 204
    rest = walk(client, first["next"].removeprefix("http://localhost"))
    names = [row["name"] for row in (*first["audits"], *rest)]
    assert sorted(names) == [f"a{n}" for n in range(7)] and len(rest) == 4


def test_w16_relations_are_no_keys(client):
    for noun in NOUNS:
        for key in ("goal", "strategy", "audit", "action_plan", "links"):
            answer = client.get(f"/v1/{noun.plural}?sort_key={key}")
            assert answer.status == 400
            assert answer.fault == f"Invalid sort key: {key}"


def test_w17_no_limit_is_no_limit(client, audits, conf):
    conf.set_override("max_limit", 0, "api")
    for path in ("/v1/audits", "/v1/audits/detail", "/v1/audits?limit=100"):
        body = client.get(path).json
        assert len(body["audits"]) == 7 and "next" not in body
    assert len(client.get("/v1/audits?limit=2").json["audits"]) == 2


def test_w39_templates_are_found_by_name(client):
    for name in ("Nightly", "other"):
        client.post("/v1/audit_templates", {"name": name, "goal": "dummy"})
    for name in ("Nightly", "nightly", "NIGHTLY%20"):
        for path in ("", "/detail"):
            found = client.get(f"/v1/audit_templates{path}?name={name}").json
            assert [row["name"] for row in found["audit_templates"]] == ["Nightly"]
    assert walk(client, "/v1/audit_templates?name=nope") == []
    uuid = client.get("/v1/audit_templates/Nightly").json["uuid"]
    assert walk(client, f"/v1/audit_templates?name={uuid}") == []


@pytest.mark.parametrize("view", ["", "/detail"])
def test_w40_a_page_costs_the_same_whatever_it_holds(client, database, audits, view):
    for row in audits:
        client.plan(row["uuid"], 3)
        name = {"name": row["name"], "goal": "dummy", "strategy": "dummy"}
        client.post("/v1/audit_templates", name)
    seen = []
    event.listen(
        database.engine, "before_cursor_execute", lambda *args: seen.append(args[2])
    )
    for noun in NOUNS:
        most = 3 if noun.name in ("goal", "strategy") else 6
        counts = []
        for query in ("limit=1", "limit=50", "limit=50&sort_key=id&sort_dir=desc"):
            seen.clear()
            assert client.get(f"/v1/{noun.plural}{view}?{query}").status == 200
            counts.append(len(seen))
        assert len(set(counts)) == 1 and counts[0] <= most, (noun.plural, counts)
