"""Tempest with Watcher's plugin, as operators run it against a cloud."""

import os
import pathlib
import re
import subprocess
from dataclasses import dataclass

from tests.cloud import configs, virtualenv
from tests.cloud.plane import Plane

HERE = pathlib.Path(__file__).parent
# The network service is simulated and has none.
NO_NETWORK = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Counts:
    """What a run came to"""

    ran: int
    passed: int
    skipped: int
    failed: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.ran} ran, {self.passed} passed, {self.skipped} skipped, "
            f"{self.failed} failed in {self.seconds:.0f} s"
        )


class Tempest:
    """A workspace for one control plane"""

    def __init__(self, plane: Plane, home: pathlib.Path) -> None:
        self._plane = plane
        programs = virtualenv.install(
            plane.work / "tempest-venv", HERE / "tempest-requirements.txt"
        )
        self._bin = programs / "bin"
        local = "127.0.0.1"
        self._env = {
            **os.environ,
            # The plugin's tests of the command line look for it there.
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            # Workspaces are remembered in the home directory.
            "HOME": str(home),
            "NO_PROXY": local,
            "no_proxy": local,
        }
        self._folder = home / "workspace"
        self._call("init", str(self._folder), cwd=home).check_returncode()

    def run(self, *names: str, least: str = "1.0") -> Counts:
        """Run the tests whose names match one of ``names``; no version below ``least``

        :raises AssertionError: a test failed; its output is the message
        """
        (self._folder / "etc" / "tempest.conf").write_text(self._settings(least))
        done = self._call(
            "run", "--serial", "--regex", "|".join(names), cwd=self._folder
        )
        found = {
            what: int(number)
            for what, number in re.findall(r"^ - (\w+): (\d+)$", done.stdout, re.M)
        }
        total = re.search(r"^Ran: (\d+) tests in ([\d.]+) sec", done.stdout, re.M)
        assert total and not done.returncode, done.stdout[-20000:] + done.stderr[-2000:]
        return Counts(
            ran=int(total[1]),
            passed=found["Passed"],
            skipped=found["Skipped"],
            failed=found["Failed"],
            seconds=float(total[2]),
        )

    def _call(self, *words: str, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._bin / "tempest"), *words],
            cwd=cwd,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )

    def _settings(self, least: str) -> str:
        return f"""
[DEFAULT]
log_file = {self._folder}/tempest.log
[oslo_concurrency]
lock_path = {self._folder}/tempest_lock
[auth]
use_dynamic_credentials = true
create_isolated_networks = false
admin_username = admin
admin_password = {configs.PASSWORD}
admin_project_name = admin
admin_domain_name = Default
[identity]
auth_version = v3
uri_v3 = {self._plane.url("keystone", "/v3")}
region = RegionOne
v3_endpoint_type = public
[service_available]
watcher = true
cinder = false
neutron = false
swift = false
horizon = false
[network]
public_network_id = {NO_NETWORK}
[compute]
min_compute_nodes = 2
max_microversion = latest
[compute-feature-enabled]
live_migration = true
can_migrate_between_any_hosts = true
[placement]
min_microversion = 1.30
max_microversion = latest
[optimize]
datasource =
run_skipped_action_tests = true
resource_timeout = 60
resource_check_interval = 0.3
min_microversion = {least}
max_microversion = latest
"""
