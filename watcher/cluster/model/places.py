"""Which is where: each child in at most one parent, found from both sides."""

from collections.abc import Collection, Iterable


class Places:
    """Children by parent and parents by child, for any number of either"""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self._there: dict[str, dict[str, None]] = {}

    def at(self, parent: str) -> Collection[str]:
        """Return the children of a parent, in the order in which they came"""
        return self._there.get(parent, {}).keys()

    def put(self, child: str, parent: str) -> None:
        """Let a child be in that parent and nowhere else"""
        self.take(child)
        self.of[child] = parent
        self._there.setdefault(parent, {})[child] = None

    def take(self, child: str) -> None:
        """Let a child be nowhere"""
        parent = self.of.pop(child, None)
        if parent is not None:
            del self._there[parent][child]

    def empty(self, parent: str) -> None:
        """Let nothing be in a parent"""
        for child in self._there.pop(parent, {}):
            del self.of[child]

    def part(self, children: Iterable[str]) -> "Places":
        """Return an independent one of some children, in that order"""
        part = Places()
        for child in children:
            if (parent := self.of.get(child)) is not None:
                part.of[child] = parent
                part._there.setdefault(parent, {})[child] = None
        return part

    def copy(self) -> "Places":
        """Return an independent copy"""
        twin = Places()
        twin.of = self.of.copy()
        twin._there = {parent: there.copy() for parent, there in self._there.items()}
        return twin
