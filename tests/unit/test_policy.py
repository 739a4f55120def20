"""Who may do what: administrators everything, readers look, projects see nothing."""

import os
import time

import pytest

import watcher.conf
from watcher import exception, policy
from watcher.api import app
from watcher.context import RequestContext
from watcher.plugins import Plugins


@pytest.fixture
def enforcer():
    return policy.Enforcer(watcher.conf.load("test", default_config_files=[]))


def allowed(enforcer, rule, *roles, **kwargs):
    try:
        enforcer.check(RequestContext(roles=list(roles), **kwargs), rule)
    except exception.PolicyNotAuthorized:
        return False
    return True


@pytest.mark.parametrize("role", ["admin", "Admin", "administrator"])
def test_an_administrator_may_everything(enforcer, role):
    assert allowed(enforcer, "audit:create", role)
    assert allowed(enforcer, "action_plan:start", role)


def test_a_reader_of_the_whole_cloud_looks_and_changes_nothing(enforcer):
    assert allowed(enforcer, "audit:get_all", "infra_optim_reader")
    assert not allowed(enforcer, "audit:create", "infra_optim_reader")
    assert not allowed(enforcer, "webhook:trigger", "infra_optim_reader")


def test_a_projects_reader_sees_nothing(enforcer):
    assert not allowed(enforcer, "audit:get_all", "reader", "member")


def test_a_service_may_trigger_and_no_more(enforcer):
    assert allowed(enforcer, "webhook:trigger", "service")
    assert not allowed(enforcer, "goal:get_all", "service")


def test_a_refusal_names_the_rule(enforcer):
    with pytest.raises(exception.PolicyNotAuthorized, match="audit:create") as error:
        enforcer.check(RequestContext(roles=[]), "audit:create")
    assert error.value.status == 403


def test_the_operators_file_wins(tmp_path):
    (tmp_path / "policy.yaml").write_text('"goal:get_all": "role:gardener"\n')
    path = tmp_path / "watcher.conf"
    path.write_text(f"[oslo_policy]\npolicy_file = {tmp_path}/policy.yaml\n")
    conf = watcher.conf.load("test", default_config_files=[str(path)])
    enforcer = policy.Enforcer(conf)
    assert allowed(enforcer, "goal:get_all", "gardener")
    assert not allowed(enforcer, "goal:get_all", "admin")


def test_a_rule_that_nothing_asks_for_is_told_at_start(tmp_path, caplog):
    (tmp_path / "policy.yaml").write_text(
        '"gardener": "role:gardener"\n"audit:get": "rule:gardener"\n'
        '"audit:crate": "role:admin"\n'
    )
    path = tmp_path / "watcher.conf"
    path.write_text(f"[oslo_policy]\npolicy_file = {tmp_path}/policy.yaml\n")
    policy.Enforcer(watcher.conf.load("test", default_config_files=[str(path)]))
    told = [
        line.getMessage() for line in caplog.records if line.name == policy.__name__
    ]
    assert told == ["The policy file has a rule audit:crate that there is not"]


@pytest.fixture
def file(tmp_path):
    (tmp_path / "watcher.conf").write_text(
        f"[oslo_policy]\npolicy_file = {tmp_path}/policy.yaml\n"
    )
    return tmp_path / "policy.yaml"


def of(file):
    path = str(file.parent / "watcher.conf")
    return policy.Enforcer(watcher.conf.load("test", default_config_files=[path]))


NO_RULES = ["{{{", "- a list", '"audit:get": 5']


@pytest.mark.parametrize("text", [*NO_RULES, '"audit:get": "rule:audit:get"'])
def test_a_file_that_is_broken_later_is_an_outage_until_it_is_mended(file, text):
    file.write_text('"audit:get": "role:gardener"\n')
    enforcer = of(file)
    assert allowed(enforcer, "audit:get", "gardener")
    for moment, broken in enumerate((text, '"audit:get": "role:gardener"\n')):
        file.write_text(broken)
        os.utime(file, (time.time() + moment + 1,) * 2)
        if broken == text:
            with pytest.raises(exception.NotReady):
                allowed(enforcer, "audit:get", "gardener")
    assert allowed(enforcer, "audit:get", "gardener")


@pytest.mark.parametrize("text", NO_RULES)
def test_a_file_without_rules_is_told_at_start(file, text):
    file.write_text(text)
    with pytest.raises(exception.ConfigInvalid, match="policy_file"):
        of(file)


def test_rules_that_refer_to_nothing_or_to_themselves_are_told_at_start(file, caplog):
    file.write_text('"audit:get": "rule:audit:get"\n"goal:get": "rule:nowhere"\n')
    of(file)
    assert "['audit:get'] are part of a cyclical reference" in caplog.text
    assert "['goal:get'] reference a rule that is not defined" in caplog.text


def test_every_published_rule_is_there():
    names = {rule.name for rule in policy.policies.list_rules()}
    verbs = {
        "goal": "get_all detail get",
        "strategy": "get_all detail get state",
        "scoring_engine": "get_all detail get",
        "service": "get_all detail get",
        "audit_template": "get_all detail get create update delete execution",
        "audit": "get_all detail get create update delete execution",
        "action_plan": "get_all detail get update delete start rollback execution "
        "pause resume",
        "action": "get_all detail get update",
        "data_model": "get_all",
        "webhook": "trigger",
    }
    wanted = {f"{noun}:{verb}" for noun, all_ in verbs.items() for verb in all_.split()}
    base = {"admin_api", "admin_or_service_api", "show_password"}
    assert wanted | base <= names


def test_a_reader_of_the_system_looks_too(enforcer):
    assert allowed(enforcer, "audit:get_all", "reader", system_scope="all")
    assert not allowed(enforcer, "audit:create", "reader", system_scope="all")
    assert not allowed(enforcer, "audit:get_all", "reader", project_id="p")
    assert not allowed(enforcer, "audit:get_all", "member", system_scope="all")


def test_published_defaults(enforcer):
    """Name for name and text for text, but for the readers that are ours"""
    ours = " or rule:infra_optim_reader"
    for rule in policy.policies.list_rules():
        if rule.name == "webhook:trigger":
            assert rule.check_str == "rule:admin_or_service_api"
        elif ":" in rule.name:
            assert rule.check_str.removesuffix(ours) == "rule:admin_api"
            assert rule.operations and rule.description and not rule.scope_types
            reads = rule.operations[0]["method"] == "GET"
            assert rule.check_str.endswith(ours) is reads
    found = {rule.name: rule.check_str for rule in policy.policies.list_rules()}
    assert found["admin_api"] == "role:admin or role:administrator"
    assert found["admin_or_service_api"] == "rule:admin_api or role:service"
    assert found["show_password"] == "!"


def test_every_route_is_told_with_its_rule():
    """What the sample file says of a rule is what the rule guards"""
    told = {
        (rule.name, item["method"], item["path"].count("/"))
        for rule in policy.policies.list_rules()
        for item in getattr(rule, "operations", ())
    }
    for kind in app.RESOURCES:
        resource = kind(Parts)
        for path, methods in resource.routes.items():
            for method, route in methods.items():
                name = resource.rule(route)
                if name is not None:
                    depth = f"/v1/{kind.name}/{path}".rstrip("/").count("/")
                    assert (name, method, depth) in told, (method, kind.name, path)


class Parts:
    """Enough to build resources from"""

    conf = watcher.conf.load("test", default_config_files=[])
    plugins = Plugins.of({})
