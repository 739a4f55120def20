"""Judges a configuration as a whole, before anything is started with it."""

from collections.abc import Collection, Iterator, Mapping

from oslo_config import cfg
from oslo_log import log

LOG = log.getLogger(__name__)

# Options that nobody reads although they are accepted.
DEAD = (
    (None, "bindir"),
    (None, "api_paste_config"),
    ("watcher_decision_engine", "publisher_id"),
    ("watcher_applier", "publisher_id"),
    ("watcher_applier", "rollback_when_actionplan_failed"),
    ("cinder_client", "api_version"),
    ("placement_client", "api_version"),
    ("database", "mysql_engine"),
)
MIN_NOVA = (2, 56)


def values(conf: cfg.ConfigOpts) -> Iterator[tuple[str, str, str]]:
    """Yield (group, option, what is allowed) of every value that is not of its type"""
    for name in conf:
        try:
            found = conf[name]
        except (cfg.ConfigFileValueError, ValueError) as error:
            yield "DEFAULT", name, _allowed(error)
            continue
        if isinstance(found, cfg.ConfigOpts.GroupAttr):
            yield from _group_values(name, found)


def _group_values(
    group: str, options: cfg.ConfigOpts.GroupAttr
) -> Iterator[tuple[str, str, str]]:
    for name in options:
        try:
            options[name]
        except (cfg.ConfigFileValueError, ValueError) as error:
            yield group, name, _allowed(error)


def _allowed(error: Exception) -> str:
    """Return what the library says after naming the place in words of its own"""
    return str(error).rpartition(" is not valid: ")[2]


def problems(
    conf: cfg.ConfigOpts, installed: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str, str]]:
    """Yield (group, option, what is wrong and what is allowed) of every mistake

    ``installed`` gives the names of the plugins of each group.
    """
    for topic in conf.watcher_decision_engine.notification_topics:
        if topic.count(".") > 1 or not topic.strip(". "):
            yield (
                "watcher_decision_engine",
                "notification_topics",
                f"'{topic}' must be exchange.topic, or a topic without a dot",
            )
    sources = conf.watcher_datasources.datasources
    if "prometheus" in sources and "aetos" in sources:
        yield (
            "watcher_datasources",
            "datasources",
            "prometheus and aetos exclude each other; name one of them",
        )
    yield from _plugin_names(conf, installed)
    yield from _nova_version(conf)
    yield from _auth_sections(conf)


def _plugin_names(
    conf: cfg.ConfigOpts, installed: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str, str]]:
    wanted = (
        ("watcher_planner", "planner", "watcher_planners"),
        ("watcher_applier", "workflow_engine", "watcher_workflow_engines"),
    )
    for group, option, plugins in wanted:
        names = installed.get(plugins)
        value = conf[group][option]
        if names is not None and value not in names:
            yield (
                group,
                option,
                f"'{value}' is not installed; there are: " + ", ".join(sorted(names)),
            )
    names = installed.get("watcher_cluster_data_model_collectors")
    for value in conf.collector.collector_plugins:
        # Storage and bare metal are names of the published list at any time.
        if names and value not in {*names, "compute", "storage", "baremetal"}:
            yield (
                "collector",
                "collector_plugins",
                f"'{value}' is not installed; there are: {', '.join(sorted(names))}",
            )


def _nova_version(conf: cfg.ConfigOpts) -> Iterator[tuple[str, str, str]]:
    text = conf.nova.api_version
    try:
        major, minor = (int(part) for part in text.split("."))
    except ValueError:
        yield "nova", "api_version", f"'{text}' must be a microversion like 2.56"
        return
    if (major, minor) < MIN_NOVA:
        yield "nova", "api_version", f"'{text}' is too old; at least 2.56 is needed"


def _auth_sections(conf: cfg.ConfigOpts) -> Iterator[tuple[str, str, str]]:
    for group in ("watcher_clients_auth", "nova", "placement", "keystone", "cinder"):
        section = conf[group].auth_section
        if section and section not in conf:
            known = conf.list_all_sections()
            if section not in known:
                yield group, "auth_section", f"there is no section [{section}]"


def dead(conf: cfg.ConfigOpts) -> list[str]:
    """Return the names of options that are set although they have no effect"""
    found = []
    for group, option in DEAD:
        try:
            place = conf.get_location(option, group)
        except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
            continue
        if place and place.location in (cfg.Locations.user, cfg.Locations.environment):
            found.append(f"[{group or 'DEFAULT'}] {option}")
    return found
