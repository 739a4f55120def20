"""A model that is only ever refreshed stays equal to one that is read afresh."""

import datetime
import random

import pytest

from watcher import exception
from watcher.clients.simulated import SimulatedCloud
from watcher.cluster.collector.base import Reading
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.model.model_root import ModelRoot


class Clock:
    def __init__(self):
        self.now = datetime.datetime(2026, 3, 1, 12)

    def __call__(self):
        return self.now

    def pass_on(self, seconds):
        self.now += datetime.timedelta(seconds=seconds)


def rooms(model):
    columns = model.node_columns
    return {
        uuid: (columns.used[row].tolist(), columns.held[row].tolist())
        for uuid, row in columns.row.items()
    }


def disturb(cloud, dice, number):
    """Let one thing happen, as users and operators would make it"""
    nova = cloud.clients().nova
    servers = [s for s in nova.servers() if s.host]
    hosts = [h.hostname for h in nova.hypervisors()]
    server, request = dice.choice(servers), f"req-{number}"
    happening = dice.choice(
        ["live", "cold", "confirm", "delete", "lock", "down", "wait"]
    )
    if happening == "live":
        nova.live_migrate(server.uuid, dice.choice(hosts), request)
    elif happening == "cold":
        nova.cold_migrate(server.uuid, dice.choice(hosts), request)
    elif happening == "confirm":
        resized = [s for s in servers if s.vm_state == "resized"]
        for one in resized:
            nova.confirm_resize(one.uuid, request)
    elif happening == "delete":
        cloud.delete_server(server.uuid)
    elif happening == "lock":
        cloud.change_server(server.uuid, locked=not server.locked)
    elif happening == "down":
        cloud.change_host(dice.choice(hosts), up=dice.random() < 0.7)


@pytest.mark.parametrize("seed", range(6))
def test_refreshing_never_drifts(seed):
    dice, clock = random.Random(seed), Clock()
    cloud = SimulatedCloud(seed, hosts=6, servers=40, now=clock, migration_mb_s=200)
    collector = ComputeCollector({}, osc=cloud.clients())
    collector.reading = Reading(attempts=1)
    model = collector.execute()
    for number in range(60):
        try:
            disturb(cloud, dice, number)
        except exception.WatcherException:
            pass  # the cloud refused
        clock.pass_on(dice.choice([0, 1, 5, 60]))
        if dice.random() < 0.5:
            model = collector.refresh(model)
            whole = collector.execute()
            assert ModelRoot.is_isomorphic(model, whole)
            assert rooms(model) == rooms(whole)
            assert model.migrations == whole.migrations
