"""Ironic for a control plane: its real API and conductor, and machines that do not exist."""

import contextlib

import requests

from tests import servers
from tests.cloud import configs, virtualenv
from tests.cloud.plane import HERE, Plane

# Beside the ports of the plane, whose block is larger than what it needs.
PORT_OFFSET = 40
POWER_S = 1
# Administrators of a project count as those of the system.
POLICY = """
"service_role": "role:admin"
"baremetal:node:create": "role:admin"
"baremetal:node:delete": "role:admin"
"""


def _text(plane: Plane, port: int) -> str:
    folder = plane.folder
    none = ("boot", "deploy", "management", "power")
    off = ("bios", "console", "firmware", "inspect", "raid", "rescue", "vendor")
    return f"""
[DEFAULT]
host = conductor
my_ip = 127.0.0.1
state_path = {folder}/state/ironic
rpc_transport = none
enabled_hardware_types = fake-hardware
default_deploy_interface = fake
enabled_network_interfaces = noop
enabled_storage_interfaces = noop
{"".join(f"enabled_{name}_interfaces = fake{chr(10)}" for name in none)}
{"".join(f"enabled_{name}_interfaces = no-{name}{chr(10)}" for name in off)}
[oslo_policy]
policy_file = {folder}/etc/ironic-policy.yaml
[api]
host_ip = 127.0.0.1
port = {port}
[conductor]
# Whoever comes second is refused soon, not after three attempts.
node_locked_retry_attempts = 1
node_locked_retry_interval = 0
[fake]
power_delay = {POWER_S}
[inventory]
data_backend = none
[database]
connection = sqlite:///{folder}/state/ironic/ironic.sqlite
[oslo_concurrency]
lock_path = {folder}/lock
[keystone_authtoken]
auth_type = password
auth_url = {plane.url("keystone", "/v3")}
www_authenticate_uri = {plane.url("keystone", "/v3")}
username = watcher
password = {configs.PASSWORD}
project_name = service
user_domain_id = default
project_domain_id = default
interface = internal
"""


class Metal:
    """Ironic in one process, listed in the plane's catalogue"""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self.port = plane.ports["keystone"] + PORT_OFFSET
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> "Metal":
        """Install, make the schema, start, and wait until it answers"""
        plane = self._plane
        prefix = virtualenv.install(
            plane.work / "metal-venv", HERE / "metal-requirements.txt"
        )
        (plane.folder / "state/ironic").mkdir(parents=True, exist_ok=True)
        conf = plane.folder / "etc" / "ironic.conf"
        conf.write_text(_text(plane, self.port))
        (plane.folder / "etc" / "ironic-policy.yaml").write_text(POLICY)
        file = f"--config-file={conf}"
        made = plane.spawn("ironic-schema", [f"{prefix}/bin/ironic-dbsync", file,
                                             "create_schema"])  # fmt: skip
        assert made.wait(120) == 0, f"{plane.folder}/log/ironic-schema.log"
        plane.spawn("ironic", [f"{prefix}/bin/ironic", file])
        self._list()
        servers.wait_until(
            self._answers, 120, f"Ironic ({plane.folder}/log/ironic.log)"
        )
        return self

    def _answers(self) -> bool:
        """Tell whether a machine can be made: the conductor has to be there"""
        with contextlib.suppress(requests.RequestException, RuntimeError):
            made = self._plane.call(
                "POST", f"{self.url}/v1/nodes", {"driver": "fake-hardware"}
            )
            self._plane.call("DELETE", f"{self.url}/v1/nodes/{made['uuid']}")
            return True
        return False

    def _list(self) -> None:
        base = self._plane.url("keystone", "/v3")
        known = self._plane.call("GET", f"{base}/services?type=baremetal")["services"]
        if known:
            return
        made = self._plane.call("POST", f"{base}/services", {
            "service": {"name": "ironic", "type": "baremetal"}})  # fmt: skip
        self._plane.call("POST", f"{base}/endpoints", {"endpoint": {
            "service_id": made["service"]["id"], "interface": "public",
            "region_id": "RegionOne", "url": self.url}})  # fmt: skip
