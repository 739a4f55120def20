"""Collects from the parts of a process why it is not ready."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One part and why it is not ready; None when it is"""

    part: str
    reason: str | None


class Health:
    """Asks every part that can tell; answers from memory, never from the network"""

    def __init__(self, parts: Iterable[object] = ()):
        self._parts = list(parts)

    def add(self, part: object) -> None:
        """Ask this one too"""
        self._parts.append(part)

    def findings(self) -> list[Finding]:
        """Return one finding for each part that can tell"""
        found = []
        for part in self._parts:
            ready = getattr(part, "ready", None)
            if callable(ready):
                name = getattr(part, "name", type(part).__name__)
                found.append(Finding(name, ready()))
        return found

    def reasons(self) -> list[str]:
        """Return why the process is not ready; empty when it is"""
        return [found.reason for found in self.findings() if found.reason]
