"""Following Cinder's notifications: order, loss, garbage, and what it really sends."""

import json
import pathlib
import random

import pytest

from tests.unit.cluster.conftest import FAST, SLOW
from watcher.cluster.collector import storage_events
from watcher.cluster.collector.event import Effect, Event
from watcher.cluster.model.storage import StorageModelRoot

SAMPLES = pathlib.Path(__file__).parent / "samples"
APPLIED, IGNORED, INCOMPLETE = Effect.APPLIED, Effect.IGNORED, Effect.INCOMPLETE


class Followed:
    """A model that was read once and follows events since"""

    def __init__(self, disks):
        self.disks = disks
        self.collector = disks.collector()
        self.model = self.collector.execute()

    def hear(self, event):
        assert self.collector.wants(event.publisher, event.kind)
        asked = len(self.disks.cinder.calls)
        effect = self.collector.follow(self.model, event)
        assert len(self.disks.cinder.calls) == asked, "following asks nothing"
        return effect

    def of(self, uuid):
        return self.model.get_volume_by_uuid(uuid)


@pytest.fixture
def v1(disks):
    return disks.volume("v1")


@pytest.fixture
def followed(disks, v1):
    disks.volume("v2", SLOW, kind="slow")
    found = Followed(disks)
    disks.pass_s(60)
    return found


class TestWanted:
    @pytest.mark.parametrize(
        ("publisher", "kind", "wanted"),
        [
            ("capacity.host", "capacity.pool", True),
            ("capacity.host", "capacity.backend", False),
            ("volume.host@b", "volume.create.end", True),
            ("volume.host@b", "volume.create.start", False),
            ("volume.host@b", "volume.usage", False),
            ("snapshot.host", "snapshot.create.end", False),
            ("nova-compute:h", "volume.create.end", False),
            ("volume.host", "capacity.pool", False),
        ],
    )
    def test_by_publisher_and_type(self, publisher, kind, wanted):
        assert storage_events.wanted(publisher, kind) is wanted


class TestVolumes:
    @pytest.mark.parametrize(
        ("kind", "change", "effect"),
        [
            ("volume.update.end", {"name": "other"}, APPLIED),
            ("volume.update.end", {"metadata": {"a": "b"}}, APPLIED),
            ("volume.attach.end", {"status": "in-use", "servers": ["s1"]}, APPLIED),
            ("volume.detach.end", {"status": "available"}, APPLIED),
            ("volume.resize.end", {"size_gb": 50}, INCOMPLETE),
        ],
    )
    def test_a_change_is_seen(self, disks, followed, v1, kind, change, effect):
        disks.storage.change_volume(v1, **change)
        assert followed.hear(disks.event(kind, v1)) is effect
        read = disks.model
        for model in (followed.model, read):
            model.get_volume_by_uuid(v1).known_at = disks.now
        assert followed.of(v1) == read.get_volume_by_uuid(v1)
        assert followed.model.get_pool_by_volume(v1).name == FAST

    def test_a_volume_that_moved_is_in_its_new_pool(self, disks, followed, v1):
        disks.storage.change_volume(v1, pool=SLOW, kind="slow")
        followed.hear(disks.event("volume.update.end", v1))
        assert followed.model.get_pool_by_volume(v1).name == SLOW
        assert v1 not in followed.model.volumes_in(FAST)
        assert followed.of(v1).volume_type == "slow"

    def test_a_new_volume_is_there_and_is_read_before_a_decision(self, disks, followed):
        uuid = disks.volume("v3", metadata={"a": "b"}, bootable=True)
        assert followed.hear(disks.event("volume.create.end", uuid)) is INCOMPLETE
        volume = followed.of(uuid)
        assert (volume.host, volume.volume_type, volume.size) == (FAST, "fast", 10)
        assert volume.bootable and volume.metadata == {"a": "b"}
        assert followed.model.get_pool_by_volume(uuid).name == FAST
        fresh = followed.collector.refresh(followed.model)
        assert fresh.unread == set()
        assert set(fresh.volumes_data) == set(followed.model.volumes_data)

    def test_a_deleted_volume_is_gone(self, disks, followed, v1):
        event = disks.event("volume.delete.end", v1)
        assert followed.hear(event) is INCOMPLETE
        assert v1 not in followed.model.volumes_data
        assert v1 not in followed.model.volumes_in(FAST)
        assert followed.hear(event) is IGNORED

    def test_bootable_is_told_by_image_data_only(self, disks, followed, v1):
        followed.of(v1).bootable = True
        followed.hear(disks.event("volume.update.end", v1))
        assert followed.of(v1).bootable, "made bootable by hand, as events do not tell"
        uuid = disks.volume("plain")
        followed.hear(disks.event("volume.create.end", uuid))
        assert followed.of(uuid).bootable is False

    def test_what_events_do_not_tell_stays(self, disks, followed, v1):
        followed.of(v1).update({"multiattach": True, "migration_status": "success"})
        followed.hear(disks.event("volume.update.end", v1))
        volume = followed.of(v1)
        assert volume.multiattach and volume.migration_status == "success"

    def test_a_reservation_is_no_attachment(self, disks, followed, v1):
        rows = [
            {"id": "a", "instance_uuid": "s", "attach_status": "reserved"},
            {"id": "b", "instance_uuid": "t", "attach_status": "attached"},
        ]
        followed.hear(disks.event("volume.update.end", v1, volume_attachment=rows))
        assert followed.of(v1).attachments == [{"server_id": "t", "attachment_id": "b"}]

    def test_a_state_of_managing_is_shown_as_the_api_does(self, disks, followed, v1):
        followed.hear(disks.event("volume.update.end", v1, status="error_managing"))
        assert followed.of(v1).status == "error"

    def test_an_unknown_type_keeps_its_id_until_it_is_read(self, disks, followed, v1):
        event = disks.event("volume.update.end", v1, volume_type="t-9")
        assert followed.hear(event) is INCOMPLETE
        assert followed.of(v1).volume_type == "t-9"

    def test_an_unknown_pool_leaves_it_in_none_until_it_is_read(
        self, disks, followed, v1
    ):
        assert (
            followed.hear(disks.event("volume.update.end", v1, host="x@y#z"))
            is INCOMPLETE
        )
        assert followed.of(v1).host == "x@y#z"
        assert v1 not in followed.model.volume_places.of

    @pytest.mark.parametrize("kind", sorted(storage_events.HINTS))
    def test_what_tells_too_little_changes_nothing(self, disks, followed, v1, kind):
        before = followed.model.to_xml()
        assert followed.hear(disks.event(kind, v1, status="x")) is INCOMPLETE
        assert followed.model.to_xml() == before


