"""Filters, sort and paging mean the same on every engine."""

import datetime

import pytest
import sqlalchemy as sa

from tests import worlds
from watcher import exception
from watcher.db import (
    action_descriptions,
    action_plans,
    actions,
    audit_templates,
    audits,
    goals,
    models,
    scoring_engines,
    services,
    strategies,
)
from watcher.db.query import ListQuery

NOUNS = {
    "goals": goals,
    "strategies": strategies,
    "audit_templates": audit_templates,
    "audits": audits,
    "action_plans": action_plans,
    "actions": actions,
    "scoring_engines": scoring_engines,
    "services": services,
}


@pytest.fixture
def world(database_url):
    made = worlds.World(database_url)
    _fill(made)
    yield made
    made.close()


def _fill(world):
    db = world.db
    other = db.write(goals.create, name="other", display_name="Other")
    more = db.write(
        strategies.create,
        name="more",
        display_name="More",
        goal_id=other.id,
        parameters_spec={"properties": {"p": {"type": "integer"}}},
    )
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5)
    for number in range(5):
        audit = world.audit(
            name=f"Night-{number % 3}-{number}",
            goal_id=(world.goal, other)[number % 2].id,
            strategy_id=(None, world.strategy.id, more.id)[number % 3],
            audit_type=("ONESHOT", "CONTINUOUS")[number % 2],
            interval=(None, "*/5 * * * *", "60")[number % 3],
            parameters={"n": number % 2},
            scope=[] if number % 2 else [{"compute": [{"x": "é"}]}],
            next_run_time=None if number % 2 else moment,
            start_time=moment + datetime.timedelta(days=number // 2),
            auto_trigger=bool(number % 2),
        )
        db.write(
            audit_templates.create,
            name=f"T{number}",
            description=None if number % 2 else "text",
            goal_id=other.id,
            strategy_id=None if number % 2 else more.id,
            scope=[],
            default_parameters={"b": number % 2},
        )
        world.plan(audit, actions=number % 3)
        db.write(
            scoring_engines.create,
            name=f"s{number}",
            description=None if number % 2 else "d",
            metainfo="{}",
        )
        db.write(services.beat, "watcher-applier", f"h{number}", runtime="ours")
    db.write(action_descriptions.sync, {"migrate": "Moves"})


def test_pages_put_together_are_the_whole_list_for_every_key_and_direction(world):
    for name, noun in NOUNS.items():
        ident = "id" if name == "services" else "uuid"
        for key in noun.NOUN.sort_keys:
            for turn in ("asc", "desc"):
                whole = world.db.read(noun.list, ListQuery(sort_key=key, sort_dir=turn))
                paged, marker = [], None
                while True:
                    page = world.db.read(
                        noun.list,
                        ListQuery(sort_key=key, sort_dir=turn, limit=2, marker=marker),
                    )
                    if not page:
                        break
                    paged += page
                    marker = getattr(page[-1], ident)
                assert paged == whole, (name, key, turn)
                values = [getattr(one, key, None) for one in whole]
                missing = [value is None for value in values]
                assert missing == sorted(missing), (name, key, turn)


def test_statements_do_not_depend_on_the_number_of_rows(world):
    for name, noun in NOUNS.items():
        counts = set()
        for limit in (1, 100):
            with world.statements() as seen:
                world.db.read(noun.list, ListQuery(limit=limit))
            counts.add(len([text for text in seen if not text.startswith("BEGIN")]))
        assert counts == {2 if name == "action_plans" else 1}, name


def test_every_filter_of_every_noun_is_understood(world):
    for noun in NOUNS.values():
        for field, column in noun.NOUN.filters.items():
            value = {
                sa.Integer: 1,
                sa.BigInteger: 1,
                sa.DateTime: "2026-01-01T00:00:00+00:00",
                sa.Boolean: True,
            }.get(type(column.type), "x")
            operators = ("eq", "neq", "in", "notin")
            if type(column.type) is sa.DateTime and field != "deleted":
                operators += ("gt", "gte", "lt", "lte")
            for operator in operators if field != "deleted" else ("eq",):
                given = [value] if operator in ("in", "notin") else value
                query = ListQuery(filters={f"{field}__{operator}": given})
                world.db.read(noun.list, query)


def test_names_are_found_in_any_spelling_and_the_exact_one_first(world):
    assert world.db.read(goals.get, "DUMMY") == world.goal
    found = world.db.read(audits.list, ListQuery(filters={"goal_name": "DUMMY"}))
    assert len(found) == 3
    with pytest.raises(exception.GoalNotFound):
        world.db.read(goals.get, "dumm_")


def test_children_of_deleted_parents_render_none_and_still_match(world):
    world.db.write(goals.soft_delete, world.goal.uuid)
    found = world.db.read(
        audits.list, ListQuery(filters={"goal_uuid": world.goal.uuid})
    )
    assert len(found) == 3
    assert {(one.goal_uuid, one.goal_name) for one in found} == {(None, None)}
    assert {one.goal_id for one in found} == {world.goal.id}


def test_plans_of_a_deleted_audit_are_found_by_it_but_do_not_name_it(world):
    plan = world.plan()
    world.db.write(audits.step, plan.audit_uuid, "PENDING", "CANCELLED")
    world.db.write(audits.soft_delete, plan.audit_uuid)
    (found,) = world.db.read(
        action_plans.list, ListQuery(filters={"audit_uuid": plan.audit_uuid})
    )
    assert (found.uuid, found.audit_uuid) == (plan.uuid, None)


def test_a_name_is_free_again_after_a_deletion(world):
    first = world.audit(name="again", state="SUCCEEDED")
    with pytest.raises(exception.AuditAlreadyExists):
        world.audit(name="again")
    world.db.write(audits.soft_delete, first.uuid)
    second = world.audit(name="again")
    assert world.db.read(audits.get, "again", show_deleted=True) == second
    with pytest.raises(exception.AuditNotFound):
        world.db.read(audits.get, first.uuid)
    gone = world.db.read(audits.get, first.uuid, show_deleted=True)
    assert gone.state == "DELETED" and gone.deleted_at is not None


def test_rows_of_long_ago_with_nothing_in_them_are_read(world):
    for statement in (
        sa.insert(models.Audit.__table__).values(
            {
                **dict.fromkeys(
                    ["uuid", "name", "audit_type", "state", "parameters", "interval"],
                    sa.null(),
                ),
                **dict.fromkeys(
                    ["scope", "force", "created_at", "deleted", "hostname"], sa.null()
                ),
                "goal_id": world.goal.id,
                "auto_trigger": False,
            }
        ),
        sa.insert(models.AuditTemplate.__table__).values(
            {
                **dict.fromkeys(["uuid", "name", "scope", "created_at"], sa.null()),
                "default_parameters": sa.null(),
                "goal_id": world.goal.id,
            }
        ),
    ):
        world.sql(statement)
    audit = world.db.read(audits.list, ListQuery(sort_dir="desc", limit=1))[0]
    assert audit.name.startswith("dummy-") and audit.state == "PENDING"
    assert (audit.parameters, audit.scope, audit.force) == ({}, [], False)
    assert world.db.read(audits.get, audit.uuid) == audit
    assert audit.uuid in world.db.read(audits.claimable) or audit.audit_type
    claimed = world.db.write(audits.claim, audit.uuid, world.lease(), "h1")
    assert claimed.state == "ONGOING"
    templates = world.db.read(audit_templates.list, ListQuery())
    assert all(one.name and one.uuid for one in templates)


def test_text_of_users_that_does_not_fit_is_refused_by_name_and_limit(world):
    with pytest.raises(exception.Invalid, match="'name' is too long: at most 63"):
        world.audit(name="x" * 64)
    with pytest.raises(exception.Invalid, match="'description'.*255"):
        world.db.write(
            audit_templates.create,
            name="t",
            goal_id=world.goal.id,
            description="x" * 256,
        )


def test_odd_idents_are_not_found_or_refused_but_never_a_database_error(world):
    for ident in ("0", 2**40, "99999999999999", "no such", "07", "', --", "%", "é"):
        with pytest.raises(exception.AuditNotFound):
            world.db.read(audits.get, ident)
    for name in ("nul\x00", "\U0001f600"):
        with pytest.raises((exception.AuditNotFound, exception.Invalid)):
            world.db.read(audits.get, name)
    with pytest.raises(exception.InvalidParameter):
        world.db.read(audits.list, ListQuery(filters={"goal_id": "x"}))
    with pytest.raises(exception.InvalidFilter):
        world.db.read(audits.list, ListQuery(filters={"colour": 1}))
    with pytest.raises(exception.InvalidOperator):
        world.db.read(audits.list, ListQuery(filters={"name__like": 1}))
    with pytest.raises(exception.InvalidSortKey):
        world.db.read(audits.list, ListQuery(sort_key="goal"))
    with pytest.raises(exception.AuditNotFound):
        world.db.read(audits.list, ListQuery(marker=worlds.new_uuid()))


def test_paging_goes_on_behind_a_row_that_was_deleted_meanwhile(world):
    whole = world.db.read(audit_templates.list, ListQuery(sort_key="description"))
    world.db.write(audit_templates.soft_delete, whole[1].uuid)
    rest = world.db.read(
        audit_templates.list,
        ListQuery(sort_key="description", marker=whole[1].uuid),
    )
    assert rest == whole[2:]
