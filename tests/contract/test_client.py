"""The published client, library and both command lines, against the standalone service.

The commands run inside this process, each with its own parser and output; only who asks
is added to their requests, as the layer that checks tokens would.
"""

import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import warnings

import pytest
from keystoneauth1 import noauth, session
from openstackclient import shell as openstack_shell
from watcherclient import exceptions, shell
from watcherclient.common.apiclient.exceptions import Forbidden
from watcherclient.v1.client import Client

from tests import servers

# One that the client reads in three pages, so that paging is seen at work.
PAGE = 4
GOALS, HOSTS, SERVERS = 10, 8, 40
# Two hours ahead of UTC, in the inverted way of POSIX.
ZONE = "Etc/GMT-2"
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
MISSING = "00000000-0000-4000-8000-000000000000"
ADMIN = {"X-Roles": "admin"}
JSON = ("-f", "json")


class Standalone:
    """The service as a process, and clients of it"""

    def __init__(self, folder):
        self.port = servers.free_port()
        self.url = f"http://{servers.LOOPBACK}:{self.port}"
        (folder / "watcher.conf").write_text(f"[api]\nmax_limit = {PAGE}\n")
        self.log = folder / "log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "watcher.cmd.standalone", "--config-file",
                 folder / "watcher.conf", "--state-dir", folder, "--port",
                 str(self.port)],
                stdout=out,
                stderr=out,
                cwd=folder,
                env={**os.environ, "TZ": ZONE},
            )  # fmt: skip

    def client(self, version="1.5", headers=ADMIN):
        """The library's client at a microversion"""
        found = session.Session(
            auth=noauth.NoAuth(endpoint=self.url), additional_headers=dict(headers)
        )
        return Client(
            self.url,
            session=found,
            os_infra_optim_api_version=version,
            max_retries=0,
        )

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        if not servers.listens(self.port):
            return False
        try:
            return bool(self.client("1.3").data_model.list().context)
        except exceptions.ServiceUnavailable:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(15) == 0
        finally:
            self.process.kill()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Standalone(tmp_path_factory.mktemp("standalone"))
    try:
        servers.wait_until(service.ready, 90, "standalone service")
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="module")
def client(service):
    return service.client()


def until(get, uuid, states=FINAL):
    """Ask until the state is one of ``states``; return the resource"""
    servers.wait_until(lambda: get(uuid).state in states, 60, f"{states} of {uuid}")
    return get(uuid)


def planned(client, seconds=1.0, **more):
    """Run an audit of the dummy strategy; return it and its plan"""
    audit = client.audit.create(
        audit_type="ONESHOT",
        goal="dummy",
        strategy="dummy",
        parameters={"para1": seconds},
        **more,
    )
    audit = until(client.audit.get, audit.uuid)
    (plan,) = client.action_plan.list(audit=audit.uuid)
    return audit, plan


# The library ----------------------------------------------------------------------------


def test_goals_come_in_pages(client):
    assert len(client.goal.list()) == PAGE
    assert len(client.goal.list(limit=PAGE + 1)) == PAGE + 1
    goals = client.goal.list(limit=0, sort_key="name", sort_dir="desc")
    names = [goal.name for goal in goals]
    assert len(names) == GOALS
    assert names == sorted(names, reverse=True)
    following = client.goal.list(marker=goals[PAGE].uuid, sort_key="name", limit=2)
    assert [goal.name for goal in following] == sorted(names)[GOALS - PAGE :][:2]


def test_a_goal_is_found_by_name_in_any_case(client):
    goal = client.goal.get("DUMMY")
    assert (goal.name, goal.display_name) == ("dummy", "Dummy goal")
    assert client.goal.get(goal.uuid).to_dict() == goal.to_dict()


def test_strategies_belong_to_goals_and_say_what_they_need(client):
    assert [s.name for s in client.strategy.list(goal="dummy", detail=True)] == [
        "dummy"
    ]
    assert client.strategy.get("dummy").parameters_spec["properties"]["para1"]
    needs = {need.type: need for need in client.strategy.state("host_maintenance")}
    assert {"compute_model": "available"} in needs["CDM"].state
    assert needs["Name"].state == "host_maintenance"


def test_services_are_found_by_id_and_name(client):
    found = {s.name: s for s in client.service.list(detail=True)}
    assert {"watcher-applier", "watcher-decision-engine"} <= set(found)
    one = client.service.get("watcher-applier")
    assert one.status == "ACTIVE"
    assert client.service.get(str(one.id)).name == "watcher-applier"


