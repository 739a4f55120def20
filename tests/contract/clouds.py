"""The clouds that contracts are tried on: the simulated one, and a real one."""

import datetime
import json
import time
import uuid
from pathlib import Path

import pytest
from keystoneauth1 import loading

import watcher.conf
from tests.contract import disks
from watcher import exception
from watcher.clients.cloud import Clients
from watcher.clients.http import Service
from watcher.clients.nova import Nova
from watcher.clients.simulated import SimulatedCloud

WAIT_S = 60.0


def request_id():
    return f"req-{uuid.uuid4()}"


class Harness:
    """What a test does to a cloud besides asking the clients"""

    real = False

    def until(self, fn, what="it"):
        deadline = time.monotonic() + WAIT_S
        while True:
            value = fn()
            if value:
                return value
            assert time.monotonic() < deadline, f"{what} did not happen"
            self.sleep(0.3)

    def settled(self, server):
        """Wait until Nova does nothing with the server any more and return it"""

        def calm():
            found = self.nova.server(server)
            return found if found.task_state is None else None

        return self.until(calm, "the end of the task")

    def movable(self):
        """Return a running server, and a host that it is not on"""
        server = next(
            s for s in self.nova.servers() if s.status == "ACTIVE" and not s.task_state
        )
        hosts = [s.host for s in self.nova.services() if s.host != server.host]
        return server, sorted(hosts)[0]

    def service_of(self, host):
        return next(s for s in self.nova.services() if s.host == host)

    def finish_resize(self, server):
        self.until(lambda: self.nova.server(server).status == "VERIFY_RESIZE")
        self.nova.confirm_resize(server, request_id())
        self.until(lambda: self.nova.server(server).status == "ACTIVE")


class Simulated(Harness):
    def __init__(self):
        self.time = datetime.datetime(2026, 3, 1, 12, 0)
        self.cloud = SimulatedCloud(
            7, hosts=4, servers=12, zones=1, now=lambda: self.time, migration_mb_s=500
        )
        self.clients = self.cloud.clients()
        self.nova = self.clients.nova
        # The contract wants hosts and servers that fit each other.
        for server in self.nova.servers():
            self.cloud.change_server(
                server.uuid,
                pinned_zone=None,
                flavor="m1.small",
                status="ACTIVE",
                vm_state="active",
                before="active",
            )

    def sleep(self, seconds):
        self.time += datetime.timedelta(seconds=seconds)

    def now(self):
        return self.time

    def slow(self):
        self.cloud.migration_mb_s = 200

    def slow_stop(self):
        self.cloud.pace.stop_s = 5

    def fail(self, kind, server):
        self.cloud.fail(kind, server)

    def heal(self):
        self.cloud.heal()

    def make_flavor(self, memory_mb):
        self.cloud.add_flavor(name := f"contract-{memory_mb}", 1, memory_mb)
        return name

    def repair(self, server):
        self.cloud.change_server(server, status="ACTIVE", vm_state="active")

    def make_server(self):
        return self.cloud.add_server("contract", sorted(self.hosts())[0])

    def hosts(self):
        return [s.host for s in self.nova.services()]

    def delete_server(self, server):
        self.cloud.delete_server(server)

    def make_group(self, policy, limit):
        return self.cloud.add_group("contract", [], policy, limit)

    def make_aggregate(self, host):
        return self.cloud.add_aggregate("contract", [host], colour="blue")

    def disks(self):
        return disks.SimulatedDisks(self.cloud)

    def machine(self):
        return self.clients.ironic.nodes()[0].uuid

    def repair_machine(self, uuid, reason):
        name = self.clients.ironic.node(uuid).name
        self.cloud.change_host(name, repaired=reason)

    def close(self):
        pass


