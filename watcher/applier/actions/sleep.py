"""An action that waits; for trials, and to give a cloud time to settle."""

from typing import Any, ClassVar

from watcher.applier.actions import base


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

    def run(self) -> None:
        """Wait, until the plan is cancelled or this process stops"""
        self.journal.signals.sleep(self.duration)

    def revert(self) -> bool:
        """Nothing was changed"""
        return True

    def abort(self) -> bool:
        """Wake up"""
        self.journal.signals.cancel()
        return True