class TestOrder:
    def test_a_late_event_does_not_undo_a_newer_one(self, disks, followed, v1):
        late = disks.event("volume.attach.end", v1, status="in-use")
        disks.pass_s(5)
        followed.hear(disks.event("volume.detach.end", v1, status="available"))
        assert followed.hear(late) is INCOMPLETE
        assert followed.of(v1).status == "available"

    def test_nor_what_was_read_after_it(self, disks, followed, v1):
        late = disks.event("volume.update.end", v1, display_name="old")
        disks.pass_s(5)
        disks.storage.change_volume(v1, name="new")
        followed.model = followed.collector.execute()
        assert followed.hear(late) is INCOMPLETE
        assert followed.of(v1).name == "new"

    def test_twice_is_once(self, disks, followed, v1):
        event = disks.event("volume.attach.end", v1, status="in-use")
        assert followed.hear(event) is APPLIED
        before = followed.model.to_xml()
        assert followed.hear(event) is APPLIED
        assert followed.model.to_xml() == before

    @pytest.mark.parametrize(
        "kind", ["volume.create.end", "volume.update.end", "volume.attach.end"]
    )
    def test_nothing_brings_a_deleted_volume_back(self, disks, followed, kind):
        uuid = disks.volume("short-lived")
        late = disks.event(kind, uuid)
        followed.hear(disks.event("volume.delete.end", uuid))
        assert followed.hear(late) is IGNORED
        assert uuid not in followed.model.volumes_data
        # Not even on a model that was read since.
        disks.storage.delete_volume(uuid)
        followed.model = followed.collector.execute()
        assert followed.hear(late) is IGNORED
        assert uuid not in followed.model.volumes_data

    def test_a_ghost_of_before_we_listened_is_gone_with_the_next_reading(
        self, disks, followed
    ):
        uuid = disks.volume("ghost")
        late = disks.event("volume.update.end", uuid)
        disks.storage.delete_volume(uuid)
        assert followed.hear(late) is INCOMPLETE
        assert uuid in followed.model.volumes_data
        fresh = followed.collector.refresh(followed.model)
        assert uuid not in fresh.volumes_data
        assert len(fresh.volumes_data) == 2

    def test_the_copy_that_a_migration_makes_is_gone_with_the_next_reading(
        self, disks, followed, v1
    ):
        shadow = disks.volume(
            "v1", SLOW, uuid="shadow", migration_status=f"target:{v1}"
        )
        assert followed.hear(disks.event("volume.create.end", shadow)) is INCOMPLETE
        fresh = followed.collector.refresh(followed.model)
        assert shadow not in fresh.volumes_data and set(fresh.shadows) == {shadow}
        followed.model = fresh
        assert followed.hear(disks.event("volume.update.end", shadow)) is INCOMPLETE
        assert shadow not in followed.model.volumes_data

    def test_only_so_many_graves_are_kept(self, disks, followed, monkeypatch):
        monkeypatch.setattr(storage_events, "REMEMBERED", 2)
        uuids = [disks.volume(f"g{n}") for n in range(3)]
        events = [disks.event("volume.create.end", uuid) for uuid in uuids]
        for uuid in uuids:
            followed.hear(disks.event("volume.delete.end", uuid))
        effects = [followed.hear(event) for event in events]
        assert effects == [INCOMPLETE, IGNORED, IGNORED]
        for uuid in uuids:
            disks.storage.delete_volume(uuid)


