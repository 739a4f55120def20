"""A scope handler: plants may be left out by name."""

from watcher.decision_engine.scope import base


class GardenScope(base.BaseScope):
    SCHEMA = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"exclude": {"type": "array", "items": {"type": "string"}}},
            "additionalProperties": False,
        },
    }

    def get_scoped_model(self, cluster_model):
        for rule in self.scope or []:
            for name in rule.get("exclude", []):
                cluster_model.plants.pop(name, None)
        return cluster_model
