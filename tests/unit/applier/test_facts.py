"""What limits know of the cloud, and how often they ask for it."""

import pytest

from watcher import exception
from watcher.applier.facts import CloudFacts
from watcher.clients.simulated import SimulatedCloud
from watcher.cluster.model import element
from watcher.cluster.model.model_root import ModelRoot


class Models:
    def __init__(self):
        self.asked = 0
        self.fails = False

    def compute(self, max_age_s=0.0, followed_s=0.0):
        self.asked += 1
        if self.fails:
            raise exception.ClusterStateNotDefined
        model = ModelRoot()
        node = element.ComputeNode(uuid="n1", hostname="a", zone="north")
        server = element.Instance(uuid="s1", project_id="p1")
        model.add_node(node)
        model.add_instance(server)
        model.map_instance(server, node)
        model.add_instance(element.Instance(uuid="s2", project_id=""))
        return model


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cloud():
    made = SimulatedCloud.empty()
    made.storage.add_backend("h@x")
    return made


def test_what_the_model_has_is_known_and_asked_for_once_a_minute(cloud, clock):
    models = Models()
    facts = CloudFacts(models, cloud.clients(), clock=clock)
    for _ in range(3):
        assert (facts.host_of("s1"), facts.project_of("s1")) == ("a", "p1")
        assert (facts.host_of("s2"), facts.project_of("s2")) == (None, None)
        assert (facts.host_of("s9"), facts.project_of("s9")) == (None, None)
        assert (facts.zone_of("a"), facts.zone_of("z")) == ("north", None)
        assert list(facts.aggregates_of("a")) == []
    assert models.asked == 1
    clock.now += 61
    assert facts.zone_of("a") == "north"
    assert models.asked == 2


def test_what_cannot_be_read_is_not_known_and_not_asked_for_again_and_again(
    cloud, clock
):
    models = Models()
    models.fails = True
    facts = CloudFacts(models, cloud.clients(), clock=clock)
    for _ in range(3):
        assert facts.zone_of("a") is None
    assert models.asked == 1
    models.fails = False
    clock.now += 61
    assert facts.zone_of("a") == "north"


def test_without_models_nothing_is_known_of_servers(cloud):
    facts = CloudFacts(None, cloud.clients())
    assert facts.host_of("s1") is facts.zone_of("a") is facts.project_of("s1") is None


def test_pools_are_those_of_cinder_all_at_once(cloud, clock):
    asked = []

    class Cinder:
        def volumes(self):
            asked.append(1)
            return cloud.clients().cinder.volumes()

    pool = "h@x#p"
    uuid = cloud.storage.add_volume("v", pool)
    facts = CloudFacts(None, type("Clients", (), {"cinder": Cinder()}), clock=clock)
    assert (facts.pool_of(uuid), facts.pool_of("other")) == (pool, None)
    assert asked == [1]
