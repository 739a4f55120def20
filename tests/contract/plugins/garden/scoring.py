"""A scoring engine."""

import json

from watcher.decision_engine.scoring import base


class Dryness(base.ScoringEngine):
    def get_name(self):
        return "dryness"

    def get_description(self):
        return "How dry a plant is"

    def get_metainfo(self):
        return json.dumps({"feature_columns": ["moisture"], "result_columns": ["dry"]})

    def calculate_score(self, features):
        return json.dumps([1 - json.loads(features)[0]])
