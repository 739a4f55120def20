"""Sorting and paging on each engine: nulls last, ties kept apart, nothing lost or doubled."""

import pytest

from watcher.api import app

NOUNS = [kind.noun for kind in app.RESOURCES if hasattr(kind, "noun")]
# Sorted by what the caller does not see, or by their text in the database.
OPAQUE = ("id", "parameters", "scope", "efficacy", "parents", "description", "metainfo")


def walk(client, path):
    """Return the rows of all pages, following ``next``"""
    found = []
    while path:
        body = client.get(path).json
        [plural] = set(body) - {"next"}
        found += body[plural]
        path = body.get("next", "").removeprefix("http://localhost")
        assert len(found) < 200, "the pages turn in a circle"
    return found


@pytest.fixture
def filled(client):
    """Rows with nulls and equal values in every column that may have them"""
    scopes = ([], [{"storage": []}], [{"compute": []}])
    for number in range(7):
        aim = {"goal": "dummy", "strategy": "dummy" if number % 3 == 0 else None}
        if number == 4:
            aim = {"goal": "saving_energy", "strategy": "plain"}
        template = {
            "name": f"T{number}" if number % 2 else f"t{number}",
            "description": [None, "a", "B"][number % 3],
            "scope": scopes[number % 3],
            **aim,
        }
        uuid = client.post("/v1/audit_templates", template).json["uuid"]
        audit = {
            "audit_template_uuid": uuid,
            "name": f"audit {number}",
            "audit_type": "CONTINUOUS" if number % 2 else "EVENT",
            "force": number % 2 == 0,
            "auto_trigger": number == 3,
            "start_time": f"2026-01-0{number}T00:00:00Z"
            if number in (2, 3, 5)
            else None,
        }
        if number % 2:
            audit["interval"] = ["60", "120"][number % 3 % 2]
        made = client.post("/v1/audits", audit)
        assert made.status == 201, made.raw
        if number % 3 == 0:
            client.plan(made.json["uuid"], count=2)
    skip = ("replace", "/state", "SKIPPED")
    action = client.get("/v1/actions").json["actions"][2]["uuid"]
    assert client.patch(f"/v1/actions/{action}", skip).status == 200
    gone = client.get("/v1/audits").json["audits"][0]["uuid"]
    client.patch(f"/v1/audits/{gone}", ("replace", "/state", "CANCELLED"))
    return client


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_w16_pages_hold_every_row_once_whatever_they_are_sorted_by(filled, direction):
    for noun in NOUNS:
        path = f"/v1/{noun.plural}/detail"
        everything = filled.get(path).json[noun.plural]
        idents = sorted(str(row[noun.key]) for row in everything)
        for key in noun.sort_keys:
            query = f"{path}?sort_key={key}&sort_dir={direction}"
            found = filled.get(query).json[noun.plural]
            for limit in (1, 3):
                assert walk(filled, f"{query}&limit={limit}") == found, (query, limit)
            assert sorted(str(row[noun.key]) for row in found) == idents
            if key in found[0] if found else False:
                check_order(key, [row[key] for row in found], direction)


def check_order(key, values, direction):
    """Nulls are last, the others in order; capital letters need not count"""
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known)), key
    if not key.endswith(OPAQUE) and not isinstance(known[:1], dict):
        texts = [str(value).lower() for value in known]
        exact = [str(value) for value in known]
        orders = sorted(texts), sorted(exact)
        if direction == "desc":
            orders = tuple(order[::-1] for order in orders)
        assert texts == orders[0] or exact == orders[1], key


def test_w15_filtered_pages_stay_filtered(filled):
    audit = filled.get("/v1/audits").json["audits"][0]["uuid"]
    for path in (
        "/v1/audits?goal=dummy",
        "/v1/audits/detail?goal=dummy&strategy=dummy&sort_key=start_time",
        "/v1/audit_templates?strategy=dummy&sort_key=description&sort_dir=desc",
        f"/v1/actions?audit_uuid={audit}",
        f"/v1/action_plans?audit_uuid={audit}&sort_key=strategy_name",
    ):
        wanted = walk(filled, path)
        assert wanted and walk(filled, f"{path}&limit=1") == wanted
