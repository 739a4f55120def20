"""Rules on services."""

from watcher.policies import base

RULES = [*base.reads("service", "services", "service_id")]
