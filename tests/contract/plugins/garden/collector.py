"""A collector with a model, options and an endpoint of its own."""

from oslo_config import cfg
from watcher.decision_engine.model.collector import base
from watcher.decision_engine.model.notification import base as endpoints
from watcher.decision_engine.model.notification import filtering

from garden import scope
from watcher.decision_engine.model import base as models


class Garden(models.Model):
    def __init__(self, plants):
        self.plants = plants

    def to_string(self):
        return str(self.plants)

    def to_xml(self):
        return "<Garden/>"


class Rain(endpoints.NotificationEndpoint):
    """Changes the model in place"""

    @property
    def filter_rule(self):
        return filtering.NotificationFilter(
            publisher_id="^weather",
            event_type=r"^rain\.end$",
            payload={"plant": None, "litres": lambda litres: litres > 0},
        )

    def process_info(self, ctxt, publisher_id, event_type, payload, metadata):
        plants = self.cluster_data_model.plants
        plants[payload["plant"]] = min(
            1.0, plants[payload["plant"]] + payload["litres"]
        )


class GardenCollector(base.BaseClusterDataModelCollector):
    SCHEMA = scope.GardenScope.SCHEMA

    @classmethod
    def get_config_opts(cls):
        return [*super().get_config_opts(), cfg.FloatOpt("evaporation", default=0.0)]

    @property
    def notification_endpoints(self):
        return [Rain(self)]

    def get_audit_scope_handler(self, audit_scope):
        return scope.GardenScope(audit_scope, self.config)

    def execute(self):
        plants = {"rose": 0.1, "cactus": 0.0, "fern": 0.4, "lily": 0.9}
        gone = self.config.evaporation
        return Garden({name: max(0.0, wet - gone) for name, wet in plants.items()})
