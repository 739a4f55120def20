"""Shuts a server down; it keeps its host."""

from typing import ClassVar

from watcher import exception
from watcher.applier.actions.changing import Change
from watcher.applier.actions.server import ServerAction


class Stop(ServerAction):
    """Stop a server, and wait until its guest has shut down"""

    KIND: ClassVar[str] = "stop"

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Shuts a server down; undone by starting it"

    def pre_condition(self) -> None:
        """Skip when the server is gone or does not run"""
        if self._known_server().status == "SHUTOFF":
            raise exception.ActionSkipped(
                f"Instance {self.instance_uuid} is already stopped"
            )

    def change(self) -> Change:
        """Stopped; one that is deleted meanwhile does not run either"""
        return Change(
            server=self.instance_uuid, kind=self.KIND, noun="stop",
            reached=frozenset(("stopped",)), limit_s=self.journal.timing.stop_s,
            gone_is_done=True,
        )  # fmt: skip

    def change_back(self) -> Change:
        """Running again"""
        return Change(
            server=self.instance_uuid, kind="start", noun="start",
            reached=frozenset(("active",)), limit_s=self.journal.timing.stop_s,
        )  # fmt: skip
