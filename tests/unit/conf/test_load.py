"""Published files, names and defaults of the configuration keep working."""

import pytest
from oslo_config import cfg

import watcher.conf
from watcher.conf import mistakes, opts


def load(tmp_path, text="", **kwargs):
    """Parse ``text`` as the only configuration file"""
    path = tmp_path / "watcher.conf"
    path.write_text(text)
    return watcher.conf.load("test", default_config_files=[str(path)], **kwargs)


def test_every_published_default():
    conf = watcher.conf.load("test", default_config_files=[])
    published = {
        "DEFAULT": {
            "service_down_time": 90,
            "periodic_interval": 60,
            "notification_level": "info",
            "enable_authentication": True,
        },
        "api": {
            "host": "127.0.0.1",
            "port": 9322,
            "workers": None,
            "enable_ssl_api": False,
            "max_limit": 1000,
            "enable_webhooks_auth": True,
        },
        "watcher_decision_engine": {
            "conductor_topic": "watcher.decision.control",
            "publisher_id": "watcher.decision.api",
            "notification_topics": [
                "nova.versioned_notifications",
                "openstack.notifications",
            ],
            "max_audit_workers": 2,
            "max_general_workers": 4,
            "action_plan_expiry": 24,
            "check_periodic_interval": 1800,
            "continuous_audit_interval": 10,
            "metric_map_path": "/etc/watcher/metric_map.yaml",
        },
        "watcher_applier": {
            "workers": 1,
            "conductor_topic": "watcher.applier.control",
            "publisher_id": "watcher.applier.api",
            "workflow_engine": "taskflow",
            "rollback_when_actionplan_failed": False,
        },
        "watcher_planner": {"planner": "weight"},
        "collector": {
            "collector_plugins": ["compute", "storage"],
            "api_query_max_retries": 10,
            "api_query_interval": 1,
            "compute_resources_collector_timeout": 600,
        },
        "compute_model": {"enable_extended_attributes": False},
        "watcher_datasources": {
            "datasources": ["gnocchi", "grafana", "aetos"],
            "query_max_retries": 10,
            "query_interval": 1,
        },
        "nova": {
            "api_version": "2.56",
            "migration_max_retries": 180,
            "migration_interval": 5.0,
            "http_retries": 3,
            "http_retry_interval": 2.0,
        },
        "prometheus_client": {"port": 9090, "fqdn_label": "fqdn"},
        "grafana_client": {"http_timeout": 60},
        "nova_client": {"endpoint_type": "publicURL"},
    }
    for group, values in published.items():
        section = conf if group == "DEFAULT" else conf[group]
        assert {name: section[name] for name in values} == values, group


def test_old_names_of_options_still_count(tmp_path):
    conf = load(
        tmp_path,
        "[collector]\napi_call_retries = 3\napi_query_timeout = 7\n"
        "[watcher_datasources]\nquery_timeout = 9\n"
        "[nova_client]\napi_version = 2.60\n",
    )
    assert conf.collector.api_query_max_retries == 3
    assert conf.collector.api_query_interval == 7
    assert conf.watcher_datasources.query_interval == 9
    assert conf.nova.api_version == "2.60"


def test_unknown_keys_and_groups_load(tmp_path):
    conf = load(tmp_path, "[DEFAULT]\nnobody_knows = 1\n[strange]\nx = y\n")
    assert conf.periodic_interval == 60


def test_environment_wins_over_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_API__MAX_LIMIT", "7")
    assert load(tmp_path, "[api]\nmax_limit = 5\n").api.max_limit == 7


def test_two_configurations_live_side_by_side(tmp_path):
    first = load(tmp_path, overrides={("api", "max_limit"): 1})
    second = load(tmp_path, overrides={(None, "host"): "other"})
    assert (first.api.max_limit, second.api.max_limit) == (1, 1000)
    assert second.host == "other"


def test_a_value_out_of_range_names_group_and_option(tmp_path):
    with pytest.raises(cfg.ConfigFileValueError, match="workers"):
        load(tmp_path, "[watcher_applier]\nworkers = 0\n")


def test_all_wrong_values_are_told_at_once(tmp_path):
    text = (
        "[DEFAULT]\nperiodic_interval = often\n[api]\nport = 99999\nmax_limit = x\n"
        "[watcher_applier]\nworkers = 0\n[collector]\ncollector_plugins = ,\n"
    )
    with pytest.raises(cfg.ConfigFileValueError) as caught:
        load(tmp_path, text)
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in sorted(lines)] == [
        "[DEFAULT] periodic_interval",
        "[api] max_limit",
        "[api] port",
        "[watcher_applier] workers",
    ]
    assert "65535" in str(caught.value)


def test_a_wrong_value_of_an_optional_option_is_a_mistake(tmp_path):
    (line,) = watcher.conf.check(
        load(tmp_path, "[api]\nenable_webhooks_auth = maybe\n")
    )
    assert line.startswith("[api] enable_webhooks_auth: ")


def test_a_file_that_is_not_text_is_an_error_of_the_configuration(tmp_path):
    path = tmp_path / "watcher.conf"
    path.write_bytes(b"[DEFAULT]\nhost = \xff\xfe\n")
    with pytest.raises(cfg.Error, match="UTF-8"):
        watcher.conf.load("test", ["--config-file", str(path)])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[watcher_decision_engine]\nnotification_topics = a.b.c\n",
            "[watcher_decision_engine] notification_topics: 'a.b.c'",
        ),
        (
            "[watcher_datasources]\ndatasources = prometheus, aetos\n",
            "exclude each other",
        ),
        ("[watcher_planner]\nplanner = magic\n", "there are: weight"),
        ("[watcher_applier]\nworkflow_engine = magic\n", "there are: taskflow"),
        ("[collector]\ncollector_plugins = compute, oven\n", "'oven' is not installed"),
        ("[nova]\napi_version = 2.1\n", "at least 2.56"),
        ("[nova]\napi_version = new\n", "must be a microversion"),
        ("[nova]\nauth_section = gone\n", "there is no section [gone]"),
    ],
)
def test_mistakes_are_told_in_one_pass(tmp_path, text, told):
    installed = {
        "watcher_planners": ["weight"],
        "watcher_workflow_engines": ["taskflow"],
        "watcher_cluster_data_model_collectors": ["compute"],
    }
    lines = watcher.conf.check(load(tmp_path, text), installed)
    assert len(lines) == 1
    assert told in lines[0]


def test_the_default_configuration_has_no_mistake():
    conf = watcher.conf.load("test", default_config_files=[])
    assert watcher.conf.check(conf) == []


def test_dead_options_are_named_only_when_set(tmp_path):
    assert mistakes.dead(load(tmp_path)) == []
    conf = load(tmp_path, "[watcher_applier]\npublisher_id = x\n")
    assert mistakes.dead(conf) == ["[watcher_applier] publisher_id"]


def test_the_sample_lists_options_with_help():
    listed = [opt for _group, group in opts.list_opts() for opt in group]
    own = [opt for opt in listed if opt.help]
    assert len(listed) > 150
    assert {opt.dest for opt in listed} - {opt.dest for opt in own} == set()
