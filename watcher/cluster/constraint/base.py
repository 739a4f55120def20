"""What a rule is, and how several of them choose targets."""

import abc
import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.simulate import LIVE, Move, View

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that does not hold: about what, and in words"""

    subject: str
    text: str

    def __str__(self) -> str:
        return self.text


class Constraint(abc.ABC):
    """A rule: strategies ask ``fits`` and ``allows`` to search, ``verify`` asks all to prove

    A rule keeps no state; what it works out once for a view it may put into ``view.facts``.
    """

    name: ClassVar[str]

    def pins(self, view: View, instance: Instance, kind: str = LIVE) -> str | None:
        """Say why an instance may not move at all, or None"""
        return None

    @abc.abstractmethod
    def refuses(self, view: View, instance: Instance, host: str) -> str | None:
        """Say why a host of the view cannot take an instance that is elsewhere, or None"""

    def fits(self, view: View, instance: Instance) -> Bools:
        """Tell for each of ``view.hosts`` whether the rule lets the instance go there"""
        refusals = (self.refuses(view, instance, host) is None for host in view.hosts)
        return np.fromiter(refusals, dtype=bool, count=len(view.hosts))

    def dislikes(self, view: View, instance: Instance) -> set[str]:
        """Return the hosts that should be the last choice though they are allowed"""
        return set()

    def why(self, view: View, move: Move) -> str | None:
        """Say why a move is not allowed, or None when it is"""
        instance = view.instance(move.instance)
        if reason := self.pins(view, instance, move.kind):
            return reason
        if move.target in view.index:
            return self.refuses(view, instance, move.target)
        return None

    def allows(self, view: View, move: Move) -> bool:
        """Tell whether a move may be made next"""
        return self.why(view, move) is None

    def breaks(self, view: View) -> Iterator[Breach]:
        """Yield what is wrong in the view as it stands"""
        return iter(())


@dataclass(frozen=True)
class Verdict:
    """Where an instance may go, best first, and which rules refused the other nodes"""

    view: View = field(repr=False)
    instance: str
    hosts: Sequence[str] = ()
    refused: Counter[str] = field(default_factory=Counter)
    pinned: str | None = None

    @functools.cached_property
    def targets(self) -> list[ComputeNode]:
        """The nodes of ``hosts``"""
        return [self.view.node(host) for host in self.hosts]

    @property
    def why(self) -> str:
        """The reasons in words: capacity: 5 nodes, zone: 2 nodes"""
        if self.pinned:
            return self.pinned
        counts = sorted(self.refused.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{n}: {c} node{'s' * (c != 1)}" for n, c in counts)


def feasible(
    view: View,
    instance: Instance | str,
    candidates: Iterable[ComputeNode | str] | None = None,
    *,
    rules: Sequence[Constraint],
    kind: str = LIVE,
) -> Verdict:
    """Return the candidates that an instance may move to, in their order

    Without candidates all nodes are, by hostname. Nodes that a soft rule dislikes come
    last. A refused node counts for the first rule that refuses it.
    """
    if isinstance(instance, str):
        instance = view.instance(instance)
    for rule in rules:
        if reason := rule.pins(view, instance, kind):
            return Verdict(view, instance.uuid, pinned=reason)
    here = view.host_of(instance)
    if candidates is None:
        left = np.arange(len(view.hosts))
    else:
        names = (c if isinstance(c, str) else c.hostname for c in candidates)
        rows = [view.index[name] for name in names if name in view.index]
        left = np.array(rows, dtype=np.int64)
    left = left[left != view.index.get(here or "", -1)]
    refused: Counter[str] = Counter()
    for rule in rules:
        if not len(left):
            break
        ok = rule.fits(view, instance)[left]
        if lost := len(left) - int(ok.sum()):
            refused[rule.name] += lost
            left = left[ok]
    hosts = [view.hosts[i] for i in left]
    disliked = set().union(*(rule.dislikes(view, instance) for rule in rules))
    if disliked:
        hosts.sort(key=disliked.__contains__)
    return Verdict(view, instance.uuid, hosts, refused)
