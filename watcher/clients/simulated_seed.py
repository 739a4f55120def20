"""A whole simulated cloud out of one number."""

import random

from watcher.clients import simulated_disks
from watcher.clients.records import Flavor
from watcher.clients.simulated_moves import Need, need, refusal, used
from watcher.clients.simulated_state import (
    Group,
    Guest,
    Host,
    HostAggregate,
    State,
    name_uuid,
)

FLAVORS = (
    (Flavor(name="m1.tiny", vcpus=1, memory_mb=1024, disk_gb=5), 20),
    (Flavor(name="m1.small", vcpus=1, memory_mb=2048, disk_gb=10), 30),
    (Flavor(name="m1.medium", vcpus=2, memory_mb=4096, disk_gb=20), 25),
    (Flavor(name="m1.large", vcpus=4, memory_mb=8192, disk_gb=40), 15),
    (Flavor(name="r1.large", vcpus=4, memory_mb=32768, disk_gb=40), 5),
    (Flavor(name="c1.xlarge", vcpus=8, memory_mb=16384, disk_gb=80), 5),
)
PROJECTS = 8


def add_host(state: State, name: str, zone: str = "nova", **sizes: object) -> Host:
    """Add a compute host; ``sizes`` are fields of Host"""
    host = Host(
        name=name,
        uuid=name_uuid(state.seed, f"host {name}"),
        service_id=name_uuid(state.seed, f"service {name}"),
        zone=zone,
        **sizes,  # type: ignore[arg-type]
    )
    state.hosts[name] = host
    if zone != "nova":
        found = next((a for a in state.aggregates if a.zone == zone), None)
        if found is None:
            found = add_aggregate(state, zone, zone=zone)
        found.hosts.append(name)
    return host


def add_aggregate(
    state: State, name: str, zone: str | None = None, **metadata: str
) -> HostAggregate:
    """Add a host aggregate without hosts"""
    if zone:
        metadata["availability_zone"] = zone
    row = HostAggregate(
        id=len(state.aggregates) + 1, name=name, zone=zone, metadata=metadata
    )
    state.aggregates.append(row)
    return row


def generate(
    seed: int, now: float, *, hosts: int = 8, servers: int = 40, zones: int = 2
) -> State:
    """Make hosts in zones, flavors, servers in groups, unevenly spread"""
    rng = random.Random(seed)
    state = State(seed=seed)
    state.flavors = {flavor.name: flavor for flavor, _weight in FLAVORS}
    for number in range(1, hosts + 1):
        zone = f"az{(number - 1) % zones + 1}" if zones > 1 else "nova"
        add_host(state, f"compute-{number:03d}", zone)
    fast = add_aggregate(state, "ssd", None, ssd="true")
    fast.hosts = sorted(state.hosts)[::3]
    # Some hosts fill up first, as after a failure or an extension of the cloud.
    favour = {name: rng.lognormvariate(0.0, 0.8) for name in state.hosts}
    claimed = used(state)
    for number in range(1, servers + 1):
        _add_random_server(state, rng, favour, claimed, number, now)
    _group(state, rng)
    if hosts:
        simulated_disks.generate(state, now)
    return state


def _add_random_server(
    state: State,
    rng: random.Random,
    favour: dict[str, float],
    claimed: dict[str, Need],
    number: int,
    now: float,
) -> None:
    name = f"vm-{number:04d}"
    flavor = rng.choices([f.name for f, _w in FLAVORS], [w for _f, w in FLAVORS])[0]
    guest = Guest(
        uuid=name_uuid(state.seed, f"server {name}"),
        name=name,
        host="",
        flavor=flavor,
        project_id=name_uuid(state.seed, f"project {rng.randrange(PROJECTS)}").replace(
            "-", ""
        ),
        created=now - rng.uniform(1, 90) * 86400,
        updated=now - rng.uniform(0, 1) * 86400,
        boots_from_volume=rng.random() < 0.2,
    )
    names, weights = list(favour), list(favour.values())
    # Mostly one of the favoured hosts has room; else any that has.
    for host in [*rng.choices(names, weights, k=8), *names] if names else []:
        if refusal(state, guest, state.hosts[host], claimed) is None:
            guest.host = host
            pairs = zip(claimed[host], need(state, guest), strict=True)
            claimed[host] = tuple(have + more for have, more in pairs)  # type: ignore
            break
    else:
        # Full: the cloud has fewer servers than asked for.
        return
    if rng.random() < 0.1:
        guest.pinned_zone = state.hosts[guest.host].zone
    if rng.random() < 0.05:
        guest.status, guest.vm_state, guest.before = "SHUTOFF", "stopped", "stopped"
    state.guests[guest.uuid] = guest


def _group(state: State, rng: random.Random) -> None:
    """Put about a fifth of the servers into anti-affinity groups that hold"""
    free = sorted(state.guests)
    rng.shuffle(free)
    for number in range(1, len(free) // 15 + 1):
        members: dict[str, str] = {}
        for uuid_ in list(free):
            host = state.guests[uuid_].host
            if host not in members:
                members[host] = uuid_
                free.remove(uuid_)
            if len(members) == 3:
                break
        if len(members) > 1:
            state.groups.append(
                Group(
                    id=name_uuid(state.seed, f"group {number}"),
                    name=f"group-{number}",
                    policy=rng.choice(("anti-affinity", "soft-anti-affinity")),
                    members=sorted(members.values()),
                )
            )
