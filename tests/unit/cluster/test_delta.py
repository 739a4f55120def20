"""What changed between two copies of a model, and what another process makes of it."""

import copy
import datetime
import pickle
import random

import numpy as np
import pytest

from watcher.clients.records import Aggregate, ServerGroup
from watcher.cluster.model import delta
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.model_root import ModelRoot


def make(cloud, nodes=6, servers=30):
    for number in range(nodes):
        cloud.node(f"h{number}")
    for number in range(servers):
        cloud.server(f"s{number}", on=f"h{number % nodes}", metadata={"n": number})
    return cloud.model


def columns(of):
    """What the columns say by key, whatever the order of the rows"""
    return {
        key: {
            name: getattr(of, name)[row].tolist()
            for name in of.arrays
            if name != "node"
        }
        for key, row in of.row.items()
    }


def equal(one, other):
    """Fail when two models differ in anything that somebody can see"""
    assert ModelRoot.is_isomorphic(one, other)
    assert columns(one.node_columns) == columns(other.node_columns)
    assert columns(one.instance_columns) == columns(other.instance_columns)
    for model in (one, other):
        names = {row: uuid for uuid, row in model.node_columns.row.items()}
        for uuid, row in model.instance_columns.row.items():
            at = int(model.instance_columns.node[row])
            assert names.get(at) == model._where.get(uuid)
    assert {n: set(s) for n, s in one._on.items()} == {
        n: set(s) for n, s in other._on.items()
    }
    plain = ("aggregates", "server_groups", "migrations", "outside", "_by_host",
             "read_at", "changed_at", "stale", "stale_reason", "_extended")  # fmt: skip
    for name in plain:
        assert getattr(one, name) == getattr(other, name), name


def send(found):
    return pickle.loads(pickle.dumps(found))


class Story:
    """Changes a model at random, as readings and events do"""

    def __init__(self, model, seed):
        self.model = model
        self.chance = random.Random(seed)
        self.made = 0

    def step(self):
        self.chance.choice([
            self.add_server, self.add_server, self.remove_server, self.move, self.move,
            self.write, self.unmap, self.add_node, self.remove_node, self.hold,
            self.rename, self.aggregate, self.group, self.date, self.replace, self.lend,
        ])()  # fmt: skip

    def server(self):
        return self.chance.choice(sorted(self.model.instances_data) or [None])

    def node(self):
        return self.chance.choice(sorted(self.model.nodes_data))

    def new(self):
        self.made += 1
        return f"new{self.made}"

    def add_server(self):
        uuid = self.new()
        size = self.chance.randint(1, 4)
        self.model.add_instance(
            Instance(
                uuid=uuid, name=uuid, vcpus=size, memory=size, disk=size,
                metadata={}, project_id="p",
            )
        )  # fmt: skip
        self.model.map_instance(uuid, self.node())

    def remove_server(self):
        if uuid := self.server():
            self.model.remove_instance(uuid)

    def move(self):
        if uuid := self.server():
            self.model.map_instance(uuid, self.node())

    def unmap(self):
        uuid = self.server()
        if uuid and uuid in self.model._where:
            self.model.unmap_instance(uuid, self.model._where[uuid])

    def write(self):
        if uuid := self.server():
            self.model.get_instance_by_uuid(uuid).vcpus = self.chance.randint(1, 9)

    def lend(self):
        if uuid := self.server():
            self.model.get_instance_by_uuid(uuid).metadata["x"] = self.new()

    def add_node(self):
        host = self.new()
        self.model.add_node(
            ComputeNode(
                uuid=f"node-{host}", hostname=host, vcpus=8, memory=8, disk=8,
                vcpu_ratio=1, memory_ratio=1, disk_ratio=1, vcpu_reserved=0,
                memory_mb_reserved=0, disk_gb_reserved=0,
            )
        )  # fmt: skip

    def remove_node(self):
        if len(self.model.nodes_data) > 2:
            self.model.remove_node(self.node())

    def rename(self):
        self.model.get_node_by_uuid(self.node()).hostname = self.new()

    def replace(self):
        """The same values once more, as a full reading brings them"""
        values = copy.deepcopy(dict(self.model.nodes_data[self.node()]))
        values["memory"] += self.chance.randint(0, 1)
        self.model.put_node(values)

    def hold(self):
        self.model.hold(self.node(), [self.chance.randint(0, 2)] * 3)

    def aggregate(self):
        ident = self.chance.randint(1, 3)
        made = Aggregate(id=ident, name=self.new(), hosts=("h1",), metadata={})
        self.model.aggregates = {**self.model.aggregates, ident: made}

    def group(self):
        groups = dict(self.model.server_groups)
        if groups and self.chance.random() < 0.5:
            del groups[sorted(groups)[0]]
        else:
            ident = self.new()
            groups[ident] = ServerGroup(id=ident, policy="affinity", members=("s1",))
        self.model.server_groups = groups

    def date(self):
        self.model.read_at = datetime.datetime(2026, 1, self.chance.randint(1, 28))
        self.model.stale = self.chance.random() < 0.3