def test_the_data_model_is_cut_to_an_audit(client):
    rows = client.data_model.list().context
    assert len({row["server_uuid"] for row in rows if "server_uuid" in row}) == SERVERS
    zone = [{"compute": [{"availability_zones": [{"name": "az1"}]}]}]
    template = client.audit_template.create(name="zone", goal="dummy", scope=zone)
    audit = client.audit.create(audit_type="EVENT", audit_template_uuid=template.uuid)
    assert audit.scope == zone
    cut = client.data_model.list(audit=audit.uuid).context
    assert 0 < len({row["node_uuid"] for row in cut}) < HOSTS
    assert all(row in rows for row in cut)


def test_templates_live(client):
    made = client.audit_template.create(
        name="nightly", goal="dummy", description="at night"
    )
    assert made.goal_name == "dummy"
    assert made.strategy_name is None
    changed = client.audit_template.update(
        "nightly",
        [
            {"op": "replace", "path": "/description", "value": "by day"},
            {"op": "add", "path": "/strategy", "value": "dummy"},
        ],
    )
    assert (changed.description, changed.strategy_name) == ("by day", "dummy")
    (listed,) = client.audit_template.list(strategy="dummy", detail=True)
    assert listed.to_dict() == client.audit_template.get("nightly").to_dict()
    with pytest.raises(exceptions.Conflict, match="nightly already exists"):
        client.audit_template.create(name="nightly", goal="dummy")
    audit = client.audit.create(audit_type="ONESHOT", audit_template_uuid=made.uuid)
    assert audit.strategy_name == "dummy"
    client.audit_template.delete("nightly")
    with pytest.raises(exceptions.HTTPNotFound, match="nightly could not be found"):
        client.audit_template.get("nightly")


def test_an_audit_leads_to_a_plan_that_runs_to_its_end(client):
    audit, plan = planned(client, name="whole")
    assert (audit.state, plan.state) == ("SUCCEEDED", "RECOMMENDED")
    assert audit.hostname
    actions = client.action.list(action_plan=plan.uuid, detail=True)
    assert sorted(a.action_type for a in actions) == ["nop", "nop", "sleep"]
    second = next(a for a in actions if a.input_parameters.get("message") == "hello")
    skipped = client.action.update(
        second.uuid,
        [
            {"op": "replace", "path": "/state", "value": "SKIPPED"},
            {"op": "replace", "path": "/status_message", "value": "said before"},
        ],
    )
    assert skipped.status_message == "Action skipped by user. Reason: said before"
    assert client.action_plan.start(plan.uuid).state == "PENDING"
    plan = until(client.action_plan.get, plan.uuid)
    assert plan.state == "SUCCEEDED"
    states = {a.uuid: a.state for a in client.action.list(audit=audit.uuid)}
    assert states.pop(second.uuid) == "SKIPPED"
    assert set(states.values()) == {"SUCCEEDED"}


def test_plans_are_cancelled_before_and_while_they_run(client):
    _audit, plan = planned(client)
    assert client.action_plan.cancel(plan.uuid).state == "CANCELLED"
    client.action_plan.delete(plan.uuid)
    with pytest.raises(exceptions.HTTPNotFound, match=plan.uuid):
        client.action_plan.get(plan.uuid)
    _audit, plan = planned(client, seconds=10)
    client.action_plan.start(plan.uuid)
    until(client.action_plan.get, plan.uuid, ("ONGOING",))
    assert client.action_plan.cancel(plan.uuid).state == "CANCELLING"
    assert until(client.action_plan.get, plan.uuid).state == "CANCELLED"


def test_a_continuous_audit_changes_its_interval_and_ends(client):
    audit = client.audit.create(
        audit_type="CONTINUOUS",
        goal="dummy",
        interval="3600",
        name="hourly",
        end_time="2099-01-01 00:00:00",
    )
    # Told in the service's local time, shown in UTC.
    assert audit.end_time == "2098-12-31T22:00:00"
    changes = [{"op": "replace", "path": "/interval", "value": "*/5 * * * *"}]
    assert client.audit.update("hourly", changes).interval == "*/5 * * * *"
    with pytest.raises(exceptions.HTTPBadRequest, match="Couldn't delete when state"):
        client.audit.delete("hourly")
    ended = [{"op": "replace", "path": "/state", "value": "CANCELLED"}]
    assert client.audit.update("hourly", ended).state == "CANCELLED"
    with pytest.raises(exceptions.HTTPBadRequest, match="transition not allowed"):
        client.audit.update("hourly", ended)
    client.audit.delete("hourly")
    with pytest.raises(exceptions.HTTPNotFound, match="hourly could not be found"):
        client.audit.get("hourly")


