"""What an action takes while it runs, of things of which there are only some; pure.

Places are counted over all plans and appliers (``db/slots.py``). One of a kind is a lock:
a server, volume or node that one action works on is left alone by all others.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from watcher.domain.execution import Rules
from watcher.domain.needs import IDLE, MIGRATE, OF_HOST
from watcher.domain.records import Place

RESIZE = "resize"
VOLUME = "volume_migrate"
MOVES = frozenset((MIGRATE, VOLUME))

# Kinds of places.
OUT, IN = "moves_out", "moves_in"
ALL = "moves"
ZONE, AGGREGATE, PROJECT = "moves_zone", "moves_aggregate", "moves_project"
POOL_OUT, POOL_IN = "pool_out", "pool_in"
TYPE = "type"
OBJECT = "object"
# Of plans as a whole: hosts that one plan has for itself, and hosts that such a plan uses.
HOST, USED = "host", "host_used"
# What nobody gets while the plan is paused.
PAUSED = "paused"
EVERYTHING = "*"


class Step(Protocol):
    """An action"""

    @property
    def action_type(self) -> str:
        """The name of its type"""

    @property
    def input_parameters(self) -> Mapping[str, Any]:
        """What it is to work on"""


class Facts(Protocol):
    """What is known of the cloud; None and nothing where it is not"""

    def host_of(self, server: str) -> str | None:
        """Return where a server is"""

    def project_of(self, server: str) -> str | None:
        """Return whose it is"""

    def zone_of(self, host: str) -> str | None:
        """Return the availability zone of a host"""

    def aggregates_of(self, host: str) -> Sequence[str]:
        """Return the aggregates of a host"""

    def pool_of(self, volume: str) -> str | None:
        """Return the storage pool that a volume is in"""


class NoFacts:
    """Knows nothing"""

    def host_of(self, server: str) -> str | None:
        """Not known"""
        return None

    def project_of(self, server: str) -> str | None:
        """Not known"""
        return None

    def zone_of(self, host: str) -> str | None:
        """Not known"""
        return None

    def aggregates_of(self, host: str) -> Sequence[str]:
        """Not known"""
        return ()

    def pool_of(self, volume: str) -> str | None:
        """Not known"""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many may run at the same time, over all plans and appliers; None: no limit"""

    from_node: int | None = 2
    to_node: int | None = 2
    moves: int | None = None
    zone: int | None = None
    aggregate: int | None = None
    project: int | None = None
    from_pool: int | None = 2
    to_pool: int | None = 2
    types: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Any) -> "Caps":
        """Read the options of ``[watcher_applier]``, where 0 means no limit"""
        return cls(
            from_node=options.max_moves_from_node or None,
            to_node=options.max_moves_to_node or None,
            moves=options.max_moves or None,
            zone=options.max_moves_per_zone or None,
            aggregate=options.max_moves_per_aggregate or None,
            project=options.max_moves_per_project or None,
            from_pool=options.max_moves_from_pool or None,
            to_pool=options.max_moves_to_pool or None,
            types={kind: int(n) for kind, n in options.max_running.items() if int(n)},
        )

    def within(self, rules: Rules) -> "Caps":
        """Return these limits, tightened by what was said of the plan"""
        return dataclasses.replace(
            self,
            from_node=_least(self.from_node, rules.moves_from_node),
            to_node=_least(self.to_node, rules.moves_to_node),
        )

    @property
    def ask_for_facts(self) -> bool:
        """Whether a limit needs to know more than actions tell"""
        return any((self.zone, self.aggregate, self.project))


def _least(one: int | None, other: int | None) -> int | None:
    given = [limit for limit in (one, other) if limit is not None]
    return min(given, default=None)


def places(action: Step, caps: Caps, facts: Facts) -> tuple[Place, ...]:
    """Return everything that the action must have to run

    What is not known is not counted: where a server goes when the scheduler chooses, or
    the pool that a volume leaves when nobody tells. Moves are counted at each host even
    without a limit, so that it can be seen who works there (``HOST``).
    """
    found = [] if action.action_type in IDLE else _object(action)
    limit = caps.types.get(action.action_type)
    if limit is not None:
        found.append(Place(TYPE, action.action_type, limit))
    if action.action_type in (MIGRATE, RESIZE):
        found += _of_server(action, caps, facts)
    elif action.action_type == VOLUME:
        found += _of_volume(action, caps, facts)
    return tuple(found)


