"""Resources as numpy columns: of nodes and instances side by side, and of storage pools."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from watcher.cluster.model.element import DISK, MEMORY, VCPU

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WIDTH = 3
NODE_FIELDS: Mapping[str, tuple[str, int]] = {
    "vcpus": ("total", VCPU),
    "memory": ("total", MEMORY),
    "disk": ("total", DISK),
    "vcpu_reserved": ("reserved", VCPU),
    "memory_mb_reserved": ("reserved", MEMORY),
    "disk_gb_reserved": ("reserved", DISK),
    "vcpu_ratio": ("ratio", VCPU),
    "memory_ratio": ("ratio", MEMORY),
    "disk_ratio": ("ratio", DISK),
}
INSTANCE_FIELDS: Mapping[str, int] = {"vcpus": VCPU, "memory": MEMORY, "disk": DISK}


class _Rows:
    """Rows by key in arrays that grow; rows of removed keys are used again"""

    arrays: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.row: dict[str, int] = {}
        self._free: list[int] = []
        self._size = 0

    def add(self, key: str) -> int:
        """Return the row of a new key, all its values 0"""
        if self._free:
            row = self._free.pop()
            for name in self.arrays:
                getattr(self, name)[row] = 0
        else:
            row = self._size
            self._size += 1
            if row >= len(getattr(self, self.arrays[0])):
                self.reserve(max(64, 2 * row))
        self.row[key] = row
        return row

    def reserve(self, rows: int) -> None:
        """Make room for ``rows`` rows in all"""
        for name in self.arrays:
            old = getattr(self, name)
            if rows > len(old):
                new = np.zeros((rows, *old.shape[1:]), dtype=old.dtype)
                new[: len(old)] = old
                setattr(self, name, new)

    def remove(self, key: str) -> int:
        """Forget a key and return the row that it had"""
        row = self.row.pop(key)
        self._free.append(row)
        return row

    def part(self, keys: Collection[str]) -> Any:
        """Return an independent copy of the rows of some keys, in that order"""
        rows = [self.row[key] for key in keys]
        part = type(self)()
        part.row = {key: number for number, key in enumerate(keys)}
        part._size = len(rows)
        for name in self.arrays:
            setattr(part, name, getattr(self, name)[rows])
        return part

    def copy(self) -> Any:
        """Return an independent copy"""
        twin = type(self).__new__(type(self))
        twin.row = self.row.copy()
        twin._free = self._free.copy()
        twin._size = self._size
        for name in self.arrays:
            setattr(twin, name, getattr(self, name).copy())
        return twin


class NodeColumns(_Rows):
    """What nodes have (total, reserved, ratio), what servers use, what else is promised

    ``claimed`` is what Placement counted at the last reading, ``held`` what must be kept
    free though no server uses it: room of migrations and of claims without a server.
    """

    arrays = ("total", "reserved", "ratio", "used", "held", "claimed")

    def __init__(self) -> None:
        super().__init__()
        self.total: Ints = np.zeros((0, WIDTH), dtype=np.int64)
        self.reserved: Ints = np.zeros((0, WIDTH), dtype=np.int64)
        self.ratio: Floats = np.zeros((0, WIDTH), dtype=np.float64)
        self.used: Ints = np.zeros((0, WIDTH), dtype=np.int64)
        self.held: Ints = np.zeros((0, WIDTH), dtype=np.int64)
        self.claimed: Ints = np.zeros((0, WIDTH), dtype=np.int64)

    @property
    def capacity(self) -> Floats:
        """What may be promised to servers, counted as Placement does"""
        result: Floats = (self.total - self.reserved) * self.ratio
        return result


class InstanceColumns(_Rows):
    """How large instances are, and the row of their node (-1: on none)"""

    arrays = ("size", "node")

    def __init__(self) -> None:
        super().__init__()
        self.size: Ints = np.zeros((0, WIDTH), dtype=np.int64)
        self.node: Ints = np.zeros(0, dtype=np.int64)


POOL_FIELDS: Mapping[str, str] = {
    "total_capacity_gb": "total",
    "free_capacity_gb": "free",
    "provisioned_capacity_gb": "provisioned",
    "allocated_capacity_gb": "allocated",
    "virtual_free": "virtual_free",
}


class PoolColumns(_Rows):
    """Capacities of storage pools in GB: nan is unknown, inf unlimited"""

    arrays = tuple(POOL_FIELDS.values())

    def __init__(self) -> None:
        super().__init__()
        for name in self.arrays:
            setattr(self, name, np.zeros(0, dtype=np.float64))
        self.total: Floats
        self.free: Floats
        self.provisioned: Floats
        self.allocated: Floats
        self.virtual_free: Floats

    def fill(self, key: str, values: Mapping[str, Any]) -> None:
        """Take over the capacities out of the values of a pool"""
        row = self.row[key]
        for field, name in POOL_FIELDS.items():
            getattr(self, name)[row] = values.get(field, np.nan)
