"""A real OpenStack control plane, installed, started and stopped by the tests.

Keystone, Placement, Glance, Nova and Cinder from their released packages, MariaDB and
RabbitMQ from the distribution; only the hypervisor, the storage and the network service are
simulated. All of it listens on loopback and lives in one folder.
"""

import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import time

import requests

from tests import servers
from tests.cloud import configs, schemas, virtualenv

HERE = pathlib.Path(__file__).parent
NAMES = ("keystone", "placement", "glance", "nova", "cinder", "network", "watcher",
         "memcached", "mariadb", "rabbitmq")  # fmt: skip
SERVICES = {
    "nova": ("compute", "/v2.1"),
    "placement": ("placement", ""),
    "glance": ("image", ""),
    "cinder": ("block-storage", "/v3"),
    "neutron": ("network", ""),
    "watcher": ("infra-optim", ""),
}


def port_block() -> dict[str, int]:
    """Return a port for each name, from the first block that is wholly free

    A fixed start keeps the ports the same from run to run, which the saved schemas need.
    """
    for base in range(21000, 29000, 50):
        block = range(base, base + len(NAMES))
        if not any(servers.listens(port) for port in block):
            return dict(zip(NAMES, block, strict=True))
    raise RuntimeError("no free block of ports")


class Plane:
    """The running control plane; ``work`` keeps what the next run can use again"""

    def __init__(self, folder: pathlib.Path, work: pathlib.Path) -> None:
        self.folder, self.work = folder, work
        self.ports = port_block()
        self.processes: dict[str, subprocess.Popen] = {}
        self.hosts: list[str] = []
        self._session = requests.Session()
        self._session.trust_env = False
        self._token: tuple[str, float] | None = None

    # Starting and stopping -------------------------------------------------------

    def start(self, hosts: int) -> "Plane":
        """Install, start and wait until ``hosts`` compute services are up"""
        self.prefix = virtualenv.install(
            self.work / "cloud-venv", HERE / "requirements.txt"
        )
        for name in ("etc", "log", "run", "lock", "state/glance/images",
                     "state/cinder", "guests", "control",
                     "keys/fernet", "keys/credential"):  # fmt: skip
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in configs.files(
            str(self.folder), str(self.prefix), self.ports
        ).items():
            (self.folder / "etc" / name).write_text(text)
        self._start_stores()
        for name in ("keystone", "placement", "glance", "nova", "cinder"):
            self._serve(name)
        for name in ("nova-conductor", "nova-scheduler"):
            self.spawn(name, [f"{self.prefix}/bin/{name}", *self.nova_files])
        self.spawn("cinder-scheduler", [f"{self.prefix}/bin/cinder-scheduler",
                                        f"--config-file={self.folder}/etc/cinder.conf"])  # fmt: skip
        self.spawn("cinder-volume", [self.python, str(HERE / "volume.py"),
                                     str(self.folder)])  # fmt: skip
        self._await_http("keystone", "/v3")
        self._identities()
        self._await_http("placement", "/")
        self._await_http("nova", "/")
        self.add_hosts(hosts)
        self._await_http("glance", "/")
        self._await_http("cinder", "/")
        return self

    def _serve(self, name: str) -> None:
        self.spawn(name, [self.python, str(HERE / "serve.py"), name,
                          str(self.ports[name]), str(self.folder / "etc")])  # fmt: skip

    def restart(self, name: str) -> None:
        """End an API and start it with what its files say now"""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait(20)
        self._serve(name)
        self._await_http(name, "/")

    def stop(self) -> None:
        """End everything that was started"""
        for pid in (self.folder / "run").glob("*.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError, OSError):
                os.killpg(int(pid.read_text()), signal.SIGKILL)
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
        for name in ("mariadb", "rabbitmq"):
            store = getattr(self, name, None)
            if store is not None:
                store.stop()

    @property
    def python(self) -> str:
        """Interpreter of the services"""
        return f"{self.prefix}/bin/python"

    def spawn(self, name: str, command: list[str], env=None) -> subprocess.Popen:
        """Run ``command`` in a process group of its own, logging to log/NAME.log"""
        with open(self.folder / "log" / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**self._environment(), **(env or {})},
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def _environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return {**env, "PYTHONWARNINGS": "ignore", "NO_PROXY": "127.0.0.1,localhost",
                "no_proxy": "127.0.0.1,localhost",
                "PATH": f"{self.prefix}/bin:{env['PATH']}"}  # fmt: skip

    @property
    def nova_files(self) -> list[str]:
        """Arguments with Nova's configuration, for what may see its database"""
        folder = self.folder / "etc"
        return [f"--config-file={folder}/nova.conf",
                f"--config-file={folder}/nova-db.conf"]  # fmt: skip

    def manage(self, *command: str) -> None:
        """Run one of the services' commands to its end; show what it said if it failed"""
        done = subprocess.run(
            [f"{self.prefix}/bin/{command[0]}", *command[1:]],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={**self._environment(), "OS_PLACEMENT_CONFIG_DIR":
                 str(self.folder / "etc")},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    # Stores ----------------------------------------------------------------------

    def _start_stores(self) -> None:
        self.spawn("memcached", ["memcached", "-l", "127.0.0.1", "-p",
                                 str(self.ports["memcached"]), "-m", "64", "-u",
                                 "nobody"])  # fmt: skip
        self.spawn("network", [self.python, str(HERE / "network.py"),
                               str(self.ports["network"])])  # fmt: skip
        self.rabbitmq = servers.RabbitMQ(self.folder, self.ports["rabbitmq"])
        self.mariadb = servers.MariaDB(self.folder, self.ports["mariadb"])
        with concurrent.futures.ThreadPoolExecutor() as pool:
            broker = pool.submit(self.rabbitmq.start)
            self._start_database()
            broker.result()

    def _start_database(self) -> None:
        """Start MariaDB with all schemas: made once, then copied"""
        text = (HERE / "requirements.txt").read_bytes() + repr(self.ports).encode()
        saved = self.work / f"schemas-{hashlib.sha256(text).hexdigest()[:12]}.tar"
        if saved.exists():
            with tarfile.open(saved) as tar:
                tar.extractall(self.mariadb.folder, filter="fully_trusted")
            keys = self.mariadb.folder / "keys"
            shutil.copytree(keys, self.folder / "keys", dirs_exist_ok=True)
            self.mariadb.start()
            return
        self.mariadb.start()
        schemas.make(self)
        self.mariadb.halt()
        part = saved.with_suffix(".part")
        with tarfile.open(part, "w") as tar:
            tar.add(self.mariadb.folder / "data", "data")
            tar.add(self.folder / "keys", "keys")
        part.rename(saved)
        self.mariadb.launch()

    # Talking to the services -------------------------------------------------------

    def url(self, name: str, path: str = "") -> str:
        """Return the address of a service"""
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def _await_http(self, name: str, path: str) -> None:
        def answers() -> bool:
            with contextlib.suppress(requests.RequestException):
                return self._session.get(self.url(name, path), timeout=5).ok
            return False

        servers.wait_until(answers, 90, f"{name} ({self.folder}/log/{name}.log)")

    def token(self) -> str:
        """Return an administrator's token"""
        if self._token is None or self._token[1] < time.monotonic():
            who = {"name": "admin", "domain": {"id": "default"}}
            body = {"auth": {
                "identity": {"methods": ["password"], "password": {
                    "user": {**who, "password": configs.PASSWORD}}},
                "scope": {"project": who}}}  # fmt: skip
            answer = self._session.post(
                self.url("keystone", "/v3/auth/tokens"), json=body, timeout=60
            )
            answer.raise_for_status()
            token = answer.headers["X-Subject-Token"]
            self._token = (token, time.monotonic() + 3600)
        return self._token[0]

    def call(self, method: str, address: str, body=None, **headers: str):
        """Send a request as administrator; return the JSON answer, if any"""
        answer = self._session.request(
            method,
            address,
            json=body,
            headers={"X-Auth-Token": self.token(), **headers},
            timeout=120,
        )
        if not answer.ok:
            raise RuntimeError(
                f"{method} {address}: {answer.status_code} {answer.text}"
            )
        return answer.json() if answer.content[:1] in (b"{", b"[") else None

    def nova(self, method: str, path: str, body=None, version: str = "2.96"):
        """Ask Nova"""
        return self.call(
            method,
            self.url("nova", f"/v2.1{path}"),
            body,
            **{"OpenStack-API-Version": f"compute {version}"},
        )

    # Contents --------------------------------------------------------------------

    def _identities(self) -> None:
        """Create projects, accounts, services and endpoints that are not there yet"""
        base = self.url("keystone", "/v3")
        get, post = (
            (lambda p: self.call("GET", base + p)),
            (lambda p, body: self.call("POST", base + p, body)),
        )
        projects = {p["name"]: p["id"] for p in get("/projects")["projects"]}
        if "service" not in projects:
            made = post("/projects", {"project": {"name": "service",
                                                  "domain_id": "default"}})  # fmt: skip
            projects["service"] = made["project"]["id"]
        roles = {r["name"]: r["id"] for r in get("/roles")["roles"]}
        for name in {"admin", "service"} - set(roles):
            roles[name] = post("/roles", {"role": {"name": name}})["role"]["id"]
        users = {u["name"]: u["id"] for u in get("/users")["users"]}
        for name in SERVICES:
            if name not in users:
                account = {"name": name, "domain_id": "default",
                           "password": configs.PASSWORD}  # fmt: skip
                users[name] = post("/users", {"user": account})["user"]["id"]
            for role in ("admin", "service"):
                self.call("PUT", f"{base}/projects/{projects['service']}/users/"
                          f"{users[name]}/roles/{roles[role]}")  # fmt: skip
        known = {s["type"] for s in get("/services")["services"]}
        for name, (kind, path) in SERVICES.items():
            if kind in known:
                continue
            service = post("/services", {"service": {"name": name, "type": kind}})
            port = "network" if name == "neutron" else name
            for interface in ("public", "internal", "admin"):
                post("/endpoints", {"endpoint": {
                    "service_id": service["service"]["id"], "interface": interface,
                    "region_id": "RegionOne", "url": self.url(port, path)}})  # fmt: skip

    def add_hosts(self, count: int) -> None:
        """Start compute services compute-1 to compute-``count``"""
        new = [f"compute-{i}" for i in range(1, count + 1)]
        new = [host for host in new if host not in self.hosts]
        if new:
            self.launch_hosts(*new)
            self.hosts += new
        servers.wait_until(
            lambda: len(self.services(state="up")) >= count, 120, "compute services"
        )
        self.manage("nova-manage", *self.nova_files, "cell_v2", "discover_hosts")
        servers.wait_until(
            lambda: len(self.nova("GET", "/os-hypervisors")["hypervisors"]) >= count,
            60,
            "hypervisors",
        )

    def launch_hosts(self, *hosts: str) -> None:
        """Start the processes of compute services"""
        self.spawn(f"compute-launcher-{hosts[0]}",
                   [self.python, str(HERE / "compute.py"), str(self.folder),
                    *hosts])  # fmt: skip

    def kill_host(self, host: str) -> None:
        """End the process of a compute service without a warning"""
        pid = self.folder / "run" / f"{host}.pid"
        os.killpg(int(pid.read_text()), signal.SIGKILL)
        pid.unlink()

    def services(self, **wanted: str) -> list[dict]:
        """Return the compute services whose fields have the given values"""
        found = self.nova("GET", "/os-services?binary=nova-compute")["services"]
        return [s for s in found if all(s[k] == v for k, v in wanted.items())]

    def servers(self) -> list[dict]:
        """Return every server with its details"""
        path = "/servers/detail?all_tenants=true&limit=1000"
        found: list[dict] = self.nova("GET", path)["servers"]
        return found

    def await_reports(self) -> None:
        """Wait until each nova-compute that was up has reported anew

        A broker that was killed takes their reports with it; until they give up waiting
        for the answer and report again, Nova may call their hosts down.
        """
        before = {s["host"]: s["updated_at"] for s in self.services()}
        servers.wait_until(
            lambda: all(
                s["state"] == "up" and s["updated_at"] != before[s["host"]]
                for s in self.services()
                if not s["forced_down"]
            ),
            120,
            "a new report of each compute service",
        )

    def servers_on(self, host: str) -> list[dict]:
        """Return the servers on ``host``"""
        return [s for s in self.servers() if s["OS-EXT-SRV-ATTR:host"] == host]

    def migrations(self) -> list[dict]:
        """Return every migration record"""
        found: list[dict] = self.nova("GET", "/os-migrations")["migrations"]
        return found

    def seed(self, count: int) -> None:
        """Create flavor, image and ``count`` servers, spread over the hosts in turn"""
        flavors = {f["name"]: f["id"] for f in self.nova("GET", "/flavors")["flavors"]}
        if "small" not in flavors:
            body = {"flavor": {"name": "small", "vcpus": 1, "ram": 2048, "disk": 10}}
            flavors["small"] = self.nova("POST", "/flavors", body)["flavor"]["id"]
        image = self.image()
        self.lift_quotas()
        for i in range(count):
            self.nova("POST", "/servers", {"server": {
                "name": f"server-{i:03d}", "imageRef": image, "networks": "none",
                "flavorRef": flavors["small"],
                "host": self.hosts[i % len(self.hosts)]}})  # fmt: skip
        servers.wait_until(
            lambda: all(s["status"] in ("ACTIVE", "ERROR") for s in self.servers()),
            300,
            "servers",
        )
        broken = [s["name"] for s in self.servers() if s["status"] == "ERROR"]
        if broken:
            raise RuntimeError(f"not created: {broken}")

    def lift_quotas(self) -> None:
        """Let the administrator's project grow without limit"""
        project = self.call("GET", self.url("keystone", "/v3/projects?name=admin"))
        self.nova("PUT", f"/os-quota-sets/{project['projects'][0]['id']}", {
            "quota_set": {"instances": -1, "cores": -1, "ram": -1,
                          "server_groups": -1}})  # fmt: skip

    def image(self) -> str:
        """Return the id of an image without content"""
        base = self.url("glance", "/v2/images")
        found = self.call("GET", f"{base}?name=empty")["images"]
        if found:
            return str(found[0]["id"])
        made = self.call("POST", base, {
            "name": "empty", "disk_format": "raw", "container_format": "bare",
            "visibility": "public"})  # fmt: skip
        self._session.put(
            f"{base}/{made['id']}/file",
            data=b"\0" * 512,
            headers={"X-Auth-Token": self.token(),
                     "Content-Type": "application/octet-stream"},
            timeout=60,
        ).raise_for_status()  # fmt: skip
        return str(made["id"])