def _object(action: Step) -> list[Place]:
    target = _text(action, "resource_id")
    return [Place(OBJECT, target, 1)] if target else []


def _of_server(action: Step, caps: Caps, facts: Facts) -> list[Place]:
    server = _text(action, "resource_id")
    source, dest = _way(action, facts)
    found: list[Place] = []
    if source:
        found.append(Place(OUT, source, caps.from_node))
    if dest:
        found.append(Place(IN, dest, caps.to_node))
    if caps.moves is not None:
        found.append(Place(ALL, EVERYTHING, caps.moves))
    hosts = [host for host in (source, dest) if host]
    if caps.zone is not None:
        zones = {zone for host in hosts if (zone := facts.zone_of(host))}
        found += [Place(ZONE, zone, caps.zone) for zone in sorted(zones)]
    if caps.aggregate is not None:
        names = {name for host in hosts for name in facts.aggregates_of(host)}
        found += [Place(AGGREGATE, name, caps.aggregate) for name in sorted(names)]
    if caps.project is not None and server:
        project = facts.project_of(server)
        found += [Place(PROJECT, project, caps.project)] if project else []
    return found


def _way(action: Step, facts: Facts) -> tuple[str | None, str | None]:
    if action.action_type == MIGRATE:
        return _text(action, "source_node"), _text(action, "destination_node")
    server = _text(action, "resource_id")
    return (facts.host_of(server) if server else None), None


def _of_volume(action: Step, caps: Caps, facts: Facts) -> list[Place]:
    volume = _text(action, "resource_id")
    source = facts.pool_of(volume) if volume and caps.from_pool is not None else None
    dest = _text(action, "destination_node")
    found: list[Place] = []
    if source:
        found.append(Place(POOL_OUT, source, caps.from_pool))
    if dest and caps.to_pool is not None:
        found.append(Place(POOL_IN, dest, caps.to_pool))
    return found


def hosts(action: Step) -> tuple[str, ...]:
    """Return the hosts that an action is known to work on"""
    if action.action_type in OF_HOST:
        names: Iterable[str | None] = (
            _text(action, "resource_name") or _text(action, "resource_id"),
        )
    elif action.action_type == MIGRATE:
        names = (_text(action, "source_node"), _text(action, "destination_node"))
    else:
        names = ()
    return tuple(dict.fromkeys(name for name in names if name))


def of_plan(actions: Iterable[Step]) -> tuple[Place, ...]:
    """Return what a plan takes for itself from its start to its end

    A plan that opens, closes or switches a host has this host for itself: nobody enables
    what it has disabled, nor fills what it has emptied. It counts as using the other
    hosts that it works on, so that no second such plan takes those: two that empty their
    hosts towards each other would wait for each other for ever. Plans that only move
    servers take nothing in advance.
    """
    alone: dict[str, None] = {}
    used: dict[str, None] = {}
    for action in actions:
        kept = alone if action.action_type in OF_HOST else used
        kept.update(dict.fromkeys(hosts(action)))
    if not alone:
        return ()
    return (
        *(Place(HOST, host, 1) for host in alone),
        *(Place(USED, host) for host in used if host not in alone),
    )


_WHY = {
    OUT: "{limit} servers are leaving {name}",
    IN: "{limit} servers are coming to {name}",
    ALL: "{limit} servers are being moved in all",
    ZONE: "{limit} servers are being moved in availability zone {name}",
    AGGREGATE: "{limit} servers are being moved in aggregate {name}",
    PROJECT: "{limit} servers of project {name} are being moved",
    POOL_OUT: "{limit} volumes are leaving pool {name}",
    POOL_IN: "{limit} volumes are coming to pool {name}",
    TYPE: "{limit} actions {name} are running in all",
    OBJECT: "another action works on {name}",
    PAUSED: "the plan is paused by request",
    HOST: "another plan has host {name} for itself",
}


def why(place: Place) -> str:
    """Return what an action waits for when ``place`` is full"""
    return _WHY[place.kind].format(name=place.resource, limit=place.limit)


def _text(action: Step, name: str) -> str | None:
    value = action.input_parameters.get(name)
    return value if isinstance(value, str) and value else None
