"""What purge takes and what it leaves, on three engines."""

import datetime

import pytest
import sqlalchemy as sa

import watcher.conf
from watcher import exception
from watcher.db import migration, models, purge
from watcher.db.session import Database

NOW = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


@pytest.fixture
def db(database_url):
    conf = watcher.conf.load(
        "test", overrides={("database", "connection"): database_url}
    )
    db = Database(conf)
    models.Base.metadata.create_all(db.engine)
    migration.stamp(db.engine)
    yield db
    db.dispose()


class Tree:
    """Rows by name; ``days`` = soft-deleted that long ago, None = live"""

    def __init__(self, db):
        self.db = db
        self.keys = {}

    def _add(self, name, table, days=None, /, **values):
        def insert(tx):
            row = table(**values)
            tx.add(row)
            tx.flush()
            if days is not None:
                row.deleted, row.deleted_at = (
                    row.id,
                    NOW - datetime.timedelta(days=days),
                )
                tx.flush()
            return row.id, getattr(row, "uuid", None)

        self.keys[name] = self.db.write(insert)
        return self

    def goal(self, name, days=None):
        return self._add(name, models.Goal, days, name=name, display_name=name)

    def strategy(self, name, goal, days=None):
        return self._add(
            name,
            models.Strategy,
            days,
            name=name,
            display_name=name,
            goal_id=self[goal],
        )

    def template(self, name, goal, strategy=None, days=None):
        return self._add(
            name,
            models.AuditTemplate,
            days,
            name=name,
            goal_id=self[goal],
            strategy_id=self[strategy],
        )

    def audit(self, name, goal, strategy=None, days=None, state="SUCCEEDED"):
        return self._add(
            name,
            models.Audit,
            days,
            name=name,
            goal_id=self[goal],
            strategy_id=self[strategy],
            state=state,
            audit_type="ONESHOT",
        )

    def plan(self, name, audit, strategy, days=None, state="SUCCEEDED", actions=2):
        self._add(
            name,
            models.ActionPlan,
            days,
            audit_id=self[audit],
            strategy_id=self[strategy],
            state=state,
        )
        self._add("", models.EfficacyIndicator, days, action_plan_id=self[name])
        for number in range(actions):
            self.action(f"{name}-{number}", name, days)
        return self

    def action(self, name, plan, days=None):
        return self._add(
            name, models.Action, days, action_plan_id=self[plan], action_type="nop"
        )

    def __getitem__(self, name):
        return self.keys[name][0] if name else None


def names_left(tree):
    """Names of what is still there, actions left aside"""
    found = set()
    for table in (
        models.Goal, models.Strategy, models.AuditTemplate, models.Audit, models.ActionPlan
    ):  # fmt: skip
        uuids = set(
            tree.db.read(lambda tx, t=table: list(tx.scalars(sa.select(t.uuid))))
        )
        found |= {name for name, (_key, uuid) in tree.keys.items() if uuid in uuids}
    return found


def count(db, table):
    return db.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(table)))


def run(db, **wish):
    wish = purge.Wish(**wish)
    chosen = db.read(purge.choose, wish)
    chosen = db.read(purge.within, wish, chosen)
    expected = chosen.counts
    gone = purge.remove(db, chosen)
    assert gone == expected
    return list(gone.values())


@pytest.fixture
def tree(db):
    """One goal deleted long ago with relatives, one live goal with old and new rests"""
    tree = Tree(db)
    tree.goal("old", 100).strategy("old-s", "old", 100)
    tree.template("old-t", "old", "old-s", 1)
    tree.audit("old-a", "old", "old-s", 1).plan("old-p", "old-a", "old-s", 1)
    tree.goal("live").strategy("live-s", "live").template("live-t", "live", "live-s")
    tree.audit("live-a", "live", "live-s").plan("live-p", "live-a", "live-s")
    tree.audit("gone-a", "live", "live-s", 50).plan("gone-p", "gone-a", "live-s", 50)
    tree.audit("new-a", "live", "live-s", 1).plan("new-p", "new-a", "live-s", 1)
    return tree


