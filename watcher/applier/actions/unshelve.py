"""Lets a shelved server run again."""

from typing import ClassVar

from watcher import exception
from watcher.applier.actions.changing import Change
from watcher.applier.actions.server import ServerAction
from watcher.applier.actions.shelve import STATES


class Unshelve(ServerAction):
    """Unshelve a server, and wait until it runs; what undoes ``shelve``"""

    KIND: ClassVar[str] = "unshelve"

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return (
            "Lets a shelved server run on a host of Nova's choice; undone by shelving"
        )

    def pre_condition(self) -> None:
        """Skip when the server is gone or not shelved"""
        server = self._known_server()
        if server.vm_state not in STATES:
            raise exception.ActionSkipped(
                f"Instance {self.instance_uuid} is {server.status}, not shelved"
            )

    def change(self) -> Change:
        """Running; Nova has to fetch its image before"""
        return Change(
            server=self.instance_uuid, kind=self.KIND, noun="unshelve",
            reached=frozenset(("active",)), limit_s=self.journal.timing.migration_s,
        )  # fmt: skip

    def change_back(self) -> Change:
        """Shelved again"""
        return Change(
            server=self.instance_uuid, kind="shelve", noun="shelve", reached=STATES,
            limit_s=self.journal.timing.shelve_s,
        )  # fmt: skip