# What goes wrong ------------------------------------------------------------------------


def test_errors_carry_a_sentence_and_the_request(client):
    with pytest.raises(exceptions.HTTPNotFound) as caught:
        client.goal.get("nothing")
    assert caught.value.message == "Goal nothing could not be found"
    assert caught.value.request_id.startswith("req-")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("audit", "Audit .* could not be found"),
        ("action_plan", "[Aa]ction ?[Pp]lan .* could not be found"),
        ("action", "Action .* could not be found"),
        ("strategy", "Strategy .* could not be found"),
        ("scoring_engine", "ScoringEngine .* could not be found"),
    ],
)
def test_what_is_not_there_is_named(client, kind, sentence):
    with pytest.raises(exceptions.HTTPNotFound, match=sentence):
        getattr(client, kind).get(MISSING)


def test_an_audit_name_is_taken_once(client):
    client.audit.create(audit_type="EVENT", goal="dummy", name="only")
    with pytest.raises(exceptions.Conflict, match="only already exists"):
        client.audit.create(audit_type="EVENT", goal="dummy", name="only")


def test_a_finished_plan_does_not_start(client):
    _audit, plan = planned(client)
    client.action_plan.cancel(plan.uuid)
    with pytest.raises(exceptions.HTTPBadRequest, match="CANCELLED"):
        client.action_plan.start(plan.uuid)
    with pytest.raises(exceptions.HTTPBadRequest, match="CANCELLED"):
        client.action_plan.cancel(plan.uuid)


def test_storage_is_no_data_model(client):
    with pytest.raises(exceptions.HTTPNotFound, match="storage"):
        client.data_model.list(data_model_type="storage")


@pytest.mark.parametrize("version", ["1.9", "1.2"])
def test_a_wrong_version_tells_the_right_ones(service, version):
    # 1.9 is not served at all; at 1.2 there was no data model.
    with pytest.raises(exceptions.UnsupportedVersion) as caught:
        service.client(version).data_model.list()
    text = " ".join(str(caught.value).split())
    assert f"Requested API version {version} is not supported" in text
    assert text.endswith("Supported version range is 1.0 to 1.7")


def test_without_the_role_nothing_is_shown(service):
    with pytest.raises(Forbidden):
        service.client(headers={}).goal.list()


# The command lines ----------------------------------------------------------------------


class Quiet:
    """Leaves errors on stderr alone; a failed test shows no debug output"""

    def configure_logging(self):
        super().configure_logging()
        logging.getLogger().setLevel(logging.WARNING)


class Watcher(Quiet, shell.WatcherShell):
    """``watcher``"""

    words = ()
    options = ("--os-auth-token", "none", "--os-endpoint-override")

    def create_client(self, args):
        client = super().create_client(args)
        client.http_client.session.headers.update(ADMIN)
        return client


class OpenStack(Quiet, openstack_shell.OpenStackShell):
    """``openstack optimize``"""

    words = ("optimize",)
    options = ("--os-auth-type", "none", "--os-endpoint")

    def prepare_to_run_command(self, cmd):
        super().prepare_to_run_command(cmd)
        self.client_manager.session.additional_headers.update(ADMIN)


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    """Commands read the environment and set up logging for a whole process"""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    with warnings.catch_warnings():
        yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture(params=[Watcher, OpenStack], ids=["watcher", "openstack"])
def command(request, service, capsys):
    """Run a command of either line; return what it printed, as JSON or a sentence"""

    def run(words, *arguments, fails=False):
        kind = request.param
        told = [*kind.options, service.url, *kind.words, *words.split(), *arguments]
        status = kind().run(told)
        out, err = capsys.readouterr()
        assert bool(status) is fails, out + err
        if fails:
            return err
        return json.loads(out) if out.startswith(("[", "{")) else out

    return run


def test_commands_list_what_there_is(command):
    goals = command("goal list", "--limit", "0", *JSON)
    assert len(goals) == GOALS
    assert "efficacy" in command("goal show", "server_consolidation").lower()
    strategies = command("strategy list", "--goal", "dummy", *JSON)
    assert [row["Name"] for row in strategies] == ["dummy"]
    assert "para1" in command("strategy show", "dummy")
    assert "compute_model" in command("strategy state", "host_maintenance")
    services = command("service list", *JSON)
    assert {row["Status"] for row in services} == {"ACTIVE"}
    shown = command("service show", "watcher-applier", *JSON)
    assert shown["Name"] == "watcher-applier"
    engines = command("scoringengine list", *JSON)
    assert isinstance(engines, list)
    servers_ = command("datamodel list", *JSON)
    assert (
        len({row["Server UUID"] for row in servers_ if row["Server UUID"]}) == SERVERS
    )


