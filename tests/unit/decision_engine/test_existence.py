"""What a scope names in vain, and what no strategy in question looks at."""

import pytest

import watcher.conf
from watcher import exception
from watcher.cluster.collector.base import BaseClusterDataModelCollector
from watcher.cluster.collector.cache import Models
from watcher.cluster.scope.base import BaseScope, Missing
from watcher.cluster.scope.compute import ComputeScope
from watcher.decision_engine.endpoints import ScopeEndpoint
from watcher.decision_engine.existence import Existence
from watcher.decision_engine.strategy.basic import BasicConsolidation
from watcher.decision_engine.strategy.dummy import DummyStrategy
from watcher.decision_engine.strategy.host_maintenance import HostMaintenance
from watcher.plugins import SCOPE_HANDLERS, STRATEGIES, Plugins


class Collector(BaseClusterDataModelCollector):
    """Reads the described cloud; ``away`` makes that fail"""

    away = False
    handler = None
    notification_endpoints = ()

    def execute(self):
        if self.away:
            raise exception.NovaClientError(reason="Nova is away")
        return self.config["cloud"].model

    def get_audit_scope_handler(self, audit_scope):
        return self.handler and self.handler(audit_scope, None)


class Garden(BaseScope):
    """A handler from elsewhere that was never taught to tell what is missing"""

    def get_scoped_model(self, cluster_model):
        return cluster_model


class Shelves(Garden):
    """One that was"""

    def missing(self, cluster_model):
        return [Missing("/1/shelf", "shelf", "s1")]


class Rotten(Garden):
    """One that fails"""

    def missing(self, cluster_model):
        raise KeyError("shelf")


class Stabilise(DummyStrategy):
    """A strategy about storage"""

    MODELS = ("storage",)

    @classmethod
    def get_goal_name(cls):
        return "server_consolidation"


PLUGINS = {
    STRATEGIES: {
        "dummy": DummyStrategy,
        "basic": BasicConsolidation,
        "stabilise": Stabilise,
        "host_maintenance": HostMaintenance,
    },
    SCOPE_HANDLERS: {
        "compute": ComputeScope,
        "garden": Garden,
        "shelves": Shelves,
        "rotten": Rotten,
    },
}
GONE = {"host_aggregates": [{"name": "fast"}, {"name": "gone"}]}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def models(cloud, clock):
    cloud.node("a", zone="z1").server("s1", on="a").aggregate("fast", "a")
    names = ("compute", "garden", "shelves", "rotten", "elsewhere")
    models = Models.of({name: Collector({"cloud": cloud}) for name in names})
    for kept in models.kept.values():
        kept._clock = clock
        kept.refresh()
    return models


@pytest.fixture
def existence(models):
    conf = watcher.conf.load("test", default_config_files=[], default_config_dirs=[])
    return Existence(Plugins.of(PLUGINS, conf), models)


def paths(findings):
    return [(item.path, item.what, item.name) for item in findings.missing]


def test_paths_point_into_the_document(existence):
    document = [
        {"storage": []},
        {"compute": [{}, GONE]},
        {"compute": [{"exclude": [{"instances": [{"uuid": "s1"}, {"uuid": "s2"}]}]}]},
    ]
    found = existence.of(document, "dummy")
    assert paths(found) == [
        ("/1/compute/1/host_aggregates/1/name", "host aggregate", "gone"),
        ("/2/compute/0/exclude/0/instances/1/uuid", "instance", "s2"),
    ]
    assert not found.unused and not found.unknown


def test_what_exists_is_no_finding(existence):
    document = [
        {"compute": [{"host_aggregates": [{"name": "fast"}], "availability_zones": []}]}
    ]
    found = existence.of(document, "dummy")
    assert (found.missing, found.unused, found.unknown) == ([], [], {})


