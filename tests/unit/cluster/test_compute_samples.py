"""What a real Nova told during each operation leads to what its API said afterwards."""

import datetime
import json
import pathlib
import random

import pytest

from watcher.clients import nova_records
from watcher.clients.records import ComputeService, Hypervisor, Inventory
from watcher.cluster.collector import merge, values
from watcher.cluster.collector.compute_events import follow, wanted
from watcher.cluster.collector.event import Effect, Event
from watcher.cluster.model.model_root import ModelRoot

SAMPLES = pathlib.Path(__file__).parent / "samples"
SEQUENCES = sorted(
    path.stem
    for path in (SAMPLES / "sequences").glob("*.json")
    if not path.stem.startswith("volume")
)
# What no event tells is left out, and what Watcher's model does not show.
COMPARED = ("name", "state", "task_state", "vcpus", "memory", "disk", "metadata",
            "project_id", "locked", "host", "hypervisor_hostname", "created",
            "flavor_extra_specs")  # fmt: skip


def read(name):
    return json.loads((SAMPLES / "sequences" / f"{name}.json").read_text())


def events(sequence):
    for told in sequence["events"]:
        if told["priority"] == "info" and wanted(told["publisher"], told["kind"]):
            yield Event(
                publisher=told["publisher"],
                kind=told["kind"],
                payload=told["payload"],
                metadata=told["metadata"],
            )


def model_of(servers, moment):
    """A model that was read a minute before it all began"""
    model = ModelRoot()
    hosts = [f"compute-{number}" for number in (1, 2, 3)]
    for host in hosts:
        node = Hypervisor(uuid=f"node-{host}", hostname=host, name=host)
        inventory = dict.fromkeys(
            ("VCPU", "MEMORY_MB", "DISK_GB"), Inventory(total=100_000)
        )
        service = ComputeService(id=f"service-{host}", host=host)
        model.put_node(values.node(node, service, inventory))
    facts = merge.Facts(
        read_at=moment,
        hypervisors=(),
        services={},
        servers=[nova_records.server(row) for row in servers or () if row],
        aggregates=(),
        server_groups=(),
        migrations=(),
    )
    merge.apply(model, facts)
    merge.settle(model, {})
    return model


def shown(model):
    return {
        uuid: {name: data.get(name) for name in COMPARED}
        for uuid, data in model.instances_data.items()
    }


@pytest.fixture(params=SEQUENCES)
def sequence(request):
    return read(request.param)


def before(sequence):
    told = list(events(sequence))
    times = [datetime.datetime.fromisoformat(e.metadata["timestamp"]) for e in told]
    start = min(times) - datetime.timedelta(minutes=1)
    return told, model_of(sequence["before"], start)


def test_the_model_is_as_the_api_says_afterwards(sequence):
    told, model = before(sequence)
    for event in told:
        follow(model, event)
    after = model_of(sequence["after"], model.read_at)
    assert shown(model) == shown(after)
    assert (model.node_columns.used == after.node_columns.used).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_arrival_does_not_matter(sequence, seed):
    told, model = before(sequence)
    random.Random(seed).shuffle(told)
    for event in told:
        follow(model, event)
    after = model_of(sequence["after"], model.read_at)
    assert shown(model) == shown(after)


def test_events_from_before_a_reading_change_nothing(sequence):
    told, _model = before(sequence)
    late = datetime.datetime.fromisoformat(told[-1].metadata["timestamp"])
    after = model_of(sequence["after"], late + datetime.timedelta(minutes=1))
    expected = shown(after)
    for event in told:
        assert follow(after, event) in (Effect.IGNORED, Effect.INCOMPLETE) or (
            event.kind in ("instance.delete.end", "service.update", "service.delete")
        )
    assert shown(after) == expected
