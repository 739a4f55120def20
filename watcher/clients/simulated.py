"""A cloud that exists in memory only and answers like a real one.

It comes from a seed, or is put together host by host in tests. Time is a clock that is
handed in. With a file it survives a restart: every change is on disk before its answer.
"""

import datetime
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watcher import exception
from watcher.clients import (
    simulated_ironic,
    simulated_load,
    simulated_moves,
    simulated_seed,
    simulated_servers,
    simulated_shifts,
)
from watcher.clients import simulated_state as states
from watcher.clients.records import Flavor
from watcher.clients.simulated_cinder import SimulatedCinder, SimulatedStorage
from watcher.clients.simulated_ironic import SimulatedIronic
from watcher.clients.simulated_nova import SimulatedNova
from watcher.clients.simulated_placement import SimulatedKeystone, SimulatedPlacement
from watcher.clients.simulated_state import Fault, Group, Guest, Host, State

# Ways in which a migration can be told to fail, see ``SimulatedCloud.fail``.
FAILURES = (
    "precheck",
    "prepare",
    "rollback",
    "error",
    "resize",
    "stop",
    "start",
    "delete",
    "shelve",
    "unshelve",
    "refused",
    "lost-request",
    "lost-answer",
    "volume-migrate",
    "volume-stuck",
    "volume-leftover",
    "power",
    "power-locked",
)


def utc_now() -> datetime.datetime:
    """Return the present as naive UTC"""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


