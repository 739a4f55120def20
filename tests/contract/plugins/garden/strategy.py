"""Two strategies: one on the garden's own model, one on the compute model."""

import json

from oslo_config import cfg

from watcher.decision_engine.scoring import scoring_factory
from watcher.decision_engine.strategy.strategies import base


class _Strategy(base.BaseStrategy):
    @classmethod
    def get_goal_name(cls):
        return "tidy_garden"

    @classmethod
    def get_config_opts(cls):
        return [cfg.IntOpt("cans", default=3)]

    def pre_execute(self):
        pass

    def post_execute(self):
        pass


class WaterPlants(_Strategy):
    @classmethod
    def get_name(cls):
        return "water_plants"

    @classmethod
    def get_display_name(cls):
        return "Water plants"

    @classmethod
    def get_translatable_display_name(cls):
        return "Water plants"

    @classmethod
    def get_schema(cls):
        return {
            "properties": {
                "below": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1},
                "file": {"type": "string", "default": ""},
            }
        }

    def __init__(self, config, osc=None):
        super().__init__(config, osc)
        self.planner = "in_rows"
        self.engine = scoring_factory.get_scoring_engine("dryness")

    def is_dry(self, moisture):
        (dryness,) = json.loads(self.engine.calculate_score(json.dumps([moisture])))
        return dryness > 1 - self.input_parameters.below

    def do_execute(self, audit=None):
        collector = self.collector_manager.get_cluster_model_collector(
            "garden", osc=self.osc
        )
        rules = [r for item in self.audit_scope for r in item.get("garden", [])]
        handler = collector.get_audit_scope_handler(audit_scope=rules)
        model = handler.get_scoped_model(collector.get_latest_cluster_data_model())
        dry = [
            name
            for name, moisture in sorted(model.plants.items())
            if self.is_dry(moisture)
        ]
        for name in dry[: self.config.cans]:
            self.solution.add_action(
                action_type="pour_water",
                resource_id=name,
                input_parameters={"file": self.input_parameters.file},
            )
        self.solution.set_efficacy_indicators(
            watered_count=len(dry[: self.config.cans]), plants_count=len(model.plants)
        )


class CountServers(_Strategy):
    @classmethod
    def get_name(cls):
        return "count_servers"

    @classmethod
    def get_display_name(cls):
        return "Count servers"

    @classmethod
    def get_translatable_display_name(cls):
        return "Count servers"

    def pre_execute(self):
        self._pre_execute()

    def do_execute(self, audit=None):
        nodes = {
            node.hostname: len(self.compute_model.get_node_instances(node))
            for node in self.compute_model.get_all_compute_nodes().values()
        }
        self.solution.add_action(
            action_type="nop", input_parameters={"message": json.dumps(nodes)}
        )
        self.solution.set_efficacy_indicators(watered_count=0, plants_count=0)
