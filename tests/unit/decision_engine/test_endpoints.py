"""What the API asks over the bus, and what goes into the database at start."""

import pytest

import watcher.conf
from watcher import exception
from watcher.cluster.collector.base import BaseClusterDataModelCollector
from watcher.cluster.collector.cache import Models
from watcher.cluster.scope.compute import ComputeScope
from watcher.db import audits, goals, strategies
from watcher.db.models import Base
from watcher.db.query import ListQuery
from watcher.db.session import Database
from watcher.decision_engine import sync
from watcher.decision_engine.endpoints import (
    AuditEndpoint,
    DataModelEndpoint,
    StrategyEndpoint,
)
from watcher.decision_engine.goal.goals import SHIPPED
from watcher.decision_engine.pool import Pool
from watcher.decision_engine.scoring.base import ScoringEngine
from watcher.decision_engine.strategy.dummy import DummyStrategy
from watcher.plugins import GOALS, SCORING_ENGINES, STRATEGIES, Plugins


class Collector(BaseClusterDataModelCollector):
    """Gives the described cloud"""

    def execute(self):
        return self.config["cloud"].model

    def get_audit_scope_handler(self, audit_scope):
        return ComputeScope(audit_scope, None)

    notification_endpoints = ()


@pytest.fixture
def db():
    conf = watcher.conf.load(
        "test", overrides={("database", "connection"): "sqlite://"}
    )
    db = Database(conf)
    Base.metadata.create_all(db.engine)
    return db


@pytest.fixture
def models(cloud):
    cloud.node("h1", zone="z1").node("h2", zone="z2").server("a", "h1")
    return Models.of({"compute": Collector({"cloud": cloud})})


PLUGINS = {GOALS: SHIPPED, STRATEGIES: {"dummy": DummyStrategy}}


def test_trigger_offers_the_audit():
    pool = Pool(0, None, may_start=lambda: True, release=lambda: None)
    assert AuditEndpoint(pool).trigger_audit(None, audit_uuid="u") == "u"
    assert pool._once.waiting == {"u": True}


def test_the_model_is_not_ready_until_it_was_read(models, db):
    endpoint = DataModelEndpoint(db, models)
    with pytest.raises(exception.NotReady, match="not been read"):
        endpoint.get_data_model_info(None)
    models.refresh()
    found = endpoint.get_data_model_info(None, data_model_type="compute", audit=None)
    assert [(r["node_hostname"], r.get("server_uuid")) for r in found["context"]] == [
        ("h1", "a"),
        ("h2", None),
    ]


def test_the_model_is_cut_to_the_audits_scope(models, db):
    sync.synchronise(db, Plugins.of(PLUGINS))
    scope = [{"compute": [{"availability_zones": [{"name": "z2"}]}]}]
    db.write(
        lambda tx: audits.create(
            tx,
            uuid="a0000000-0000-4000-8000-000000000000",
            name="nightly",
            audit_type="ONESHOT",
            goal_id=goals.get(tx, "dummy").id,
            scope=scope,
        )
    )
    models.refresh()
    found = DataModelEndpoint(db, models).get_data_model_info(None, audit="nightly")
    assert [row["node_hostname"] for row in found["context"]] == ["h2"]


def test_w25_showing_a_model_to_one_changes_nothing_for_others(models, db):
    sync.synchronise(db, Plugins.of(PLUGINS))

    def audit(tx, number, zone):
        rule = {"availability_zones": [{"name": zone}]}
        audits.create(
            tx,
            uuid=f"a0000000-0000-4000-8000-00000000000{number}",
            name=zone,
            audit_type="ONESHOT",
            goal_id=goals.get(tx, "dummy").id,
            scope=[{"compute": [rule, {"exclude": [{"instances": [{"uuid": "a"}]}]}]}],
        )

    for number, zone in enumerate(("z1", "z2")):
        db.write(audit, number, zone)
    models.refresh()
    endpoint = DataModelEndpoint(db, models)
    whole = endpoint.get_data_model_info(None)["context"]
    read = models.kept["compute"].collector.cluster_data_model
    for zone, host in (("z1", "h1"), ("z2", "h2"), ("z1", "h1")):
        rows = endpoint.get_data_model_info(None, audit=zone)["context"]
        assert [row["node_hostname"] for row in rows] == [host]
        assert endpoint.get_data_model_info(None)["context"] == whole
    # Only what was excluded is flagged, and only for who excluded it.
    assert [row.get("server_watcher_exclude") for row in whole] == [False, None]
    assert models.kept["compute"].collector.cluster_data_model is read


