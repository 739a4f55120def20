"""Both command lines of the published client against the standalone service."""

import pathlib
import subprocess
import sys

import pytest

from tests import servers
from tests.contract.lines import JSON, OpenStack, Watcher
from tests.contract.standalone import FINAL, GOALS, PAGE, SERVERS, planned


def test_commands_list_what_there_is(command):
    goals = command("goal list", "--limit", "0", *JSON)
    assert len(goals) == GOALS
    assert "efficacy" in command("goal show", "server_consolidation").lower()
    strategies = command("strategy list", "--goal", "dummy", *JSON)
    assert "dummy" in {row["Name"] for row in strategies}
    assert {row["Goal"] for row in strategies} == {"dummy"}
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
    ("words", "status", "sentence"),
    [
        (["watcher", *Watcher.options], 0, "airflow_optimization"),
        (["openstack", *OpenStack.options], 0, "airflow_optimization"),
        (
            ["openstack", "--os-infra-optim-api-version", "1.9", *OpenStack.options],
            1,
            "Supported version range is 1.0 to 1.7",
        ),
    ],
    ids=["watcher", "openstack", "version"],
)
def test_programs_as_installed(standalone, words, status, sentence):
    """Without Keystone they cannot say who is asking; the simulated cloud does not mind"""
    program, *options = words
    kind = OpenStack.words if program == "openstack" else ()
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / program, *options, standalone.url, *kind,
         "goal", "list"],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == status
    assert sentence in " ".join((done.stdout + done.stderr).split())
