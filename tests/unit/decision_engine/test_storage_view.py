"""Strategies see the storage of their scope, and the API what there is."""

import pytest

from tests.unit.cluster.conftest import FAST, SLOW, Disks
from tests.unit.decision_engine.test_audit import World
from tests.unit.decision_engine.test_endpoints import PLUGINS, Collector
from watcher.cluster.collector.cache import Models
from watcher.decision_engine.endpoints import DataModelEndpoint, StrategyEndpoint
from watcher.plugins import Plugins

SLOW_ONLY = [{"storage": [{"volume_types": [{"name": "slow"}]}]}]


@pytest.fixture
def world(cloud):
    cloud.node("h1").server("a", "h1")
    disks = Disks()
    disks.volume("v1", FAST)
    disks.volume("v2", SLOW, kind="slow")
    world = World(cloud)
    world.models = Models.of(
        {"compute": Collector({"cloud": cloud}), "storage": disks.collector()}
    )
    return world


@pytest.fixture
def seen(world):
    found = {}

    def do(strategy, audit=None):
        model = strategy.storage_model
        found[audit.uuid] = sorted(d["name"] for d in model.volumes_data.values())
        model.remove_pool(SLOW)

    world.odd.do_execute = do
    return found


def test_a_strategy_has_a_private_copy_of_the_storage_in_its_scope(world, seen):
    whole = world.audit("unclassified", "odd")
    part = world.audit("unclassified", "odd", scope=SLOW_ONLY)
    engine = world.engine()
    for uuid in (whole, part):
        engine.run(uuid)
        assert world.get(uuid).state == "SUCCEEDED", world.get(uuid).status_message
    assert seen == {whole: ["v1", "v2"], part: ["v2"]}


def test_the_default_scope_is_for_storage_too(world, seen):
    world.default_scope = SLOW_ONLY
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    assert seen == {uuid: ["v2"]}


def test_without_the_model_the_audit_says_so(world, seen, cloud):
    world.models = Models.of({"compute": Collector({"cloud": cloud})})
    uuid = world.audit("unclassified", "odd")
    world.engine().run(uuid)
    row = world.get(uuid)
    assert row.state == "FAILED" and "storage" in row.status_message


def test_whether_a_strategy_finds_its_model(world):
    endpoint = StrategyEndpoint(Plugins.of(PLUGINS), world.models)
    word = {False: "not available", True: "available"}
    for there in (False, True):
        models = endpoint.get_strategy_info(None, strategy_name="dummy")[2]["state"]
        assert {"storage_model": word[there]} in models
        world.models.refresh(name="storage")


def test_the_engine_can_list_it_though_the_api_shows_compute_only(world):
    world.models.refresh(name="storage")
    endpoint = DataModelEndpoint(world.db, world.models)
    rows = endpoint.get_data_model_info(None, "storage")["context"]
    assert [(r["node_host"], r["volume_name"]) for r in rows] == [
        ("one@fast", "v1"),
        ("two@slow", "v2"),
    ]
