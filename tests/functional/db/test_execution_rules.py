"""Execution rules on every database."""

import pytest

from tests import worlds
from tests.functional.db.test_claims import together
from watcher.db import action_plans, audit_templates, audits, execution_rules


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url)
    yield made
    made.close()


def test_what_is_said_is_kept_replaced_and_taken_back(world):
    plan = world.plan().uuid
    assert world.db.read(execution_rules.get, "action_plan", plan) is None
    for document in ({"max_moves": 3}, {"on_failure": "run"}):
        world.db.write(execution_rules.put, "action_plan", plan, document)
        assert world.db.read(execution_rules.get, "action_plan", plan) == document
    assert world.db.read(execution_rules.get, "audit", plan) is None
    assert world.db.write(execution_rules.delete, "action_plan", plan)
    assert not world.db.write(execution_rules.delete, "action_plan", plan)
    assert world.db.read(execution_rules.get, "action_plan", plan) is None


def test_of_many_who_speak_at_once_one_is_heard_and_nobody_fails(world):
    plan = world.plan().uuid
    together(
        [
            lambda n=n: world.db.write(
                execution_rules.put, "action_plan", plan, {"max_moves": n}
            )
            for n in range(1, 9)
        ]
    )
    assert world.db.read(execution_rules.get, "action_plan", plan)[
        "max_moves"
    ] in range(1, 9)


def test_a_plan_is_told_what_counts_for_it(world):
    template = world.db.write(
        audit_templates.create, name="t", goal_id=world.goal.id
    ).uuid
    audit = world.audit(audit_template_uuid=template, state="SUCCEEDED")
    plan = world.plan(audit).uuid
    other = world.plan().uuid

    def say(resource, uuid, **document):
        world.db.write(execution_rules.put, resource, uuid, document)

    assert world.db.read(execution_rules.for_plan, plan) == {}
    say("audit_template", template, max_moves=1, on_failure="offer")
    say("audit", audit.uuid, max_moves=2)
    assert world.db.read(execution_rules.for_plan, plan) == {
        "max_moves": 2, "on_failure": "offer",
    }  # fmt: skip
    say("action_plan", plan, max_moves=3)
    # Its audit is deleted, what was said of it stays said.
    world.db.write(audits.soft_delete, audit.uuid)
    assert world.db.read(execution_rules.for_plan, plan)["max_moves"] == 3
    assert world.db.read(execution_rules.for_plan, other) == {}
    with world.statements() as seen:
        world.db.read(execution_rules.for_plan, plan)
    assert len([one for one in seen if one.startswith("SELECT")]) == 2
    assert world.db.read(action_plans.get, plan).uuid == plan
