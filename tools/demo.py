"""make demo: the whole service on a simulated cloud, one host taken out for maintenance.

Everything is asked for through the REST API, as a user would. Nothing stays behind.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

HEADERS = {
    "X-Roles": "admin",
    "X-User-Id": "demo",
    "X-Project-Id": "demo",
    "Content-Type": "application/json",
    "OpenStack-API-Version": "infra-optim latest",
}
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED", "SUPERSEDED")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


class Api:
    """The few requests that the demonstration needs"""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def call(self, method, path, body=None):
        """Send a request; return the JSON answer"""
        request = urllib.request.Request(
            self.base + path,
            None if body is None else json.dumps(body).encode(),
            HEADERS,
            method=method,
        )
        try:
            with OPENER.open(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise SystemExit(f"{method} {path}: {error.code} {text}") from None
        return json.loads(text) if text else None

    def get(self, path):
        """Read something"""
        return self.call("GET", path)

    def until(self, path, states, seconds):
        """Read until the state is one of ``states``"""
        end = time.monotonic() + seconds
        while (row := self.get(path))["state"] not in states:
            if time.monotonic() > end:
                raise SystemExit(f"{path} is still {row['state']} after {seconds} s")
            time.sleep(0.1)
        return row


def free_port():
    """Return a port nobody listens on"""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def await_ready(process, port, log):
    """Wait until the service answers and has a model of the cloud"""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"the service ended:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(OSError, ValueError, SystemExit):
            model = Api(port).get("/v1/data_model?data_model_type=compute")
            if model["context"]:
                return
        time.sleep(0.2)
    raise SystemExit(f"the service is not ready:\n{log.read_text()[-2000:]}")


def hosts(api):
    """Return host -> [state, servers, vcpus used, vcpus there is room for, memory ...]"""
    table = {}
    for row in api.get("/v1/data_model?data_model_type=compute")["context"]:
        host = table.setdefault(
            row["node_hostname"],
            {
                "status": row["node_status"],
                "servers": 0,
                "vcpus": 0,
                "memory": 0,
                "room_vcpus": int(row["node_vcpus"] * row["node_vcpu_ratio"]),
                "room_memory": int(
                    (row["node_memory"] - row["node_memory_mb_reserved"])
                    * row["node_memory_ratio"]
                ),
            },
        )
        if "server_uuid" in row:
            host["servers"] += 1
            host["vcpus"] += row["server_vcpus"]
            host["memory"] += row["server_memory"]
    return table


def show_hosts(api, title, marked):
    """Print the hosts; the one in question stands out"""
    table = Table(title=title, title_justify="left")
    table.add_column("host")
    table.add_column("service")
    table.add_column("servers", justify="right")
    table.add_column("vcpus", justify="right")
    table.add_column("memory (GB)", justify="right")
    for name, host in sorted(hosts(api).items()):
        table.add_row(
            name,
            host["status"],
            str(host["servers"]),
            f"{host['vcpus']} of {host['room_vcpus']}",
            f"{host['memory'] // 1024} of {host['room_memory'] // 1024}",
            style="bold yellow" if name == marked else None,
        )
    console.print(table)


def show_plan(api, plan):
    """Print every action with its reason, and what stays with its reason"""
    told = api.get(f"/v1/action_plans/{plan}/explanation")
    table = Table(title="The plan, and why", title_justify="left")
    for title in ("action", "what", "reason"):
        table.add_column(title, overflow="fold")
    for action in told["actions"]:
        name = action.get("resource_name") or action.get("resource_id") or ""
        table.add_row(action["action_type"], name, action["reason"])
    for stay in told.get("stays", ()):
        table.add_row("(stays)", stay["name"], stay["reason"])
    console.print(table)


def progress(api, plan, total):
    """Return the plan's state and a table of what is under way"""
    actions = api.get(f"/v1/actions/detail?action_plan_uuid={plan}")["actions"]
    done = [a for a in actions if a["state"] in (*FINAL, "SKIPPED")]
    table = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=max(total, 1), completed=len(done), width=40)
    table.add_row(bar, f"{len(done)} of {total} actions done")
    for action in actions:
        if action["state"] == "ONGOING":
            given = action["input_parameters"]
            name = given.get("resource_name", "")
            target = given.get("destination_node", "")
            arrow = f"to {target}" if target else ""
            table.add_row(f"  {action['action_type']} {name}", arrow)
    return api.get(f"/v1/action_plans/{plan}")["state"], table, len(done)


def watch(api, plan):
    """Show the plan at work until it has ended; return its state"""
    total = len(api.get(f"/v1/actions?action_plan_uuid={plan}")["actions"])
    end, shown = time.monotonic() + 60, -1
    with Live(console=console, refresh_per_second=8, transient=False) as live:
        while time.monotonic() < end:
            state, table, done = progress(api, plan, total)
            if console.is_terminal:
                live.update(table)
            elif done != shown:
                live.console.print(f"{done} of {total} actions done")
                shown = done
            if state in FINAL:
                return state
            time.sleep(0.2)
    raise SystemExit("the plan did not end within 60 s")


def demonstrate(api):
    """Take the fullest host out for maintenance; return an exit status"""
    table = hosts(api)
    host = max(sorted(table), key=lambda name: table[name]["servers"])
    show_hosts(api, f"Before: {host} needs service", host)
    audit = api.call(
        "POST",
        "/v1/audits",
        {
            "audit_type": "ONESHOT",
            "goal": "cluster_maintaining",
            "strategy": "host_maintenance",
            "parameters": {"maintenance_node": host},
            "name": f"empty-{host}",
        },
    )
    console.print(f"audit {audit['uuid']} requested for {host}")
    audit = api.until(f"/v1/audits/{audit['uuid']}", FINAL, 30)
    if audit["state"] != "SUCCEEDED":
        console.print(f"the audit {audit['state']}: {audit['status_message']}")
        return 1
    (plan,) = api.get(f"/v1/action_plans?audit_uuid={audit['uuid']}")["action_plans"]
    show_plan(api, plan["uuid"])
    api.call("POST", f"/v1/action_plans/{plan['uuid']}/start", {})
    console.print(f"plan {plan['uuid']} started")
    state = watch(api, plan["uuid"])
    show_hosts(api, "After", host)
    left = hosts(api)[host]["servers"]
    console.print(f"The plan {state}; {left} servers are left on {host}.")
    return 0 if state == "SUCCEEDED" and left == 0 else 1


def main():
    """Start the service in a temporary folder, demonstrate, stop it"""
    program = pathlib.Path(sys.executable).parent / "watcher-standalone"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="watcher-demo-") as folder:
        log = pathlib.Path(folder, "log")
        settings = {"OS_WATCHER_SIMULATED_CLOUD__MIGRATION_MB_S": "4000"}
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [program, "--state-dir", folder, "--port", str(port)],
                stdout=out,
                stderr=out,
                env={**os.environ, **settings},
            )
        try:
            console.print(f"watcher-standalone on http://127.0.0.1:{port} ...")
            await_ready(process, port, log)
            status = demonstrate(Api(port))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
    console.print(
        "\nKeep one running:  .venv/bin/watcher-standalone --state-dir /var/tmp/watcher\n"
        "Ask it:            curl http://127.0.0.1:9322/v1/goals\n"
        "A real cloud:      README.rst, section 'Point it at a real cloud'"
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
