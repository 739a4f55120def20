"""Values of elements, shared between copies of a model until one of them writes."""

import copy
import threading
from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar

from watcher.cluster.model.field import Element

E = TypeVar("E", bound=Element)
Values = dict[str, Any]
# Called with the key, the field, its old value and all values after a field was written.
Changed = Callable[[str, str, Any, Values], None]


class Table(Generic[E]):
    """Elements of one class by key; an element object is made when it is asked for"""

    def __init__(self, cls: type[E], lock: threading.RLock, changed: Changed) -> None:
        self.cls = cls
        self.values: dict[str, Values] = {}
        self._lock = lock
        self._changed = changed
        self._live: dict[str, E] = {}
        self._own: set[str] = set()  # keys whose values no copy shares
        self._lent: dict[str, set[str]] = {}  # fields handed out, changeable in place

    def element(self, key: str) -> E:
        """Return the one object that stands for ``key``"""
        element = self._live.get(key)
        if element is None:
            element = self._live[key] = self.cls.within(self, self.values[key])
        return element

    def adopt(self, element: E) -> Values:
        """Take an element in, or the values of one that another model holds"""
        key = str(element.data[element.KEY])
        if element.home in (None, self):
            data = copy.deepcopy(dict(element.data))
            element.rebind(self, data)
            self._live[key] = element
            # The caller may still hold what it put in.
            self._lent[key] = {n for n, f in element.fields.items() if f.mutable}
        else:
            data = element.as_dict()
            self._live.pop(key, None)
        self.put(key, data)
        return data

    def put(self, key: str, data: Values) -> None:
        """Store values that nobody else holds, without making an element"""
        self.values[key] = data
        self._own.add(key)
        if (element := self._live.get(key)) is not None:
            element.rebind(self, data)

    def drop(self, key: str) -> None:
        """Forget a key; an element object in somebody's hands keeps its values"""
        data = self.values.pop(key)
        if (element := self._live.pop(key, None)) is not None:
            element.rebind(None, copy.deepcopy(data))
        self._own.discard(key)
        self._lent.pop(key, None)

    def set(self, key: str, name: str, value: Any) -> None:
        """Store one field without telling anybody"""
        self._owned(key)[name] = value

    def copy(self, lock: threading.RLock, changed: Changed) -> "Table[E]":
        """Return a table that shares the values until it, or this one, writes"""
        twin = Table(self.cls, lock, changed)
        twin.values = self.values.copy()
        self._own = set(self._lent)
        for key in self._lent:
            # Somebody may change these in place without our knowing.
            twin.values[key] = copy.deepcopy(self.values[key])
            twin._own.add(key)
        return twin

    def part(
        self, keys: Collection[str], lock: threading.RLock, changed: Changed
    ) -> "Table[E]":
        """Return a table of some keys, in that order, that shares values as a copy does"""
        part = Table(self.cls, lock, changed)
        part.values = {key: self.values[key] for key in keys}
        self._own.difference_update(keys)
        for key in part.values.keys() & self._lent.keys():
            part.put(key, copy.deepcopy(self.values[key]))
            self._own.add(key)
        return part

    def __getstate__(self) -> dict[str, Any]:
        return {"cls": self.cls, "values": self.values, "_changed": self._changed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _live={}, _own=set(state["values"]), _lent={})

    def settle(self, lock: threading.RLock) -> None:
        """Take the lock of the model that came from another process with this table"""
        self._lock = lock

    def write(self, element: Element, name: str, value: Any) -> None:
        """Store a field of an element and tell the model"""
        with self._lock:
            key = str(element.data[element.KEY])
            data = self._owned(key)
            old = data.get(name)
            data[name] = value
            self._changed(key, name, old, data)

    def lend(self, element: Element, name: str) -> Any:
        """Return a value that the caller may change in place"""
        with self._lock:
            key = str(element.data[element.KEY])
            lent = self._lent.setdefault(key, set())
            if name not in lent:
                data = self._owned(key)
                data[name] = copy.deepcopy(data[name])
                lent.add(name)
            return self.values[key][name]

    def _owned(self, key: str) -> Values:
        if key not in self._own:
            data = self.values[key] = self.values[key].copy()
            self._own.add(key)
            if (element := self._live.get(key)) is not None:
                element.rebind(self, data)
        return self.values[key]
