"""Our daemons as separate processes against the control plane, and a client of theirs."""

import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import kombu
import pymysql
from keystoneauth1 import session
from keystoneauth1.identity import v3
from watcherclient import client

import watcher.conf
from tests import servers
from tests.cloud import configs
from tests.cloud.plane import Plane
from watcher import bus, rpc
from watcher.context import RequestContext

# isort: split
import oslo_messaging

SCOPE_CHECK_S = 5
API, ENGINE, APPLIER = "watcher-api", "watcher-decision-engine", "watcher-applier"


def _text(plane: Plane, store: servers.MariaDB, host: str) -> str:
    account = f"""
auth_type = password
auth_url = {plane.url("keystone", "/v3")}
username = watcher
password = {configs.PASSWORD}
project_name = service
user_domain_id = default
project_domain_id = default
"""
    return f"""
[DEFAULT]
host = {host}
debug = true
transport_url = {plane.rabbitmq.url}
[database]
connection = mysql+pymysql://root@127.0.0.1:{store.port}/watcher
[api]
port = {plane.ports["watcher"]}
workers = 1
[keystone_authtoken]{account}
www_authenticate_uri = {plane.url("keystone", "/v3")}
memcached_servers = 127.0.0.1:{plane.ports["memcached"]}
interface = internal
[watcher_clients_auth]{account}
[oslo_messaging_notifications]
driver = messagingv2
[watcher_decision_engine]
scope_check_period = {SCOPE_CHECK_S}
"""


class Daemons:
    """API, decision engine and applier; any number of the latter two"""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.running: dict[str, subprocess.Popen] = {}
        self._rpc: Any = None
        self.bin = pathlib.Path(sys.executable).parent
        # A server of its own: killing it must not make Nova forget what it is doing.
        self.mariadb = servers.MariaDB(plane.folder)

    def file(self, host: str) -> str:
        """Write the configuration of a node; return its path"""
        path = self.plane.folder / "etc" / f"watcher-{host}.conf"
        path.write_text(_text(self.plane, self.mariadb, host))
        return str(path)

    def start(self) -> "Daemons":
        """Make the schema and start one of each"""
        self.mariadb.start()
        self.mariadb.create("watcher")
        subprocess.run(
            [
                self.bin / "watcher-db-manage",
                "--config-file",
                self.file("ctl1"),
                "upgrade",
            ],
            check=True,
            capture_output=True,
        )
        for program in (API, ENGINE, APPLIER):
            self.launch(program)
        self.wait_ready()
        return self

    def launch(self, program: str, host: str = "ctl1") -> None:
        """Start ``program`` as the node ``host``"""
        key = f"{program}@{host}"
        self.running[key] = self.plane.spawn(
            key,
            [str(self.bin / program), "--config-file", self.file(host)],
            {"PATH": os.environ["PATH"]},
        )

    def signal(self, program: str, number: int, host: str = "ctl1") -> None:
        """Send a signal to the process group of a daemon"""
        process = self.running[f"{program}@{host}"]
        os.killpg(process.pid, number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            process.wait(60)

    def end(self, program: str, host: str) -> None:
        """End a daemon the polite way, if it still lives"""
        if self.running[f"{program}@{host}"].poll() is None:
            self.signal(program, signal.SIGTERM, host)

    def stop(self) -> None:
        """End all of them the polite way, then the other one"""
        for process in self.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self.mariadb.stop()

    # What a user sees ------------------------------------------------------------

    def client(self) -> Any:
        """Return python-watcherclient with a real token"""
        auth = v3.Password(
            auth_url=self.plane.url("keystone", "/v3"),
            username="admin",
            password=configs.PASSWORD,
            project_name="admin",
            user_domain_id="default",
            project_domain_id="default",
        )
        return client.get_client(
            "1", session=session.Session(auth=auth), os_infra_optim_api_version="1.5"
        )

    def wait_ready(self, seconds: float = 90) -> None:
        """Wait until the API answers and both engines are ACTIVE"""

        def ready() -> bool:
            try:
                rows = self.client().service.list()
            except Exception:  # noqa: BLE001  anything at all while it starts
                return False
            names = {row.name for row in rows if row.status == "ACTIVE"}
            return {ENGINE, APPLIER} <= names

        servers.wait_until(ready, seconds, f"daemons ({self.plane.folder}/log)")

    def wait_engines(self, *hosts: str, seconds: float = 60) -> None:
        """Wait until the decision engines on ``hosts`` have a model to show"""

        def ready() -> bool:
            try:
                return all(self.ask_engine(host) for host in hosts)
            except Exception:  # noqa: BLE001  anything at all while it starts
                return False

        servers.wait_until(ready, seconds, f"engines on {hosts}")

    def ask_engine(self, host: str) -> Any:
        """Return the rows of the model that the engine on ``host`` shows"""
        if self._rpc is None:
            conf = watcher.conf.load("tests", default_config_files=[self.file("asker")])
            topic = conf.watcher_decision_engine.conductor_topic
            self._rpc = oslo_messaging.get_rpc_client(
                bus.rpc_transport(conf),
                oslo_messaging.Target(topic=topic, version=rpc.VERSION),
                serializer=bus.ContextSerializer(),
            )
        there = self._rpc.prepare(server=host, timeout=10)
        found = there.call(RequestContext(), "get_data_model_info",
                           data_model_type="compute", audit=None)  # fmt: skip
        return found["context"]

    def waiting(self, queue: str) -> int:
        """Return how many messages of the broker wait in a queue"""
        url = self.plane.rabbitmq.url.replace("rabbit:", "amqp:")
        with kombu.Connection(url) as link:
            declared = link.default_channel.queue_declare(queue, passive=True)
            return int(declared.message_count)

    def insist(self, what: Callable[[], Any], seconds: float = 60) -> Any:
        """Repeat a request that may be lost while the API is killed"""
        end = time.monotonic() + seconds
        while True:
            try:
                return what()
            except Exception:  # noqa: BLE001  connection errors of several libraries
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    # What lies in the database ---------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Ask our own database"""
        link = pymysql.connect(
            host="127.0.0.1",
            port=self.mariadb.port,
            user="root",
            database="watcher",
            cursorclass=pymysql.cursors.DictCursor,
        )
        with link, link.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())
