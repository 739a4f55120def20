"""The standalone service as a process, and the published client of it."""

import os
import signal
import subprocess
import sys

from keystoneauth1 import noauth, session
from watcherclient import exceptions
from watcherclient.v1.client import Client

from tests import servers

# One that the client reads in three pages, so that paging is seen at work.
PAGE = 4
GOALS, HOSTS, SERVERS = 10, 8, 40
# Two hours ahead of UTC, in the inverted way of POSIX.
ZONE = "Etc/GMT-2"
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
ADMIN = {"X-Roles": "admin"}


class Standalone:
    """The service as a process, and clients of it; ``more`` is added to its settings"""

    def __init__(self, folder, more=""):
        self.port = servers.free_port()
        self.url = f"http://{servers.LOOPBACK}:{self.port}"
        (folder / "watcher.conf").write_text(f"[api]\nmax_limit = {PAGE}\n{more}")
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


def until(get, uuid, states=FINAL):
    """Ask until the state is one of ``states``; return the resource"""
    servers.wait_until(lambda: get(uuid).state in states, 60, f"{states} of {uuid}")
    return get(uuid)


def planned(client, seconds=1.0, **more):
    """Run an audit of the dummy strategy; return it and its plan

    Plans that other tests started may still be carried out, which it is not to mind.
    """
    audit = client.audit.create(
        audit_type="ONESHOT",
        goal="dummy",
        strategy="dummy",
        parameters={"para1": seconds},
        force=True,
        **more,
    )
    audit = until(client.audit.get, audit.uuid, ("SUCCEEDED",))
    (plan,) = client.action_plan.list(audit=audit.uuid)
    return audit, plan
