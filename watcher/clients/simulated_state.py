"""Everything a simulated cloud remembers, and its file; times are seconds since 1970."""

import dataclasses
import datetime
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watcher import exception
from watcher.clients.records import IN_FLIGHT, Flavor

FORMAT = 1
EPOCH = datetime.datetime(1970, 1, 1)


@dataclass(slots=True, kw_only=True)
class Host:
    """A compute host with its service and its Placement provider"""

    name: str
    uuid: str
    service_id: str
    zone: str = "nova"
    vcpus: int = 32
    memory_mb: int = 131072
    disk_gb: int = 2000
    reserved_memory_mb: int = 512
    cpu_ratio: float = 2.0
    memory_ratio: float = 1.0
    disk_ratio: float = 1.0
    enabled: bool = True
    disabled_reason: str | None = None
    up: bool = True
    forced_down: bool = False
    powered: bool = True  # as Ironic sees the machine
    repaired: str | None = None  # why Ironic has it in maintenance
    # What Ironic does with the machine: whether it will be on, and when that is over.
    switching: bool | None = None
    switched_at: float = 0.0
    switch_fails: bool = False
    power_error: str | None = None
    provision: str = "active"
    deployed: str | None = None  # server that Nova deployed on it by Ironic

    def capacity(self) -> tuple[float, float, float]:
        """Return what Placement lets be claimed: vcpus, MB of memory, GB of disk"""
        return (
            self.vcpus * self.cpu_ratio,
            (self.memory_mb - self.reserved_memory_mb) * self.memory_ratio,
            self.disk_gb * self.disk_ratio,
        )

    @property
    def serves(self) -> bool:
        """Whether the scheduler may pick it"""
        return self.enabled and self.up and not self.forced_down


@dataclass(slots=True, kw_only=True)
class Guest:
    """A server"""

    uuid: str
    name: str
    host: str  # "" while it is shelved away
    flavor: str
    status: str = "ACTIVE"
    vm_state: str = "active"
    task_state: str | None = None
    locked: bool = False
    project_id: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    created: float = 0.0
    updated: float = 0.0
    pinned_zone: str | None = None
    boots_from_volume: bool = False
    deleted: bool = False
    fault: str | None = None
    before: str = "active"  # vm state that a confirmed cold migration gives back


@dataclass(slots=True, kw_only=True)
class Move:
    """A migration: its record, and what is still to happen to it and when"""

    id: int
    uuid: str
    server: str
    kind: str
    status: str
    source: str
    dest: str | None
    created: float
    updated: float
    steps: list[tuple[float, str]] = field(default_factory=list)
    copy_start: float = 0.0
    copy_end: float = 0.0
    memory_bytes: int = 0
    flavor: str | None = None  # of a resize: the new one, and the one before
    old_flavor: str | None = None

    @property
    def open(self) -> bool:
        """Whether it holds room on two hosts"""
        return self.dest is not None and self.status in IN_FLIGHT


@dataclass(slots=True, kw_only=True)
class Asked:
    """Something that was asked of a server, and the request id of who asked"""

    server: str
    action: str
    request_id: str
    client_request_id: str
    started: float
    message: str | None = None
    reason: str | None = None  # why it failed