class TestPools:
    def test_capacities_are_taken_over(self, disks, followed):
        event = disks.capacity(total=200.5, free=150.0, used=10.0, virtual_free=-7.0)
        assert followed.hear(event) is APPLIED
        pool = followed.model.get_pool_by_pool_name(FAST)
        assert (pool.total_capacity_gb, pool.free_capacity_gb) == (200, 150)
        assert (pool.allocated_capacity_gb, pool.provisioned_capacity_gb) == (10, 10)
        assert (pool.virtual_free, pool.total_volumes) == (-7, 1)
        row = followed.model.pool_columns.row[FAST]
        assert followed.model.pool_columns.free[row] == 150

    def test_other_volumes_in_a_pool_are_read_since_migrations_tell_nothing(
        self, disks, followed
    ):
        assert followed.hear(disks.capacity(used=25.0)) is INCOMPLETE
        pool = followed.model.get_pool_by_pool_name(FAST)
        assert pool.allocated_capacity_gb == 25

    def test_an_older_report_is_ignored(self, disks, followed):
        late = disks.capacity(free=1.0)
        disks.pass_s(1)
        followed.hear(disks.capacity(free=2.0))
        assert followed.hear(late) is IGNORED
        assert followed.model.get_pool_by_pool_name(FAST).free_capacity_gb == 2

    def test_a_new_pool_is_there_and_is_read_before_a_decision(self, disks, followed):
        assert followed.hear(disks.capacity("one@fast#q")) is INCOMPLETE
        model = followed.model
        assert model.get_node_by_pool_name("one@fast#q").host == "one@fast"
        assert followed.hear(disks.capacity("new@host#q")) is INCOMPLETE
        assert model.get_pool_by_pool_name("new@host#q").free_capacity_gb == 60
        assert "new@host#q" not in model.pool_places.of

    def test_a_whole_backend_is_no_pool(self, disks, followed):
        before = followed.model.to_xml()
        assert followed.hear(disks.capacity("one@fast")) is INCOMPLETE
        assert followed.model.to_xml() == before


JUNK = (
    None,
    7,
    "",
    "text",
    [],
    [1],
    {},
    {"x": 1},
    float("nan"),
    float("inf"),
    -1,
    True,
)


class TestGarbage:
    @pytest.mark.parametrize("payload", [*JUNK, {"volume_id": None}])
    @pytest.mark.parametrize("kind", ["capacity.pool", "volume.update.end"])
    def test_a_payload_that_is_none_changes_nothing(
        self, disks, followed, kind, payload
    ):
        before = followed.model.to_xml()
        assert followed.hear(disks.wrap(kind, payload)) is INCOMPLETE
        assert followed.model.to_xml() == before

    def test_no_value_of_any_field_raises_or_leaves_half_a_change(
        self, disks, followed, v1
    ):
        for event in (
            disks.event("volume.update.end", v1),
            disks.event("volume.create.end", v1),
            disks.capacity(),
        ):
            for field in event.payload:
                for junk in JUNK:
                    payload = {**event.payload, field: junk}
                    bad = Event(
                        publisher=event.publisher,
                        kind=event.kind,
                        payload=payload,
                        metadata={"timestamp": junk},
                    )
                    followed.hear(bad)
                    without = dict(event.payload)
                    del without[field]
                    followed.hear(disks.wrap(event.kind, without))
                    copy = followed.model.copy()
                    twin = StorageModelRoot.from_xml(copy.to_xml())
                    assert twin.volume_places.of == copy.volume_places.of
        assert followed.hear(disks.event("volume.update.end", v1)) is APPLIED

    def test_an_unreadable_time_is_no_time(self, disks, followed, v1):
        event = disks.event("volume.update.end", v1, display_name="x")
        odd = Event(
            publisher=event.publisher,
            kind=event.kind,
            payload=event.payload,
            metadata={"timestamp": "yesterday"},
        )
        assert followed.hear(odd) is APPLIED
        assert followed.of(v1).name == "x"