LIVE = {"live", "live-s", "live-t", "live-a", "live-p"}


def test_all_that_is_deleted_goes_and_nothing_else(tree, db):
    assert run(db) == [1, 1, 1, 3, 3, 6]
    assert names_left(tree) == LIVE
    assert count(db, models.Action) == 2
    assert count(db, models.EfficacyIndicator) == 1
    assert run(db) == [0, 0, 0, 0, 0, 0]


def test_age_keeps_the_young_but_not_relatives_of_what_goes(tree, db):
    assert run(db, age_days=30) == [1, 1, 1, 2, 2, 4]
    assert names_left(tree) == LIVE | {"new-a", "new-p"}


def test_age_counts_in_utc(db, monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        tree = Tree(db).goal("young", 0.9).goal("old", 1.1)
        assert run(db, age_days=1)[0] == 1
        assert names_left(tree) == {"young"}
    finally:
        monkeypatch.undo()
        time.tzset()


def test_one_goal_by_name_although_a_live_one_has_the_name(db):
    tree = Tree(db).goal("dummy", 5).strategy("s-of-deleted", "dummy", 5)
    deleted = tree.keys["dummy"]
    tree.goal("dummy").goal("other", 5)
    assert run(db, goal="dummy") == [1, 1, 0, 0, 0, 0]
    assert names_left(tree) == {"dummy", "other"}
    with pytest.raises(exception.Invalid, match="not deleted"):
        run(db, goal="dummy")
    with pytest.raises(exception.GoalNotFound):
        run(db, goal=deleted[1])


def test_one_goal_by_uuid_leaves_orphans_of_others_alone(tree, db):
    tree.goal("lost", 9).template("lost-t", "lost")
    tree.audit("stranger", "live", "old-s")
    assert run(db, goal=tree.keys["old"][1]) == [0, 0, 1, 1, 1, 2]
    # A live audit of another goal uses the strategy, so strategy and goal stay.
    assert names_left(tree) >= LIVE | {"stranger", "old-s", "old", "lost", "lost-t"}


def test_orphans_go_with_their_parents(db):
    tree = Tree(db).goal("gone", 5).strategy("s", "gone").template("t", "gone", "s")
    tree.audit("a", "gone", "s").plan("p", "a", "s", actions=3)
    assert run(db) == [1, 1, 1, 1, 1, 3]


def test_excluded_orphans_keep_what_they_need(db):
    tree = (
        Tree(db).goal("gone", 5).strategy("s", "gone", 5).strategy("unused", "gone", 5)
    )
    tree.audit("a", "gone", "s").plan("p", "a", "s", 5).audit("b", "gone", None, 5)
    tree.action("alive", "p")
    assert run(db, orphans=False) == [0, 1, 0, 1, 0, 0]
    assert names_left(tree) == {"gone", "s", "a", "p"}


@pytest.mark.parametrize("state", ["PENDING", "ONGOING", "CANCELLING"])
def test_what_is_being_carried_out_is_no_orphan(db, state):
    tree = Tree(db).goal("gone", 5).strategy("s", "gone", 5).template("t", "gone", "s")
    tree.audit("a", "gone", "s").plan("p", "a", "s", state=state)
    # The goal stays because of the plan, so nothing below it is an orphan at all.
    assert run(db) == [0, 0, 0, 0, 0, 0]
    assert names_left(tree) == {"gone", "s", "t", "a", "p"}


def test_a_plan_started_after_the_choice_survives(db):
    tree = Tree(db).goal("gone", 5).strategy("s", "gone", 5)
    tree.audit("a", "gone", "s").plan("p", "a", "s", state="RECOMMENDED")
    chosen = db.read(purge.choose, purge.Wish())
    assert chosen.total == 6
    db.write(
        lambda tx: tx.execute(sa.update(models.ActionPlan).values(state="PENDING"))
    )
    assert purge.remove(db, chosen)["action_plans"] == 0
    assert names_left(tree) == {"gone", "s", "a", "p"}
    assert count(db, models.Action) == 2


def test_limit_takes_whole_goals(tree, db):
    # old: goal, strategy, template, audit, plan, 2 actions = 7; rest of live: 8.
    assert sum(run(db, max_number=6)) == 0
    assert run(db, max_number=7) == [1, 1, 1, 1, 1, 2]
    assert names_left(tree) == LIVE | {"gone-a", "gone-p", "new-a", "new-p"}
    assert sum(run(db, max_number=100)) == 8


def test_our_own_rows_about_it_go_too(db):
    tree = Tree(db).goal("gone", 5).strategy("s", "gone", 5).audit("a", "gone", "s", 5)
    tree.plan("p", "a", "s", 5, actions=1).goal("live").audit("b", "live")
    stay = "22222222-0000-4000-8000-000000000000"

    def write(tx):
        for audit, plan, action in (
            (tree.keys["a"][1], tree.keys["p"][1], tree.keys["p-0"][1]),
            (tree.keys["b"][1], stay, stay),
        ):
            tx.add(models.Explanation(audit_uuid=audit, plan_uuid=plan, document={}))
            tx.add(models.History(resource="audit", uuid=audit, new="PENDING"))
            tx.add(models.History(resource="action_plan", uuid=plan, new="PENDING"))
            tx.add(models.History(resource="action", uuid=action, new="PENDING"))
            tx.add(models.ExecutionRules(resource="action_plan", uuid=plan))
            tx.add(models.Slot(kind="x", resource=plan, number=0, plan_uuid=plan,
                               owner="o", owner_epoch=1))  # fmt: skip
            tx.add(
                models.Operation(
                    action_uuid=action,
                    plan_uuid=plan,
                    kind="x",
                    owner="o",
                    owner_epoch=1,
                    request_id="r",
                    created_at=NOW,
                )  # fmt: skip
            )

    db.write(write)
    run(db)
    assert count(db, models.Explanation) == 1
    assert count(db, models.Operation) == 1
    assert count(db, models.History) == 3
    assert (count(db, models.ExecutionRules), count(db, models.Slot)) == (1, 1)


def test_many_rows_take_few_transactions(db):
    tree = Tree(db).goal("gone", 5).strategy("s", "gone", 5)

    def fill(tx):
        tx.execute(
            sa.insert(models.Audit),
            [
                {"name": f"a{n}", "goal_id": tree["gone"], "strategy_id": tree["s"],
                 "state": "SUCCEEDED", "deleted": n, "deleted_at": NOW}
                for n in range(1, 451)
            ],
        )  # fmt: skip
        audits = tx.scalars(sa.select(models.Audit.id)).all()
        tx.execute(
            sa.insert(models.ActionPlan),
            [{"audit_id": a, "strategy_id": tree["s"], "deleted": 1, "deleted_at": NOW}
             for a in audits],
        )  # fmt: skip
        plans = tx.scalars(sa.select(models.ActionPlan.id)).all()
        tx.execute(
            sa.insert(models.Action),
            [{"action_plan_id": p, "action_type": "nop", "deleted": 1, "deleted_at": NOW}
             for p in plans for _ in range(10)],
        )  # fmt: skip

    db.write(fill)
    commits = []
    sa.event.listen(db.engine, "commit", commits.append)
    assert run(db) == [1, 1, 0, 450, 450, 4500]
    # Plans and audits by 200, strategy and goal: no transaction per row.
    assert len(commits) == 3 + 3 + 1 + 1


def test_silly_numbers_are_refused():
    with pytest.raises(exception.Invalid):
        purge.Wish(max_number=-1)
    with pytest.raises(exception.Invalid):
        purge.Wish(age_days=-1)
