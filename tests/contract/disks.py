"""Volumes of the clouds that contracts are tried on."""

from watcher import exception
from watcher.clients.cinder import Cinder
from watcher.clients.http import Service


def elsewhere(cinder, uuid):
    """Return the name of another pool that the volume's type allows"""
    here = next(v.host for v in cinder.volumes() if v.uuid == uuid)
    pools = {pool.name: pool.backend_name for pool in cinder.pools()}
    return next(
        name
        for name, kept in sorted(pools.items())
        if name != here and kept == pools[here]
    )


class SimulatedDisks:
    """Changes volumes in memory"""

    def __init__(self, cloud):
        self._cloud = cloud
        self._storage, self._cinder = cloud.storage, cloud.clients().cinder
        self._made = 0

    def make(self, kind, size_gb):
        self._made += 1
        pool = next(
            p.name for p in self._cinder.pools() if p.name.split("#")[0].endswith(kind)
        )
        return self._storage.add_volume(
            f"contract-{self._made}", pool, size_gb, kind=kind, project_id="p"
        )

    def slow(self, uuid):
        self._cloud.volume_gb_s = 0.2

    def copies(self, uuid):
        volume = self._cinder.volume(uuid)
        self._storage.change_backend(volume.host.partition("#")[0], copies=True)
        self.slow(uuid)

    def fail(self, uuid):
        self._cloud.fail("volume-migrate", uuid)

    def snapshot(self, uuid):
        self._storage.change_volume(uuid, snapshots=1)

    def attach(self, uuid, server):
        self._storage.change_volume(uuid, status="in-use", servers=[server])

    def detach(self, uuid):
        self._storage.change_volume(uuid, status="available", servers=[])

    def private_type(self, project):
        made = self._storage.add_type("contract-private")
        self._storage.change_type("contract-private", projects=[project])
        return made.id

    def rename(self, uuid):
        self._storage.change_volume(uuid, name="renamed")

    def grow(self, uuid):
        size = next(v.size_gb for v in self._cinder.volumes() if v.uuid == uuid)
        self._storage.change_volume(uuid, size_gb=size + 1)

    def move(self, uuid):
        self._storage.change_volume(uuid, pool=elsewhere(self._cinder, uuid))

    def delete(self, uuid):
        self._storage.delete_volume(uuid)


class RealDisks:
    """Asks a real Cinder, and deletes what it made"""

    def __init__(self, harness):
        self._harness = harness
        self._raw = harness.clients.adapter("cinder")
        self._cinder = harness.clients.cinder
        self._made = []
        harness.undo.append(self._clean)

    def _call(self, method, path, body=None):
        answer = self._raw.request(path, method, json=body, microversion="3.60")
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    def _settled(self, uuid):
        def calm():
            volume = self._call("GET", f"/volumes/{uuid}")["volume"]
            moving = volume["migration_status"] in (
                "starting",
                "migrating",
                "completing",
            )
            return volume["status"] in ("available", "in-use") and not moving

        self._harness.until(calm, "the end of what is done to a volume")

    def make(self, kind, size_gb):
        body = {"volume": {"name": "contract", "size": size_gb, "volume_type": kind}}
        uuid = self._call("POST", "/volumes", body)["volume"]["id"]
        self._made.append(uuid)
        self._settled(uuid)
        return uuid

    def slow(self, uuid):
        self._harness.control_file("volumes.json", {"migrate_seconds": 4})

    def copies(self, uuid):
        self._harness.control_file(
            "volumes.json", {"migrate_seconds": 4, "copies": True}
        )

    def fail(self, uuid):
        self._harness.control_file("volumes.json", {"fail": ["migrate"]})

    def snapshot(self, uuid):
        body = {"snapshot": {"volume_id": uuid, "name": "contract"}}
        ident = self._call("POST", "/snapshots", body)["snapshot"]["id"]

        def made():
            found = self._call("GET", f"/snapshots/{ident}")["snapshot"]
            return found["status"] == "available"

        self._harness.until(made, "a snapshot")
        self._harness.undo.append(lambda: self._drop_snapshot(ident))

    def _drop_snapshot(self, ident):
        self._call("DELETE", f"/snapshots/{ident}")

        def gone():
            rows = self._call("GET", "/snapshots")["snapshots"]
            return ident not in {row["id"] for row in rows}

        self._harness.until(gone, "the end of a snapshot")

    def attach(self, uuid, server):
        path = f"/servers/{server}/os-volume_attachments"
        self._harness._call("POST", path, {"volumeAttachment": {"volumeId": uuid}})
        self._harness.until(
            lambda: self._cinder.volume(uuid).status == "in-use", "its attachment"
        )

    def detach(self, uuid):
        for attachment in self._cinder.volume(uuid).attachments:
            path = f"/servers/{attachment.server}/os-volume_attachments/{uuid}"
            self._harness._call("DELETE", path)
        self._harness.until(
            lambda: self._cinder.volume(uuid).status == "available", "its freedom"
        )

    def private_type(self, project):
        body = {"volume_type": {"name": "contract-private",
                                "os-volume-type-access:is_public": False}}  # fmt: skip
        ident = self._call("POST", "/types", body)["volume_type"]["id"]
        self._harness.undo.append(lambda: self._call("DELETE", f"/types/{ident}"))
        self._call("POST", f"/types/{ident}/action",
                   {"addProjectAccess": {"project": project}})  # fmt: skip
        return ident

    def rename(self, uuid):
        self._call("PUT", f"/volumes/{uuid}", {"volume": {"name": "renamed"}})

    def _act(self, uuid, **action):
        self._call("POST", f"/volumes/{uuid}/action", action)
        self._settled(uuid)

    def grow(self, uuid):
        size = self._call("GET", f"/volumes/{uuid}")["volume"]["size"]
        self._act(uuid, **{"os-extend": {"new_size": size + 1}})

    def move(self, uuid):
        there = elsewhere(self._cinder, uuid)
        self._act(uuid, **{"os-migrate_volume": {"host": there}})

    def delete(self, uuid):
        self._call("DELETE", f"/volumes/{uuid}")
        self._made.remove(uuid)
        self._harness.until(
            lambda: uuid not in {v.uuid for v in self._cinder.volumes()}, "its end"
        )

    def _clean(self):
        for uuid in list(self._made):
            self.delete(uuid)

    def small_pages(self):
        return Cinder(Service(self._raw, "Cinder", exception.CinderClientError), page=2)
