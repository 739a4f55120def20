"""One audit from PENDING to its end: once, whole, and whatever happens in between."""

import contextlib
import datetime
import itertools
import json
import re
import threading

import pytest

import watcher.conf
from watcher import exception
from watcher.cluster.scope.compute import ComputeScope
from watcher.db import (
    action_plans,
    actions,
    audits,
    continuous,
    explanations,
    goals,
    history,
    leases,
    strategies,
)
from watcher.db.models import Base
from watcher.db.query import ListQuery
from watcher.db.session import Database
from watcher.decision_engine import sync
from watcher.decision_engine.audit import AuditRunner
from watcher.decision_engine.decide import Decider
from watcher.decision_engine.goal.goals import SHIPPED
from watcher.decision_engine.planner.weight import WeightPlanner
from watcher.decision_engine.strategy import base
from watcher.decision_engine.strategy.actuator import Actuator
from watcher.decision_engine.strategy.dummy import DummyStrategy
from watcher.decision_engine.strategy.dummy_with_resize import DummyWithResize
from watcher.decision_engine.strategy.dummy_with_scorer import DummyWithScorer
from watcher.decision_engine.strategy.host_maintenance import HostMaintenance
from watcher.domain import states
from watcher.domain.records import NewAction, NewPlan
from watcher.plugins import (
    ACTIONS,
    GOALS,
    PLANNERS,
    SCOPE_HANDLERS,
    STRATEGIES,
    Plugins,
)

DOABLE = ("nop", "sleep", "migrate", "change_nova_service_state")


class Crash(BaseException):
    """The process ends here"""


class Odd(base.UnclassifiedStrategy):
    """Does what the test says; by default nothing"""

    act = staticmethod(lambda strategy: None)

    @classmethod
    def get_name(cls):
        return "odd"

    @classmethod
    def get_display_name(cls):
        return "Odd"

    get_translatable_display_name = get_display_name

    def solve(self, view, p):
        type(self).act(self)
        yield from ()


class Lease:
    """A lease whose row is real, held by a fake process"""

    def __init__(self, db, owner):
        self.db = db
        self.held = True
        epoch = db.write(leases.acquire, owner, service="de", host=owner, ttl_s=3600)
        self.claim = leases.Claim(owner, epoch)

    def may_start(self):
        return self.held

    def die(self):
        """End as the database sees it once the time to live is over"""
        self.db.write(leases.release, self.claim)


class Applier:
    def __init__(self, db):
        self.db = db
        self.woken = []

    def launch_action_plan(self, ctx, uuid):
        self.woken.append((uuid, self.db.read(action_plans.get, uuid).state))
        return True


class Models:
    def __init__(self, cloud):
        self.cloud = cloud

    def lacks(self, name):
        return None if name == "compute" else f"the {name} model is not kept here"

    def compute(self):
        if self.cloud is None:
            raise exception.ClusterDataModelCollectionError(
                "The cluster data model 'compute' could not be built: Nova is away"
            )
        return self.cloud.model


