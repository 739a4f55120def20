"""An action that waits; for trials, and to give a cloud time to settle."""

from typing import Any, ClassVar

from watcher.applier.actions import base
from watcher.applier.actions.steps import Steps, Wait
from watcher.applier.signals import Aborted


class Sleep(base.BaseAction):
    """Wait a number of seconds"""

    DURATION = "duration"
    idempotent: ClassVar[bool] = True
    interruptible: ClassVar[bool] = True

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the parameters"""
        return {
            "type": "object",
            "properties": {"duration": {"type": "number", "minimum": 0}},
            "required": ["duration"],
            "additionalProperties": False,
        }

    @property
    def duration(self) -> int:
        """Seconds to wait; parts of a second are not counted"""
        return int(self.input_parameters[self.DURATION])

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Waits for a given number of seconds"

    def steps(self) -> Steps:
        """Wait, until the plan is cancelled or this process stops"""
        end = self.journal.clock() + self.duration
        while (rest := end - self.journal.clock()) > 0:
            if self.journal.signals.cancelled:
                raise Aborted
            yield Wait(rest)

    def revert(self) -> bool:
        """Nothing was changed"""
        return True

    def abort(self) -> bool:
        """Wake up"""
        self.journal.signals.cancel()
        return True