@dataclass(slots=True, kw_only=True)
class Chore:
    """What is still to happen to a server of which something was asked, and when"""

    server: str
    request_id: str
    steps: list[tuple[float, str]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Group:
    """A server group"""

    id: str
    name: str
    policy: str
    members: list[str] = field(default_factory=list)
    max_per_host: int | None = None


@dataclass(slots=True, kw_only=True)
class HostAggregate:
    """A host aggregate"""

    id: int
    name: str
    zone: str | None = None
    hosts: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Backend:
    """A volume service with one backend, and the GB of each of its pools

    A capacity may be any word that a backend reports instead, "infinite" or "unknown".
    """

    name: str  # host@backend
    backend_name: str
    zone: str = "nova"
    enabled: bool = True
    disabled_reason: str | None = None
    up: bool = True
    pools: dict[str, float | str | None] = field(default_factory=dict)
    copies: bool = False  # moves volumes by copying them into new ones, not by itself
    keeps_names: bool = False  # whether a copy takes over the name of its original
    specs: dict[str, Any] = field(default_factory=dict)  # further capabilities


@dataclass(slots=True, kw_only=True)
class Kind:
    """A volume type"""

    id: str
    name: str
    extra_specs: dict[str, str] = field(default_factory=dict)
    encrypted: bool = False
    projects: list[str] | None = None  # None: everybody may use it


@dataclass(slots=True, kw_only=True)
class Disk:
    """A volume"""

    uuid: str
    name: str
    pool: str | None
    size_gb: int
    kind: str | None = None
    status: str = "available"
    project_id: str = ""
    bootable: bool = False
    multiattach: bool = False
    snapshot_id: str | None = None
    migration_status: str | None = None
    name_id: str | None = None
    replication_status: str | None = None
    group: str | None = None
    snapshots: int = 0
    servers: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    created: float = 0.0
    updated: float = 0.0


@dataclass(slots=True, kw_only=True)
class Shift:
    """A volume on its way to another pool or type, what will happen to it and when"""

    volume: str
    before: str  # status that it gets back
    pool: str | None
    kind: str | None
    shadow: str | None = None
    steps: list[tuple[float, str]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Fault:
    """A failure that was asked for: of one server or any, so many times"""

    kind: str
    server: str | None
    left: int


@dataclass(slots=True, kw_only=True)
class State:
    """A whole cloud"""

    seed: int = 0
    hosts: dict[str, Host] = field(default_factory=dict)
    flavors: dict[str, Flavor] = field(default_factory=dict)
    guests: dict[str, Guest] = field(default_factory=dict)
    aggregates: list[HostAggregate] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    chores: list[Chore] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    backends: dict[str, Backend] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    disks: dict[str, Disk] = field(default_factory=dict)
    shifts: list[Shift] = field(default_factory=list)
    serial: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain data that ``from_json`` takes"""
        return {"format": FORMAT, **_plain(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "State":
        """Build the cloud that was saved"""
        if data.get("format") != FORMAT:
            raise ValueError(f"unknown format {data.get('format')!r} of a saved cloud")
        return cls(
            seed=data["seed"],
            serial=data["serial"],
            hosts=_table(data["hosts"], Host),
            flavors=_table(data["flavors"], Flavor),
            guests=_table(data["guests"], Guest),
            aggregates=[HostAggregate(**row) for row in data["aggregates"]],
            groups=[Group(**row) for row in data["groups"]],
            moves=[_stepped(row, Move) for row in data["moves"]],
            chores=[_stepped(row, Chore) for row in data.get("chores", ())],
            asked=[Asked(**row) for row in data["asked"]],
            faults=[Fault(**row) for row in data["faults"]],
            # Clouds that were saved by an older release have no storage and no chores.
            backends=_table(data.get("backends", {}), Backend),
            kinds=_table(data.get("kinds", {}), Kind),
            disks=_table(data.get("disks", {}), Disk),
            shifts=[_stepped(row, Shift) for row in data.get("shifts", ())],
        )


def name_uuid(seed: int, name: str) -> str:
    """Return the identifier that belongs to a name in the cloud of this seed"""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed} {name}"))


def _plain(value: Any) -> Any:
    # dataclasses.asdict copies every text: too slow to be done at every change.
    if dataclasses.is_dataclass(value):
        return {
            f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)
        }
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _table(rows: Mapping[str, Any], kind: Callable[..., Any]) -> dict[str, Any]:
    return {name: kind(**row) for name, row in rows.items()}


def _stepped(row: Mapping[str, Any], kind: Callable[..., Any]) -> Any:
    steps = [(float(at), str(step)) for at, step in row["steps"]]
    return kind(**{**row, "steps": steps})


def write(state: State, path: Path) -> None:
    """Replace the file in one step: a crash leaves the old one or the new one"""
    scratch = path.with_name(path.name + ".new")
    with open(scratch, "w", encoding="utf-8") as out:
        # Unlike dump, dumps is written in C.
        out.write(json.dumps(state.to_json()))
        out.flush()
        os.fsync(out.fileno())
    os.replace(scratch, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> State:
    """Read a file that ``write`` made

    :raises StartRefused: the file is something else
    """
    try:
        return State.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise exception.StartRefused(
            reason=f"{path} is not a simulated cloud; remove it to begin with a new one"
        ) from error


def seconds(when: datetime.datetime) -> float:
    """Return a naive UTC time as seconds since 1970"""
    return (when - EPOCH).total_seconds()


def when(at: float) -> datetime.datetime:
    """Return seconds since 1970 as naive UTC, whole seconds as Nova shows them"""
    return EPOCH + datetime.timedelta(seconds=int(at))