class World:
    """A database, a cloud and any number of engines"""

    def __init__(self, cloud, content=None):
        self.conf = watcher.conf.load(
            "test", overrides={("database", "connection"): "sqlite://"}
        )
        self.db = Database(self.conf)
        self.plugins = Plugins.of(
            {
                GOALS: SHIPPED,
                STRATEGIES: {
                    "dummy": DummyStrategy,
                    "dummy_with_resize": DummyWithResize,
                    "dummy_with_scorer": DummyWithScorer,
                    "actuator": Actuator,
                    "host_maintenance": HostMaintenance,
                    "odd": type("ThisOdd", (Odd,), {}),
                },
                PLANNERS: {"weight": WeightPlanner},
                SCOPE_HANDLERS: {"compute": ComputeScope},
                # What an applier could do; only the names count here.
                ACTIONS: dict.fromkeys(DOABLE, object),
            },
            self.conf,
        )
        with contextlib.closing(self.db.engine.raw_connection()) as connection:
            if content:
                connection.driver_connection.deserialize(content)
            else:
                Base.metadata.create_all(self.db.engine)
                sync.synchronise(self.db, self.plugins)
                self.content = connection.driver_connection.serialize()
        self.models = Models(cloud)
        self.default_scope = []
        self.told = []
        self.crash_at = None
        self.applier = Applier(self.db)
        self.numbers = itertools.count()
        self.moment = datetime.datetime(2026, 1, 1)

    def later(self, seconds):
        self.moment += datetime.timedelta(seconds=seconds)

    @property
    def odd(self):
        return self.plugins.classes(STRATEGIES)["odd"]

    def tell(self, tx, event, record, *, fault=None):
        if event == self.crash_at:
            raise Crash(event)
        self.told.append((event, record.state, fault))

    def engine(self, name="one"):
        lease = Lease(self.db, name)
        runner = AuditRunner(
            db=self.db,
            lease=lease,
            decider=Decider(
                self.plugins,
                self.models,
                now=lambda: self.moment,
                new_uuid=self.uuid,
                default_scope=self.default_scope,
            ),
            tell=self.tell,
            applier=self.applier,
            host=name,
            new_uuid=self.uuid,
            clock=lambda tx: self.moment,
        )
        runner.lease = lease
        return runner

    def uuid(self):
        return f"00000000-0000-4000-8000-{next(self.numbers):012d}"

    def audit(self, goal="dummy", strategy=None, **values):
        def create(tx):
            values.setdefault("name", self.uuid())
            values.setdefault("audit_type", states.ONESHOT)
            return audits.create(
                tx,
                uuid=self.uuid(),
                goal_id=goals.get(tx, goal).id,
                strategy_id=strategy and strategies.get(tx, strategy).id,
                **values,
            )

        return self.db.write(create).uuid

    def get(self, uuid):
        return self.db.read(audits.get, uuid)

    @property
    def plans(self):
        return self.db.read(action_plans.list, ListQuery())

    def why(self, uuid):
        return self.db.read(explanations.for_audit, uuid)

    def running_plan(self, *moves, scope=()):
        """A plan that an applier carries out"""
        audit = self.audit("unclassified", "odd", scope=list(scope))
        plan = NewPlan(
            uuid=self.uuid(),
            audit_uuid=audit,
            strategy_name="odd",
            state=states.PENDING,
            actions=[
                NewAction(uuid=self.uuid(), action_type=kind, input_parameters=given)
                for kind, given in moves
            ],
        )

        def store(tx):
            action_plans.save(tx, plan)
            action_plans.step(tx, plan.uuid, states.PENDING, states.ONGOING)
            audits.step(tx, audit, states.PENDING, states.SUCCEEDED)

        self.db.write(store)
        return plan.uuid


@pytest.fixture(scope="module")
def content():
    """A database with tables and plugins, made once"""
    return World(None).content


@pytest.fixture
def world(cloud, content):
    for name in ("h1", "h2", "h3"):
        cloud.node(name, zone="z2" if name == "h3" else "z1")
    cloud.server("a", "h1").server("b", "h1")
    return World(cloud, content)


def test_an_audit_becomes_a_plan(world):
    uuid = world.audit("dummy")
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert (audit.state, audit.hostname, audit.owner) == (states.SUCCEEDED, "one", None)
    assert audit.status_message is None
    (plan,) = world.plans
    assert (plan.state, plan.strategy_name) == (states.RECOMMENDED, "dummy")
    found = world.db.read(actions.of_plan, plan.uuid)
    assert [a.action_type for a in found] == ["nop", "nop", "sleep"]
    assert sorted(found[2].parents) == sorted(a.uuid for a in found[:2])
    assert [(event, state) for event, state, _ in world.told] == [
        (f"audit.{event}", states.ONGOING)
        for event in ("strategy.start", "strategy.end", "planner.start", "planner.end")
    ]
    assert world.applier.woken == []


def test_the_plan_is_explained(world):
    uuid = world.audit(
        "cluster_maintaining", "host_maintenance", parameters={"maintenance_node": "h1"}
    )
    world.models.cloud.server("c", "h1", state="error")
    world.engine().run(uuid)
    (plan,) = world.plans
    why = world.db.read(explanations.for_plan, plan.uuid)
    found = world.db.read(actions.of_plan, plan.uuid)
    assert why == world.why(uuid)
    assert [entry["uuid"] for entry in why["actions"]] == [a.uuid for a in found]
    assert all(entry["reason"] for entry in why["actions"])
    assert why["actions"][1]["resource_name"] in ("A", "B")
    (stay,) = why["stays"]
    assert (
        stay["instance"] == "c"
        and stay["name"] == "C"
        and stay["rules"] == {"state": 2}
    )
    assert "3 actions" in why["summary"] and "1 server stays" in why["summary"]