@pytest.mark.parametrize(
    ("goal", "strategy", "unused"),
    [
        ("server_consolidation", None, ["/2/baremetal"]),
        ("server_consolidation", "basic", ["/2/baremetal", "/1/storage"]),
        ("server_consolidation", "stabilise", ["/2/baremetal", "/0/compute"]),
        ("cluster_maintaining", None, ["/2/baremetal", "/1/storage"]),
        # They look at no model in particular, or nobody can tell.
        ("dummy", None, []),
        ("server_consolidation", "not_installed", []),
        ("nobody's", None, []),
    ],
)
def test_sections_that_no_strategy_looks_at(existence, goal, strategy, unused):
    document = [
        {"compute": [{"host_aggregates": [{"name": "fast"}]}]},
        {"storage": [{"exclude": []}]},
        {"compute": [], "baremetal": [{}]},
    ]
    assert sorted(existence.of(document, goal, strategy).unused) == sorted(unused)


def test_a_section_without_rules_says_nothing(existence):
    found = existence.of([{"storage": [], "compute": []}], "server_consolidation")
    assert (found.missing, found.unused, found.unknown) == ([], [], {})


def test_models_that_cannot_be_asked_say_why(existence, models):
    kept = models.kept["compute"]
    kept._model = None
    document = [{"compute": [GONE], "storage": [{}]}]
    assert existence.of(document, "dummy").unknown == {
        "compute": "it has not been read yet",
        "storage": "it is not in [collector] collector_plugins",
    }
    kept.error = "NovaClientError: Nova is away"
    assert "Nova is away" in existence.of(document, "dummy").unknown["compute"]
    kept.absent = "there is no Nova"
    assert existence.of(document, "dummy").unknown["compute"] == "there is no Nova"


def test_something_newer_than_the_model_is_found(existence, cloud, clock):
    """Nobody is refused because a model was read before the aggregate was made"""
    cloud.aggregate("gone", "a")
    clock.now = 100
    assert existence.of([{"compute": [GONE]}], "dummy").missing == []


def test_a_model_that_follows_events_is_not_read_again(existence, models, clock):
    kept = models.kept["compute"]
    kept._heard_s = clock.now = 100
    kept.collector.away = True
    document = [{"compute": [{"host_aggregates": [{"id": 1}]}]}]
    found = existence.of(document, "dummy")
    assert found.missing == [] and not found.unknown


def test_nobody_is_refused_by_a_model_that_cannot_be_made_newer(
    existence, models, clock
):
    models.kept["compute"].collector.away = True
    assert len(existence.of([{"compute": [GONE]}], "dummy").missing) == 1
    clock.now = 100
    found = existence.of([{"compute": [GONE]}], "dummy")
    assert found.missing == [] and "Nova is away" in found.unknown["compute"]


def test_handlers_from_elsewhere(existence, models):
    """They know nothing, or say it themselves, and cannot break anything"""
    document = [
        {"garden": [1]},
        {"shelves": [1, 2]},
        {"rotten": [1]},
        {"elsewhere": [1]},
    ]
    found = existence.of(document, "dummy")
    assert paths(found) == [("/1/shelves/1/shelf", "shelf", "s1")]
    assert list(found.unknown) == ["rotten"] and "KeyError" in found.unknown["rotten"]
    models.kept["elsewhere"].collector.handler = Shelves
    with_collector = existence.of([{"elsewhere": [1, 2]}], "dummy")
    assert paths(with_collector) == [("/0/elsewhere/1/shelf", "shelf", "s1")]


def test_the_endpoint_answers_in_plain_data(existence):
    endpoint = ScopeEndpoint(existence)
    document = [{"compute": [GONE], "storage": [{}]}]
    assert endpoint.check_scope(None, document, "cluster_maintaining") == {
        "missing": [
            {
                "path": "/0/compute/0/host_aggregates/1/name",
                "what": "host aggregate",
                "name": "gone",
            }
        ],
        "unused": ["/0/storage"],
        "unknown": {},
    }
    assert endpoint.VERSION == "1.1"


def test_what_has_just_gone_is_not_taken_for_there(existence, cloud, clock):
    document = [{"compute": [{"host_aggregates": [{"name": "fast"}]}]}]
    assert not existence.of(document, "dummy").missing
    cloud.host_aggregates.clear()
    clock.now = 100
    assert paths(existence.of(document, "dummy"))
