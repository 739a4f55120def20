"""Documented access rules, one module for each noun."""

import itertools
from collections.abc import Sequence

from oslo_policy import policy

from watcher.policies import (
    action_plans,
    actions,
    audit_templates,
    audits,
    base,
    data_model,
    goals,
    scoring_engines,
    services,
    strategies,
    webhooks,
)

_MODULES = (
    base,
    action_plans,
    actions,
    audit_templates,
    audits,
    data_model,
    goals,
    scoring_engines,
    services,
    strategies,
    webhooks,
)


def list_rules() -> Sequence[policy.RuleDefault]:
    """Return every rule with its default"""
    return list(itertools.chain.from_iterable(module.RULES for module in _MODULES))