def test_an_empty_plan_has_succeeded_and_says_why(world):
    world.models.cloud.node("h9", status="disabled", reason="watcher_maintaining")
    uuid = world.audit(
        "cluster_maintaining", "host_maintenance", parameters={"maintenance_node": "h9"}
    )
    world.engine().run(uuid)
    (plan,) = world.plans
    assert plan.state == states.SUCCEEDED and world.get(uuid).state == states.SUCCEEDED
    assert (
        world.why(uuid)["summary"] == "Nothing to do. h9 is empty and in maintenance."
    )


def test_auto_trigger_starts_the_plan_and_then_wakes_an_applier(world):
    """audits.md O7: it is PENDING in the row before anybody hears of it"""
    uuid = world.audit("dummy", auto_trigger=True)
    world.engine().run(uuid)
    (plan,) = world.plans
    assert plan.state == states.PENDING
    assert world.applier.woken == [(plan.uuid, states.PENDING)]


# Which strategy ------------------------------------------------------------------------


def test_a_goal_alone_gets_a_strategy_that_can_run(world):
    # Of actuator and odd the first needs a parameter that nobody gave.
    uuid = world.audit("unclassified")
    world.engine().run(uuid)
    assert world.plans[0].strategy_name == "odd"


def candidates(world, **models):
    """Strategies of one goal in the order of their names; each looks at these models"""
    groups = (GOALS, STRATEGIES, PLANNERS, SCOPE_HANDLERS, ACTIONS)
    known = {group: world.plugins.classes(group) for group in groups}
    for name in ("odd", "actuator"):
        del known[STRATEGIES][name]
    for name, looks_at in models.items():
        more = {"MODELS": looks_at, "get_name": classmethod(lambda cls, n=name: n)}
        known[STRATEGIES][name] = type(name, (Odd,), more)
    world.plugins = Plugins.of(known, world.conf)
    sync.synchronise(world.db, world.plugins)


STORAGE_ONLY = [{"storage": [{"availability_zones": [{"name": "nova"}]}]}]


def test_s5_the_first_that_can_run_is_chosen_not_the_first_of_the_alphabet(world):
    """audits.md S5: no storage strategy for a cloud whose storage nobody reads"""
    candidates(world, aaa=("storage",), bbb=("compute", "storage"), ccc=("compute",))
    world.engine().run(world.audit("unclassified"))
    assert world.plans[0].strategy_name == "ccc"


def test_s5_a_strategy_that_looks_elsewhere_than_the_scope_is_not_chosen(world):
    candidates(world, aaa=("compute",), ccc=None)
    world.engine().run(world.audit("unclassified", scope=STORAGE_ONLY))
    assert world.plans[0].strategy_name == "ccc", "who does not say may look anywhere"


def test_s5_each_candidate_is_named_with_what_hinders_it(world):
    candidates(world, aaa=("storage",), bbb=("compute",))
    uuid = world.audit("unclassified", scope=STORAGE_ONLY)
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert audit.state == states.FAILED
    assert audit.status_message == (
        "No strategy for the goal 'unclassified' can run: aaa: the storage model is not "
        "kept here; bbb: it looks at compute, the scope is about storage"
    )


def test_the_goal_dummy_alone_gets_the_strategy_dummy(world):
    world.engine().run(world.audit("dummy"))
    assert world.plans[0].strategy_name == "dummy"


def test_chance_is_the_same_for_the_same_audit_and_another_for_others(world):
    def decided(uuid):
        engine = world.engine(world.uuid())
        world.crash_at = "audit.planner.end"
        seen = []
        plain = engine._decider.plan

        def plan(audit, decision):
            plain(audit, decision)
            seen.append([a.input_parameters for a in decision.actions])

        engine._decider.plan = plan
        with contextlib.suppress(Crash):
            engine.run(uuid)
        engine.lease.die()
        return seen[0]

    one, two = (world.audit("dummy", "dummy_with_scorer") for _ in range(2))
    first = decided(one)
    assert decided(one) == first, "who takes an audit over decides the same"
    assert decided(two) != first


def test_a_plan_that_nobody_could_carry_out_fails_the_audit_and_names_the_action(world):
    uuid = world.audit("dummy", "dummy_with_resize")
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert audit.state == states.FAILED and world.plans == []
    assert "not installed: resize" in audit.status_message


