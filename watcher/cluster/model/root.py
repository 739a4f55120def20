"""What the models of this program have in common: a lock, an age, copies, a graph."""

import abc
import datetime
import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from watcher import exception
from watcher.cluster.model import base
from watcher.cluster.model.field import Element
from watcher.cluster.model.table import Table

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Root")


def locked(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """Let a method of a model hold the model's lock while it runs"""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return call


class Root(base.Model):
    """A model that can be copied cheaply and shows itself as a graph

    ``stale`` with ``stale_reason`` marks a model that must not be reasoned on; ``read_at``
    is when (naive UTC) the reading of the cloud began.
    """

    def __init__(self, stale: bool = False) -> None:
        self.lock = threading.RLock()
        self.stale = stale
        self.stale_reason: str | None = None
        self.read_at: datetime.datetime | None = None
        self.version = 0  # grows with every change
        self._graph: tuple[int, Any] | None = None

    def __bool__(self) -> bool:
        return not self.stale

    def copy(self) -> Self:
        """Return an independent model with a lock of its own, cheaply"""
        with self.lock:
            return self._copy()

    def _copy(self) -> Self:
        """Return a twin; what may change must be copied by those that add it"""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.lock = threading.RLock()
        twin._graph = None
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs; it gets a lock of its own"""
        with self.lock:
            state = self.__dict__.copy()
        del state["lock"]
        state["_graph"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lock = threading.RLock()
        for part in state.values():
            if isinstance(part, Table):
                part.settle(self.lock)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def to_string(self) -> str:
        """Return the model as text, which is XML"""
        return self.to_xml()

    @property
    def graph(self) -> Any:
        """A networkx graph of the elements, built when first asked for"""
        with self.lock:
            if self._graph is None or self._graph[0] != self.version:
                self._graph = (self.version, self._as_graph())
            return self._graph[1]

    @abc.abstractmethod
    def _as_graph(self) -> Any:
        """Return a new networkx graph with the elements as attribute ``attr``"""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Outside strategies know the model as a graph: nodes, edges, predecessors ...
            if name.startswith("_") or "_graph" not in self.__dict__:
                raise AttributeError(name)
            return getattr(self.graph, name)


def check(element: object, cls: type[Element]) -> None:
    """Refuse what is no element of that class"""
    if not isinstance(element, cls):
        raise exception.IllegalArgumentException(
            f"{cls.__name__} expected, not {type(element).__name__}"
        )


def key_of(element: object, cls: type[Element]) -> str:
    """Return the key of an element, which may be given by its key"""
    if isinstance(element, str):
        return element
    check(element, cls)
    return str(element.data[cls.KEY])  # type: ignore[attr-defined]