def test_w25_no_value_leaks_into_the_next_row(models, db):
    models.refresh()
    rows = DataModelEndpoint(db, models).get_data_model_info(None)["context"]
    with_server, without = rows
    assert with_server["server_uuid"] == "a"
    assert not [key for key in without if key.startswith("server_")]


def test_a_model_that_is_not_kept_is_named(models, db):
    with pytest.raises(exception.ClusterStateNotDefined, match="storage"):
        DataModelEndpoint(db, models).get_data_model_info(None, "storage")


def test_what_a_strategy_needs(models):
    endpoint = StrategyEndpoint(Plugins.of(PLUGINS), models)
    models.refresh()
    datasource, metrics, cdm = endpoint.get_strategy_info(None, strategy_name="dummy")
    assert datasource["type"] == "Datasource" and datasource["mandatory"] is True
    assert metrics == {
        "type": "Metrics",
        "state": [],
        "mandatory": False,
        "comment": "",
    }
    assert cdm["state"] == [
        {"compute_model": "available"},
        {"storage_model": "not available"},
        {"baremetal_model": "not available"},
    ]
    with pytest.raises(exception.StrategyNotFound):
        endpoint.get_strategy_info(None, "nobody")


class Scorer(ScoringEngine):
    """A scoring engine"""

    def get_name(self):
        return "scorer"

    def get_description(self):
        return "scores"

    def get_metainfo(self):
        return "{}"

    def calculate_score(self, features):
        return "1"


class Misnamed(DummyStrategy):
    """Its entry point has another name"""


class Broken(ScoringEngine):
    """Cannot be built"""

    def __init__(self, config):
        raise RuntimeError("no model file")


def test_installed_plugins_become_rows_and_a_second_time_changes_nothing(db):
    plugins = Plugins.of({**PLUGINS, SCORING_ENGINES: {"scorer": Scorer}})
    first = sync.synchronise(db, plugins)
    assert len(first.created) == 12 and first.skipped == []
    row = db.read(strategies.get, "dummy")
    assert (
        row.goal_name == "dummy" and row.parameters_spec == DummyStrategy.get_schema()
    )
    consolidation = db.read(goals.get, "server_consolidation")
    assert len(consolidation.efficacy_specification) == 3
    again = sync.synchronise(db, plugins)
    assert list(sync.summary(again)) == ["0 created, 0 updated, 0 removed"]


def test_a_broken_plugin_costs_only_its_own_row(db):
    plugins = Plugins.of(
        {
            GOALS: SHIPPED,
            STRATEGIES: {"dummy": DummyStrategy, "other": Misnamed},
            SCORING_ENGINES: {"broken": Broken},
        }
    )
    report = sync.synchronise(db, plugins)
    assert [line.split(":")[0] for line in report.skipped] == [
        "strategy other",
        "scoring_engine broken",
    ]
    assert [s.name for s in db.read(strategies.list, ListQuery())] == ["dummy"]


def test_nothing_is_pruned_while_a_plugin_is_broken(db):
    sync.synchronise(db, Plugins.of(PLUGINS))
    fewer = {GOALS: SHIPPED, STRATEGIES: {}}
    broken = Plugins.of({**fewer, SCORING_ENGINES: {"broken": Broken}})
    assert sync.synchronise(db, broken, prune=True).removed == []
    assert "strategy dummy" in sync.synchronise(db, Plugins.of(fewer)).missing
    assert sync.synchronise(db, Plugins.of(fewer), prune=True).removed
    assert db.read(strategies.list, ListQuery()) == []