@pytest.mark.parametrize(
    "goal, expected",
    [
        ("cluster_maintaining", "host_maintenance: .*maintenance_node"),
        ("saving_energy", "saving_energy"),
    ],
)
def test_no_strategy_for_the_goal_is_said_in_words(goal, expected, world):
    uuid = world.audit(goal)
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert audit.state == states.FAILED and audit.owner is None
    assert re.search(expected, audit.status_message)


# Failures ------------------------------------------------------------------------------


def test_a_plan_that_nobody_could_finish_is_not_made(world):
    world.odd.act = staticmethod(lambda s: s.solution.add_action("stop", {}, "s1"))
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert audit.state == states.FAILED and world.plans == []
    assert audit.status_message == (
        "The plan needs actions that are not installed: stop; there are: "
        "change_nova_service_state, migrate, nop, sleep"
    )


def test_a_strategy_that_breaks_fails_the_audit_in_a_sentence(world):
    """audits.md O8: the reason is in status_message"""

    def act(strategy):
        raise KeyError("flavor")

    world.odd.act = staticmethod(act)
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert audit.state == states.FAILED and world.plans == []
    assert audit.status_message == (
        "The strategy 'odd' failed unexpectedly (KeyError: 'flavor'); the engine's log "
        "has the details"
    )
    assert world.why(uuid)["summary"] == audit.status_message
    event, _, fault = world.told[-1]
    assert event == "audit.strategy.error" and isinstance(fault, KeyError)


@pytest.mark.parametrize("text", ["half \ud83d", "zero \0", "whole \U0001f600"])
def test_an_error_with_odd_characters_ends_the_audit_all_the_same(world, text):
    """No run may begin again for ever because nobody can store why it failed"""

    def act(strategy):
        raise exception.Invalid(f"Server {text} is unknown")

    world.odd.act = staticmethod(act)
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    assert world.get(uuid).state == states.FAILED
    shown = text.split()[0] + " \ufffd"
    assert world.get(uuid).status_message == f"Server {shown} is unknown"


def test_a_failure_that_cannot_be_stored_ends_the_audit_with_less(world, caplog):
    def act(strategy):
        strategy.handle.note(None, object())
        raise exception.Invalid("nothing goes")

    world.odd.act = staticmethod(act)
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    assert world.get(uuid).state == states.FAILED
    assert world.get(uuid).status_message == (
        "The strategy failed with what no database keeps; the engine's log has the "
        "details"
    )
    assert f"Why audit {uuid} failed cannot be stored" in caplog.text
    assert [event for event, _, _ in world.told].count("audit.strategy.error") >= 1


def test_what_a_strategy_notes_without_end_is_cut(world):
    def act(strategy):
        for number in range(20_000):
            strategy.handle.note(None, f"{number:06d} " + "x" * 200)

    world.odd.act = staticmethod(act)
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    document = world.why(uuid)
    assert world.get(uuid).state == states.SUCCEEDED
    assert len(json.dumps(document)) < 2 * 2**20
    kept = len(document["remarks"]) - 1
    assert kept > 1000
    assert document["remarks"][-1] == (
        f"{20_000 - kept} more remarks are too many to be listed here"
    )
    assert len(document["summary"]) < 5000


@pytest.mark.parametrize(
    ("error", "traced"),
    [(exception.Invalid("node-9 is unknown"), False), (KeyError("flavor"), True)],
)
def test_the_log_shows_the_place_of_errors_that_say_nothing(
    world, caplog, error, traced
):
    def act(strategy):
        raise error

    world.odd.act = staticmethod(act)
    world.engine().run(world.audit("unclassified", "odd"))
    (line,) = [r for r in caplog.records if "failed in its strategy" in r.getMessage()]
    assert line.levelname == "ERROR"
    assert bool(line.exc_info) == traced


def test_a_strategy_whose_row_was_removed_fails_the_audit(world):
    def act(strategy):
        found = world.db.read(strategies.get, "odd")
        world.db.write(strategies.soft_delete, found.uuid)

    world.odd.act = staticmethod(act)
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    assert world.get(uuid).state == states.FAILED
    assert "odd" in world.get(uuid).status_message and world.plans == []


def test_a_planner_that_breaks_is_told_as_such(world):
    world.conf.set_override("planner", "nobody", "watcher_planner")
    uuid = world.audit("dummy")
    world.engine().run(uuid)
    assert world.get(uuid).state == states.FAILED
    assert "nobody" in world.get(uuid).status_message
    assert world.told[-1][0] == "audit.planner.error"


