"""Which of the actions that may begin should begin first, so that the plan ends soon; pure.

The hosts with the most moves, and the longest chains of actions that wait for each other,
decide when a plan is done: what belongs to them goes first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

# Moves that a host commonly makes at a time; a host with more of them takes longer.
SIDE_BY_SIDE = 2
# The order is thought over again when this share of the actions has ended.
SHARE = 0.02


class Step(Protocol):
    """An action of a plan"""

    @property
    def uuid(self) -> str:
        """Its identity"""

    @property
    def parents(self) -> Sequence[str]:
        """The actions before it"""

    @property
    def input_parameters(self) -> Mapping[str, Any]:
        """What it is to work on"""


A = TypeVar("A", bound=Step)


class Urgency:
    """Orders actions that wait; told of those that ended"""

    def __init__(self, actions: Mapping[str, Step]) -> None:
        self._places = {uuid: _places(action) for uuid, action in actions.items()}
        self._load = Counter(place for of in self._places.values() for place in of)
        self._tails = tails({uuid: a.parents for uuid, a in actions.items()})
        self._rank = {uuid: number for number, uuid in enumerate(actions)}
        self._gone: set[str] = set()
        self._every = max(1, int(SHARE * len(actions)))
        self._unseen = 0
        self._keys: dict[str, tuple[float, int]] = {}

    def end(self, uuid: str) -> None:
        """Count an action no longer"""
        if uuid in self._gone or uuid not in self._places:
            return
        self._gone.add(uuid)
        self._load.subtract(self._places[uuid])
        self._unseen += 1

    @property
    def changed(self) -> bool:
        """Whether enough has ended since for another order"""
        return self._unseen >= self._every

    def ordered(self, waiting: Iterable[A]) -> list[A]:
        """Return the most urgent ones first, alike ones as the plan has them"""
        if self.changed:
            self._unseen = 0
            self._keys.clear()
        return sorted(waiting, key=lambda action: self._key(action.uuid))

    def _key(self, uuid: str) -> tuple[float, int]:
        key = self._keys.get(uuid)
        if key is None:
            load = max((self._load[place] for place in self._places[uuid]), default=0)
            urgent = self._tails[uuid] + load / SIDE_BY_SIDE
            key = self._keys[uuid] = (-urgent, self._rank[uuid])
        return key


def _places(action: Step) -> tuple[tuple[str, str], ...]:
    given = action.input_parameters
    names = (("from", "source_node"), ("to", "destination_node"))
    return tuple(
        (way, host) for way, name in names if isinstance(host := given.get(name), str)
    )


def tails(parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many actions the longest chain behind each action has, itself included

    What is in a circle, or has parents unknown here, counts as one.
    """
    children = Counter(
        parent for names in parents.values() for parent in dict.fromkeys(names)
    )
    length = dict.fromkeys(parents, 1)
    last = [uuid for uuid in parents if not children[uuid]]
    for uuid in last:
        for parent in dict.fromkeys(parents[uuid]):
            if parent not in length:
                continue
            length[parent] = max(length[parent], length[uuid] + 1)
            children[parent] -= 1
            if not children[parent]:
                last.append(parent)
    return length