class SimulatedCloud:
    """Hosts, servers and what happens to them; threads may share it"""

    def __init__(
        self,
        seed: int = 1,
        *,
        hosts: int = 8,
        servers: int = 40,
        zones: int = 2,
        now: Callable[[], datetime.datetime] = utc_now,
        migration_mb_s: float = 1000.0,
        path: str | Path | None = None,
    ) -> None:
        """Read the cloud from ``path`` when that exists, else generate it from ``seed``"""
        self._now = now
        self._lock = threading.RLock()
        self._path = Path(path) if path else None
        self._days: dict[str, NDArray[np.float64]] = {}
        self._away = False
        self.migration_mb_s = migration_mb_s
        self.volume_gb_s = 1.0  # what a storage backend copies
        self.pace = simulated_servers.Pace()
        self.storage = SimulatedStorage(self._changing)
        if self._path is not None and self._path.exists():
            self._state = states.read(self._path)
            return
        self._state = simulated_seed.generate(
            seed, states.seconds(now()), hosts=hosts, servers=servers, zones=zones
        )
        self.save()

    @classmethod
    def empty(
        cls,
        *,
        now: Callable[[], datetime.datetime] = utc_now,
        migration_mb_s: float = 1000.0,
    ) -> "SimulatedCloud":
        """Return a cloud without hosts and servers, with the flavors of ``FLAVORS``"""
        return cls(0, hosts=0, servers=0, now=now, migration_mb_s=migration_mb_s)

    def clients(self) -> "SimulatedClients":
        """Return what stands in for ``cloud.Clients``"""
        return SimulatedClients(self)

    def save(self, path: str | Path | None = None) -> None:
        """Write everything to ``path`` or to the file that the cloud was opened with"""
        target = Path(path) if path else self._path
        if target is not None:
            with self._lock:
                states.write(self._state, target)

    # Building -------------------------------------------------------------------------

    def add_host(self, name: str, *, zone: str = "nova", **sizes: Any) -> Host:
        """Add a host; ``sizes`` are fields of ``simulated_state.Host``"""
        with self._changing() as (state, _now):
            return simulated_seed.add_host(state, name, zone, **sizes)

    def add_flavor(self, name: str, vcpus: int, memory_mb: int, **more: Any) -> Flavor:
        """Add a flavor; ``more`` are fields of ``records.Flavor``"""
        with self._changing() as (state, _now):
            flavor = Flavor(name=name, vcpus=vcpus, memory_mb=memory_mb, **more)
            state.flavors[name] = flavor
            return flavor

    def add_server(
        self, name: str, host: str, flavor: str = "m1.small", **more: Any
    ) -> str:
        """Start a server on a host, room or not, and return its UUID

        ``more`` are fields of ``simulated_state.Guest``.
        """
        with self._changing() as (state, now):
            values = {
                "uuid": states.name_uuid(state.seed, f"server {name}"),
                "created": now,
                "updated": now,
                **more,
            }
            guest = Guest(name=name, host=host, flavor=flavor, **values)
            if guest.vm_state == "stopped":
                guest.status, guest.before = "SHUTOFF", "stopped"
            state.guests[guest.uuid] = guest
            return guest.uuid

    def delete_server(self, uuid: str) -> None:
        """Delete a server, whatever it is doing"""
        with self._changing() as (state, now):
            simulated_servers.remove(state, state.guests[uuid], now)

    def change_server(self, uuid: str, **values: Any) -> None:
        """Set fields of a server, e.g. task_state, locked, metadata, host"""
        with self._changing() as (state, now):
            for name, value in values.items():
                setattr(state.guests[uuid], name, value)
            state.guests[uuid].updated = now

    def change_host(self, name: str, **values: Any) -> None:
        """Set fields of a host, e.g. up, forced_down, enabled, vcpus"""
        with self._changing() as (state, _now):
            for field, value in values.items():
                setattr(state.hosts[name], field, value)

    def add_aggregate(
        self,
        name: str,
        hosts: Sequence[str] = (),
        *,
        zone: str | None = None,
        **metadata: str,
    ) -> int:
        """Add a host aggregate and return its id"""
        with self._changing() as (state, _now):
            row = simulated_seed.add_aggregate(state, name, zone, **metadata)
            row.hosts = list(hosts)
            for host in hosts if zone else ():
                state.hosts[host].zone = str(zone)
            return row.id

    def add_group(
        self,
        name: str,
        members: Sequence[str],
        policy: str = "anti-affinity",
        max_per_host: int | None = None,
    ) -> str:
        """Add a server group and return its id"""
        with self._changing() as (state, _now):
            group = Group(
                id=states.name_uuid(state.seed, f"group {name}"),
                name=name,
                policy=policy,
                members=list(members),
                max_per_host=max_per_host,
            )
            state.groups.append(group)
            return group.id

    # Trouble --------------------------------------------------------------------------

    def fail(self, kind: str, server: str | None = None, times: int = 1) -> None:
        """Let the next changes fail: of one server, or of any

        ``precheck``: a live migration is refused with 400; ``prepare``: it is accepted
        and fails at once, the server stays; ``rollback``: the same half way; ``error``:
        the server ends in ERROR; ``resize``: the same for a cold one, or a resize.
        ``stop``, ``start``, ``shelve``, ``unshelve``: accepted, and the server stays as it
        was; ``delete``: accepted, and it ends in ERROR. Any changing call, of a server, a
        service id, a volume or a machine: ``refused``: a 503, not done as far as one can
        know; ``lost-request``: no answer and not done; ``lost-answer``: no answer but
        done.

        A volume: ``volume-migrate``: its move fails half way; ``volume-stuck``: it begins
        and goes on for ever; ``volume-leftover``: what was copied from is not deleted. A
        machine: ``power``: it is not switched; ``power-locked``: Ironic is busy with it.
        """
        if kind not in FAILURES:
            raise ValueError(f"{kind!r} is none of {FAILURES}")
        with self._changing() as (state, _now):
            state.faults.append(Fault(kind=kind, server=server, left=times))

    def heal(self) -> None:
        """Forget every failure that was asked for and come back"""
        with self._changing() as (state, _now):
            state.faults.clear()
        self._away = False

    def go_away(self) -> None:
        """Refuse every connection until ``heal``"""
        self._away = True

    # Load -----------------------------------------------------------------------------

    def load(self, server: str) -> NDArray[np.float64]:
        """Return the share of its vcpus that a server uses, each 5 minutes of a day"""
        with self._lock:
            if server not in self._days:
                self._days[server] = simulated_load.day(self._state.seed, server)
            return self._days[server]

    def load_at(self, server: str, at: datetime.datetime | None = None) -> float:
        """Return the share of its vcpus that a server uses at a moment"""
        second = int(states.seconds(at or self._now())) % 86400
        return float(self.load(server)[second // simulated_load.STEP_S])

    def memory_share(self, server: str) -> float:
        """Return the share of its memory that a server uses"""
        return simulated_load.memory_share(self._state.seed, server)

    # Inner workings -------------------------------------------------------------------

    @contextmanager
    def _looking(self) -> Iterator[tuple[State, float]]:
        with self._lock:
            now = states.seconds(self._now())
            simulated_moves.advance(self._state, now)
            simulated_shifts.advance(self._state, now)
            simulated_ironic.advance(self._state, now)
            simulated_servers.advance(self._state, now)
            yield self._state, now

    @contextmanager
    def _changing(self) -> Iterator[tuple[State, float]]:
        with self._looking() as opened:
            try:
                yield opened
            finally:
                self.save()

    @contextmanager
    def _serving(
        self,
        error: type[exception.ClientError] = exception.NovaClientError,
        service: str = "Nova",
    ) -> Iterator[tuple[State, float]]:
        """A reading request"""
        self._reachable(error, service)
        with self._looking() as opened:
            yield opened

    @contextmanager
    def _obeying(
        self, target: str,
        error: type[exception.ClientError] = exception.NovaClientError,
        service: str = "Nova",
    ) -> Iterator[tuple[State, float]]:  # fmt: skip
        """A changing request, which may get lost on its way there or back"""
        self._reachable(error, service)
        lost = error(service=service, reason="Request timed out", unknown=True)
        with self._changing() as (state, now):
            if self._strikes("refused", target):
                raise error(
                    service=service, reason="HTTP 503 Service Unavailable",
                    http_status=503, unknown=True,
                )  # fmt: skip
            if self._strikes("lost-request", target):
                raise lost
            yield state, now
            if self._strikes("lost-answer", target):
                raise lost

    def _strikes(self, kind: str, target: str) -> bool:
        return simulated_moves.fault(self._state, target, kind)

    def _reachable(
        self,
        error: type[exception.ClientError] = exception.NovaClientError,
        service: str = "Nova",
    ) -> None:
        if self._away:
            raise error(
                service=service,
                reason="Unable to establish connection: connection refused",
            )


class SimulatedClients:
    """The services of a simulated cloud"""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self.cloud = cloud
        self.nova = SimulatedNova(
            cloud._serving,
            cloud._obeying,
            lambda: cloud.migration_mb_s * simulated_moves.MB,
            cloud.pace,
        )
        self.placement = SimulatedPlacement(cloud._serving)
        self.cinder = SimulatedCinder(
            cloud._serving, cloud._obeying, lambda: cloud.volume_gb_s
        )
        self.ironic = SimulatedIronic(cloud._serving, cloud._obeying)
        self.metal = self.ironic
        self.keystone = SimulatedKeystone(cloud._serving)
