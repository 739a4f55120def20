"""Rules on strategies."""

from watcher.policies import base

RULES = [
    *base.reads("strategy", "strategies", "strategy_uuid"),
    base.rule(
        "strategy:state",
        "Show whether what a strategy needs is there.",
        "GET",
        "/v1/strategies/{strategy_uuid}/state",
        check=base.READER,
    ),
]
