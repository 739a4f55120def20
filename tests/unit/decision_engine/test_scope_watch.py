"""The periodic look at scopes: one warning and one notification for each change."""

import datetime
import logging

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from tests.unit.decision_engine.test_audit import World
from tests.unit.decision_engine.test_endpoints import Collector
from watcher.cluster.collector.cache import Models
from watcher.db import audit_templates, goals
from watcher.db.models import Audit
from watcher.decision_engine.existence import Existence
from watcher.decision_engine.scope_watch import ScopeWatch
from watcher.domain import states

FAST = [{"compute": [{"host_aggregates": [{"name": "fast"}]}]}]
START = datetime.datetime(2026, 6, 1)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture(scope="module")
def content():
    return World(None).content


class Watched:
    """A database, engines that look, and a clock for all"""

    def __init__(self, cloud, content):
        self.cloud = cloud
        self.world = World(cloud, content)
        self.db = self.world.db
        self.now = START
        self.told = []

    def engine(self):
        """A decision engine that has read its model now"""
        models = Models.of({"compute": Collector({"cloud": self.cloud})})
        models.kept["compute"]._clock = lambda: (self.now - START).total_seconds()
        models.refresh()
        watch = ScopeWatch(
            self.db,
            Existence(self.world.plugins, models),
            lambda tx, kind, record, missing: self.told.append(
                (kind, record.name, [item["name"] for item in missing])
            ),
            lambda: self.now,
        )
        watch.models = models
        return watch

    def later(self, engine):
        """Let an hour pass, the model be read and the scopes be looked at"""
        self.now += HOUR
        engine.models.refresh()
        engine.look()

    def template(self, name="t", scope=FAST):
        def create(tx):
            goal = goals.get(tx, "dummy").id
            return audit_templates.create(
                tx, name=name, goal_id=goal, scope=scope, created_at=START
            )

        return self.db.write(create)

    def gone(self):
        self.aggregates = list(self.cloud.host_aggregates)
        self.cloud.host_aggregates.clear()

    def back(self):
        self.cloud.host_aggregates.extend(self.aggregates)


@pytest.fixture
def watched(cloud, content):
    cloud.node("a").server("s", on="a").aggregate("fast", "a")
    return Watched(cloud, content)


def test_what_vanishes_is_told_once_and_its_return_too(watched, caplog):
    caplog.set_level(logging.INFO)
    watched.template()
    engine = watched.engine()
    watched.later(engine)
    assert watched.told == []
    watched.gone()
    for _time in range(3):
        watched.later(engine)
    assert watched.told == [("audit.scope.invalid", "t", ["fast"])]
    [warning] = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "scope of audit template t" in warning.getMessage()
    assert "host aggregate fast" in warning.getMessage()
    watched.told.clear()
    watched.back()
    for _time in range(3):
        watched.later(engine)
    assert watched.told == [("audit.scope.valid", "t", [])]
    assert "is there again" in caplog.text


def test_each_change_is_told(watched):
    scope = [
        {
            "compute": [
                {"exclude": [{"instances": [{"uuid": "s"}]}]},
                *FAST[0]["compute"],
            ]
        }
    ]
    watched.template(scope=scope)
    engine = watched.engine()
    watched.gone()
    watched.later(engine)
    watched.cloud.servers_by_name.clear()
    watched.later(engine)
    assert [names for _kind, _name, names in watched.told] == [["fast"], ["s", "fast"]]


def test_a_restart_does_not_tell_again(watched):
    watched.template()
    watched.gone()
    watched.later(watched.engine())
    watched.later(watched.engine())
    assert len(watched.told) == 1


@pytest.mark.parametrize(
    "garbage", [["x"], [5], [{"compute": 5}], [{"compute": ["x"]}]]
)
def test_a_row_that_is_no_scope_keeps_no_other_from_being_looked_at(
    watched, garbage, caplog
):
    """audits.md C4: nonsense in one row can't touch another"""
    watched.template("garbage", garbage)
    watched.template("good")
    watched.gone()
    engine = watched.engine()
    for _time in range(3):
        watched.later(engine)
    assert watched.told == [("audit.scope.invalid", "good", ["fast"])]
    assert caplog.text.count("The scope of audit template garbage") <= 1