def _happens(rng, disks, uuids):
    """Let something happen to a volume and return the event that tells of it"""
    disks.pass_s(1)
    if not uuids or rng.random() < 0.3:
        uuid = disks.volume(f"r{disks.now}", rng.choice((FAST, SLOW)))
        uuids.append(uuid)
        return disks.event("volume.create.end", uuid)
    uuid = rng.choice(uuids)
    if rng.random() < 0.25:
        event = disks.event("volume.delete.end", uuid)
        disks.storage.delete_volume(uuid)
        uuids.remove(uuid)
        return event
    if rng.random() < 0.5:
        disks.storage.change_volume(uuid, size_gb=rng.randrange(10, 90))
        return disks.event("volume.resize.end", uuid)
    servers = rng.choice(([], ["s1"], ["s1", "s2"]))
    disks.storage.change_volume(
        uuid, servers=servers, status="in-use" if servers else "available"
    )
    return disks.event("volume.attach.end", uuid)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_order_a_reading_makes_it_right(disks, seed):
    """Events lost, doubled and shuffled; a refresh or a reading ends in the truth"""
    rng = random.Random(seed)
    uuids = [disks.volume(f"v{n}", kind="fast") for n in range(5)]
    followed = Followed(disks)
    for _round in range(5):
        events = [_happens(rng, disks, uuids) for _ in range(15)]
        events = [e for e in events if rng.random() > 0.2]
        events += [e for e in events if rng.random() < 0.2]
        rng.shuffle(events)
        deleted = {
            e.payload["volume_id"] for e in events if e.kind == "volume.delete.end"
        }
        for event in events:
            followed.hear(event)
        assert deleted.isdisjoint(followed.model.volumes_data)
        fresh = followed.collector.refresh(followed.model)
        truth = disks.model
        if fresh is None:
            fresh = followed.collector.execute()
        for model in (fresh, truth):
            for uuid in model.volumes_data:
                model.get_volume_by_uuid(uuid).known_at = disks.now
        assert fresh.volumes_data == truth.volumes_data
        assert fresh.volume_places.of == truth.volume_places.of
        followed.model = fresh


@pytest.mark.parametrize("seed", range(5))
def test_in_order_and_complete_it_is_right_without_reading(disks, seed):
    rng = random.Random(seed)
    uuids = [disks.volume(f"v{n}") for n in range(5)]
    followed = Followed(disks)
    for _ in range(60):
        followed.hear(_happens(rng, disks, uuids))
    truth = disks.model
    for model in (followed.model, truth):
        for uuid in model.volumes_data:
            model.get_volume_by_uuid(uuid).known_at = disks.now
    assert followed.model.volumes_data == truth.volumes_data


class TestRealOnes:
    """What Cinder 29 sent, as recorded"""

    def sample(self, name):
        row = json.loads((SAMPLES / "cinder" / f"{name}.json").read_text())
        return Event(
            publisher=row["publisher"],
            kind=row["kind"],
            payload=row["payload"],
            context=row["context"],
            metadata=row["metadata"],
        )

    @pytest.fixture
    def real(self, disks):
        disks.storage.add_backend("controller@fast1", "fast", pools={"pool1": 500.0})
        disks.storage.add_backend("controller@slow", pools={"pool1": 500.0})
        return Followed(disks)

    def test_the_life_of_a_volume(self, disks, real):
        uuid = self.sample("volume.attach.end").payload["volume_id"]
        disks.volume("v", "controller@fast1#pool1", 1, uuid=uuid)
        real.model = real.collector.execute()
        assert real.hear(self.sample("volume.update.end")) is not IGNORED
        real.hear(self.sample("volume.resize.end"))
        assert (real.of(uuid).name, real.of(uuid).size) == ("renamed", 3)
        real.hear(self.sample("volume.attach.end"))
        (attachment,) = real.of(uuid).attachments
        assert attachment["server_id"].startswith("00000000-")
        assert real.of(uuid).status == "in-use" and real.of(uuid).metadata == {"a": "b"}
        real.hear(self.sample("volume.detach.end"))
        assert real.of(uuid).attachments == [] and real.of(uuid).status == "available"
        assert real.hear(self.sample("volume.retype")) is INCOMPLETE
        assert real.hear(self.sample("volume.delete.end")) is INCOMPLETE
        assert uuid not in real.model.volumes_data

    def test_a_new_volume_and_its_pool(self, real):
        event = self.sample("volume.create.end")
        assert real.hear(event) is INCOMPLETE
        uuid = event.payload["volume_id"]
        assert real.model.get_pool_by_volume(uuid).name == event.payload["host"]
        real.hear(self.sample("capacity.pool"))
        pool = real.model.get_pool_by_pool_name("controller@fast1#pool1")
        assert (pool.total_capacity_gb, pool.virtual_free) == (500, 500)
        assert pool.allocated_capacity_gb == 3

    def test_what_is_none_of_our_business_is_not_wanted(self, disks):
        collector = disks.collector()
        for name in ("snapshot.create.end", "volume_type.create", "capacity.backend"):
            event = self.sample(name)
            assert not collector.wants(event.publisher, event.kind)