def test_a_cloud_that_cannot_be_read_is_named(world):
    world.models.cloud = None
    uuid = world.audit("dummy")
    world.engine().run(uuid)
    assert world.get(uuid).status_message.endswith("Nova is away")


def test_a_plan_that_breaks_rules_is_not_stored(world):
    world.models.cloud.node("tiny", vcpus=1).server("big", "h1", vcpus=2)
    action = {
        "action_type": "migrate",
        "resource_id": "big",
        "input_parameters": {
            "migration_type": "live",
            "source_node": "h1",
            "destination_node": "tiny",
        },
    }
    uuid = world.audit("unclassified", "actuator", parameters={"actions": [action]})
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert audit.state == states.FAILED and world.plans == []
    assert "break rules" in audit.status_message and "tiny" in audit.status_message


# Once, whatever happens ------------------------------------------------------------------


def test_two_engines_one_plan(world):
    uuid = world.audit("dummy")
    engines = [world.engine(name) for name in ("one", "two", "three")]
    threads = [threading.Thread(target=e.run, args=(uuid,)) for e in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.plans) == 1 and world.get(uuid).state == states.SUCCEEDED


@pytest.mark.parametrize("when", ["strategy.start", "planner.start", "planner.end"])
def test_after_a_crash_the_next_engine_starts_over_and_nothing_is_doubled(when, world):
    """audits.md O1, O2: the row is the queue, and the dead need not come back"""
    uuid = world.audit("dummy", auto_trigger=True)
    first = world.engine("one")
    world.crash_at = f"audit.{when}"
    with contextlib.suppress(Crash):
        first.run(uuid)
    assert world.get(uuid).state == states.ONGOING and world.plans == []
    world.crash_at = None
    second = world.engine("two")
    second.run(uuid)
    assert world.plans == [], "the first one may still be alive"
    first.lease.die()
    assert world.db.read(audits.claimable) == [uuid]
    second.run(uuid)
    assert len(world.plans) == 1 and len(world.applier.woken) == 1
    audit = world.get(uuid)
    assert (audit.state, audit.hostname) == (states.SUCCEEDED, "two")
    assert any(
        "taken over" in (e.reason or "")
        for e in world.db.read(history.of, "audit", uuid)
    )


def test_o3_an_event_audit_left_in_a_run_is_run_by_another_engine(world):
    """audits.md O3: a crash leaves nothing that could never be triggered again"""
    uuid = world.audit("dummy", audit_type=states.EVENT)
    world.db.write(audits.trigger, uuid)
    first, second = world.engine("one"), world.engine("two")
    world.crash_at = "audit.planner.start"
    with contextlib.suppress(Crash):
        first.run(uuid)
    world.crash_at = None
    first.lease.die()
    (found,) = world.db.read(audits.claimable)
    second.run(found)
    assert world.get(uuid).state == states.SUCCEEDED and len(world.plans) == 1
    world.db.write(audits.trigger, uuid)
    second.run(uuid)
    assert len(world.plans) == 2


def test_a_cancel_during_the_run_wins(world):
    """audits.md O6: nothing stale is written over it"""

    def act(strategy):
        world.db.write(audits.step, uuid, states.ONGOING, states.CANCELLED)

    world.odd.act = staticmethod(act)
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    assert world.get(uuid).state == states.CANCELLED and world.plans == []
    assert world.why(uuid) is None


def test_who_lost_the_lease_stores_nothing(world):
    engine = world.engine()
    world.odd.act = staticmethod(lambda strategy: engine.lease.die())
    uuid = world.audit("unclassified", "odd")
    engine.run(uuid)
    assert world.get(uuid).state == states.ONGOING and world.plans == []
    assert world.db.read(audits.claimable) == [uuid]


def test_nothing_begins_without_a_lease(world):
    engine = world.engine()
    engine.lease.held = False
    uuid = world.audit("dummy")
    engine.run(uuid)
    assert world.get(uuid).state == states.PENDING


def test_a_database_that_went_away_leaves_the_audit_to_be_run_again(world):
    def away(strategy):
        raise exception.DatabaseUnavailable(reason="gone")

    world.odd.act = staticmethod(away)
    uuid = world.audit("unclassified", "odd")
    engine = world.engine()
    with pytest.raises(exception.DatabaseUnavailable):
        engine.run(uuid)
    assert world.get(uuid).state == states.ONGOING
    world.odd.act = staticmethod(lambda strategy: None)
    engine.run(uuid)
    assert world.get(uuid).state == states.SUCCEEDED and len(world.plans) == 1


