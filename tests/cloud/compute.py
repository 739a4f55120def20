"""Runs real nova-compute services, one process for each host, on a simulated hypervisor.

usage: compute.py FOLDER HOST [HOST...]

Nova is imported once and the hosts are forked from it: memory is shared and the cost of
starting is paid once. FOLDER/control/default.json and FOLDER/control/<host>.json steer the
hypervisor and are read at every use:

    live_migration_seconds  how long a live migration lasts
    resize_seconds          how long copying the disk of a cold migration lasts
    stop_seconds            how long a guest takes to shut down
    fail                    operations that fail: pre_live_migration, live_migration (it
                            rolls back), live_migration_error (server to ERROR), resize,
                            power_off, snapshot, destroy
    fail_uuids            uuids of the servers that fail; all of them when not given
"""

import gc
import json
import os
import pathlib
import sys
import threading
import time
import types
import uuid

FOLDER = pathlib.Path(sys.argv[1])
HOSTS = sys.argv[2:]
FILES = [f"--config-file={FOLDER}/etc/nova.conf"]
sys.argv = ["nova-compute", *FILES]

import nova.cmd.compute  # noqa: E402  first: it selects native threads
import nova.compute.manager  # noqa: E402,F401
import nova.network.neutron  # noqa: E402,F401
import nova.scheduler.client.report  # noqa: E402,F401
from nova import exception  # noqa: E402
from nova.compute import power_state  # noqa: E402
from nova.virt import fake, hardware  # noqa: E402


def control(host):
    """Return what the control files say for ``host``"""
    merged = {}
    for name in ("default", host):
        try:
            merged.update(json.loads((FOLDER / "control" / f"{name}.json").read_text()))
        except (OSError, ValueError):
            continue
    return merged


class SimulatedDriver(fake.FakeDriver):
    """Nova's in-memory hypervisor, with an identity, a memory and a temper"""

    vcpus = 16
    memory_mb = 32768
    local_gb = 500

    def __init__(self, virtapi, read_only=False):
        super().__init__(virtapi, read_only)
        self._running = {}
        self._lock = threading.RLock()

    def init_host(self, host):
        super().init_host(host)
        self._guests = FOLDER / "guests" / f"{host}.json"
        if self._guests.exists():
            for ident, (name, state) in json.loads(self._guests.read_text()).items():
                self.instances[ident] = fake.FakeInstance(name, state, ident)

    # The fake driver would report a new node at each start.
    def _ident(self, name):
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))

    def get_nodenames_by_uuid(self, refresh=False):
        return {self._ident(name): name for name in self.get_available_nodes()}

    def get_available_resource(self, nodename):
        found = super().get_available_resource(nodename)
        if found:
            found["uuid"] = self._ident(nodename)
        return found

    def _save(self):
        with self._lock:
            data = {i: (g.name, g.state) for i, g in self.instances.items()}
            part = self._guests.with_suffix(".part")
            part.write_text(json.dumps(data))
            part.replace(self._guests)

    def _may_fail(self, operation, instance):
        wish = control(self._host)
        chosen = wish.get("fail_uuids")
        if operation in wish.get("fail", ()) and (
            not chosen or instance.uuid in chosen
        ):
            raise exception.NovaException(
                f"{operation} of {instance.uuid} was told to fail on {self._host}"
            )

    def get_info(self, instance, use_cache=True):
        guest = self.instances.get(instance.uuid)
        if guest is None:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        return hardware.InstanceInfo(state=guest.state)

    def spawn(self, context, instance, *args, **kwargs):
        state = (
            power_state.RUNNING
            if kwargs.get("power_on", True)
            else power_state.SHUTDOWN
        )
        self.instances[instance.uuid] = fake.FakeInstance(
            instance.name, state, instance.uuid
        )
        self._save()

    def destroy(self, context, instance, *args, **kwargs):
        self._may_fail("destroy", instance)
        self.instances.pop(instance.uuid, None)
        self._save()

    def cleanup(self, context, instance, *args, **kwargs):
        """Nothing lies outside this process"""

    def power_off(self, instance, *args, **kwargs):
        self._may_fail("power_off", instance)
        time.sleep(float(control(self._host).get("stop_seconds", 0)))
        super().power_off(instance, *args, **kwargs)
        self._save()

    def power_on(self, context, instance, *args, **kwargs):
        super().power_on(context, instance, *args, **kwargs)
        self._save()

    def snapshot(self, context, instance, *args, **kwargs):
        self._may_fail("snapshot", instance)
        super().snapshot(context, instance, *args, **kwargs)

    def migrate_disk_and_power_off(self, context, instance, *args, **kwargs):
        self._may_fail("resize", instance)
        time.sleep(float(control(self._host).get("resize_seconds", 0)))
        return "[]"

    def confirm_migration(self, context, migration, instance, network_info):
        if migration.source_compute != migration.dest_compute:
            self.destroy(context, instance)

    def finish_revert_migration(self, *args, **kwargs):
        super().finish_revert_migration(*args, **kwargs)
        self._save()

    def pre_live_migration(self, context, instance, *args, **kwargs):
        self._may_fail("pre_live_migration", instance)
        return super().pre_live_migration(context, instance, *args, **kwargs)

    def live_migration(self, context, instance, dest, post_method, recover_method,
                       block_migration=False, migrate_data=None):  # fmt: skip
        stop = self._running[instance.uuid] = threading.Event()
        try:
            # Raising here is too late for Nova to roll back: the server goes to ERROR.
            self._may_fail("live_migration_error", instance)
            seconds = float(control(self._host).get("live_migration_seconds", 0))
            aborted = stop.wait(seconds)
        finally:
            self._running.pop(instance.uuid, None)
        try:
            self._may_fail("live_migration", instance)
        except exception.NovaException:
            recover_method(context, instance, dest, migrate_data,
                           migration_status="failed")  # fmt: skip
            return
        if aborted:
            recover_method(context, instance, dest, migrate_data,
                           migration_status="cancelled")  # fmt: skip
        else:
            post_method(context, instance, dest, block_migration, migrate_data)

    def live_migration_abort(self, instance):
        stop = self._running.get(instance.uuid)
        if stop is not None:
            stop.set()

    def post_live_migration(self, context, instance, *args, **kwargs):
        self.destroy(context, instance)


# Nova loads drivers only from its own package.
module = types.ModuleType("nova.virt.simulated")
module.SimulatedDriver = SimulatedDriver
sys.modules["nova.virt.simulated"] = module


def become(host):
    """Turn this forked process into the nova-compute service of ``host``"""
    os.setsid()
    log = os.open(
        FOLDER / "log" / f"{host}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND
    )
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    (FOLDER / "run" / f"{host}.pid").write_text(str(os.getpid()))
    state = FOLDER / "state" / host
    state.mkdir(parents=True, exist_ok=True)
    (state / "compute_id").write_text(str(uuid.uuid5(uuid.NAMESPACE_DNS, host)))
    own = FOLDER / "etc" / f"nova-{host}.conf"
    own.write_text(f"[DEFAULT]\nhost = {host}\nstate_path = {state}\n")
    sys.argv = ["nova-compute", *FILES, f"--config-file={own}"]
    nova.cmd.compute.main()


gc.collect()
gc.freeze()
for each in HOSTS:
    if os.fork() == 0:
        try:
            become(each)
        finally:
            os._exit(1)
    time.sleep(0.2)
