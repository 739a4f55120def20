"""Options of the decision engine and of planning."""

import json
from typing import Any

from oslo_config import cfg, types


class ScopeDocument(types.ConfigType):
    """A scope document as JSON; nothing is the empty one"""

    def __init__(self) -> None:
        super().__init__(type_name="scope document (JSON)")

    def __call__(self, value: Any) -> list[Any]:
        """Read a value; whether it is a scope is judged when handlers are known"""
        found = value
        if isinstance(value, str):
            try:
                found = json.loads(value) if value.strip() else []
            except ValueError as error:
                raise ValueError(f"JSON is needed, and this is none: {error}") from None
        if not isinstance(found, list):
            raise ValueError("A JSON list of objects is needed")
        return found

    def _formatter(self, value: Any) -> str:
        return json.dumps(value)

    def __repr__(self) -> str:
        return "ScopeDocument"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScopeDocument)

    def __hash__(self) -> int:
        return hash(type(self))


GROUP = "watcher_decision_engine"
OPTS = [
    cfg.StrOpt(
        "conductor_topic",
        default="watcher.decision.control",
        help="RPC topic; API and decision engine must agree.",
    ),
    cfg.StrOpt(
        "publisher_id",
        default="watcher.decision.api",
        deprecated_for_removal=True,
        deprecated_reason="Nothing reads it.",
        help="Has no effect.",
    ),
    cfg.ListOpt(
        "notification_topics",
        default=["nova.versioned_notifications", "openstack.notifications"],
        help="Notifications that the models follow, each as exchange.topic; an entry without "
        "a dot is a topic of the default exchange. Nova must send versioned ones "
        "([notifications] notification_format, notify_on_state_change = "
        "vm_and_task_state there). The queue on the broker is watcher-model-<host>.",
    ),
    cfg.IntOpt(
        "max_audit_workers",
        default=2,
        min=1,
        required=True,
        help="ONESHOT and EVENT audits that run at the same time.",
    ),
    cfg.IntOpt(
        "max_general_workers",
        default=4,
        min=1,
        required=True,
        help="Threads that read the cloud.",
    ),
    cfg.IntOpt(
        "action_plan_expiry",
        default=24,
        min=0,
        mutable=True,
        help="Hours after which a RECOMMENDED plan becomes SUPERSEDED; 0: never.",
    ),
    cfg.IntOpt(
        "check_periodic_interval",
        default=1800,
        min=1,
        mutable=True,
        help="Seconds between two looks for expired plans.",
    ),
    cfg.IntOpt(
        "plan_check_period",
        default=60,
        min=0,
        mutable=True,
        help="Seconds between two looks whether plans that nobody has begun still hold, "
        "done when the compute model has changed; those that do not become SUPERSEDED. "
        "0: never.",
    ),
    cfg.IntOpt(
        "efficacy_check_period",
        default=10,
        min=0,
        mutable=True,
        help="Seconds between two looks for plans that have ended, to measure what they "
        "achieved. 0: never.",
    ),
    cfg.IntOpt(
        "continuous_audit_interval",
        default=10,
        min=1,
        mutable=True,
        help="Seconds between two looks for continuous audits; ours look every second.",
    ),
    cfg.StrOpt(
        "metric_map_path",
        default="/etc/watcher/metric_map.yaml",
        help="File that overrides the names of metrics.",
    ),
    cfg.IntOpt(
        "work_scan_interval",
        default=5,
        min=1,
        max=10,
        help="Seconds between two looks for audits that wait for an engine, or whose "
        "engine died. Messages only shorten the wait.",
    ),
    cfg.IntOpt(
        "scope_check_period",
        default=3600,
        min=0,
        mutable=True,
        help="Seconds between two looks whether everything that the scopes of audit "
        "templates and of CONTINUOUS and EVENT audits name still exists. What is gone is "
        "told once, by a warning in the log and a notification. 0: never.",
    ),
    cfg.Opt(
        "default_scope",
        type=ScopeDocument(),
        default=[],
        sample_default="[]",
        help="What audits with an empty scope look at, as JSON in the form of the API, for "
        'example [{"compute": [{"availability_zones": [{"name": "nova"}]}]}]. Empty: the '
        "whole cluster.",
    ),
    cfg.IntOpt(
        "strategy_time_limit",
        default=3600,
        min=0,
        mutable=True,
        help="Seconds that a strategy may take for one audit, which then FAILS and says so; "
        "0: any. Judged twice a second. watcher-standalone runs strategies in its own "
        "process, without limits.",
    ),
    cfg.IntOpt(
        "strategy_memory_limit",
        default=4096,
        min=0,
        mutable=True,
        help="MiB of memory that a strategy's process, with all that it starts, may have "
        "resident; the audit then FAILS and says so; 0: any. The model is part of it and is "
        "shared between strategies: some 120 MiB for 1,000 hosts with 20,000 servers. The "
        "engine may need that limit once for each audit that runs.",
    ),
]

PLANNER_GROUP = "watcher_planner"
PLANNER_OPTS = [
    cfg.StrOpt(
        "planner",
        default="weight",
        required=True,
        help="Planner used where a strategy names none (group watcher_planners).",
    ),
]

COLLECTOR_GROUP = "collector"
COLLECTOR_OPTS = [
    cfg.ListOpt(
        "collector_plugins",
        default=["compute", "storage"],
        help="Models to keep: compute, storage, baremetal, or others that are installed "
        "(group watcher_cluster_data_model_collectors). storage is left out with a warning "
        "while Keystone lists no service block-storage or volumev3.",
    ),
    cfg.IntOpt(
        "api_query_max_retries",
        default=10,
        min=1,
        deprecated_name="api_call_retries",
        help="Attempts for each query while a model is built.",
    ),
    cfg.IntOpt(
        "api_query_interval",
        default=1,
        min=0,
        deprecated_name="api_query_timeout",
        help="Seconds between two attempts.",
    ),
    cfg.IntOpt(
        "compute_resources_collector_timeout",
        default=600,
        min=30,
        help="Seconds that gathering compute resources may take, or those of another model.",
    ),
]

COMPUTE_GROUP = "compute_model"
COMPUTE_OPTS = [
    cfg.BoolOpt(
        "enable_extended_attributes",
        default=False,
        help="Show flavor extra specs and the pinned availability zone of servers in the "
        "data model; the zone needs Nova API 2.96.",
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``"""
    for group, opts in (
        (GROUP, OPTS),
        (PLANNER_GROUP, PLANNER_OPTS),
        (COLLECTOR_GROUP, COLLECTOR_OPTS),
        (COMPUTE_GROUP, COMPUTE_OPTS),
    ):
        conf.register_opts(opts, group)