def test_a_message_makes_no_run_of_a_continuous_audit_that_is_not_due(world):
    uuid = world.audit("dummy", audit_type=states.CONTINUOUS, interval="60")
    engine = world.engine()
    for _message in range(3):
        engine.run(uuid, triggered=True)
    assert len(world.plans) == 1


def test_an_event_audit_runs_at_each_trigger_also_after_a_failure(world):
    """audits.md O3: FAILED is no end"""

    def fail(strategy):
        raise exception.MetricNotAvailable(metric="m")

    uuid = world.audit("unclassified", "odd", audit_type=states.EVENT)
    engine = world.engine()
    world.odd.act = staticmethod(fail)
    engine.run(uuid)
    assert world.get(uuid).state == states.PENDING, "nobody asked for a run"
    world.db.write(audits.trigger, uuid)
    engine.run(uuid, triggered=True)
    assert world.get(uuid).state == states.FAILED
    world.odd.act = staticmethod(lambda strategy: None)
    world.db.write(audits.trigger, uuid)
    # The message was lost; the scan finds the row.
    (found,) = world.db.read(audits.claimable)
    engine.run(found)
    assert world.get(uuid).state == states.SUCCEEDED
    assert world.get(uuid).status_message is None
    for doubled in (True, False):
        engine.run(uuid, triggered=doubled)
    assert len(world.plans) == 1


def test_triggers_during_a_run_make_one_further_run(world):
    def act(strategy):
        if len(world.plans) == 0:
            for _ in range(3):
                world.db.write(audits.trigger, uuid)

    world.odd.act = staticmethod(act)
    uuid = world.audit("unclassified", "odd", audit_type=states.EVENT)
    world.db.write(audits.trigger, uuid)
    engine = world.engine()
    for _message in range(4):
        engine.run(uuid, triggered=True)
    assert len(world.plans) == 2 and world.get(uuid).triggered_at is None


def test_a_message_of_an_api_that_writes_nothing_down_starts_a_fresh_audit(world):
    uuid = world.audit("dummy", audit_type=states.EVENT)
    world.engine().run(uuid, triggered=True)
    assert world.get(uuid).state == states.SUCCEEDED and len(world.plans) == 1


# A plan that runs already ----------------------------------------------------------------

MOVE = ("migrate", {"resource_id": "a", "source_node": "h1", "destination_node": "h2"})
ZONE_2 = [{"compute": [{"availability_zones": [{"name": "z2"}]}]}]


@pytest.mark.parametrize(
    "moves, plan_scope, audit_scope, blocked",
    [
        ([MOVE], [], [], True),
        ([MOVE], [], ZONE_2, False),
        ([("sleep", {"duration": 60})], [], [], True),
        ([("sleep", {"duration": 60})], ZONE_2, ZONE_2, True),
        ([MOVE, ("sleep", {"duration": 60})], [], ZONE_2, False),
        ([("migrate", {"resource_id": "a", "source_node": "h1"})], [], ZONE_2, True),
        ([("stop", {"resource_id": "a"})], [], ZONE_2, False),
        ([("paint", {"resource_id": "?"})], [], ZONE_2, True),
    ],
)
def test_a_running_plan_blocks_what_it_can_touch(
    moves, plan_scope, audit_scope, blocked, world
):
    """audits.md O4: a plan elsewhere blocks nobody, and the message names the one that does"""
    plan = world.running_plan(*moves, scope=plan_scope)
    uuid = world.audit("dummy", scope=audit_scope)
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert (audit.state == states.CANCELLED) is blocked
    if blocked:
        assert plan in audit.status_message and len(audit.status_message) < 255


def test_force_does_not_ask(world):
    world.running_plan(MOVE)
    uuid = world.audit("dummy", force=True)
    world.engine().run(uuid)
    assert world.get(uuid).state == states.SUCCEEDED


def waited(world, seconds=continuous.WAIT_S + 1):
    """What a scan finds some time from now, by the database's clock"""
    now = world.db.read(continuous.clock)
    return world.db.read(audits.claimable, now + datetime.timedelta(seconds=seconds))


def _end(world, plan):
    world.db.write(action_plans.step, plan, states.ONGOING, states.SUCCEEDED)


