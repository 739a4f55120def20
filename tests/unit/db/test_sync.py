import dataclasses

from watcher.db import (
    action_plans,
    actions,
    audit_templates,
    audits,
    goals,
    scoring_engines,
    strategies,
    sync,
)
from watcher.db.query import ListQuery

GOAL = sync.GoalSpec(
    name="dummy",
    display_name="Dummy goal",
    efficacy_specification=[
        {"name": "n", "description": "d", "unit": None, "schema": "{}"}
    ],
)
STRATEGY = sync.StrategySpec(
    name="dummy",
    goal_name="dummy",
    display_name="Dummy strategy",
    parameters_spec={"properties": {"a": {"type": "integer"}, "b": {}}},
)


def run(world, **more):
    given = {"goals": [GOAL], "strategies": [STRATEGY], **more}
    return world.db.write(sync.run, **given)


def test_rows_are_changed_in_place_and_keep_id_and_uuid(world):
    audit = world.audit(state="SUCCEEDED")
    report = run(world)
    assert report.updated == ["goal dummy", "strategy dummy"]
    goal = world.db.read(goals.get, "dummy")
    assert (goal.id, goal.uuid) == (world.goal.id, world.goal.uuid)
    assert goal.display_name == "Dummy goal" and goal.updated_at is not None
    assert list(goal.efficacy_specification) == list(GOAL.efficacy_specification)
    strategy = world.db.read(strategies.get, "dummy")
    assert strategy.uuid == world.strategy.uuid
    assert world.db.read(audits.get, audit.uuid).state == "SUCCEEDED"


def test_a_second_run_changes_nothing_whatever_the_order_of_keys(world):
    run(world)
    turned = {"properties": {"b": {}, "a": {"type": "integer"}}}

    again = dataclasses.replace(STRATEGY, parameters_spec=turned)
    assert run(world, strategies=[again]) == sync.SyncReport()


def test_a_new_plugin_gets_a_row_and_a_deleted_one_stays_deleted(world):
    world.db.write(goals.soft_delete, world.goal.uuid)
    report = run(world, scoring_engines=[sync.ScoringSpec(name="s", metainfo="[]")])
    assert report.created == ["goal dummy", "scoring_engine s"]
    goal = world.db.read(goals.get, "dummy")
    assert goal.uuid != world.goal.uuid
    assert world.db.read(strategies.get, "dummy").goal_id == goal.id
    assert world.db.read(scoring_engines.get, "s").metainfo == "[]"
    assert len(world.db.read(goals.list, ListQuery(show_deleted=True))) == 2


def test_a_missing_plugin_is_named_and_left_alone(world):
    audit = world.audit()
    report = world.db.write(sync.run)
    assert report.missing == ["goal dummy", "strategy dummy"]
    assert report.removed == []
    assert world.db.read(goals.get, "dummy") == world.goal
    assert world.db.read(audits.get, audit.uuid).state == "PENDING"


def test_a_strategy_whose_goal_is_not_there_is_skipped_but_not_missing(world):
    other = sync.StrategySpec(name="x", goal_name="none", display_name="X")
    report = run(world, strategies=[STRATEGY, other])
    assert report.skipped == ["strategy x: no goal none"]
    assert report.missing == []


def test_pruning_cancels_what_has_not_ended_and_nothing_else(world):
    template = world.db.write(
        audit_templates.create,
        name="t",
        goal_id=world.goal.id,
        strategy_id=world.strategy.id,
    )
    open_audits = [world.audit(state=s) for s in ("PENDING", "ONGOING", "SUSPENDED")]
    ended = [world.audit(state=s) for s in ("SUCCEEDED", "FAILED")]
    waiting = [world.plan(state=s) for s in ("RECOMMENDED", "PENDING")]
    running, done = world.plan(state="ONGOING"), world.plan(state="SUCCEEDED")
    report = world.db.write(sync.run, prune=True)
    assert report.removed == ["strategy dummy", "goal dummy"]
    get = lambda noun, row: world.db.read(noun.get, row.uuid).state  # noqa: E731
    assert {get(audits, one) for one in open_audits} == {"CANCELLED"}
    assert [get(audits, one) for one in ended] == ["SUCCEEDED", "FAILED"]
    assert {get(action_plans, one) for one in waiting} == {"CANCELLED"}
    assert get(action_plans, running) == "ONGOING"
    assert get(action_plans, done) == "SUCCEEDED"
    left = world.db.read(actions.of_plan, waiting[0].uuid)
    assert {one.state for one in left} == {"CANCELLED"}
    assert world.db.read(audit_templates.get, template.uuid).strategy_id is None
    told = world.db.read(audits.get, open_audits[0].uuid)
    assert told.status_message == "strategy dummy was removed"
    assert told.strategy_name is None and told.goal_name is None
    assert world.db.read(goals.list, ListQuery()) == []


def test_names_that_are_too_long_are_reported(world):
    long = sync.GoalSpec(name="x" * 64, display_name="y" * 99)
    assert run(world, goals=[GOAL, long]).skipped[0].endswith("too long")
    fits = sync.GoalSpec(name="x" * 63, display_name="y" * 99)
    run(world, goals=[GOAL, fits])
    assert len(world.db.read(goals.get, fits.name).display_name) == 63
