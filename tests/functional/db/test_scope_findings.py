"""What was told about scopes, on every database."""

import datetime

import pytest

import watcher.conf
from watcher.db import audit_templates, audits, goals, migration, scope_findings
from watcher.db.session import Database

AT = datetime.datetime(2026, 6, 1)
KEY = ("audit", "a0000000-0000-4000-8000-000000000000")
MISSING = [{"path": "/0", "what": "zone", "name": "z"}]


@pytest.fixture
def db(database_url):
    conf = watcher.conf.load(
        "test",
        default_config_files=[],
        overrides={("database", "connection"): database_url},
    )
    found = Database(conf)
    migration.create_schema(found.engine)
    yield found
    found.dispose()


def tell(db, before, digest, at=AT):
    return db.write(
        scope_findings.tell, KEY, before, missing=MISSING, digest=digest, found_at=at
    )


def test_one_of_two_tells(db):
    assert tell(db, None, "d") and not tell(db, None, "d")
    told = db.read(scope_findings.told)[KEY]
    assert (told.digest, told.found_at) == ("d", AT)
    assert tell(db, told, "", AT) and not tell(db, told, "", AT)
    told = db.read(scope_findings.told)[KEY]
    assert told.digest == ""
    assert not tell(db, told, "d", AT - datetime.timedelta(seconds=1)), "an older model"
    db.write(scope_findings.forget, [told.id])
    assert db.read(scope_findings.told) == {}


def test_only_what_has_a_scope_is_read_page_by_page(db):
    scope = [{"compute": []}]

    def fill(tx):
        goal = goals.create(tx, name="g", display_name="g").id
        for number in range(6):
            audit_templates.create(
                tx, name=f"t{number}", goal_id=goal, scope=scope if number % 2 else []
            )
            audits.create(
                tx,
                name=f"a{number}",
                audit_type="CONTINUOUS" if number else "ONESHOT",
                interval="9" if number else None,
                goal_id=goal,
                scope=[] if number == 5 else scope,
            )

    db.write(fill)
    for read, wanted in (
        (scope_findings.templates, ["t1", "t3", "t5"]),
        (scope_findings.repeating, ["a1", "a2", "a3", "a4"]),
    ):
        first = db.read(read, 0, 2)
        rest = db.read(read, first[-1].id, 9)
        assert [row.name for row in (*first, *rest)] == wanted
        assert first[0].scope == scope
