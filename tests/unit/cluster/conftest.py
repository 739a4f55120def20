"""Fixtures for storage: a small simulated cloud, and events as its Cinder would send."""

import datetime

import pytest

from watcher.clients.simulated import SimulatedCloud
from watcher.cluster.collector.base import Reading
from watcher.cluster.collector.event import Event
from watcher.cluster.collector.storage import StorageCollector

NOON = datetime.datetime(2026, 3, 1, 12)
FAST, SLOW = "one@fast#p", "two@slow#p"


class Asked:
    """A service that counts what it is asked, and fails as told"""

    def __init__(self, service):
        self._service = service
        self.calls = []
        self.fails = {}
        self.answers = {}

    def __getattr__(self, name):
        real = getattr(self._service, name)

        def call(*args):
            self.calls.append(name)
            if self.fails.get(name):
                raise self.fails[name].pop(0)
            return self.answers[name]() if name in self.answers else real(*args)

        return call


class Disks:
    """Two backends of two types, and what happens to their volumes

    ``event`` tells of a volume as it is now, in the form that Cinder sends.
    """

    def __init__(self):
        self.now = NOON
        self.cloud = SimulatedCloud.empty(now=lambda: self.now)
        self.storage = self.cloud.storage
        self.storage.add_type("fast", volume_backend_name="fast")
        self.storage.add_type("slow", volume_backend_name="slow")
        self.storage.add_backend("one@fast", zone="z1", pools={"p": 100.0})
        self.storage.add_backend("two@slow", zone="z2", pools={"p": 1000.0})
        self.clients = self.cloud.clients()
        self.cinder = self.clients.cinder = Asked(self.clients.cinder)
        self.keystone = self.clients.keystone = Asked(self.clients.keystone)

    def pass_s(self, seconds):
        self.now += datetime.timedelta(seconds=seconds)

    def volume(self, name, pool=FAST, size_gb=10, kind="fast", **more):
        return self.storage.add_volume(name, pool, size_gb, kind=kind, **more)

    def collector(self, **reading):
        found = StorageCollector({}, osc=self.clients)
        found.reading = Reading(**{"attempts": 1, "interval_s": 0, **reading})
        return found

    @property
    def model(self):
        return self.collector().execute()

    def read(self, uuid):
        return next(v for v in self.cinder._service.volumes() if v.uuid == uuid)

    def type_id(self, name):
        types = self.cinder._service.volume_types()
        return next((t.id for t in types if t.name == name), name)

    def payload(self, uuid):
        row = self.read(uuid)
        payload = {
            "tenant_id": row.project_id,
            "host": row.host,
            "user_id": "u",
            "availability_zone": "nova",
            "volume_id": row.uuid,
            "volume_type": self.type_id(row.type) if row.type else None,
            "display_name": row.name,
            "launched_at": f"{row.created_at.isoformat()}+00:00",
            "created_at": f"{row.created_at.isoformat()}+00:00",
            "status": row.status,
            "snapshot_id": row.snapshot_id,
            "size": row.size_gb,
            "replication_status": None,
            "metadata": [{"key": k, "value": v} for k, v in row.metadata.items()],
            "volume_attachment": [
                {
                    "id": a.id,
                    "instance_uuid": a.server,
                    "volume_id": row.uuid,
                    "attach_status": "attached",
                }
                for a in row.attachments
            ],
        }
        if row.bootable:
            payload["glance_metadata"] = [{"key": "image_id", "value": "i"}]
        return payload

    def event(self, kind, uuid, **changes):
        """Return an event about a volume, sent now"""
        return self.wrap(kind, {**self.payload(uuid), **changes})

    def wrap(self, kind, payload, sent=None):
        publisher = "capacity.host" if kind.startswith("capacity") else "volume.host"
        return Event(
            publisher=publisher,
            kind=kind,
            payload=payload,
            metadata={"timestamp": str(sent or self.now)},
        )

    def capacity(self, name=FAST, total=100.0, free=60.0, used=40.0, **more):
        payload = {
            "name_to_id": name,
            "total": total,
            "free": free,
            "allocated": used,
            "provisioned": used,
            "virtual_free": free,
            "reported_at": self.now.isoformat(),
            **more,
        }
        return self.wrap("capacity.pool", payload)


@pytest.fixture
def disks():
    """A cloud with storage to be described further"""
    return Disks()