def test_two_engines_tell_once(watched):
    watched.template()
    one, two = watched.engine(), watched.engine()
    watched.gone()
    watched.now += HOUR
    one.models.refresh()
    two.models.refresh()
    # Both have read what was told before either tells.
    told = watched.db.read(lambda tx: {})
    [subject] = list(one._subjects())
    for engine in (one, two):
        engine._judge(subject, ("audit_template", subject.uuid), told or None)
    assert len(watched.told) == 1


def test_an_older_model_does_not_contradict_a_newer_one(watched):
    watched.template()
    old = watched.engine()
    new = watched.engine()
    watched.gone()
    watched.later(new)
    old.look()
    assert [kind for kind, *_ in watched.told] == ["audit.scope.invalid"]
    watched.later(old)
    assert len(watched.told) == 1


def test_a_scope_that_is_newer_than_the_model_waits(watched):
    engine = watched.engine()
    watched.cloud.aggregate("new", "a")
    made = watched.template(
        scope=[{"compute": [{"host_aggregates": [{"name": "new"}]}]}]
    )
    watched.db.write(
        lambda tx: audit_templates.update(tx, made.uuid, updated_at=START + HOUR / 2)
    )
    watched.now += HOUR
    engine.look()
    assert watched.told == []


@pytest.mark.parametrize(
    ("kind", "state", "looked_at"),
    [
        (states.CONTINUOUS, states.PENDING, True),
        (states.CONTINUOUS, states.ONGOING, True),
        (states.CONTINUOUS, states.SUSPENDED, True),
        (states.CONTINUOUS, states.FAILED, False),
        (states.EVENT, states.SUCCEEDED, True),
        (states.EVENT, states.CANCELLED, False),
        (states.ONESHOT, states.PENDING, False),
    ],
)
def test_which_audits_are_looked_at(watched, kind, state, looked_at):
    uuid = watched.world.audit(audit_type=kind, scope=FAST, created_at=START)
    row = sa.update(Audit).where(Audit.uuid == uuid).values(state=state)
    watched.db.write(lambda tx: tx.execute(row) and None)
    watched.gone()
    watched.later(watched.engine())
    assert bool(watched.told) is looked_at


def test_rows_of_what_is_gone_are_forgotten(watched):
    made = watched.template()
    watched.gone()
    engine = watched.engine()
    watched.later(engine)
    watched.db.write(audit_templates.soft_delete, made.uuid)
    watched.later(engine)
    watched.template()
    watched.later(engine)
    assert len(watched.told) == 2, "another template of that name is another one"


def test_a_model_that_is_not_there_says_nothing(watched):
    watched.template()
    engine = watched.engine()
    watched.gone()
    engine.models.kept["compute"]._model = None
    watched.now += HOUR
    engine.look()
    assert watched.told == []


def test_it_costs_the_same_few_statements_however_many_scopes(watched):
    engine = watched.engine()
    seen = []
    event.listen(
        watched.db.engine, "before_cursor_execute", lambda *args: seen.append(args[2])
    )
    counts = []
    for number in range(40):
        watched.template(f"t{number}")
        if number in (0, 39):
            seen.clear()
            watched.now += HOUR
            engine.models.refresh()
            seen.clear()
            engine.look()
            counts.append(len([s for s in seen if s.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 6


def test_an_idle_engine_reads_before_it_judges(cloud, content):
    cloud.node("a").aggregate("fast", "a")
    watched = Watched(cloud, content)
    watched.template()
    engine = watched.engine()
    engine.look()
    watched.gone()
    watched.now += HOUR
    # No audit and nobody else has asked for the model meanwhile.
    engine.look()
    assert [kind for kind, *_rest in watched.told] == ["audit.scope.invalid"]
