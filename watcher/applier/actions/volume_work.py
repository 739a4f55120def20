"""Carries one migration or retype of a volume out, and sees that nothing is left of it."""

from collections.abc import Callable, Mapping
from typing import Any

from watcher import exception
from watcher.applier.actions import volume_sight
from watcher.applier.actions.following import GROWTH, Errand, Follower, Look
from watcher.applier.actions.sight import Sight
from watcher.applier.actions.steps import VOLUME, Sights, Steps, Wait, Watch
from watcher.applier.journal import Journal
from watcher.clients.protocols import Cinder
from watcher.domain.records import Operation

# How long the volume that was copied from may take to be deleted, in seconds.
DELETION_S = 1200.0
# How often it is asked for the volume that Cinder copies into; backends that move volumes
# by themselves have none.
SHADOW_LOOKS = 5


class VolumeWork:
    """One request to Cinder about a volume, from its intent to the last trace of it"""

    def __init__(
        self, cinder: Cinder, sights: Sights, journal: Journal, volume: str, *,
        kind: str, noun: str, wanted: Mapping[str, str], goal: Mapping[str, str],
        send: Callable[[str], str | None],
    ) -> None:  # fmt: skip
        self._cinder = cinder
        self._sights = sights
        self._journal = journal
        self._volume = volume
        self._noun = noun
        self._kind = kind
        self._wanted = wanted
        self._goal = goal
        self._send = send
        self._shadow: str | None = None
        self._shadow_looks = 0

    def steps(self) -> Steps:
        """Follow the request, then the deletion of what was copied from"""
        operation = yield from Follower(self._journal, self._errand()).steps()
        yield from self._tidied(operation)

    def _errand(self) -> Errand:
        timing = self._journal.timing
        return Errand(
            kind=self._kind, noun=self._noun, service="Cinder",
            watch=Watch(VOLUME, self._volume),
            limit_s=timing.volume_s + self._size_gb() * timing.per_gb_s,
            interval_s=timing.volume_interval_s,
            detail=self._detail, send=self._send, look=self._look,
            heeds_cancel=not self._kind.endswith("_back"),
        )  # fmt: skip

    def _size_gb(self) -> int:
        try:
            return self._cinder.volume(self._volume).size_gb
        except (exception.VolumeNotFound, exception.ClientError):
            return 0

    def _detail(self) -> dict[str, Any]:
        volume = self._cinder.volume(self._volume)
        return {**volume_sight.before(volume), **self._goal}

    def _look(self, operation: Operation) -> Look:
        try:
            volume = self._sights.volume(self._volume)
        except exception.VolumeNotFound:
            return Look(Sight.FAILED, "the volume was deleted meanwhile")
        look = volume_sight.arrival(
            volume, self._wanted, operation.detail, operation.sent_at is not None
        )
        if look.sight is Sight.UNDERWAY and volume.migration_status == "migrating":
            self._find_shadow()
        facts = {"shadow": self._shadow} if self._shadow else {}
        return Look(look.sight, look.text, {**look.facts, **facts}, look.touched)

    def _find_shadow(self) -> None:
        if self._shadow is None and self._shadow_looks < SHADOW_LOOKS:
            self._shadow_looks += 1
            found = self._cinder.shadow(self._volume)
            self._shadow = found.uuid if found else None

    # What is left ---------------------------------------------------------------------

    def _tidied(self, operation: Operation) -> Steps:
        """Wait until the volume that was copied from is deleted

        :raises ActionExecutionFailure: it is not; the volume itself has arrived
        """
        try:
            volume = self._cinder.volume(self._volume)
        except exception.VolumeNotFound:
            return
        for uuid in volume_sight.left_over(volume, operation.detail):
            yield from self._deleted(uuid)

    def _deleted(self, uuid: str) -> Steps:
        start, interval = self._journal.clock(), self._journal.timing.first_interval_s
        status = "unknown"
        while True:
            try:
                found = self._cinder.volume(uuid)
            except exception.VolumeNotFound:
                return
            except (exception.ClientError, exception.AuthorizationFailure):
                found = None
            if found is not None:
                if not found.is_shadow:
                    # The backend kept its name: it is nothing that has to go.
                    return
                status = found.status
            waited = self._journal.clock() - start
            if status.startswith("error") or waited >= DELETION_S:
                raise exception.ActionExecutionFailure(
                    f"{self._noun}: it has arrived, but volume {uuid} that it was copied "
                    f"from is {status} after {waited:.0f} s and has to be deleted"
                )
            yield Wait(interval, Watch(VOLUME, uuid))
            interval = min(interval * GROWTH, self._journal.timing.volume_interval_s)
