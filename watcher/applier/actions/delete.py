"""Deletes a server."""

from typing import ClassVar

from watcher import exception
from watcher.applier.actions.changing import Change
from watcher.applier.actions.server import ServerAction

SOFT = "soft-delete"


class Delete(ServerAction):
    """Delete a server, and wait until it is gone"""

    KIND: ClassVar[str] = "delete"

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Deletes a server; this cannot be undone"

    def pre_condition(self) -> None:
        """Skip when the server is gone, for good or to be reclaimed"""
        if self._known_server().vm_state == SOFT:
            raise exception.ActionSkipped(
                f"Instance {self.instance_uuid} is already deleted"
            )

    def change(self) -> Change:
        """Gone, or kept by Nova for a while"""
        return Change(
            server=self.instance_uuid, kind=self.KIND, noun="delete",
            reached=frozenset((SOFT, "deleted")), limit_s=self.journal.timing.delete_s,
            gone_is_done=True,
        )  # fmt: skip

    def revert(self) -> bool:
        """Say that there is no way back

        :raises UnsupportedError: always
        """
        raise exception.UnsupportedError(
            f"Instance {self.instance_uuid} was deleted; that cannot be undone"
        )