class Real(Harness):
    """A cloud that should have nothing else to do; servers of others are not moved"""

    real = True

    def __init__(self, settings, shared):
        self.shared = shared
        conf = watcher.conf.load("test", default_config_files=[])
        group = "watcher_clients_auth"
        conf.register_opts(loading.get_auth_plugin_conf_options("password"), group)
        conf.set_override("auth_type", "password", group)
        for name in (
            "auth_url",
            "username",
            "password",
            "project_name",
            "user_domain_id",
            "project_domain_id",
        ):
            conf.set_override(name, settings[name], group)
        for name in ("nova", "placement", "keystone"):
            conf.set_override("region_name", settings.get("region_name"), name)
        self.clients = Clients(conf)
        self.nova = self.clients.nova
        self.raw = self.clients.adapter("nova")
        self.control = settings.get("control")
        self.undo = []

    def sleep(self, seconds):
        time.sleep(seconds)

    def now(self):
        return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)

    def slow(self):
        self._control({"live_migration_seconds": 10})

    def fail(self, kind, server):
        name = {
            "prepare": "pre_live_migration",
            "rollback": "live_migration",
            "error": "live_migration_error",
            "resize": "resize",
            "stop": "power_off",
            "shelve": "snapshot",
            "delete": "destroy",
        }[kind]
        self._control({"fail": [name], "fail_uuids": [server]})

    def slow_stop(self):
        self._control({"stop_seconds": 5})

    def heal(self):
        while self.undo:
            self.undo.pop()()

    def make_flavor(self, memory_mb):
        name = f"contract {uuid.uuid4()}"
        sizes = self._call("GET", "/flavors/detail")["flavors"]
        disk = max(row["disk"] for row in sizes)  # images demand some
        row = {"name": name, "vcpus": 1, "ram": memory_mb, "disk": disk}
        row["os-flavor-access:is_public"] = False
        made = self._call("POST", "/flavors", {"flavor": row})["flavor"]["id"]
        # Servers keep it for later tests.
        self.shared.setdefault("flavors", []).append(made)
        return name

    def delete_flavors(self, flavors):
        for ident in flavors:
            self._call("DELETE", f"/flavors/{ident}")

    def _control(self, values):
        self.control_file("default.json", values)

    def control_file(self, name, values):
        if not self.control:
            pytest.skip("the hypervisors of this cloud cannot be told what to do")
        file = Path(self.control, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if file.exists() else "{}"
        file.write_text(json.dumps(values))
        self.undo.append(lambda: file.write_text(before))

    def _call(self, method, path, body=None, version="2.64"):
        answer = self.raw.request(path, method, json=body, microversion=version)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    def movable(self):
        if "server" not in self.shared:
            self.shared["server"] = self.make_server()
        server = self.settled(self.shared["server"])
        assert server.status == "ACTIVE"
        hosts = [s.host for s in self.nova.services() if s.host != server.host]
        return server, sorted(hosts)[0]

    def small_pages(self):
        return Nova(Service(self.raw, "Nova", exception.NovaClientError), page=2)

    def repair(self, server):
        body = {"os-resetState": {"state": "active"}}
        self._call("POST", f"/servers/{server}/action", body)

    def make_server(self):
        rows = self._call("GET", "/servers/detail?all_tenants=true")["servers"]
        image = next(row["image"]["id"] for row in rows if row["image"])
        sizes = self._call("GET", "/flavors/detail")["flavors"]
        flavor = min(sizes, key=lambda row: row["ram"])["id"]
        body = {
            "name": "contract",
            "imageRef": image,
            "flavorRef": flavor,
            "networks": "none",
        }
        server = self._call("POST", "/servers", {"server": body})["server"]["id"]
        self.until(lambda: self.nova.server(server).status == "ACTIVE")
        return server

    def delete_server(self, server):
        self._call("DELETE", f"/servers/{server}")

    def make_group(self, policy, limit):
        body = {"name": "contract", "policy": policy}
        if limit:
            body["rules"] = {"max_server_per_host": limit}
        made = self._call("POST", "/os-server-groups", {"server_group": body})
        ident = made["server_group"]["id"]
        self.undo.append(lambda: self._call("DELETE", f"/os-server-groups/{ident}"))
        return ident

    def make_aggregate(self, host):
        body = {"aggregate": {"name": "contract"}}
        ident = self._call("POST", "/os-aggregates", body)["aggregate"]["id"]
        path = f"/os-aggregates/{ident}"
        self.undo.append(lambda: self._call("DELETE", path))
        self._call("POST", f"{path}/action", {"add_host": {"host": host}})
        self.undo.append(
            lambda: self._call(
                "POST", f"{path}/action", {"remove_host": {"host": host}}
            )
        )
        meta = {"set_metadata": {"metadata": {"colour": "blue"}}}
        self._call("POST", f"{path}/action", meta)
        return ident

    def disks(self):
        return disks.RealDisks(self)

    def _metal(self, method, path, body=None):
        link = self.clients.ironic._http.adapter
        answer = link.request(f"/v1{path}", method, json=body, microversion="1.46")
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    def machine(self):
        """Return a machine that is on and has nothing to do"""
        made = self._metal("POST", "/nodes", {"driver": "fake-hardware"})["uuid"]
        self.undo.append(lambda: self._drop_machine(made))
        self._metal("PUT", f"/nodes/{made}/states/provision", {"target": "manage"})

        def manageable():
            found = self.clients.ironic.node(made)
            return found.provision_state == "manageable" and not found.reservation

        self.until(manageable, "a machine")
        self._metal("PUT", f"/nodes/{made}/states/power", {"target": "power on"})
        self.until(
            lambda: self.clients.ironic.node(made).power_state == "power on", "power"
        )
        self.until(lambda: not self.clients.ironic.node(made).reservation, "rest")
        return made

    def _drop_machine(self, uuid):
        self.until(lambda: not self.clients.ironic.node(uuid).reservation, "rest")
        self._metal("DELETE", f"/nodes/{uuid}")

    def repair_machine(self, uuid, reason):
        self._metal("PUT", f"/nodes/{uuid}/maintenance", {"reason": reason})

    def close(self):
        for step in reversed(self.undo):
            step()
