"""Options of the simulated cloud that watcher-standalone uses when no real one is set."""

from oslo_config import cfg

GROUP = "watcher_simulated_cloud"
OPTS = [
    cfg.IntOpt("seed", default=1, help="The same seed gives the same cloud."),
    cfg.IntOpt("hosts", default=8, min=1, max=10000, help="Compute hosts."),
    cfg.IntOpt("servers", default=40, min=0, max=200000, help="Servers on them."),
    cfg.IntOpt("zones", default=2, min=1, help="Availability zones."),
    cfg.FloatOpt(
        "migration_mb_s",
        default=1000.0,
        min=0.001,
        help="Memory that a live migration copies, in MB per second.",
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``"""
    conf.register_opts(OPTS, GROUP)
