"""Rules on scoring engines."""

from watcher.policies import base

RULES = [*base.reads("scoring_engine", "scoring_engines", "scoring_engine_id")]
