"""A small cluster written down in a line per node, and strategies run on it."""

import dataclasses
import datetime

import pytest

from watcher.clients.records import Aggregate, ServerGroup
from watcher.cluster import planned
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import View
from watcher.decision_engine.handle import Handle, Notes
from watcher.decision_engine.planner.weight import WeightPlanner
from watcher.decision_engine.strategy import params
from watcher.plugins import Options


class Cluster:
    """Builds a model: ``cluster.node("h1", vcpus=4).server("a", on="h1", vcpus=2)``"""

    def __init__(self):
        self.model = ModelRoot()

    def node(self, name, vcpus=8, memory=8192, disk=100, **more):
        values = {
            "uuid": f"node-{name}",
            "hostname": name,
            "vcpus": vcpus,
            "memory": memory,
            "disk": disk,
            "vcpu_ratio": 1.0,
            "memory_ratio": 1.0,
            "disk_ratio": 1.0,
            "vcpu_reserved": 0,
            "memory_mb_reserved": 0,
            "disk_gb_reserved": 0,
            "disabled_reason": None,
            **more,
        }
        self.model.add_node(ComputeNode(**values))
        return self

    def server(self, name, on, vcpus=1, memory=1024, disk=1, **more):
        values = {
            "uuid": name,
            "name": f"vm-{name}",
            "vcpus": vcpus,
            "memory": memory,
            "disk": disk,
            "metadata": {},
            "project_id": "p",
            **more,
        }
        self.model.add_instance(Instance(**values))
        self.model.map_instance(name, f"node-{on}")
        return self

    def group(self, policy, *members):
        ident = f"group-{len(self.model.server_groups)}"
        self.model.server_groups[ident] = ServerGroup(
            id=ident, policy=policy, members=members
        )
        return self

    def aggregate(self, name, *hosts, **metadata):
        ident = len(self.model.aggregates) + 1
        self.model.aggregates[ident] = Aggregate(
            id=ident, name=name, hosts=hosts, metadata=metadata
        )
        return self


@dataclasses.dataclass
class Result:
    """What a strategy decided, in order"""

    solution: object
    notes: Notes
    actions: list
    breaches: list

    def of(self, kind):
        return [
            a["input_parameters"]
            for a in self.solution.actions
            if a["action_type"] == kind
        ]

    @property
    def moves(self):
        """{server: (kind, target)}"""
        return {
            a["resource_id"]: (a["migration_type"], a.get("destination_node"))
            for a in self.of("migrate")
        }

    @property
    def stays(self):
        """{server: reason}"""
        return {stay.uuid: stay.reason for stay in self.notes.stays}


class _Models:
    def __init__(self, model):
        self._model = model

    def compute(self):
        return self._model.copy()


def run(strategy, cluster, config=None, readings=None, **given):
    """Run a strategy on a cluster, plan it and judge the plan"""
    notes = Notes()
    made = strategy(Options(config or {}))
    made.handle = Handle(
        models=_Models(cluster.model),
        readings=readings,
        now=lambda: datetime.datetime(2026, 1, 1),
        note=notes.add,
    )
    made.input_parameters = params.resolve(strategy.get_schema(), given)
    solution = made.execute()
    solution.model_before = cluster.model
    numbers = iter(range(100_000))
    actions = WeightPlanner(Options()).plan(solution, lambda: f"u{next(numbers)}")
    return Result(solution, notes, actions, planned.breaches(cluster.model, actions))


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture(name="run")
def run_fixture():
    return run


@pytest.fixture
def view():
    return View
