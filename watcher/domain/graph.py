"""The order of a plan's actions: parents, what may start now, what must not start.

Pure bookkeeping over identifiers. An action becomes ready as soon as *its own* parents
are done, whatever else is still running; its fate after a failed parent is decided by a
``Rule``. Failures reach beyond children: between an action and one that it needs there may
be others that it does not need, and that went on.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from watcher.domain import states


class BrokenGraph(ValueError):
    """The parents cannot be followed: one is unknown, or they form a circle"""


class Rule(enum.Enum):
    """What the end of its parents means for an action"""

    NEEDED = "needed"  # a failure keeps those from running that need what failed
    ALWAYS = "always"  # children run however their parents ended
    ANY = "any"  # children run only when a parent did not succeed


@dataclass(frozen=True, slots=True)
class Refusal:
    """An action that must not run, and the one before it because of which"""

    action: str
    parent: str


# Whether the first action needs what the second, somewhere before it, achieves.
Needs = Callable[[str, str], bool]


# Ends after which what the action was to achieve is not there.
_BAD = frozenset((states.FAILED, states.CANCELLED, states.DELETED))


def check(parents: Mapping[str, Sequence[str]]) -> None:
    """Raise BrokenGraph unless every parent is known and no action waits for itself"""
    for action, names in parents.items():
        for parent in names:
            if parent not in parents:
                raise BrokenGraph(
                    f"action {action} has the parent {parent}, which is not in the plan"
                )
    left = sorted(set(parents).difference(_in_order(parents)))
    if left:
        raise BrokenGraph("these actions wait for each other: " + ", ".join(left))


def _in_order(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return parents before children; what waits for itself is left out"""
    waits = {action: len(set(names)) for action, names in parents.items()}
    children = _children(parents)
    order = [action for action, count in waits.items() if not count]
    for action in order:
        for child in children.get(action, ()):
            waits[child] -= 1
            if not waits[child]:
                order.append(child)
    return order


def _children(parents: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for action, names in parents.items():
        for parent in dict.fromkeys(names):
            children.setdefault(parent, []).append(action)
    return children


class Frontier:
    """The edge between what is done and what is not; tells what may start next.

    ``settle`` is told how each action ended, in any order; ``ready`` and ``refused`` hand
    out every other action exactly once. Without ``needs`` every parent is needed.
    """

    def __init__(
        self,
        parents: Mapping[str, Sequence[str]],
        rule: Rule = Rule.NEEDED,
        needs: Needs = lambda child, parent: True,
    ) -> None:
        check(parents)
        self._rule = rule
        self._needs = needs
        self._parents = {name: tuple(dict.fromkeys(p)) for name, p in parents.items()}
        self._children = _children(parents)
        self._waits = {name: len(p) for name, p in self._parents.items()}
        self._bad: dict[str, bool] = {}
        # Sets of what did not succeed, as bits: plans have thousands of edges.
        self._losses: list[str] = []
        self._lost: dict[str, int] = {}  # with it and everything before it
        self._judged: dict[str, int] = {}  # of these it needs none
        self._blocked: set[str] = set()
        self._given: set[str] = set()
        self._ready: deque[str] = deque(n for n, c in self._waits.items() if not c)
        self._refused: deque[Refusal] = deque()

    @property
    def finished(self) -> bool:
        """Whether every action has ended"""
        return len(self._bad) == len(self._parents)

    def settle(self, action: str, state: str) -> None:
        """Record that ``action`` ended in ``state``"""
        if action in self._bad:
            return
        lost = 0
        for parent in self._parents[action]:
            lost |= self._lost.get(parent, 0)
        self._bad[action] = self._is_bad(action, state, lost)
        if self._bad[action]:
            lost |= 1 << len(self._losses)
            self._losses.append(action)
        self._lost[action] = lost
        self._given.add(action)
        for child in self._children.get(action, ()):
            self._waits[child] -= 1
            self._judge(child, action)

    def restore(self, ended: Mapping[str, str]) -> None:
        """Settle what had ended when another process left the plan; any order will do"""
        for action in _in_order(self._parents):
            if action in ended:
                self.settle(action, ended[action])

    def ready(self) -> Iterable[str]:
        """Yield the actions that may start now and were not handed out before"""
        while self._ready:
            action = self._ready.popleft()
            if action not in self._given:
                self._given.add(action)
                yield action

    def refused(self) -> Iterable[Refusal]:
        """Yield the actions that must not run and were not handed out before"""
        while self._refused:
            refusal = self._refused.popleft()
            if refusal.action not in self._given:
                self._given.add(refusal.action)
                yield refusal

    def _is_bad(self, action: str, state: str, lost: int) -> bool:
        if state in _BAD:
            return True
        # Skipped for what failed before, as against skipped because nothing is to be done.
        return (
            state == states.SKIPPED
            and self._rule is Rule.NEEDED
            and any(self._needs(action, name) for name in self._names(lost))
        )

    def _judge(self, child: str, ended: str) -> None:
        if child in self._blocked:
            return
        if self._rule is Rule.NEEDED and (name := self._missed(child, ended)):
            self._blocked.add(child)
            self._refused.append(Refusal(child, name))
        elif self._waits[child]:
            return
        elif self._rule is Rule.ANY and not any(
            self._bad[parent] for parent in self._parents[child]
        ):
            self._refused.append(Refusal(child, self._parents[child][0]))
        else:
            self._ready.append(child)

    def _missed(self, child: str, ended: str) -> str | None:
        """Return what ``child`` needs and will not get, as far as ``ended`` tells"""
        judged = self._judged.get(child, 0)
        new = self._lost[ended] & ~judged
        if not new:
            return None
        self._judged[child] = judged | new
        # The nearest one tells most: what failed last.
        return next((n for n in self._names(new) if self._needs(child, n)), None)

    def _names(self, lost: int) -> Iterator[str]:
        while lost:
            top = lost.bit_length() - 1
            lost ^= 1 << top
            yield self._losses[top]
