"""Rules on goals."""

from watcher.policies import base

RULES = [*base.reads("goal", "goals", "goal_uuid")]