@pytest.mark.parametrize("seed", range(20))
def test_deltas_of_a_long_story_lead_to_the_same_model(cloud, seed):
    model = make(cloud)
    story = Story(model, seed)
    sent = model.copy()
    far = send(sent)
    equal(far, sent)
    for _ in range(30):
        for _ in range(story.chance.randint(0, 8)):
            story.step()
        now = model.copy()
        found = delta.between(sent, now)
        delta.apply(send(found), far)
        equal(far, now)
        assert not delta.between(now, now.copy())
        sent = now


def test_it_goes_back_as_well(cloud):
    """Audits whose snapshots are of different ages take turns"""
    model = make(cloud)
    story = Story(model, 99)
    old = model.copy()
    for _ in range(60):
        story.step()
    new = model.copy()
    far = send(new)
    delta.apply(send(delta.between(new, old)), far)
    equal(far, old)


def test_its_size_grows_with_the_change_not_with_the_cloud(cloud):
    def size(nodes, servers):
        model = make(type(cloud)(), nodes, servers)
        old = model.copy()
        model.map_instance("s3", "node-h1")
        return len(pickle.dumps(delta.between(old, model.copy())))

    assert size(6, 30) > 0.8 * size(60, 900)


def test_what_was_read_anew_and_is_equal_is_not_sent(cloud):
    model = make(cloud)
    again = send(model)
    assert not delta.between(model, again)


def test_a_hostname_that_two_nodes_claim_stays_where_it_was(cloud):
    model = make(cloud, 2, 2)
    twin = dict(model.nodes_data["node-h1"], uuid="node-twin")
    model.put_node(copy.deepcopy(twin))
    model._by_host["h1"] = "node-h1"
    old, far = model.copy(), send(model)
    model._nodes.set("node-twin", "status", "disabled")
    delta.apply(send(delta.between(old, model.copy())), far)
    equal(far, model)


def test_columns_that_somebody_adds_are_sent(cloud, monkeypatch):
    model = make(cloud, 2, 2)
    columns_class = type(model.node_columns)
    monkeypatch.setattr(columns_class, "arrays", (*columns_class.arrays, "heat"))
    model.node_columns.heat = np.zeros(len(model.node_columns.held), dtype=np.float64)
    old, far = model.copy(), send(model)
    model.node_columns.heat[model.node_columns.row["node-h1"]] = 4.5
    delta.apply(send(delta.between(old, model.copy())), far)
    assert far.node_columns.heat[far.node_columns.row["node-h1"]] == 4.5


class TestPickled:
    def test_a_model_works_in_another_process(self, cloud):
        model = make(cloud)
        far = send(model)
        equal(far, model)
        far.get_instance_by_uuid("s1").vcpus = 7
        far.map_instance("s1", "node-h2")
        assert far.get_node_by_instance_uuid("s1").hostname == "h2"
        assert model.get_instance_by_uuid("s1").vcpus != 7

    def test_what_was_lent_out_is_its_own(self, cloud):
        model = make(cloud)
        model.get_instance_by_uuid("s1").metadata["x"] = "y"
        far = send(model)
        far.get_instance_by_uuid("s1").metadata["x"] = "z"
        assert model.get_instance_by_uuid("s1").metadata["x"] == "y"
        assert far.copy().get_instance_by_uuid("s1").metadata["x"] == "z"
