"""Options of the applier."""

from oslo_config import cfg, types

GROUP = "watcher_applier"
OPTS = [
    cfg.IntOpt(
        "workers",
        default=1,
        min=1,
        required=True,
        mutable=True,
        help="Action plans that one applier carries out at the same time.",
    ),
    cfg.StrOpt(
        "conductor_topic",
        default="watcher.applier.control",
        help="RPC topic; API, decision engine and applier must agree.",
    ),
    cfg.StrOpt(
        "publisher_id",
        default="watcher.applier.api",
        deprecated_for_removal=True,
        deprecated_reason="Nothing reads it.",
        help="Has no effect.",
    ),
    cfg.StrOpt(
        "workflow_engine",
        default="taskflow",
        required=True,
        help="Engine that runs the actions (group watcher_workflow_engines).",
    ),
    cfg.BoolOpt(
        "rollback_when_actionplan_failed",
        default=False,
        deprecated_for_removal=True,
        deprecated_since="2026.1",
        deprecated_reason="It never had an effect. See on_failure.",
        help="Has no effect; see on_failure.",
    ),
    cfg.StrOpt(
        "on_failure",
        default="stop",
        mutable=True,
        choices=[
            ("stop", "what was done stays done"),
            ("offer", "a plan that takes back what was done is recommended"),
            ("run", "a plan that takes back what was done is started at once"),
        ],
        help="What follows an action plan that failed. Execution rules of the plan, its "
        "audit or its audit template may say otherwise. A plan that takes another one "
        "back is never taken back by itself.",
    ),
    cfg.IntOpt(
        "work_scan_interval",
        default=5,
        min=1,
        max=10,
        mutable=True,
        help="Seconds between two looks for plans that wait for an applier, or whose "
        "applier died. Messages only shorten the wait.",
    ),
    cfg.BoolOpt(
        "verify_plans",
        default=True,
        help="Judge a plan by the cluster as it is now before it begins: actions that do "
        "not hold any more are skipped, and a plan that has lost its purpose is "
        "SUPERSEDED. Otherwise each action looks when its turn comes.",
    ),
    cfg.IntOpt(
        "verify_patience",
        default=0,
        min=0,
        help="Seconds that a plan waits for the cloud to be readable, so that it can be "
        "judged. After that it begins and each action looks when its turn comes. 0: it "
        "waits as long as it takes, and may be cancelled meanwhile.",
    ),
    cfg.IntOpt(
        "move_retries",
        default=1,
        min=0,
        max=10,
        help="How many further targets a server is tried on when its migration to the "
        "planned one has surely failed and the server itself is well. They are chosen by "
        "the rules of the cluster, within the scope of the audit. 0: none.",
    ),
    cfg.IntOpt(
        "max_moves_from_node",
        default=2,
        min=0,
        help="Servers that leave one compute node at the same time, by migration or resize; "
        "over all action plans and appliers. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_moves_to_node",
        default=2,
        min=0,
        help="Servers that come to one compute node at the same time; over all action "
        "plans and appliers. Where the scheduler of Nova chooses the node, it is not "
        "known and not counted. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_moves",
        default=0,
        min=0,
        help="Servers that are moved at the same time in all; over all action plans and "
        "appliers. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_moves_per_zone",
        default=0,
        min=0,
        help="Servers that are moved at the same time from, to or inside one availability "
        "zone; over all action plans and appliers. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_moves_per_aggregate",
        default=0,
        min=0,
        help="Servers that are moved at the same time from, to or inside one host "
        "aggregate; over all action plans and appliers. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_moves_per_project",
        default=0,
        min=0,
        help="Servers of one project that are moved at the same time; over all action "
        "plans and appliers. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_moves_from_pool",
        default=2,
        min=0,
        help="Volumes that leave one storage pool at the same time; over all action plans "
        "and appliers. 0: no limit.",
    ),
    cfg.IntOpt(
        "max_moves_to_pool",
        default=2,
        min=0,
        help="Volumes that come to one storage pool at the same time; over all action "
        "plans and appliers. Where Cinder chooses the pool, it is not known and not "
        "counted. 0: no limit.",
    ),
    cfg.Opt(
        "max_running",
        type=types.Dict(types.Integer(min=0)),
        default={},
        help="Actions that run at the same time, as type:number; over all action plans "
        "and appliers. A type that is not listed, or has 0, has no limit here. Option "
        "parallelization of [watcher_planners.weight] says how many of a type one plan "
        "runs.",
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``"""
    conf.register_opts(OPTS, GROUP)
