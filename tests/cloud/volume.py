"""Runs the real cinder-volume, a process for each backend, on storage that does not exist.

usage: volume.py FOLDER

FOLDER/control/volumes.json and FOLDER/control/<backend>.json steer the storage and are
read at every use:

    total_gb         size of a pool (500)
    pools            how many pools the backend has (2)
    migrate_seconds  how long moving a volume lasts
    copies           true: volumes are copied into new ones by Cinder instead
    fail             operations that fail: create, migrate, copy
"""

import collections
import json
import pathlib
import sys
import time
import types

FOLDER = pathlib.Path(sys.argv[1])
sys.argv = ["cinder-volume", f"--config-file={FOLDER}/etc/cinder.conf"]

import cinder.cmd.volume  # noqa: E402  first: it selects the threading
import cinder.volume.drivers  # noqa: E402
from cinder import exception  # noqa: E402
from cinder.volume import driver  # noqa: E402


class SimulatedVolumes(driver.VolumeDriver):
    """Volumes that exist as rows of the database only"""

    VERSION = "1.0"

    @property
    def _control(self):
        merged = {}
        for name in ("volumes", self.configuration.config_group):
            try:
                path = FOLDER / "control" / f"{name}.json"
                merged.update(json.loads(path.read_text()))
            except (OSError, ValueError):
                continue
        return merged

    def _may_fail(self, operation):
        if operation in self._control.get("fail", ()):
            raise exception.VolumeBackendAPIException(
                data=f"{operation} was told to fail"
            )

    # A file for each volume: every backend sees what another one moved to it.
    def do_setup(self, context):
        self._volumes = FOLDER / "state" / "volumes"
        self._volumes.mkdir(parents=True, exist_ok=True)
        # Its module reads options when it is imported: not before they are loaded.
        manager = sys.modules["cinder.volume.manager"]
        manager.VolumeManager._copy_volume_data = copy_nothing

    def _hold(self, volume, host, size):
        # A volume that was copied into has the storage of the other one.
        part = self._volumes / f".{volume['name_id']}"
        part.write_text(json.dumps([host, size]))
        part.rename(self._volumes / volume["name_id"])

    def _sizes(self):
        """Return the sizes of the volumes of each pool of this backend"""
        found = collections.defaultdict(list)
        for path in self._volumes.glob("[!.]*"):
            try:
                host, size = json.loads(path.read_text())
            except FileNotFoundError:
                continue
            backend, _, pool = host.partition("#")
            if backend == self.host:
                found[pool].append(size)
        return found

    def check_for_setup_error(self):
        """Nothing to check"""

    def _update_volume_stats(self):
        total = float(self._control.get("total_gb", 500))
        pools, held = [], self._sizes()
        for number in range(1, int(self._control.get("pools", 2)) + 1):
            name = f"pool{number}"
            sizes = held[name]
            pools.append({
                "pool_name": name,
                "total_capacity_gb": total,
                "free_capacity_gb": total - sum(sizes),
                "allocated_capacity_gb": sum(sizes),
                "provisioned_capacity_gb": sum(sizes),
                "total_volumes": len(sizes),
                "max_over_subscription_ratio": 1.0,
                "reserved_percentage": 0,
                "thin_provisioning_support": False,
                "thick_provisioning_support": True,
                "multiattach": True})  # fmt: skip
        self._stats = {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name"),
            "vendor_name": "simulated",
            "driver_version": self.VERSION,
            "storage_protocol": "simulated",
            "pools": pools,
        }

    def get_volume_stats(self, refresh=False):
        self._update_volume_stats()
        return self._stats

    def create_volume(self, volume):
        self._may_fail("create")
        self._hold(volume, volume["host"], volume["size"])

    def create_cloned_volume(self, volume, src_vref):
        self.create_volume(volume)

    def create_volume_from_snapshot(self, volume, snapshot):
        self.create_volume(volume)

    def clone_image(self, context, volume, image_location, image_meta, image_service):
        self.create_volume(volume)
        return {}, True

    def delete_volume(self, volume):
        (self._volumes / volume["name_id"]).unlink(missing_ok=True)

    def extend_volume(self, volume, new_size):
        self._hold(volume, volume["host"], new_size)

    def _move(self, volume, host):
        if self._control.get("copies"):
            return False, None
        time.sleep(float(self._control.get("migrate_seconds", 0)))
        self._may_fail("migrate")
        self._hold(volume, host["host"], volume["size"])
        return True, None

    def migrate_volume(self, context, volume, host):
        return self._move(volume, host)

    def retype(self, context, volume, new_type, diff, host):
        return self._move(volume, host)

    def initialize_connection(self, volume, connector):
        return {"driver_volume_type": "fake", "data": {}}

    def terminate_connection(self, volume, connector, **kwargs):
        """Nothing was connected"""

    # What the base class demands of every driver and needs no work here.
    create_snapshot = delete_snapshot = lambda self, snapshot: None
    ensure_export = lambda self, context, volume: None  # noqa: E731
    create_export = lambda self, context, volume, connector: None  # noqa: E731
    remove_export = lambda self, context, volume: None  # noqa: E731


def copy_nothing(self, context, source, target, remote=None):
    """Stand in for the copying of data, of which there is none"""
    time.sleep(float(self.driver._control.get("migrate_seconds", 0)))
    self.driver._may_fail("copy")


# Cinder loads drivers by their name.
module = types.ModuleType("cinder.volume.drivers.simulated")
module.SimulatedVolumes = SimulatedVolumes
sys.modules["cinder.volume.drivers.simulated"] = module

cinder.cmd.volume.main()