def test_commands_carry_a_template_to_a_finished_plan(command):
    template = command("audittemplate create", "house", "dummy", "-s", "dummy", *JSON)
    assert (template["Goal"], template["Strategy"]) == ("dummy", "dummy")
    (row,) = command("audittemplate list", "--strategy", "dummy", *JSON)
    assert row["Name"] == "house"
    changed = command(
        "audittemplate update", "house", "replace", "description=x", *JSON
    )
    assert changed["Description"] == "x"
    assert command("audittemplate show", "house", *JSON) == changed
    audit = command(
        "audit create", "-a", "house", "--name", "run", "-p", "para1=1.0", *JSON
    )
    servers.wait_until(
        lambda: command("audit show", "run", *JSON)["State"] == "SUCCEEDED",
        60,
        "audit",
    )
    (plan,) = command("actionplan list", "--audit", audit["UUID"], *JSON)
    rows = command("action list", "--action-plan", plan["UUID"], *JSON)
    nop = next(row["UUID"] for row in rows if row["Action"] == "nop")
    skipped = command(
        "action update", nop, "--state", "SKIPPED", "--reason", "no need", *JSON
    )
    assert skipped["Status Message"] == "Action skipped by user. Reason: no need"
    assert command("action show", nop, *JSON)["State"] == "SKIPPED"
    started = command("actionplan start", plan["UUID"], *JSON)
    assert started["State"] == "PENDING"
    refused = command("actionplan delete", plan["UUID"], fails=True)
    assert "Couldn't delete when state is" in refused
    servers.wait_until(
        lambda: command("actionplan show", plan["UUID"], *JSON)["State"] in FINAL,
        60,
        "plan",
    )
    assert "SUCCEEDED" in command("actionplan show", plan["UUID"])
    taken = command("audit create", "-g", "dummy", "--name", "run", fails=True)
    assert "already exists" in taken
    command("actionplan delete", plan["UUID"])
    command("audit delete", "run")
    command("audittemplate delete", "house")
    assert "could not be found" in command("audit show", "run", fails=True)


def test_commands_change_and_end_a_continuous_audit(command):
    made = command(
        "audit create", "-t", "CONTINUOUS", "-g", "dummy", "-i", "600", *JSON
    )
    changed = command("audit update", made["UUID"], "replace", "interval=900", *JSON)
    assert changed["Interval"] == "900"
    ended = command("audit update", made["UUID"], "replace", "state=CANCELLED", *JSON)
    assert ended["State"] == "CANCELLED"
    listed = command("audit list", "--sort-key", "goal_name", *JSON)
    assert 0 < len(listed) <= PAGE
    command("audit delete", made["UUID"])


def test_commands_cancel_a_plan(command, client):
    _audit, plan = planned(client)
    command("actionplan cancel", plan.uuid)
    assert command("actionplan show", plan.uuid, *JSON)["State"] == "CANCELLED"
    refused = command("actionplan start", plan.uuid, fails=True)
    assert "Couldn't start when state is 'CANCELLED'. (HTTP 400)" in refused


def test_commands_say_why_not(command):
    assert "ScoringEngine nothing could not be found" in command(
        "scoringengine show", "nothing", fails=True
    )
    assert "Goal nothing could not be found" in command(
        "goal show", "nothing", fails=True
    )
    assert "storage could not be found" in command(
        "datamodel list", "--type", "storage", fails=True
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["watcher", *Watcher.options], "Policy doesn't allow goal:get_all"),
        (
            ["openstack", "--os-infra-optim-api-version", "1.9", *OpenStack.options],
            "Supported version range is 1.0 to 1.7",
        ),
    ],
    ids=["watcher", "openstack"],
)
def test_programs_as_installed_show_what_the_service_says(service, words, sentence):
    program, *options = words
    kind = OpenStack.words if program == "openstack" else ()
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / program, *options, service.url, *kind,
         "goal", "list"],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    # Nobody says who is asking: only a refusal can be seen.
    assert done.returncode == 1
    assert sentence in " ".join(done.stderr.split())
