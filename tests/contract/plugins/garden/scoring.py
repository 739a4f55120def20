"""A scoring engine."""

import json

from oslo_config import cfg

from watcher.decision_engine.scoring import base


class Dryness(base.ScoringEngine):
    @classmethod
    def get_config_opts(cls):
        return [cfg.FloatOpt("factor", default=0)]

    def get_name(self):
        return "dryness"

    def get_description(self):
        return "How dry a plant is"

    def get_metainfo(self):
        return json.dumps({"feature_columns": ["moisture"], "result_columns": ["dry"]})

    def calculate_score(self, features):
        return json.dumps([self.config.factor * (1 - json.loads(features)[0])])
