"""watcher-plan against the standalone service: in a terminal, piped, and when it goes wrong."""

import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time
import uuid

import pytest

from tests import servers
from tests.contract.standalone import planned, until

PROGRAM = pathlib.Path(sys.executable).parent / "watcher-plan"
QUICK = ("--interval", "0.2")


class Command:
    """The command as installed, asking the standalone service"""

    def __init__(self, url, folder):
        self.environ = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("OS_", "NO_COLOR", "COLUMNS", "LINES"))
        }  # fmt: skip
        self.environ.update(OS_ENDPOINT=url, HOME=str(folder), PYTHONIOENCODING="utf-8")
        self.folder = folder

    def start(self, *words, **more):
        return subprocess.Popen(
            [PROGRAM, *words], cwd=self.folder, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
        )  # fmt: skip

    def run(self, *words):
        with self.start(*words) as process:
            out, err = process.communicate(timeout=90)
        return process.returncode, out, err

    def terminal(self, *words, columns=90, **environ):
        """Run in a pseudo terminal; return the exit status and all that it drew"""
        size = {"COLUMNS": str(columns), "LINES": "20", "TERM": "xterm-256color"}
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execve(PROGRAM, [PROGRAM, *words], {**self.environ, **size, **environ})
        drawn, end = b"", time.monotonic() + 90
        while time.monotonic() < end:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            drawn += part
        os.close(master)
        _pid, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), drawn.decode()


def given(client, *actions):
    """A plan of just these actions"""
    audit = client.audit.create(
        audit_type="ONESHOT", goal="unclassified", strategy="actuator", force=True,
        parameters={"actions": [*actions]},
    )  # fmt: skip
    until(client.audit.get, audit.uuid, ("SUCCEEDED",))
    (plan,) = client.action_plan.list(audit=audit.uuid)
    return plan


@pytest.fixture
def command(standalone, tmp_path):
    return Command(standalone.url, tmp_path)


def test_lines_when_piped_and_a_status_for_scripts(command, client):
    _audit, plan = planned(client)
    status, out, err = command.run("start", plan.uuid, "--watch", *QUICK)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"Plan {plan.uuid} is PENDING"
    assert "\x1b" not in out
    shapes = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ ", "", line) for line in lines]
    wanted = (
        "plan: RECOMMENDED: recommended by its audit (by watcher-decision-engine on ",
        "plan: RECOMMENDED -> PENDING: asked for by a client (by watcher-standalone)",
        "plan: PENDING -> ONGOING: claimed by watcher-",
        "nop ", "sleep ",
        "plan: ONGOING -> SUCCEEDED: all of its actions succeeded (by watcher-applier on ",
        "plan: 100.0 % over, ",
    )  # fmt: skip
    places = [
        next(n for n, shape in enumerate(shapes) if shape.startswith(start))
        for start in wanted
    ]
    assert places == sorted(places) and places[-1] == len(shapes) - 1, out
    # More entries than one page of this service has, each of them once.
    assert len(lines) == len(set(lines)) > 8
    status, told, _err = command.run("history", plan.uuid)
    assert status == 0
    assert [line for line in told.splitlines() if line not in lines] == []


@pytest.mark.parametrize(("columns", "colour"), [(90, True), (38, False)])
def test_bars_in_a_terminal(command, client, columns, colour):
    _audit, plan = planned(client, seconds=3.0)
    more = {} if colour else {"NO_COLOR": "1"}
    client.action_plan.start(plan.uuid)
    status, drawn = command.terminal(
        "watch", plan.uuid, *QUICK, columns=columns, **more
    )
    assert status == 0
    assert "━" in drawn and "SUCCEEDED" in drawn and "sleep" in drawn
    # Drawn over and over in the same place, the cursor there again at the end.
    assert "\x1b[1A" in drawn and drawn.rstrip().endswith("\x1b[?25h")
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", drawn)) == colour
    widest = max(
        len(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line))
        for line in re.split(r"[\r\n]+", drawn)
    )
    assert widest <= columns


def test_a_terminal_that_can_do_nothing_gets_lines(command, client):
    _audit, plan = planned(client)
    client.action_plan.start(plan.uuid)
    for words, environ in ((("--plain",), {}), ((), {"TERM": "dumb"})):
        status, drawn = command.terminal("watch", plan.uuid, *QUICK, *words, **environ)
        assert status == 0 and "\x1b" not in drawn
        assert "ONGOING -> SUCCEEDED" in drawn


def test_an_interrupt_leaves_the_plan_alone_and_cancel_ends_it(command, client):
    long = {"action_type": "sleep", "input_parameters": {"duration": 300}}
    plan = given(client, long)
    client.action_plan.start(plan.uuid)
    with command.start("watch", plan.uuid, *QUICK) as process:
        for line in process.stdout:
            if "sleep" in line:
                break
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=20)
        assert process.returncode == 130
    assert err == "The plan goes on.\n"
    status, out, _err = command.run("list")
    assert status == 0 and f"{plan.uuid}  ONGOING  actuator  " in out
    assert command.run("watch", plan.uuid, "--wait", "0.5")[0] == 6
    status, out, _err = command.run("cancel", plan.uuid)
    assert (status, out) == (0, f"Plan {plan.uuid} is CANCELLING\n")
    assert command.run("watch", plan.uuid, *QUICK)[0] == 4
    refused = command.run("cancel", plan.uuid)
    assert refused[0] == 1 and "CANCELLED" in refused[2]


def test_a_failed_plan_has_a_status_of_its_own(command, client):
    failing = {
        "action_type": "nop",
        "input_parameters": {"message": "m", "fail_execute": True},
    }  # fmt: skip
    plan = given(client, failing)
    status, out, _err = command.run("start", plan.uuid, "--watch", *QUICK)
    assert status == 3 and "the action reported no success" in out


def test_what_goes_wrong_is_said_in_a_line(command, standalone):
    nobody = str(uuid.uuid4())
    closed = f"http://{servers.LOOPBACK}:{servers.free_port()}"
    for words, text in (
        (("watch", nobody), f"ActionPlan {nobody} could not be found (HTTP 404)"),
        (("history", nobody), "could not be found"),
        (("start", nobody), "could not be found"),
        (("watch", "nightly"), "Value should be UUID format"),
        (("list", "--os-endpoint", closed), "Unable to establish connection"),
        (("list", "--os-endpoint", f"{standalone.url}/elsewhere"), "HTTP 404"),
    ):
        status, out, err = command.run(*words)
        assert (status, out) == (1, ""), words
        assert err.startswith("watcher-plan: ") and text in err, err
        assert err.count("\n") == 1
    status, _out, err = command.run("watch")
    assert status == 2 and "PLAN" in err
