"""Makes the databases of a control plane, each with its service's own command."""

import concurrent.futures
from typing import TYPE_CHECKING

from tests.cloud import configs

if TYPE_CHECKING:
    from tests.cloud.plane import Plane

DATABASES = ("keystone", "placement", "glance", "nova_api", "nova", "nova_cell0",
             "cinder", "watcher")  # fmt: skip


def make(plane: "Plane") -> None:
    """Make all of them, and the keys that Keystone keeps in files"""
    for name in DATABASES:
        plane.mariadb.create(name)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for each in [pool.submit(_nova, plane), pool.submit(_others, plane)]:
            each.result()


def _others(plane: "Plane") -> None:
    etc = plane.folder / "etc"
    keystone = ("keystone-manage", f"--config-file={etc}/keystone.conf")
    plane.manage(*keystone, "db_sync")
    for kind in ("fernet_setup", "credential_setup"):
        plane.manage(*keystone, kind, "--keystone-user=root", "--keystone-group=root")
    address = plane.url("keystone", "/v3")
    plane.manage(*keystone, "bootstrap", "--bootstrap-password", configs.PASSWORD,
                 "--bootstrap-region-id", "RegionOne",
                 *(part for kind in ("admin", "public", "internal")
                   for part in (f"--bootstrap-{kind}-url", address)))  # fmt: skip
    plane.manage("placement-manage", f"--config-file={etc}/placement.conf", "db",
                 "sync")  # fmt: skip
    plane.manage("glance-manage", f"--config-file={etc}/glance-api.conf", "db_sync")
    plane.manage("cinder-manage", f"--config-file={etc}/cinder.conf", "db", "sync")


def _nova(plane: "Plane") -> None:
    nova = ("nova-manage", *plane.nova_files)
    sql = f"mysql+pymysql://root@127.0.0.1:{plane.ports['mariadb']}"
    plane.manage(*nova, "api_db", "sync")
    plane.manage(*nova, "cell_v2", "map_cell0", "--database_connection",
                 f"{sql}/nova_cell0")  # fmt: skip
    plane.manage(*nova, "cell_v2", "create_cell", "--name", "cell1")
    plane.manage(*nova, "db", "sync")
