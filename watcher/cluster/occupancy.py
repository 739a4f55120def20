"""How full hosts can get while moves run in any order that their dependencies leave open.

A move takes room on its target from its start and frees its source at its end. What has
started or ended at some moment is closed under dependencies, so the fullest moment of a
host is a closure of maximal weight: a minimum cut.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from watcher.cluster.constraint.capacity import NAMES
from watcher.cluster.constraint.server_group import ANTI_AFFINITY
from watcher.cluster.model.simulate import Move, View

# By the index of a move: the indexes of those that end before it starts.
Before = Mapping[int, Collection[int]]


@dataclass(slots=True)
class Crossing:
    """Something bounded on one host, and the moves that add to it or take from it"""

    host: str
    what: str
    limit: float
    start: float
    arrivals: dict[int, int] = field(default_factory=dict)  # move -> amount
    departures: dict[int, int] = field(default_factory=dict)

    @property
    def peak(self) -> float:
        """What it comes to when everything arrives before anything leaves"""
        return self.start + sum(self.arrivals.values())


def crossings(view: View, moves: Sequence[Move]) -> Iterator[Crossing]:
    """Yield what could be exceeded if the moves started all at once from ``view``"""
    into, out = defaultdict(list), defaultdict(list)
    for number, move in enumerate(moves):
        into[move.target].append(number)
        out[move.source].append(number)
    sizes = [view.size(move.instance).tolist() for move in moves]
    for host in sorted(set(into) & set(view.index)):
        i = view.index[host]
        for kind, name in enumerate(NAMES):
            found = Crossing(
                host,
                name,
                float(view.capacity[i, kind]),
                float(view.used[i, kind] + view.held[i, kind]),
                {n: sizes[n][kind] for n in into[host] if sizes[n][kind]},
                {n: sizes[n][kind] for n in out[host] if sizes[n][kind]},
            )
            if found.arrivals and found.peak > found.limit:
                yield found
        yield from _groups(view, moves, host, into[host], out[host])


def _groups(
    view: View, moves: Sequence[Move], host: str, into: list[int], out: list[int]
) -> Iterator[Crossing]:
    groups = {
        group.id: group
        for n in into
        for group in view.groups_of(moves[n].instance)
        if group.policy == ANTI_AFFINITY
    }
    for group in groups.values():
        members = set(group.members)
        found = Crossing(
            host,
            f"members of {ANTI_AFFINITY} group {group.name or group.id}",
            float(group.max_per_host or 1),
            float(sum(host in view.hosts_of(member) for member in members)),
            {n: 1 for n in into if moves[n].instance in members},
            {n: 1 for n in out if moves[n].instance in members},
        )
        if found.peak > found.limit:
            yield found


def worst(crossing: Crossing, ancestors: Mapping[int, int]) -> float:
    """Return the highest value that a crossing can reach

    ``ancestors`` has for each move the set of those that end before it starts, as bits.
    """
    import networkx

    graph = networkx.DiGraph()
    for number, amount in crossing.arrivals.items():
        graph.add_edge("begin", number, capacity=amount)
        for other in crossing.departures:
            if ancestors.get(number, 0) >> other & 1:
                graph.add_edge(number, other)
    for number, amount in crossing.departures.items():
        graph.add_edge(number, "end", capacity=amount)
    if not crossing.departures:
        return crossing.peak
    return crossing.peak - float(networkx.maximum_flow_value(graph, "begin", "end"))


def ancestors(before: Before, count: int) -> dict[int, int]:
    """Return for each of ``count`` moves all that end before it starts, as bits"""
    found: dict[int, int] = {}
    for start in range(count):
        stack = [start]
        while stack:
            number = stack[-1]
            if number in found:
                stack.pop()
                continue
            missing = [b for b in before.get(number, ()) if b not in found]
            if missing:
                if set(missing) & set(stack):
                    raise ValueError("The order of the moves has a cycle")
                stack.extend(missing)
                continue
            bits = 0
            for other in before.get(number, ()):
                bits |= found[other] | 1 << other
            found[number] = bits
            stack.pop()
    return found


def room_order(view: View, moves: Sequence[Move]) -> dict[int, set[int]]:
    """Return which moves must wait for which, if the list from first to last is safe

    Only where everything at once would be too much: there, what arrives waits for what
    left before it in the list. Any order that keeps these dependencies is safe then.
    """
    before: dict[int, set[int]] = {}
    for crossing in crossings(view, moves):
        for arrival in crossing.arrivals:
            earlier = {d for d in crossing.departures if d < arrival}
            if earlier:
                before.setdefault(arrival, set()).update(earlier)
    return before
