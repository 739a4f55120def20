"""A collector with a model of its own."""

from watcher.decision_engine.model.collector import base

from garden import scope
from watcher.decision_engine.model import base as models


class Garden(models.Model):
    def __init__(self, plants):
        self.plants = plants

    def to_string(self):
        return str(self.plants)

    def to_xml(self):
        return "<Garden/>"


class GardenCollector(base.BaseClusterDataModelCollector):
    SCHEMA = scope.GardenScope.SCHEMA

    @property
    def notification_endpoints(self):
        return []

    def get_audit_scope_handler(self, audit_scope):
        return scope.GardenScope(audit_scope, self.config)

    def execute(self):
        return Garden({"rose": 0.1, "cactus": 0.0, "fern": 0.4, "lily": 0.9})
