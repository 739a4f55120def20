"""Horizon with watcher-dashboard: installed once, served for one run."""

import contextlib
import hashlib
import os
import pathlib
import secrets
import shutil
import signal
import subprocess

import requests

from tests import servers
from tests.cloud import configs, virtualenv
from tests.cloud.plane import Plane

HERE = pathlib.Path(__file__).parent
SETTINGS = "openstack_dashboard.settings"


def install(work: pathlib.Path) -> pathlib.Path:
    """Install Horizon with the dashboard and its static files; return the virtualenv"""
    prefix = virtualenv.install(work / "dashboard-venv", HERE / "requirements.txt")
    packages = next(prefix.glob("lib/python3*/site-packages"))
    ours, theirs = packages / "watcher_dashboard", packages / "openstack_dashboard"
    # The three steps of the dashboard's installation guide.
    for panel in (ours / "local" / "enabled").glob("_[0-9]*.py"):
        shutil.copy(panel, theirs / "local" / "enabled")
    shutil.copy(ours / "conf" / "watcher_policy.yaml", theirs / "conf")
    shutil.copy(HERE / "local_settings.py", theirs / "local")
    stamp = prefix / ".stamp-static"
    text = b"".join((HERE / name).read_bytes()
                    for name in ("requirements.txt", "local_settings.py"))  # fmt: skip
    wanted = hashlib.sha256(text).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        for command in (["collectstatic", "--noinput"], ["compress", "--force"]):
            subprocess.run(
                [prefix / "bin" / "django-admin", *command],
                env={**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS},
                check=True,
                capture_output=True,
            )
        stamp.write_text(wanted)
    return prefix


class Dashboard:
    """A served dashboard of one control plane"""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.prefix = install(plane.work)
        self.port = servers.free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> "Dashboard":
        """Start Horizon and wait for its login page"""
        self._process = self.plane.spawn(
            "horizon",
            [f"{self.prefix}/bin/python", str(HERE / "serve.py"), str(self.port)],
            {"DASHBOARD_KEYSTONE": self.plane.url("keystone", "/v3"),
             "DASHBOARD_SECRET": secrets.token_hex()},
        )  # fmt: skip
        session = requests.Session()
        session.trust_env = False

        def answers() -> bool:
            with contextlib.suppress(requests.RequestException):
                return session.get(f"{self.url}/auth/login/", timeout=30).ok
            return False

        servers.wait_until(answers, 60, f"Horizon ({self.plane.folder}/log)")
        return self

    def stop(self) -> None:
        """End Horizon"""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(20)

    @property
    def policy_file(self) -> pathlib.Path:
        """The rules that the dashboard was published with"""
        return next(self.prefix.glob("lib/*/site-packages/watcher_dashboard/conf/*"))

    @property
    def account(self) -> tuple[str, str]:
        """Name and password of the administrator"""
        return "admin", configs.PASSWORD
