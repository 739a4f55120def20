"""An action that leaves a trace in a file."""

from watcher.applier.actions import base
from watcher.common import exception


class PourWater(base.BaseAction):
    @property
    def schema(self):
        return {
            "type": "object",
            "properties": {
                "resource_id": {"type": "string"},
                "file": {"type": "string"},
            },
            "required": ["resource_id"],
            "additionalProperties": False,
        }

    def pre_condition(self):
        if self.resource_id == "cactus":
            raise exception.ActionSkipped("a cactus needs no water")

    def execute(self):
        with open(self.input_parameters["file"], "a") as file:
            file.write(f"{self.resource_id}\n")
        return True

    def post_condition(self):
        pass

    def revert(self):
        pass

    def get_description(self):
        return "Water a plant"
