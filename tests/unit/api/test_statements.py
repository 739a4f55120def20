"""How many SQL statements a list costs: the same few, however long its pages are."""

import itertools
import uuid

import pytest
import sqlalchemy as sa
import webob
from sqlalchemy import event

from tests.unit.api.conftest import seed, stored
from watcher.db import models

ROWS = 1001
NOUNS = ("audits", "action_plans", "actions", "audit_templates", "goals", "strategies",
         "scoring_engines", "services")  # fmt: skip
# Of a page of 100, whatever the client asks for. The published bounds are 6 and 3.
MOST = {"audits": 2, "action_plans": 3, "actions": 2, "audit_templates": 2,
        "goals": 2, "strategies": 2, "scoring_engines": 2, "services": 2}  # fmt: skip


def ident(kind, number):
    return str(uuid.UUID(int=kind << 64 | number))


def fill(tx):
    """Insert more rows of every noun than the longest page has"""
    seed(tx)
    numbers = range(10, 10 + ROWS)
    named = [{"id": n, "name": f"n{n}"} for n in numbers]
    shown = [{**row, "display_name": "n"} for row in named]
    tables = {
        models.Goal: shown,
        models.Strategy: [{**row, "goal_id": row["id"]} for row in shown],
        models.ScoringEngine: named,
        models.Service: [{**row, "host": "h"} for row in named],
        models.AuditTemplate: [
            {**row, "goal_id": row["id"], "strategy_id": row["id"]} for row in named
        ],
        models.Audit: [
            {
                **row,
                "goal_id": row["id"],
                "strategy_id": row["id"],
                "state": "FAILED",
            }
            for row in named
        ],
        models.ActionPlan: [
            {"id": n, "audit_id": 10, "strategy_id": n, "state": "FAILED"}
            for n in numbers
        ],
        models.EfficacyIndicator: [
            {"id": n, "name": "i", "action_plan_id": n, "value": 1} for n in numbers
        ],
        models.Action: [
            {"id": n, "action_plan_id": 10, "action_type": "nop", "state": "FAILED"}
            for n in numbers
        ],
    }
    for kind, (table, found) in enumerate(tables.items()):
        if table is not models.Service:
            found = [{**row, "uuid": ident(kind, row["id"])} for row in found]
        tx.execute(sa.insert(table), found)


@pytest.fixture(scope="module")
def seeded():
    return stored(fill)


@pytest.fixture
def count(application, database):
    """Returns the statements that a GET costs, and its body"""
    seen = []
    event.listen(
        database.engine, "before_cursor_execute", lambda *args: seen.append(args[2])
    )

    def ask(path):
        # Not through the client: comparing long pages with their description takes long.
        request = webob.Request.blank(path, headers={"X-Roles": "admin"})
        seen.clear()
        answer = request.get_response(application)
        assert answer.status_int == 200, answer.body
        return len([text for text in seen if text != "BEGIN"]), answer.json

    return ask


def filters(noun, body):
    """Return the filters of a noun, by UUID and by name"""
    row = body[noun][-1]
    return {
        "audits": (f"goal={row.get('goal_uuid')}", f"strategy={row.get('strategy_name')}"),
        "audit_templates": (f"goal={row.get('goal_name')}",),
        "strategies": (f"goal={row.get('goal_uuid')}",),
        "action_plans": (f"audit_uuid={row.get('audit_uuid')}",
                         f"strategy={row.get('strategy_name')}"),
        "actions": (f"action_plan_uuid={row.get('action_plan_uuid')}",
                    f"audit_uuid={ident(5, 10)}"),
    }.get(noun, ())  # fmt: skip


@pytest.mark.parametrize("noun", NOUNS)
def test_a_page_costs_the_same_few_statements_at_any_size(count, noun):
    for suffix, size in itertools.product(("", "/detail"), (1, 100, 1000)):
        path = f"/v1/{noun}{suffix}?limit={size}"
        first, body = count(path)
        assert len(body[noun]) == size
        key = "id" if noun == "services" else "uuid"
        # The last row of the page names where the next one begins.
        second, _ = count(f"{path}&marker={body[noun][0][key]}")
        descending, _ = count(f"{path}&sort_key=created_at&sort_dir=desc")
        assert first == MOST[noun] - 1, path
        assert second == MOST[noun], path
        assert descending == MOST[noun] - 1, path
        for text in filters(noun, body):
            filtered, found = count(f"{path}&{text}")
            assert filtered == MOST[noun] - 1 and found[noun], text
            marked, _ = count(f"{path}&{text}&marker={found[noun][0][key]}")
            assert marked <= MOST[noun], text


@pytest.mark.parametrize(
    "key", ["goal_uuid", "goal_name", "strategy_uuid", "strategy_name"]
)
def test_computed_sort_keys_cost_nothing_more(count, key):
    _, body = count("/v1/audits?limit=1")
    marker = body["audits"][0]["uuid"]
    for suffix in ("", f"&marker={marker}"):
        cost, _ = count(f"/v1/audits/detail?limit=100&sort_key={key}{suffix}")
        assert cost <= MOST["audits"]


def test_the_published_bounds_hold():
    assert max(MOST[noun] for noun in ("audits", "action_plans", "actions")) <= 6
    assert max(MOST[noun] for noun in ("goals", "strategies")) <= 3


@pytest.mark.parametrize(
    "path, most",
    [
        ("/v1", 0),
        ("/v1/audits/{audit}", 1),
        ("/v1/audits/n10", 1),
        ("/v1/audits/n10.json", 3),
        ("/v1/action_plans/{plan}", 2),
        ("/v1/actions/{action}", 1),
        ("/v1/goals/dummy", 1),
        ("/v1/strategies/dummy", 1),
    ],
)
def test_one_row_costs_one_look(count, path, most):
    path = path.format(audit=ident(5, 10), plan=ident(6, 10), action=ident(8, 10))
    cost, _ = count(path)
    assert cost == most
