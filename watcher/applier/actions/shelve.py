"""Stores a server as an image and frees its host."""

from typing import ClassVar

from watcher import exception
from watcher.applier.actions.changing import Change
from watcher.applier.actions.server import ServerAction

STATES = frozenset(("shelved", "shelved_offloaded"))


class Shelve(ServerAction):
    """Shelve a server, and wait until it is stored"""

    KIND: ClassVar[str] = "shelve"

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Stores a server as an image and frees its host; undone by unshelving it"

    def pre_condition(self) -> None:
        """Skip when the server is gone or shelved"""
        if self._known_server().vm_state in STATES:
            raise exception.ActionSkipped(
                f"Instance {self.instance_uuid} is already shelved"
            )

    def change(self) -> Change:
        """Shelved, on its host or away from it, as Nova is set"""
        return Change(
            server=self.instance_uuid, kind=self.KIND, noun="shelve", reached=STATES,
            limit_s=self.journal.timing.shelve_s,
        )  # fmt: skip

    def change_back(self) -> Change:
        """Running again, on a host of Nova's choice"""
        # A stopped server runs after that, too: Nova does not remember that it was.
        return Change(
            server=self.instance_uuid, kind="unshelve", noun="unshelve",
            reached=frozenset(("active",)), limit_s=self.journal.timing.migration_s,
        )  # fmt: skip