def test_an_event_audit_waits_until_the_plan_has_ended_and_says_so(world):
    """audits.md O4: not skipped silently"""
    plan = world.running_plan(MOVE)
    uuid = world.audit("dummy", audit_type=states.EVENT)
    world.db.write(audits.trigger, uuid)
    engine = world.engine()
    for _ in range(2):
        engine.run(uuid, triggered=True)
    audit = world.get(uuid)
    assert audit.state == states.PENDING and plan in audit.status_message
    assert world.db.read(audits.claimable) == []
    assert waited(world) == [uuid]
    _end(world, plan)
    engine.run(uuid)
    audit = world.get(uuid)
    assert (audit.state, audit.status_message) == (states.SUCCEEDED, None)


def test_what_only_a_message_asked_for_waits_too(world):
    plan = world.running_plan(MOVE)
    uuid = world.audit("dummy", audit_type=states.EVENT)
    engine = world.engine()
    engine.run(uuid, triggered=True)
    _end(world, plan)
    (waiting,) = waited(world)
    engine.run(waiting)
    assert world.get(uuid).state == states.SUCCEEDED


@pytest.mark.parametrize("more", [{"force": True}, {"scope": ZONE_2}])
def test_an_event_audit_that_no_plan_is_in_the_way_of_does_not_wait(world, more):
    world.running_plan(MOVE)
    uuid = world.audit("dummy", audit_type=states.EVENT, **more)
    world.db.write(audits.trigger, uuid)
    world.engine().run(uuid)
    assert world.get(uuid).state == states.SUCCEEDED


def test_an_event_audit_does_not_wait_for_a_cloud_that_cannot_be_read(world):
    world.running_plan(MOVE)
    world.models.cloud = None
    uuid = world.audit("dummy", audit_type=states.EVENT)
    world.db.write(audits.trigger, uuid)
    world.engine().run(uuid)
    audit = world.get(uuid)
    assert audit.state == states.FAILED and "Nova is away" in audit.status_message


# While it runs -------------------------------------------------------------------------


class Slow:
    """A solver in whose time something happens"""

    def __init__(self, meanwhile):
        self.meanwhile = meanwhile
        self.wanted = None

    def solve(self, task, snapshot, decision, still):
        self.meanwhile()
        self.wanted = False
        still()
        self.wanted = True
        raise exception.StrategyStopped(strategy=task.strategy, reason="was slow")


def slow(world, meanwhile):
    engine = world.engine()
    solver = Slow(lambda: meanwhile(engine))
    engine._decider = Decider(
        world.plugins,
        world.models,
        now=lambda: world.moment,
        new_uuid=world.uuid,
        solver=solver,
    )
    return engine, solver


@pytest.mark.parametrize("audit_type", [states.ONESHOT, states.CONTINUOUS])
def test_a_strategy_hears_that_its_audit_was_cancelled(world, audit_type):
    """Then it is killed, and the run leaves no trace"""
    more = {"interval": "60"} if audit_type == states.CONTINUOUS else {}
    uuid = world.audit(audit_type=audit_type, **more)
    engine, solver = slow(
        world,
        lambda _: world.db.write(audits.step, uuid, states.ONGOING, states.CANCELLED),
    )
    engine.run(uuid)
    assert solver.wanted is False
    audit = world.get(uuid)
    assert (audit.state, audit.status_message) == (states.CANCELLED, None)
    assert not world.plans and not world.why(uuid)
    assert [event for event, *_ in world.told] == ["audit.strategy.start"]


def test_a_strategy_hears_that_another_engine_has_its_audit(world):
    uuid = world.audit()
    engine, solver = slow(world, lambda engine: engine.lease.die())

    def meanwhile(engine):
        engine.lease.die()
        world.engine("two").run(uuid)

    solver.meanwhile = lambda: meanwhile(engine)
    engine.run(uuid)
    assert solver.wanted is False
    assert world.get(uuid).state == states.SUCCEEDED


def test_a_strategy_goes_on_while_the_database_is_away(world, monkeypatch):
    def away(_engine):
        def read(*_args):
            monkeypatch.undo()
            raise exception.DatabaseUnavailable(reason="gone")

        monkeypatch.setattr(world.db, "read", read)

    uuid = world.audit()
    engine, solver = slow(world, away)
    engine.run(uuid)
    assert solver.wanted is True
    audit = world.get(uuid)
    assert audit.state == states.FAILED
    assert audit.status_message == "The strategy 'dummy' was slow"
