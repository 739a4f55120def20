"""An action that does nothing, or fails where it is told to; for trials."""

from typing import Any, ClassVar

from oslo_log import log

from watcher import exception
from watcher.applier.actions import base

LOG = log.getLogger(__name__)


class Nop(base.BaseAction):
    """Log a message"""

    MESSAGE = "message"
    idempotent: ClassVar[bool] = True
    interruptible: ClassVar[bool] = True

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the parameters"""
        return {
            "type": "object",
            "properties": {
                "message": {"type": ["string", "null"]},
                "skip_pre_condition": {"type": "boolean", "default": False},
                "fail_pre_condition": {"type": "boolean", "default": False},
                "fail_execute": {"type": "boolean", "default": False},
                "fail_post_condition": {"type": "boolean", "default": False},
            },
            "required": ["message"],
            "additionalProperties": False,
        }

    @property
    def message(self) -> str | None:
        """What is logged"""
        return self.input_parameters.get(self.MESSAGE)

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Logs a message and changes nothing"

    def pre_condition(self) -> None:
        """Skip or fail when told to"""
        if self.input_parameters.get("skip_pre_condition"):
            raise exception.ActionSkipped("Skipped in pre_condition")
        if self.input_parameters.get("fail_pre_condition"):
            raise exception.ActionExecutionFailure("Failed in pre_condition")

    def execute(self) -> bool:
        """Log the message; False when told to fail"""
        LOG.debug("Action nop: %s", self.message)
        return not self.input_parameters.get("fail_execute", False)

    def post_condition(self) -> None:
        """Fail when told to"""
        if self.input_parameters.get("fail_post_condition"):
            raise exception.ActionExecutionFailure("Failed in post_condition")

    def revert(self) -> bool:
        """Nothing was changed"""
        return True

    def abort(self) -> bool:
        """Nothing goes on that could be stopped"""
        return True
