"""Lets a stopped server run again."""

from typing import ClassVar

from watcher import exception
from watcher.applier.actions.changing import Change
from watcher.applier.actions.server import ServerAction


class Start(ServerAction):
    """Start a server, and wait until it runs; what undoes ``stop``"""

    KIND: ClassVar[str] = "start"

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Starts a stopped server; undone by stopping it"

    def pre_condition(self) -> None:
        """Skip when the server is gone or runs"""
        if self._known_server().status == "ACTIVE":
            raise exception.ActionSkipped(
                f"Instance {self.instance_uuid} is already running"
            )

    def change(self) -> Change:
        """Running"""
        return Change(
            server=self.instance_uuid, kind=self.KIND, noun="start",
            reached=frozenset(("active",)), limit_s=self.journal.timing.stop_s,
        )  # fmt: skip

    def change_back(self) -> Change:
        """Stopped again"""
        return Change(
            server=self.instance_uuid, kind="stop", noun="stop",
            reached=frozenset(("stopped",)), limit_s=self.journal.timing.stop_s,
        )  # fmt: skip
