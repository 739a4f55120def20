"""How an action waits without holding a thread: as a generator of pauses.

A built-in action defines ``steps()``. Between two pauses it may look, write its journal
and make one changing call; whatever takes longer is waited for by yielding a ``Wait``. The
engine goes on with it when the time has come, when something is heard of what it watches,
or when it is to stop. It raises when it fails, exactly like ``run``.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

from watcher.applier.signals import Signals
from watcher.clients.records import (
    BaremetalNode,
    ComputeService,
    Migration,
    Server,
    Volume,
)

SERVER = "server"
VOLUME = "volume"
NODE = "node"


@dataclass(frozen=True, slots=True)
class Watch:
    """What is waited for: a server, a volume or a bare-metal node, by its id"""

    kind: str
    ident: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on in so many seconds, or as soon as something is heard of ``watch``

    While the engine hears of ``watch`` by itself it may let ``patience`` seconds pass.
    """

    seconds: float
    watch: Watch | None = None
    patience: float | None = None


Steps = Generator[Wait, None, None]


class Sights(Protocol):
    """What the cloud shows: as it is now, or as the last shared look of the engine saw it

    Failures are those of the clients.
    """

    def server(self, uuid: str) -> Server:
        """Return a server or raise InstanceNotFound"""

    def migrations(self, server: str) -> list[Migration]:
        """Return the server's migrations, newest first, a running one with progress"""

    def volume(self, uuid: str) -> Volume:
        """Return a volume or raise VolumeNotFound"""

    def node(self, uuid: str) -> BaremetalNode:
        """Return a bare-metal node or raise IronicNodeNotFound"""

    def services(self, *, fresh: bool = False) -> list[ComputeService]:
        """Return the compute services; they may be a minute old unless ``fresh``"""


class DirectSights:
    """Asks the cloud at each look, for an action that runs alone"""

    def __init__(self, clients: Any) -> None:
        self._clients = clients

    def server(self, uuid: str) -> Server:
        """Ask for the server"""
        found: Server = self._clients.nova.server(uuid)
        return found

    def migrations(self, server: str) -> list[Migration]:
        """Ask for the server's migrations"""
        found: list[Migration] = self._clients.nova.migrations(server)
        return found

    def volume(self, uuid: str) -> Volume:
        """Ask for the volume"""
        found: Volume = self._clients.cinder.volume(uuid)
        return found

    def node(self, uuid: str) -> BaremetalNode:
        """Ask for the node"""
        found: BaremetalNode = self._clients.metal.node(uuid)
        return found

    def services(self, *, fresh: bool = False) -> list[ComputeService]:
        """Ask for the compute services"""
        found: list[ComputeService] = self._clients.nova.services()
        return found


def drive(steps: Steps, signals: Signals) -> None:
    """Go through ``steps`` in the calling thread

    :raises Left: this process gave the action up
    """
    for wait in steps:
        signals.wait(wait.seconds)
