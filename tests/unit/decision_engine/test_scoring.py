"""Scoring engines: the shipped ones, and how strategies find them."""

import json
import types

import pytest

from watcher import exception
from watcher.decision_engine.scoring import base, scoring_factory
from watcher.decision_engine.scoring.dummy_scorer import DummyScorer
from watcher.decision_engine.scoring.dummy_scoring_container import (
    DummyScoringContainer,
)
from watcher.decision_engine.strategy.dummy_with_scorer import DummyWithScorer
from watcher.plugins import (
    SCORING_ENGINE_CONTAINERS,
    SCORING_ENGINES,
    STRATEGIES,
    Plugins,
)

MIB = 1024**2
# cpu %, memory, free memory, page reads and writes, disk read and write, net in and out
QUIET = [10, 1e9, 5e8, 0, 0, 0, 0, 0, 0]


@pytest.fixture
def look_in():
    """Let the factory look among the given plugins, and among the installed ones after"""
    installed = scoring_factory._engines.plugins
    yield lambda **groups: scoring_factory.use(
        Plugins.of(
            {
                SCORING_ENGINES: groups.get("engines", {}),
                SCORING_ENGINE_CONTAINERS: groups.get("containers", {}),
            }
        )
    )
    scoring_factory.use(installed)


def scored(**changed):
    """Score a quiet host but for what is said"""
    places = {"cpu": 0, "reads": 3, "writes": 4, "disk_read": 5, "disk_write": 6}
    features = list(QUIET)
    for name, value in changed.items():
        features[places[name]] = value
    return json.loads(DummyScorer(None).calculate_score(json.dumps(features)))


@pytest.mark.parametrize(
    ("host", "score"),
    [
        ({}, [0, 100, 0, 0, 0]),
        ({"cpu": 39.9}, [0, 100, 0, 0, 0]),
        ({"cpu": 40}, [0, 100, 50, 0, 0]),
        ({"reads": 500}, [0, 100, 0, 50, 0]),
        ({"cpu": 79.9, "writes": 999}, [0, 100, 50, 50, 0]),
        ({"cpu": 80}, [1, 0, 100, 0, 0]),
        ({"reads": 1000, "writes": 1000}, [2, 0, 0, 100, 0]),
        ({"reads": 1000, "writes": 999}, [0, 100, 0, 50, 0]),
        ({"disk_read": 50 * MIB, "disk_write": 50 * MIB}, [3, 0, 0, 0, 100]),
        ({"disk_read": 50 * MIB, "disk_write": 50 * MIB - 1}, [0, 100, 0, 0, 0]),
        # The first that matches wins.
        ({"cpu": 99, "reads": 9e9, "writes": 9e9}, [1, 0, 100, 0, 0]),
    ],
)
def test_dummy_scorer_tells_workloads_apart(host, score):
    assert scored(**host) == score


@pytest.mark.parametrize(
    "features",
    [
        *("", "x", "null", "{}", "3", "[]", "[1, 2]", json.dumps([*QUIET, 1])),
        json.dumps(["1", *QUIET[1:]]),
        json.dumps([True, *QUIET[1:]]),
        json.dumps([None, *QUIET[1:]]),
        "[NaN, 1, 1, 1, 1, 1, 1, 1, 1]",
        "[Infinity, 1, 1, 1, 1, 1, 1, 1, 1]",
    ],
)
def test_dummy_scorer_refuses_what_are_not_nine_numbers(features):
    with pytest.raises(ValueError, match=r"number|JSON"):
        DummyScorer(None).calculate_score(features)


def test_dummy_scorer_says_what_goes_in_and_comes_out():
    told = json.loads(DummyScorer(None).get_metainfo())
    assert set(told) == {"feature_columns", "result_columns", "workloads"}
    assert len(told["feature_columns"]) == 9 and len(told["result_columns"]) == 5
    assert told["workloads"] == {"0": "idle", "1": "cpu", "2": "memory", "3": "disk"}


@pytest.mark.parametrize(("name", "result"), [("min", 1), ("max", 6), ("avg", 3.0)])
def test_the_container_offers_functions_of_many_numbers(name, result):
    found = scoring_factory.get_scoring_engine(f"dummy_{name}_scorer")
    assert json.loads(found.calculate_score("[6, 1, 2]")) == [result]
    assert json.loads(found.calculate_score("[7.5]")) == [7.5]
    for features in ("[]", '["1"]', "{}", ""):
        with pytest.raises(ValueError, match=r"number|JSON"):
            found.calculate_score(features)


def test_the_installed_engines_are_found_by_name_and_kept():
    names = [engine.get_name() for engine in scoring_factory.get_scoring_engine_list()]
    assert sorted(names) == [
        "dummy_avg_scorer",
        "dummy_max_scorer",
        "dummy_min_scorer",
        "dummy_scorer",
    ]
    kept = scoring_factory.get_scoring_engine("dummy_scorer")
    assert scoring_factory.get_scoring_engine("dummy_scorer") is kept
    assert all(engine.get_description() for engine in (kept,))


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError, match="nobody"):
        scoring_factory.get_scoring_engine("nobody")


def named(name):
    return types.SimpleNamespace(get_name=lambda: name)


def test_containers_may_offer_others_at_every_call(look_in):
    offered = ["one"]

    class Changing(base.ScoringEngineContainer):
        @classmethod
        def get_scoring_engine_list(cls):
            return [named(name) for name in offered]

    look_in(containers={"changing": Changing})
    one = scoring_factory.get_scoring_engine("one")
    offered[:] = ["two"]
    assert scoring_factory.get_scoring_engine("one") is one
    assert scoring_factory.get_scoring_engine("two").get_name() == "two"
    assert [e.get_name() for e in scoring_factory.get_scoring_engine_list()] == ["two"]


def test_a_broken_plugin_costs_the_others_nothing(look_in, caplog):
    class Broken:
        def __init__(self, config):
            raise OSError("no model file")

    class BrokenContainer:
        @classmethod
        def get_scoring_engine_list(cls):
            raise OSError("no folder")

    look_in(
        engines={"broken": Broken, "dummy_scorer": DummyScorer},
        containers={"empty": BrokenContainer, "dummies": DummyScoringContainer},
    )
    assert len(scoring_factory.get_scoring_engine_list()) == 4
    assert "no model file" in caplog.text and "no folder" in caplog.text


def test_the_strategy_cannot_be_built_without_its_engines(look_in):
    look_in(engines={"dummy_scorer": DummyScorer})
    plugins = Plugins.of({STRATEGIES: {"dummy_with_scorer": DummyWithScorer}})
    with pytest.raises(exception.LoadingError, match="dummy_avg_scorer"):
        plugins.load(STRATEGIES, "dummy_with_scorer")


def test_the_strategy_says_what_the_engines_found(cluster, run):
    found = run(DummyWithScorer, cluster.node("h1"), param2="ahoy")
    greeting, workload, average = (a["message"] for a in found.of("nop"))
    assert greeting == "ahoy" and found.of("sleep") == [{"duration": 5.0}]
    assert workload.removeprefix("Detected workload: ") in (
        *("idle", "cpu", "memory", "disk"),
    )
    assert 0 <= float(average.removeprefix("Average: ")) <= 100


def test_the_strategy_decides_the_same_for_the_same_audit(cluster, run):
    cluster.node("h1")
    one, two = (run(DummyWithScorer, cluster).of("nop") for _ in range(2))
    assert one == two
